package passwd

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/fairshare"
)

const usualHash = 36 * time.Millisecond

// newHasher returns a Hasher as logins have it.
func newHasher(parallel int) *Hasher { return NewHasher(parallel, 1500*time.Millisecond) }

// slow is a hash that takes so long and that no password has.
func slow(takes time.Duration) Hash {
	return hashOf(func(string) (bool, error) {
		time.Sleep(takes)
		return false, nil
	})
}

func login(address, name string) Caller {
	return Caller{Class: Login, Share: fairshare.Share{Address: address, Name: name}}
}

// flood has many callers at once, each with a hash that takes so long. It returns when
// all of them wait, or were refused; they have ended when all is done.
func flood(t *testing.T, hasher *Hasher, all *sync.WaitGroup, takes time.Duration, callers int, caller func(int) Caller) {
	t.Helper()
	for i := range callers {
		all.Go(func() {
			began := time.Now()
			_, err := hasher.Verify(t.Context(), caller(i), slow(takes), horse)
			if full := (*FullError)(nil); err != nil && !errors.As(err, &full) {
				t.Error(err)
			}
			if took := time.Since(began); took > max(2*time.Second, 4*takes) {
				t.Errorf("%d took %s", i, took)
			}
		})
	}
	synctest.Wait()
}

// served has a hash computed, and returns after what time.
func served(t *testing.T, hasher *Hasher, caller Caller, takes time.Duration) time.Duration {
	t.Helper()
	began := time.Now()
	_, err := hasher.Verify(t.Context(), caller, slow(takes), horse)
	require.NoError(t, err)
	return time.Since(began)
}

func TestLoginPassesAFloodOfOthers(t *testing.T) {
	t.Parallel()
	const strangers = 3000
	for about, stranger := range map[string]func(int) Caller{
		"of one name":           func(int) Caller { return login("192.0.2.1", "alice") },
		"of made-up names":      func(i int) Caller { return login("192.0.2.1", fmt.Sprint(i)) },
		"about the same name":   func(int) Caller { return login("192.0.2.1", "bob") },
		"from many addresses":   func(i int) Caller { return login(fmt.Sprint(i%10), "bob") },
		"without any share":     func(int) Caller { return login("", "") },
		"of two names, by half": func(i int) Caller { return login("192.0.2.1", fmt.Sprint(i%2)) },
	} {
		t.Run(about, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				hasher := newHasher(2)
				var all sync.WaitGroup
				flood(t, hasher, &all, usualHash, strangers, stranger)
				require.LessOrEqual(t, served(t, hasher, login("198.51.100.7", "bob"), usualHash), 13*usualHash)
				all.Wait()
				require.LessOrEqual(t, hasher.Computed(), uint64(2+81+1), "the others were refused")
			})
		})
	}
}

// Everyone of a flood shares the address of a load balancer that does not tell Vault whom
// it forwards.
func TestLoginPassesAFloodOfOneNameFromItsOwnAddress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hasher := newHasher(2)
		var all sync.WaitGroup
		flood(t, hasher, &all, usualHash, 3000, func(int) Caller { return login("192.0.2.1", "alice") })
		require.LessOrEqual(t, served(t, hasher, login("192.0.2.1", "bob"), usualHash), 4*usualHash)
		all.Wait()
	})
}

func TestLoginsPassAFloodThatGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hasher := newHasher(2)
		var all sync.WaitGroup
		for second := range 10 {
			for i := range 20 {
				flood(t, hasher, &all, usualHash, 10, func(j int) Caller {
					return login("192.0.2.1", fmt.Sprint(second, i, j))
				})
				time.Sleep(25 * time.Millisecond)
			}
			require.LessOrEqual(t, served(t, hasher, login("198.51.100.7", "bob"), usualHash), 4*usualHash)
		}
		all.Wait()
	})
}

// Nobody waits for long and is refused then, nor for two seconds in vain, however long a
// hash takes: the slowest are computed one after another.
func TestLoginIsServedSoonOrRefused(t *testing.T) {
	t.Parallel()
	for _, takes := range []time.Duration{
		time.Microsecond, time.Millisecond, usualHash, 250 * time.Millisecond, time.Second, 3 * time.Second,
	} {
		t.Run(takes.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				hasher := newHasher(2)
				for range 8 { // what a hash takes is known
					served(t, hasher, login("", ""), takes)
				}
				var all sync.WaitGroup
				var computed, late, refused atomic.Int64
				for i := range 3000 {
					all.Go(func() {
						began := time.Now()
						_, err := hasher.Verify(t.Context(), login("192.0.2.1", "alice"), slow(takes), horse)
						took := time.Since(began)
						switch {
						case err == nil && took <= max(2*time.Second, 3*takes):
							computed.Add(1)
						case err != nil && took == 0:
							refused.Add(1)
						default:
							late.Add(1)
							t.Errorf("%d took %s: %v", i, took, err)
						}
					})
				}
				all.Wait()
				require.Zero(t, late.Load())
				require.GreaterOrEqual(t, computed.Load(), int64(3))
				require.Greater(t, refused.Load(), int64(1000))
				require.LessOrEqual(t, served(t, hasher, login("", ""), takes), takes, "nothing is left")
			})
		})
	}
}

