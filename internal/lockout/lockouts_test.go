package lockout

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// loginOf is a login of a name under the policy, which waits ten seconds at most.
func loginOf(name string, policy Policy) Login {
	return Login{Key: Key{WireName: name}, Name: name, Policy: policy, Wait: 10 * time.Second}
}

// end has a login take its turn, and ends that.
func (l *Lockouts) end(t *testing.T, login Login, result Result) (locked, lockedNow bool) {
	t.Helper()
	turn, locked, err := l.Begin(t.Context(), login)
	require.NoError(t, err)
	return locked, turn.End(result)
}

func TestFloodOfMadeUpNamesDoesNotTouchRegisteredOnes(t *testing.T) {
	t.Parallel()
	const size = 100
	lockouts, alice := New(size), loginOf("alice", threeInARow)
	alice.Registered = true
	for range 2 {
		lockouts.end(t, alice, Rejected)
	}
	for i := range 3 * size {
		for range 3 {
			lockouts.end(t, loginOf(fmt.Sprintf("made-up-%d", i), threeInARow), Rejected)
		}
	}
	registered, others := lockouts.Usage()
	require.Equal(t, Usage{Names: 1, Failures: 2}, registered)
	require.Equal(t, Usage{Names: size, Failures: 3 * size}, others)
	_, lockedNow := lockouts.end(t, alice, Rejected)
	require.True(t, lockedNow, "the count is kept")
	require.Len(t, lockouts.Locked(), size+1)
	require.True(t, lockouts.IsLocked(alice.Key, threeInARow))
	require.True(t, lockouts.Unlock(alice.Key))
	require.False(t, lockouts.Unlock(alice.Key))
	require.False(t, lockouts.IsLocked(alice.Key, threeInARow))
}

func TestTurnEndsOnce(t *testing.T) {
	t.Parallel()
	for _, first := range []Result{Undecided, Accepted, Rejected} {
		lockouts := New(10)
		turn, locked, err := lockouts.Begin(t.Context(), loginOf("alice", threeInARow))
		require.NoError(t, err)
		require.False(t, locked)
		turn.End(first)
		after := lockouts.others.usage()
		for _, again := range []Result{Rejected, Accepted, Undecided, Rejected, Rejected} {
			require.False(t, turn.End(again))
		}
		require.Equal(t, after, lockouts.others.usage(), first)
		require.Zero(t, after.Turnstiles)
	}
}

func TestTurnOfALoginThatIsToBeRefusedCountsNothing(t *testing.T) {
	t.Parallel()
	for about, takesTime := range map[string]bool{"at once": false, "taking its time": true} {
		lockouts, login := New(10), loginOf("alice", threeInARow)
		login.TakesTime, login.Barred = takesTime, true
		for range 3 {
			_, lockedNow := lockouts.end(t, login, Rejected)
			require.False(t, lockedNow, about)
		}
		require.Zero(t, lockouts.others.usage(), about)
		login.Barred = false
		for range 3 {
			lockouts.end(t, login, Rejected)
		}
		for _, result := range []Result{Rejected, Accepted} {
			locked, lockedNow := lockouts.end(t, login, result)
			require.True(t, locked, about)
			require.False(t, lockedNow, about)
		}
		require.Equal(t, 3, lockouts.others.locked[login.Key.text()].count, about)
	}
}

func TestTurnWithoutALockoutCountsNothing(t *testing.T) {
	t.Parallel()
	lockouts := New(10)
	for range 3 {
		locked, lockedNow := lockouts.end(t, loginOf("alice", Policy{}), Rejected)
		require.False(t, locked || lockedNow)
	}
	require.Zero(t, lockouts.others.usage())
	var none *Turn
	require.False(t, none.End(Rejected), "that of a login that was not decided")
}

