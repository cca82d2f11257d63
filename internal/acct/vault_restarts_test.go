package acct

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// newRestartedStore returns a store with sessions whose NAS was started again.
func newRestartedStore(t *testing.T, sessions int) (*VaultStore, *memory) {
	t.Helper()
	storage := newMemory()
	store := NewVaultStore(storage)
	for i := range sessions {
		record(t, store, packet(Start, fmt.Sprint(i), i))
	}
	require.NoError(t, store.CloseNAS(t.Context(), restart(sessions)))
	return store, storage
}

func TestRestartIsAnsweredWhenItIsNoted(t *testing.T) {
	t.Parallel()
	store, storage := newRestartedStore(t, 3000)
	_, _ = storage.take()
	require.NoError(t, store.CloseNAS(t.Context(), restart(3000)))
	counts, _ := storage.take()
	require.Equal(t, map[string]int{"list": 1, "put": 1}, counts, "however many sessions there are")
	require.Empty(t, ids(t, store, Filter{IsOpen: new(true)}, Page{}))
	require.Len(t, ids(t, store, Filter{IsOpen: new(false), Username: "bob"}, Page{}), 10)

	record(t, store, packet(Start, "later", 3001), packet(InterimUpdate, "7", 3002, counters(2995, 1, 2)))
	for calls := 0; len(storage.keys(RestartPrefix)) > 0; calls++ {
		require.ElementsMatch(t,
			[]string{"later", "7"}, ids(t, store, Filter{IsOpen: new(true)}, Page{}),
			"what has begun since, or goes on, is left alone",
		)
		require.LessOrEqual(t, maintain(t, store, at(3003), Retention{}).Closed, batch)
		require.Less(t, calls, 10)
	}
	require.ElementsMatch(t, []string{"later", "7"}, ids(t, store, Filter{IsOpen: new(true)}, Page{}))
	require.Len(t, storage.keys(openPrefix), 2)
	require.Equal(t, TimeOf(at(3000)), get(t, store, "8").StopTime)
}

func TestRestartOfANASWithoutSessionsIsNotNoted(t *testing.T) {
	t.Parallel()
	storage := newMemory()
	store := NewVaultStore(storage)
	require.NoError(t, store.CloseNAS(t.Context(), restart(0)))
	require.Empty(t, storage.keys(""))
}

// TestRestartsOutliveTheProcess has another server take over when a restart is noted, and
// crashes it at every step of closing.
func TestRestartsOutliveTheProcess(t *testing.T) {
	t.Parallel()
	for step := 0; ; step++ {
		_, storage := newRestartedStore(t, 3)
		next := NewVaultStore(storage)
		require.False(t, isOpen(t, next, "1"), "the note is found")
		record(t, next, packet(Start, "later", 10))
		start := storage.operations()
		storage.faults(func(n int) (bool, bool) { return n >= start+step, false })
		_, err := next.Maintain(t.Context(), at(20), Retention{})
		storage.faults(nil)
		last := NewVaultStore(storage)
		require.Equal(t, []string{"later"}, ids(t, last, Filter{IsOpen: new(true)}, Page{}))
		settle(t, last)
		require.Empty(t, storage.keys(RestartPrefix))
		require.Equal(t, []string{"later"}, ids(t, NewVaultStore(storage), Filter{IsOpen: new(true)}, Page{}))
		requireIndexed(t, storage, last)
		if err == nil {
			require.Greater(t, step, 10)
			return
		}
	}
}

func TestRestartThatAnotherServerHasNotedIsFound(t *testing.T) {
	t.Parallel()
	storage := newMemory()
	active, standby := NewVaultStore(storage), NewVaultStore(storage)
	record(t, active, packet(Start, "1", 0))
	require.True(t, isOpen(t, standby, "1"))
	require.NoError(t, active.CloseNAS(t.Context(), restart(10)))
	standby.ForgetRestarts()
	require.False(t, isOpen(t, standby, "1"))
}

func TestRestartThatCannotBeNotedIsNotAnswered(t *testing.T) {
	t.Parallel()
	storage := newMemory()
	store := NewVaultStore(storage)
	record(t, store, packet(Start, "1", 0))
	storage.faults(func(int) (bool, bool) { return true, false })
	require.ErrorIs(t, store.CloseNAS(t.Context(), restart(10)), errFault)
	storage.faults(nil)
	require.True(t, isOpen(t, store, "1"))
}

