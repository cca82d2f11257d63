package lockout

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/fairshare"
)

// errNotInTime is why a login in a test gave up.
var errNotInTime = errors.New("it was too late")

// crowd is a table whose turnstiles are crowded.
type crowd struct {
	*table
	t                                *testing.T
	policy                           Policy
	all                              sync.WaitGroup
	deciding, decided, refused, late atomic.Int64
}

func newCrowd(t *testing.T, threshold int) *crowd {
	return &crowd{
		table: newTable(1000), t: t,
		policy: Policy{Threshold: threshold, Duration: time.Hour, Reset: time.Hour},
	}
}

// login has a login come that takes so long to be decided. It waits ten seconds at most.
func (c *crowd) login(key, address string, takes time.Duration) error {
	login := &entrant{key: key, policy: c.policy}
	err := c.enter(c.t.Context(), login, fairshare.Share{Address: address, Name: key}, 10*time.Second)
	switch {
	case errors.Is(err, errCrowded):
		c.refused.Add(1)
		return err
	case err != nil:
		c.late.Add(1)
		return errNotInTime
	}
	c.deciding.Add(1)
	time.Sleep(takes)
	c.deciding.Add(-1)
	c.decided.Add(1)
	c.leave(login)
	return nil
}

// flood has many come at once, and returns when all wait or were refused.
func (c *crowd) flood(count int, takes time.Duration, key, address func(int) string) {
	for i := range count {
		c.all.Go(func() { _ = c.login(key(i), address(i), takes) })
	}
	synctest.Wait()
}

// waitingNow returns how many wait at all turnstiles.
func (c *crowd) waitingNow() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.waiting.Len()
}

func always(text string) func(int) string { return func(int) string { return text } }

// requireEmpty waits for all logins, and checks that nothing is left of them.
func (c *crowd) requireEmpty() {
	c.t.Helper()
	c.all.Wait()
	require.Empty(c.t, c.turnstiles)
	require.Zero(c.t, c.waitingNow())
}

func TestFewLoginsOfANameWaitForThoseBeforeThem(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 5)
		c.flood(3000, time.Minute, always("alice"), always("192.0.2.1"))
		require.EqualValues(t, 5, c.deciding.Load())
		require.Equal(t, maxAtTurnstile, c.waitingNow())
		require.EqualValues(t, 3000-5-maxAtTurnstile, c.refused.Load(), "at once")
		time.Sleep(10 * time.Second)
		synctest.Wait()
		require.EqualValues(t, maxAtTurnstile, c.late.Load(), "no longer than the source may take")
		require.Zero(t, c.waitingNow())
		c.requireEmpty()
		require.EqualValues(t, 5, c.decided.Load())
	})
}

func TestLoginsThatWaitForOthersAreBoundedInTotal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 1)
		c.flood(5000, time.Second, func(i int) string { return fmt.Sprint(i % 100) }, always("192.0.2.1"))
		require.Equal(t, maxAtTurnstiles, c.waitingNow())
		require.EqualValues(t, 100, c.deciding.Load())
		require.NoError(t, c.login("bob", "192.0.2.1", 0), "a name of which no login waits")
		waits := make(chan error)
		go func() { waits <- c.login("7", "198.51.100.7", 0) }()
		require.NoError(t, <-waits, "a place of the heaviest")
		require.EqualValues(t, 5000-100-maxAtTurnstiles+1, c.refused.Load())
		c.requireEmpty()
	})
}

// Strangers try alice's name, and the source does not answer them.
func TestAddressOfItsOwnIsNotShutOutOfAName(t *testing.T) {
	t.Parallel()
	for threshold, address := range map[int]func(int) string{
		1: always("192.0.2.1"),
		5: func(i int) string { return fmt.Sprint(i % 5) },
	} {
		t.Run(fmt.Sprint(threshold), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := newCrowd(t, threshold)
				for i := range 4000 { // they go on for a minute
					c.all.Go(func() {
						time.Sleep(time.Duration(i/200) * 3 * time.Second)
						_ = c.login("alice", address(i), 10*time.Second)
					})
				}
				time.Sleep(14*time.Second + time.Millisecond)
				for range 5 {
					began := time.Now()
					require.NoError(t, c.login("alice", "198.51.100.7", 0))
					require.LessOrEqual(t, time.Since(began), 10*time.Second)
					time.Sleep(1100 * time.Millisecond)
				}
				c.requireEmpty()
			})
		})
	}
}