// A key is locked whichever table has it: a user may be registered meanwhile.
func TestKeyIsLockedForRegisteredAndOtherNames(t *testing.T) {
	t.Parallel()
	for _, registered := range []bool{false, true} {
		lockouts, login := New(10), loginOf("alice", threeInARow)
		login.Registered = registered
		for range 3 {
			lockouts.end(t, login, Rejected)
		}
		login.Registered = !registered
		locked, _ := lockouts.end(t, login, Undecided)
		require.True(t, locked)
		require.Contains(t, lockouts.Locked(), "alice")
		require.True(t, lockouts.Unlock(login.Key))
		locked, _ = lockouts.end(t, login, Undecided)
		require.False(t, locked)
	}
}

func TestKeyIsOfASourceAndOfAllSpellingsOfAName(t *testing.T) {
	t.Parallel()
	key := Key{Source: "extauth/1", WireName: "alice"}
	require.Equal(t, key.text(), Key{"extauth/1", "\u00c1LICE"}.text())
	require.NotEqual(t, key.text(), Key{"extauth/2", "alice"}.text())
	require.NotEqual(t, key.text(), Key{"extauth/1", "alicia"}.text())
}

func TestLoginIsNotRefusedForTheFailuresOfItsFirstRounds(t *testing.T) {
	t.Parallel()
	lockouts, once := New(10), Policy{Threshold: 1, Duration: time.Hour, Reset: time.Hour}
	login := loginOf("alice", once)
	lockouts.end(t, login, Rejected)
	for _, test := range []struct {
		round, failures int
		locked          bool
	}{{0, 0, true}, {1, 0, true}, {1, 1, false}, {ownRounds, 1, false}, {ownRounds + 1, 1, true}} {
		login.Round, login.Failures = test.round, test.failures
		locked, _ := lockouts.end(t, login, Undecided)
		require.Equal(t, test.locked, locked, test)
	}
	login.Round, login.Failures = 1, 1
	lockouts.end(t, login, Accepted)
	require.False(t, lockouts.IsLocked(login.Key, once), "taken back")
}

func TestLoginWaitsForTheEndOfTheTurnBeforeIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		once := Policy{Threshold: 1, Duration: time.Hour, Reset: time.Hour}
		for _, result := range []Result{Undecided, Accepted, Rejected} {
			lockouts := New(10)
			first, _, err := lockouts.Begin(t.Context(), loginOf("alice", once))
			require.NoError(t, err)
			found := make(chan bool, 1)
			go func() {
				second, locked, err := lockouts.Begin(t.Context(), loginOf("alice", once))
				if err != nil {
					t.Error(err)
				}
				second.End(Undecided)
				found <- locked
			}()
			synctest.Wait()
			require.Empty(t, found)
			require.Equal(t, result == Rejected, first.End(result))
			require.Equal(t, result == Rejected, <-found)
			_, others := lockouts.Usage()
			require.Zero(t, others.Turnstiles)
		}
	})
}

func TestLoginThatIsRefusedAtOnceWaitsForNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		lockouts, login := New(10), loginOf("alice", Policy{Threshold: 1, Duration: time.Hour, Reset: time.Hour})
		login.Barred = true
		for _, takesTime := range []bool{false, true} {
			login.TakesTime = takesTime
			first, _, err := lockouts.Begin(t.Context(), login)
			require.NoError(t, err)
			second, _, err := lockouts.Begin(t.Context(), login)
			require.Equal(t, takesTime, err != nil, "only a login that takes its time waits for others")
			second.End(Undecided)
			first.End(Undecided)
		}
	})
}

func TestLoginThatWaitsInVainHasNoTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		lockouts, login := New(10), loginOf("alice", Policy{Threshold: 1, Duration: time.Hour, Reset: time.Hour})
		first, _, err := lockouts.Begin(t.Context(), login)
		require.NoError(t, err)
		began := time.Now()
		turn, _, err := lockouts.Begin(t.Context(), login)
		require.ErrorAs(t, err, new(TurnError))
		require.Equal(t, login.Wait, time.Since(began))
		require.Nil(t, turn)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		turn, _, err = lockouts.Begin(ctx, login)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotErrorAs(t, err, new(TurnError))
		require.Nil(t, turn)
		first.End(Undecided)
		require.Zero(t, lockouts.others.usage())
	})
}
