package acct

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// history is what happens to one session, with all that moves its entries in
// indexes: an earlier start, a name that was unknown, another station, the end.
func history() []Packet {
	return []Packet{
		packet(InterimUpdate, "1", 200, func(p *Packet) { p.Username, p.CallingStationID = "", "first" }),
		packet(InterimUpdate, "1", 300, func(p *Packet) { p.CallingStationID = "second" }),
		packet(Start, "1", 100),
		packet(Stop, "1", 400, counters(300, 1, 2)),
	}
}

// TestCrashesAtEveryStepAreRepaired stops at every single storage operation of the
// history, before or after it is done, and never comes back: another process goes
// on. Whatever was left, the NAS sends the packet again and all is well.
func TestCrashesAtEveryStepAreRepaired(t *testing.T) {
	t.Parallel()
	packets := history()
	var want *Record
	for _, p := range packets {
		want = new(Merge(want, p))
	}
	crashes := 0
	for _, after := range []bool{false, true} {
		for step := 0; ; step++ {
			storage := newMemory()
			var crashed atomic.Bool
			storage.faults(func(n int) (bool, bool) {
				if n < step {
					return false, false
				}
				first := !crashed.Swap(true)
				return !first || !after, first && after // dead from then on
			})
			acknowledged := 0
			for _, p := range packets {
				if _, err := NewVaultStore(storage).Record(t.Context(), p); err != nil {
					break
				}
				acknowledged++
			}
			if !crashed.Load() {
				break
			}
			crashes++
			storage.faults(nil)
			store := NewVaultStore(storage)
			if acknowledged > 0 {
				r := get(t, store, "1")
				require.Equal(t, r, shown(Merge(&r, packets[acknowledged-1])))
				requireIndexed(t, storage, store)
			}
			again := packets[min(acknowledged, len(packets)-1):] // what was not acknowledged comes again
			record(t, store, again...)
			require.Equal(t, shown(*want), get(t, store, "1"))
			requireFoundOnce(t, store)
			for _, key := range storage.keys("acct/") {
				if key != sessionKey(hash("1")) {
					require.Contains(t, indexKeys(want), key, "readers have deleted what is wrong")
				}
			}
		}
	}
	require.Greater(t, crashes, 30)
}

// requireFoundOnce looks at every index that the history has been in.
func requireFoundOnce(t *testing.T, store Store) {
	t.Helper()
	yes, no := true, false
	require.Equal(t, []string{"1"}, ids(t, store, Filter{}, Page{}))
	require.Equal(t, []string{"1"}, ids(t, store, Filter{IsOpen: &no}, Page{}))
	require.Empty(t, ids(t, store, Filter{IsOpen: &yes}, Page{}))
	require.Empty(t, ids(t, store, Filter{IsOpen: &yes, NASAddress: testNAS}, Page{}))
	require.Equal(t, []string{"1"}, ids(t, store, Filter{Username: "bob"}, Page{}))
	require.Empty(t, ids(t, store, Filter{CallingStationID: "first"}, Page{}))
	require.Equal(t, []string{"1"}, ids(t, store, Filter{CallingStationID: "second"}, Page{}))
}

// TestDeletionsCrashAtEveryStep stops Maintain at every step. Its next call leaves
// nothing behind.
func TestDeletionsCrashAtEveryStep(t *testing.T) {
	t.Parallel()
	for step := 0; ; step++ {
		storage := newMemory()
		store := NewVaultStore(storage)
		record(t, store, history()...)
		require.NoError(t, store.LogPostAuth(t.Context(), PostAuth{Username: "bob", Time: TimeOf(epoch)}))
		_, _ = storage.take()
		start := storage.operations()
		storage.faults(func(n int) (bool, bool) { return n >= start+step, false })
		keep := Retention{Sessions: time.Hour, PostAuths: time.Hour, Stale: time.Hour}
		_, err := store.Maintain(t.Context(), at(10_000), keep)
		storage.faults(nil)
		if err == nil {
			require.Greater(t, step, 10)
			require.Empty(t, storage.keys(""))
			return
		}
		require.ErrorIs(t, err, errFault)
		maintain(t, store, at(10_000), keep)
		require.Empty(t, storage.keys(""))
	}
}

// TestReadersDoNotDeleteWhatIsBeingWritten reads the indexes of a session after each
// step of its being written. A reader then has to wait for the writer.
func TestReadersDoNotDeleteWhatIsBeingWritten(t *testing.T) {
	t.Parallel()
	storage := newMemory()
	store := NewVaultStore(&observed{memory: storage})
	reader := store.storage.(*observed)
	done := make(chan error, 100)
	reader.put = func() {
		go func() {
			_, _, err := store.Sessions(context.Background(), Filter{}, Page{})
			done <- err
		}()
	}
	record(t, store, history()...)
	for range reader.puts.Load() {
		require.NoError(t, <-done)
	}
	requireIndexed(t, storage, store)
	require.Equal(t, []string{"1"}, ids(t, store, Filter{Username: "bob"}, Page{}))
}

// observed calls a function at every Put.
type observed struct {
	*memory
	put  func()
	puts atomic.Int32
}

func (o *observed) Put(ctx context.Context, key string, value []byte) error {
	err := o.memory.Put(ctx, key, value)
	o.puts.Add(1)
	o.put()
	return err
}

func TestStorageThatFailsIsReported(t *testing.T) {
	t.Parallel()
	storage := newMemory()
	store := NewVaultStore(storage)
	record(t, store, packet(Start, "1", 0))
	storage.faults(func(int) (bool, bool) { return true, false })
	_, err := store.Record(t.Context(), packet(Stop, "1", 60))
	require.ErrorIs(t, err, errFault)
	_, _, err = store.Sessions(t.Context(), Filter{}, Page{})
	require.ErrorIs(t, err, errFault)
	require.ErrorIs(t, store.CloseNAS(t.Context(), restart(10)), errFault)
	require.ErrorIs(t, store.LogPostAuth(t.Context(), PostAuth{Time: TimeOf(epoch)}), errFault)
	_, _, err = store.PostAuths(t.Context(), PostAuthFilter{}, Page{})
	require.ErrorIs(t, err, errFault)

	storage.faults(nil)
	require.NoError(t, storage.Put(t.Context(), sessionKey(hash("1")), []byte(`{"start_time": "yesterday"}`)))
	_, _, err = store.Sessions(t.Context(), Filter{}, Page{})
	require.ErrorContains(t, err, "decoding "+sessionPrefix)
}
