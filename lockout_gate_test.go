package radiusauth

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

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/fairshare"
	"vault-plugin-auth-radius/internal/radiustest"
)

// errNotInTime is why a login in a test gave up.
var errNotInTime = errors.New("it was too late")

// gateTest is a room whose gates are crowded.
type gateTest struct {
	*lockoutRoom
	t                                *testing.T
	policy                           lockoutPolicy
	all                              sync.WaitGroup
	deciding, decided, refused, late atomic.Int64
}

func newGateTest(t *testing.T, threshold int) *gateTest {
	return &gateTest{
		lockoutRoom: newLockoutRoom(1000), t: t,
		policy: lockoutPolicy{threshold: threshold, duration: time.Hour, reset: time.Hour},
	}
}

// login has a login come that takes so long to be decided. It waits ten seconds at most.
func (g *gateTest) login(key, address string, takes time.Duration) error {
	login := &entrant{key: key, policy: g.policy}
	err := g.enter(g.t.Context(), login, fairshare.Share{Address: address, Name: key}, 10*time.Second)
	switch {
	case errors.Is(err, errAtGate):
		g.refused.Add(1)
		return err
	case err != nil:
		g.late.Add(1)
		return errNotInTime
	}
	g.deciding.Add(1)
	time.Sleep(takes)
	g.deciding.Add(-1)
	g.decided.Add(1)
	g.leave(login)
	return nil
}

// flood has many come at once, and returns when all wait or were refused.
func (g *gateTest) flood(count int, takes time.Duration, key, address func(int) string) {
	for i := range count {
		g.all.Go(func() { _ = g.login(key(i), address(i), takes) })
	}
	synctest.Wait()
}

// waitingNow returns how many wait at all gates.
func (g *gateTest) waitingNow() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.waiting.Len()
}

func always(text string) func(int) string { return func(int) string { return text } }

// requireEmpty waits for all logins, and checks that nothing is left of them.
func (g *gateTest) requireEmpty() {
	g.t.Helper()
	g.all.Wait()
	require.Empty(g.t, g.gates)
	require.Zero(g.t, g.waitingNow())
}

func TestFewLoginsOfANameWaitForThoseBeforeThem(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGateTest(t, 5)
		g.flood(3000, time.Minute, always("alice"), always("192.0.2.1"))
		require.EqualValues(t, 5, g.deciding.Load())
		require.Equal(t, maxAtGate, g.waitingNow())
		require.EqualValues(t, 3000-5-maxAtGate, g.refused.Load(), "at once")
		time.Sleep(10 * time.Second)
		synctest.Wait()
		require.EqualValues(t, maxAtGate, g.late.Load(), "no longer than the source may take")
		require.Zero(t, g.waitingNow())
		g.requireEmpty()
		require.EqualValues(t, 5, g.decided.Load())
	})
}

func TestLoginsThatWaitForOthersAreBoundedInTotal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGateTest(t, 1)
		g.flood(5000, time.Second, func(i int) string { return fmt.Sprint(i % 100) }, always("192.0.2.1"))
		require.Equal(t, maxAtGates, g.waitingNow())
		require.EqualValues(t, 100, g.deciding.Load())
		require.NoError(t, g.login("bob", "192.0.2.1", 0), "a name of which no login waits")
		waits := make(chan error)
		go func() { waits <- g.login("7", "198.51.100.7", 0) }()
		require.NoError(t, <-waits, "a place of the heaviest")
		require.EqualValues(t, 5000-100-maxAtGates+1, g.refused.Load())
		g.requireEmpty()
	})
}

// Strangers try alice's name, and nobody answers them.
func TestAddressOfItsOwnIsNotShutOutOfAName(t *testing.T) {
	t.Parallel()
	for threshold, address := range map[int]func(int) string{
		1: always("192.0.2.1"),
		5: func(i int) string { return fmt.Sprint(i % 5) },
	} {
		t.Run(fmt.Sprint(threshold), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g := newGateTest(t, threshold)
				for i := range 4000 { // they go on for a minute
					g.all.Go(func() {
						time.Sleep(time.Duration(i/200) * 3 * time.Second)
						_ = g.login("alice", address(i), 10*time.Second)
					})
				}
				time.Sleep(14*time.Second + time.Millisecond)
				for range 5 {
					began := time.Now()
					require.NoError(t, g.login("alice", "198.51.100.7", 0))
					require.LessOrEqual(t, time.Since(began), 10*time.Second)
					time.Sleep(1100 * time.Millisecond)
				}
				g.requireEmpty()
			})
		})
	}
}