// A name that does not exist, one that is locked and one that is barred look the same to
// a client that fills their turnstiles, from whatever addresses.
func TestFullTurnstileTellsNothingOfTheUser(t *testing.T) {
	t.Parallel()
	const threshold, burst = 5, 100
	for _, failed := range []int{0, 3} {
		refusals := map[string]string{}
		for about, prepare := range map[string]func(*crowd, *entrant){
			"may log in": func(*crowd, *entrant) {},
			"barred":     func(_ *crowd, login *entrant) { login.barred = true },
			"locked": func(c *crowd, login *entrant) {
				for range threshold {
					c.rejected("alice", "alice", login.policy, time.Now())
				}
			},
			"has failed": func(c *crowd, login *entrant) {
				for range failed {
					c.rejected("alice", "alice", login.policy, time.Now())
				}
			},
		} {
			synctest.Test(t, func(t *testing.T) {
				c := newCrowd(t, threshold)
				first := entrant{key: "alice", policy: c.policy, takesTime: true}
				prepare(c, &first)
				var results [burst + 3]atomic.Value
				for i := range results {
					c.all.Go(func() {
						time.Sleep(time.Duration(i) * time.Microsecond)
						login := first
						share := fairshare.Share{Address: []string{"192.0.2.1", "198.51.100.7"}[i/burst], Name: "alice"}
						err := c.enter(t.Context(), &login, share, time.Second)
						results[i].Store(fmt.Sprint(err))
						if err == nil {
							time.Sleep(time.Minute)
							c.leave(&login)
						}
					})
				}
				time.Sleep(time.Millisecond)
				synctest.Wait()
				atOnce := 0
				for i := range burst {
					if results[i].Load() == errCrowded.Error() {
						atOnce++
					}
				}
				refusals[about] = fmt.Sprint(atOnce, results[burst].Load(), results[burst+1].Load(), results[burst+2].Load())
				c.requireEmpty()
			})
		}
		for about, refused := range refusals {
			require.Equal(t, refusals["barred"], refused, "%s, after %d failures", about, failed)
		}
	}
}

// Whatever comes, waits and goes, no more are decided at once than may fail.
func TestNoMoreAreDecidedAtOnceThanMayFail(t *testing.T) {
	t.Parallel()
	for seed := range uint64(5) {
		synctest.Test(t, func(t *testing.T) {
			c := newCrowd(t, 3)
			var inside [2]atomic.Int64
			for worker := range 200 {
				random := rand.New(rand.NewPCG(seed, uint64(worker))) // #nosec G404 -- a test that can be repeated
				c.all.Go(func() {
					for range 5 {
						time.Sleep(time.Duration(random.IntN(2000)) * time.Millisecond)
						which := random.IntN(2)
						login := &entrant{
							key: fmt.Sprint(which), policy: c.policy,
							barred: random.IntN(4) == 0, takesTime: random.IntN(2) == 0, forgiven: random.IntN(2),
						}
						ctx, cancel := context.WithTimeout(t.Context(), time.Duration(random.IntN(1000))*time.Millisecond)
						share := fairshare.Share{Address: fmt.Sprint(random.IntN(3)), Name: login.key}
						err := c.enter(ctx, login, share, time.Duration(random.IntN(1000))*time.Millisecond)
						cancel()
						if err != nil {
							continue
						}
						if !login.foundLocked && !login.barred {
							if now := inside[which].Add(1); now > 3 {
								t.Errorf("%d are decided at once", now)
							}
							time.Sleep(time.Duration(random.IntN(100)) * time.Millisecond)
							inside[which].Add(-1)
							switch random.IntN(3) {
							case 0:
								c.rejected(login.key, login.key, c.policy, time.Now())
							case 1:
								c.accepted(login.key, login.key, c.policy, 1)
							}
						}
						c.leave(login)
						if random.IntN(20) == 0 {
							c.forget(login.key, time.Now())
						}
					}
				})
			}
			c.requireEmpty()
		})
	}
}