// TestMovesCrashAtEveryStep stops at every storage operation of the packet with which a
// unique id is used again, or which is of a session before. The NAS sends it again.
func TestMovesCrashAtEveryStep(t *testing.T) {
	t.Parallel()
	packets := usedAgain()[:4]
	late := timed(Stop, "1", 1200, counters(1200, 1, 2), func(p *Packet) { p.Arrived = at(6000) })
	for name, test := range map[string]struct {
		before []Packet
		next   Packet
		first  [2]int
	}{
		"after":  {packets[:3], packets[3], [2]int{0, 1200}},
		"before": {packets[3:], late, [2]int{5000, -1}},
	} {
		for _, isDone := range []bool{false, true} {
			for step := 0; ; step++ {
				storage := newMemory()
				record(t, NewVaultStore(storage), test.before...)
				start := storage.operations()
				storage.faults(func(n int) (before, after bool) {
					return n > start+step || n == start+step && !isDone, n == start+step && isDone
				})
				_, err := NewVaultStore(storage).Record(t.Context(), test.next)
				storage.faults(nil)
				if err == nil {
					require.Greater(t, step, 7)
					break
				}
				store, both := NewVaultStore(storage), [][2]int{{5000, -1}, {0, 1200}}
				require.Contains(t, [][][2]int{{test.first}, both}, times(t, store), "%s: none twice", name)
				record(t, store, test.next)
				require.Equal(t, both, times(t, store), name)
				requireIndexed(t, storage, store)
			}
		}
	}
}

func TestCopyThatACrashHasLeftIsRemoved(t *testing.T) {
	t.Parallel()
	storage := newMemory()
	store := NewVaultStore(storage)
	packets := usedAgain()[:4]
	record(t, store, packets[:3]...)
	_, latest, err := store.load(t.Context(), hash("1"))
	require.NoError(t, err)
	moved, _ := follow(*latest, packets[3].normal())
	require.NoError(t, store.save(t.Context(), nil, moved))
	require.Equal(t, [][2]int{{0, 1200}}, times(t, store))
	require.Empty(t, ids(t, store, Filter{UniqueID: earlierID("1", 1)}, Page{}))
	require.Len(t, storage.keys(sessionPrefix), 1)
}

// TestEarlierSessionsOutliveADowngrade has a version in between that knows of no earlier
// sessions: what it writes lacks their number.
func TestEarlierSessionsOutliveADowngrade(t *testing.T) {
	t.Parallel()
	storage := newMemory()
	record(t, NewVaultStore(storage), usedAgain()...)
	store := NewVaultStore(storage)
	latest, err := store.read(t.Context(), hash("1"))
	require.NoError(t, err)
	require.NoError(t, store.put(t.Context(), sessionKey(hash("1")), latest))
	require.Equal(t, [][2]int{{9000, -1}, {5000, 5900}, {0, 1200}}, times(t, store))
	late := func(p *Packet) { p.Arrived = at(30_000) }
	record(t, store, timed(InterimUpdate, "1", 1100, counters(1100, 5000, 2), late), timed(Start, "1", 31_000))
	require.Equal(t, [][2]int{{31_000, -1}, {9000, 9100}, {5000, 5900}, {0, 1200}}, times(t, store))
	found, _, err := store.Sessions(t.Context(), Filter{}, Page{})
	require.NoError(t, err)
	require.Equal(t, whole(5000), found[3].InputOctets)
	requireIndexed(t, storage, store)
}

func TestClockThatBeginsAnewWithEachStart(t *testing.T) {
	t.Parallel()
	store := NewVaultStore(newMemory())
	off := clocks["of 2008"]
	for boot, seconds := range []int{42, 45, 42, 40} {
		at0 := boot * 100_000
		at := func(status StatusType, after int, change ...func(*Packet)) Packet {
			p := heard(status, "1", at0+after, 0, change...)
			p.Time = epoch.Add(off).Add(time.Duration(seconds+after) * time.Second)
			return p
		}
		on := at(AccountingOn, -10)
		require.NoError(t, store.CloseNAS(t.Context(), on.Restart()))
		record(t, store, at(Start, 0), at(Start, 0), at(InterimUpdate, 600, counters(600, 10, 20)))
		if boot == 1 {
			record(t, store, at(Stop, 900, counters(900, 10, 20)))
		}
		found, _, err := store.Sessions(t.Context(), Filter{}, Page{})
		require.NoError(t, err)
		require.Len(t, found, boot+1)
		open := ids(t, store, Filter{IsOpen: new(true)}, Page{})
		require.Equal(t, boot != 1, len(open) == 1, "boot %d: %v", boot, open)
	}
}