// A name that does not exist, one that is locked and one that is barred look the same to
// whoever fills their gates, from whatever addresses.
func TestFullGateTellsNothingOfTheUser(t *testing.T) {
	t.Parallel()
	const threshold, burst = 5, 100
	for _, failed := range []int{0, 3} {
		refusals := map[string]string{}
		for about, prepare := range map[string]func(*gateTest, *entrant){
			"may log in": func(*gateTest, *entrant) {},
			"barred":     func(_ *gateTest, login *entrant) { login.barred = true },
			"locked": func(g *gateTest, login *entrant) {
				for range threshold {
					g.failed("alice", "alice", login.policy, time.Now())
				}
			},
			"has failed": func(g *gateTest, login *entrant) {
				for range failed {
					g.failed("alice", "alice", login.policy, time.Now())
				}
			},
		} {
			synctest.Test(t, func(t *testing.T) {
				g := newGateTest(t, threshold)
				first := entrant{key: "alice", policy: g.policy, takesTime: true}
				prepare(g, &first)
				var results [burst + 3]atomic.Value
				for i := range results {
					g.all.Go(func() {
						time.Sleep(time.Duration(i) * time.Microsecond)
						login := first
						share := fairshare.Share{Address: []string{"192.0.2.1", "198.51.100.7"}[i/burst], Name: "alice"}
						err := g.enter(t.Context(), &login, share, time.Second)
						results[i].Store(fmt.Sprint(err))
						if err == nil {
							time.Sleep(time.Minute)
							g.leave(&login)
						}
					})
				}
				time.Sleep(time.Millisecond)
				synctest.Wait()
				atOnce := 0
				for i := range burst {
					if results[i].Load() == errAtGate.Error() {
						atOnce++
					}
				}
				refusals[about] = fmt.Sprint(atOnce, results[burst].Load(), results[burst+1].Load(), results[burst+2].Load())
				g.requireEmpty()
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
			g := newGateTest(t, 3)
			var inside [2]atomic.Int64
			for worker := range 200 {
				random := rand.New(rand.NewPCG(seed, uint64(worker))) // #nosec G404 -- a test that can be repeated
				g.all.Go(func() {
					for range 5 {
						time.Sleep(time.Duration(random.IntN(2000)) * time.Millisecond)
						which := random.IntN(2)
						login := &entrant{
							key: fmt.Sprint(which), policy: g.policy,
							barred: random.IntN(4) == 0, takesTime: random.IntN(2) == 0, forgiven: random.IntN(2),
						}
						ctx, cancel := context.WithTimeout(t.Context(), time.Duration(random.IntN(1000))*time.Millisecond)
						share := fairshare.Share{Address: fmt.Sprint(random.IntN(3)), Name: login.key}
						err := g.enter(ctx, login, share, time.Duration(random.IntN(1000))*time.Millisecond)
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
								g.failed(login.key, login.key, g.policy, time.Now())
							case 1:
								g.succeeded(login.key, login.key, g.policy, 1)
							}
						}
						g.leave(login)
						if random.IntN(20) == 0 {
							g.forget(login.key, time.Now())
						}
					}
				})
			}
			g.requireEmpty()
		})
	}
}

// The server says nothing to a wrong password, as one does that looks for a phone.
func TestFloodOfSilentLoginsDoesNotShutTheUserOut(t *testing.T) {
	t.Parallel()
	for _, threshold := range []int{1, 5} {
		t.Run(fmt.Sprint(threshold), func(t *testing.T) {
			inVirtualTime(t, func(t *testing.T, b *testBackend) {
				b.startServer(radiustest.Options{Handler: func(r *radiustest.Request) []radiustest.Answer {
					if r.Password() != "alice-password" {
						return nil
					}
					return []radiustest.Answer{r.Accept()}
				}})
				b.configure(map[string]any{"lockout_threshold": threshold})
				var strangers sync.WaitGroup
				for i := range 1000 {
					strangers.Go(func() {
						time.Sleep(time.Duration(i) * 50 * time.Millisecond)
						if resp, err := b.passwordFrom("192.0.2.1", "alice", "wrong"); err != nil || resp.Error().Error() != noAnswerText {
							t.Error(resp, err)
						}
					})
				}
				time.Sleep(15*time.Second + 10*time.Millisecond)
				for range 3 {
					began := time.Now()
					resp, err := b.passwordFrom("198.51.100.7", "alice", "alice-password")
					require.NoError(t, err)
					require.NoError(t, resp.Error())
					require.LessOrEqual(t, time.Since(began), 11*time.Second)
					time.Sleep(time.Second)
				}
				strangers.Wait()
				require.Empty(t, b.ok(logical.ListOperation, "unlock", nil).Data["keys"], "what nobody has judged does not count")
				require.Empty(t, b.lockouts.others.gates)
			})
		})
	}
}

// passwordFrom logs in from a client address.
func (b *testBackend) passwordFrom(address, name, password string) (*logical.Response, error) {
	return b.HandleRequest(b.t.Context(), &logical.Request{
		Operation: logical.UpdateOperation, Path: "login/" + name, Storage: b.storage,
		Data: map[string]any{"password": password}, Connection: &logical.Connection{RemoteAddr: address},
	})
}
