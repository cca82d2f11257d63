package lockout

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var threeInARow = Policy{Threshold: 3, Duration: 10 * time.Minute, Reset: time.Minute}

func TestFailedLoginsInARowLockANameOut(t *testing.T) {
	t.Parallel()
	names, now := newTable(10), time.Unix(1_000_000, 0)
	require.False(t, names.rejected("alice", "alice", threeInARow, now))
	require.False(t, names.rejected("alice", "alice", threeInARow, now.Add(59*time.Second)))
	require.False(t, names.rejected("alice", "alice", threeInARow, now.Add(119*time.Second)), "the count began anew")
	require.False(t, names.rejected("alice", "alice", threeInARow, now.Add(120*time.Second)))
	require.False(t, names.isLocked("alice", threeInARow, 0, now.Add(120*time.Second)))
	locked := now.Add(121 * time.Second)
	require.True(t, names.rejected("alice", "alice", threeInARow, locked))
	require.True(t, names.isLocked("alice", threeInARow, 0, locked.Add(599*time.Second)))
	require.False(t, names.isLocked("Alice", threeInARow, 0, locked))
	require.False(t, names.rejected("alice", "alice", threeInARow, locked.Add(time.Second)),
		"it does not last longer for that")
	require.False(t, names.isLocked("alice", threeInARow, 0, locked.Add(10*time.Minute)))
	require.False(t, names.rejected("alice", "alice", threeInARow, locked.Add(10*time.Minute)),
		"and the count begins anew")
	names.rejected("bob", "bob", threeInARow, now)
	names.rejected("bob", "bob", threeInARow, now)
	names.accepted("bob", "bob", threeInARow, 0)
	require.False(t, names.rejected("bob", "bob", threeInARow, now))
}

func TestMadeUpNamesNeitherGrowTheTableNorPushOutLockedOnes(t *testing.T) {
	t.Parallel()
	const size = 100
	names, now := newTable(size), time.Unix(1_000_000, 0)
	lock := func(name string, at time.Time) {
		for range 3 {
			names.rejected(name, name, threeInARow, at)
		}
	}
	lock("alice", now)
	for i := range 20 * size {
		lock(fmt.Sprintf("made-up-%d", i), now)
		names.rejected(fmt.Sprintf("other-%d", i), "other", threeInARow, now)
	}
	require.True(t, names.isLocked("alice", threeInARow, 0, now))
	require.Len(t, names.locked, size)
	require.Equal(t, size, names.counting.Len())
	lock("bob", now)
	require.True(t, names.isLocked("bob", threeInARow, 0, now), "as long as it is remembered, there is no room for it")
	later := now.Add(threeInARow.Duration)
	lock("carol", later)
	require.Len(t, names.locked, 1, "those that are locked no more make room")
}