// A login that has waited for something else has the less time to wait.
func TestWaitBeforeTheQueueCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hasher := newHasher(1)
		var all sync.WaitGroup
		flood(t, hasher, &all, usualHash, 30, func(int) Caller { return login("192.0.2.1", "alice") })
		began := time.Now()
		caller := login("192.0.2.1", "alice")
		caller.Since = began.Add(-time.Second)
		_, err := hasher.Verify(t.Context(), caller, slow(usualHash), horse)
		var full *FullError
		require.ErrorAs(t, err, &full)
		require.Equal(t, 500*time.Millisecond, time.Since(began))
		all.Wait()
		require.EqualValues(t, 30, hasher.Computed())
	})
}

// Before a hash was computed, the time that it takes is a guess. It may be wrong.
func TestHashesThatAreSlowerThanTheyLookLetNobodyWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hasher := newHasher(2)
		var all sync.WaitGroup
		flood(t, hasher, &all, 500*time.Millisecond, 3000, func(i int) Caller { return login("192.0.2.1", fmt.Sprint(i)) })
		all.Wait() // each within two seconds
		require.LessOrEqual(t, hasher.Computed(), uint64(10))
	})
}

func TestClassesTakeTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hasher := newHasher(1)
		var all sync.WaitGroup
		flood(t, hasher, &all, usualHash, 3000, func(i int) Caller { return login(fmt.Sprint(i), fmt.Sprint(i)) })
		for _, class := range []Class{Renewal, Operator} {
			require.LessOrEqual(t, served(t, hasher, Caller{Class: class}, usualHash), 3*usualHash)
		}
		all.Wait()

		// Nor does an operator who sets thousands of passwords hold logins up.
		for range 50 {
			all.Go(func() {
				for range 16 {
					if _, err := hasher.Verify(t.Context(), Caller{Class: Operator}, slow(usualHash), horse); err != nil {
						t.Error(err)
					}
				}
			})
		}
		synctest.Wait()
		began := time.Now()
		for range 20 {
			require.LessOrEqual(t, served(t, hasher, login("198.51.100.7", "bob"), usualHash), 3*usualHash)
		}
		flood(t, hasher, &all, usualHash, 100, func(i int) Caller { return login("192.0.2.1", fmt.Sprint(i)) })
		all.Wait()
		require.Greater(t, time.Since(began), 20*time.Second, "and operators wait as long as it takes")
	})
}

// A refusal does not depend on the user: the queue is the same for one that does not
// exist, that has another hash, or that is refused anyway.
func TestFullQueueTellsNothingOfTheUser(t *testing.T) {
	t.Parallel()
	hash := parsed(t, "{SSHA}1TG/8Cv9qjDZbmbZkDKRdmYFXQ0xMjM0NTY3OA==")
	for about, ask := range map[string]func(context.Context, *Hasher, Caller) error{
		"exists": func(ctx context.Context, h *Hasher, caller Caller) error {
			_, err := h.VerifyAtLeast(ctx, caller, cheap, hash, horse)
			return err
		},
		"does not exist": func(ctx context.Context, h *Hasher, caller Caller) error {
			return h.VerifyDummy(ctx, caller, cheap, horse)
		},
		"is disabled": func(ctx context.Context, h *Hasher, caller Caller) error {
			return h.VerifyInVain(ctx, caller, cheap, hash, horse)
		},
	} {
		t.Run(about, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				hasher := newHasher(1)
				served(t, hasher, login("", ""), usualHash)
				var all sync.WaitGroup
				flood(t, hasher, &all, usualHash, 100, func(int) Caller { return login("192.0.2.1", "alice") })
				var full *FullError
				require.ErrorAs(t, ask(t.Context(), hasher, login("192.0.2.1", "alice")), &full)
				require.Equal(t, 40, full.Waiting)
				require.NoError(t, ask(t.Context(), hasher, login("198.51.100.7", "alice")))
				all.Wait()
			})
		})
	}
}
