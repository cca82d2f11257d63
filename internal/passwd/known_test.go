package passwd_test

import (
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/passwd"
)

func hashes(t *testing.T, passwords ...string) (all []passwd.Hash) {
	t.Helper()
	for _, password := range passwords {
		hash, err := passwd.NewHasher(1, time.Second).MakeGenerated(password)
		require.NoError(t, err)
		all = append(all, hash)
	}
	return all
}

func TestPasswordIsKnownForItsNameItsHashAndItsTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		made := hashes(t, "bob-password", "bob-password", "another")
		known := passwd.NewKnown(time.Now)
		require.False(t, known.Has("bob", made[0], "bob-password", time.Minute), "before it was right")
		known.Add("bob", made[0], "bob-password")

		require.True(t, known.Has("bob", made[0], "bob-password", time.Minute))
		require.False(t, known.Has("bob", made[0], "bob-passwore", time.Minute), "another password")
		require.False(t, known.Has("bob", made[0], "", time.Minute), "an empty password")
		require.False(t, known.Has("bob", made[1], "bob-password", time.Minute), "the same password, set again")
		require.False(t, known.Has("bob", made[2], "another", time.Minute), "a changed password")
		require.False(t, known.Has("Bob", made[0], "bob-password", time.Minute), "another name")
		require.False(t, known.Has("bob", made[0], "bob-password", 0), "none is to be known")

		time.Sleep(time.Minute - 1)
		require.True(t, known.Has("bob", made[0], "bob-password", time.Minute), "the last moment; a lookup is no proof")
		time.Sleep(time.Nanosecond)
		require.False(t, known.Has("bob", made[0], "bob-password", time.Minute), "its time is over, whatever asked for it")
		require.True(t, known.Has("bob", made[0], "bob-password", time.Hour), "a longer time, as the config says now")
		time.Sleep(time.Hour)
		require.False(t, known.Has("bob", made[0], "bob-password", 24*time.Hour), "never longer than an hour")

		hits, misses := known.Lookups()
		require.Equal(t, []uint64{3, 8}, []uint64{hits, misses})
	})
}

func TestKnownPasswordsAreForgotten(t *testing.T) {
	t.Parallel()
	made := hashes(t, "bob-password", "carol-password")
	known := passwd.NewKnown(time.Now)
	known.Add("bob", made[0], "bob-password")
	known.Add("carol", made[1], "carol-password")
	known.Forget("bob")
	require.False(t, known.Has("bob", made[0], "bob-password", time.Minute))
	require.True(t, known.Has("carol", made[1], "carol-password", time.Minute))
	known.Clear()
	require.False(t, known.Has("carol", made[1], "carol-password", time.Minute))
}

// Nothing is left of a password when its time is over, with no lookup and no call.
func TestKnownPasswordsLeaveTheMemoryWithTheirTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		made := hashes(t, "bob-password", "carol-password")
		known := passwd.NewKnown(time.Now)
		known.Keep(2 * time.Minute)
		known.Add("bob", made[0], "bob-password")
		time.Sleep(time.Minute)
		known.Add("carol", made[1], "carol-password")
		time.Sleep(59 * time.Second)
		require.Equal(t, 2, known.Len())
		time.Sleep(2 * time.Second)
		require.Equal(t, 1, known.Len())
		require.True(t, known.Has("carol", made[1], "carol-password", 2*time.Minute))
		time.Sleep(time.Minute)
		require.Zero(t, known.Len())

		known.Add("bob", made[0], "bob-password")
		time.Sleep(3 * time.Minute)
		require.Zero(t, known.Len(), "once more, after there was nothing to forget")
	})
}

func TestShorterTimeForgetsAtOnceWhatIsTooOld(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		made := hashes(t, "bob-password", "carol-password")
		known := passwd.NewKnown(time.Now)
		known.Add("bob", made[0], "bob-password")
		time.Sleep(time.Minute - 1)
		known.Add("carol", made[1], "carol-password")
		known.Keep(time.Minute)
		require.Equal(t, 2, known.Len())
		known.Keep(time.Second)
		require.Equal(t, 1, known.Len())
		known.Keep(0)
		require.Zero(t, known.Len())
	})
}

func TestKnownPasswordsAreSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		made := hashes(t, "old", "new")
		known := passwd.NewKnown(time.Now)
		var users sync.WaitGroup
		for i, password := range []string{"old", "new", "old", "new"} {
			users.Go(func() {
				for range 200 {
					known.Add("bob", made[i%2], password)
					if known.Has("bob", made[i%2], "wrong", time.Minute) || known.Has("bob", made[(i+1)%2], password, time.Minute) {
						t.Error("a wrong password is known, or one with the hash of another")
					}
					known.Forget("bob")
					known.Keep(time.Hour)
					time.Sleep(time.Second) // so that sweeps come between
				}
			})
		}
		users.Wait()
		known.Clear()
		require.Zero(t, known.Len())
	})
}

func TestEachNameHasOneKnownPassword(t *testing.T) {
	t.Parallel()
	made := hashes(t, "old", "new")
	known := passwd.NewKnown(time.Now)
	known.Add("bob", made[0], "old")
	known.Add("bob", made[1], "new")
	require.False(t, known.Has("bob", made[0], "old", time.Minute))
	require.True(t, known.Has("bob", made[1], "new", time.Minute))
}

func TestKnownPasswordsAreBounded(t *testing.T) {
	t.Parallel()
	made := hashes(t, "password")
	known := passwd.NewKnown(time.Now)
	known.Add("first", made[0], "password")
	const most = 65536 // as the documentation says
	for i := range most {
		known.Add(strconv.Itoa(i), made[0], "password")
	}
	require.False(t, known.Has("first", made[0], "password", time.Minute), "the one that was used longest ago")
	require.True(t, known.Has("0", made[0], "password", time.Minute))
}

// A clock that was set back must not lengthen the time.
func TestPasswordOfTheFutureIsNotKnown(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	made := hashes(t, "bob-password")
	known := passwd.NewKnown(func() time.Time { return now })
	known.Add("bob", made[0], "bob-password")
	now = now.Add(-time.Second)
	require.False(t, known.Has("bob", made[0], "bob-password", time.Minute))
}
