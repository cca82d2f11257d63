package username

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// filled is an index of names that is complete.
func filled(names ...string) *Index {
	index := NewIndex()
	index.Fill(names)
	return index
}

func TestIndexKnowsNamesFoldsAndSkeletons(t *testing.T) {
	t.Parallel()
	index := filled("alice", "josé", "jose", "a b")
	for name, want := range map[string]Match{
		"alice":  {Registered: true},
		"Alice":  {SameFold: true, Similar: true},
		"álice":  {Similar: true},
		"josé":   {Registered: true, Similar: true},
		"jose":   {Registered: true, Similar: true},
		"JOSÉ":   {SameFold: true, Similar: true},
		"a  b":   {SameFold: true, Similar: true},
		"bob":    {},
		"alice@": {},
	} {
		require.Equal(t, want, index.Match(name), name)
	}
	index.Remove("josé")
	require.Equal(t, Match{Registered: true}, index.Match("jose"))
	require.Equal(t, Match{Similar: true}, index.Match("josé"))
	index.Remove("josé") // once more
	index.Add("jose")    // once more
	require.Equal(t, Match{Registered: true}, index.Match("jose"))
	index.Remove("jose")
	require.Zero(t, index.Match("josé"))
}

func TestFillTellsOfNamesWithOneFold(t *testing.T) {
	t.Parallel()
	require.Nil(t, NewIndex().Fill([]string{"alice", "álice", "bob"}), "one skeleton is not one fold")
	require.Equal(t, [][]string{{"ALICE", "Alice", "alice"}, {"Bob", "bob"}},
		NewIndex().Fill([]string{"alice", "bob", "Alice", "carol", "Bob", "ALICE"}))
	index := filled("alice", "Alice")
	require.Equal(t, Match{Registered: true, SameFold: true, Similar: true}, index.Match("alice"))
	index.Remove("Alice")
	require.Equal(t, Match{Registered: true}, index.Match("alice"))
}

func TestIndexTellsWhichNamesAreLikeAnother(t *testing.T) {
	t.Parallel()
	index := filled("josé", "bob", "Jose", "jose", "JOSÉ")
	like := func(name string, want ...string) {
		t.Helper()
		require.Equal(t, want, index.Like(name))
	}
	like("jôse", "JOSÉ", "Jose", "jose", "josé")
	like("jose", "JOSÉ", "Jose", "josé")
	like("bob")
	like("eve")
	for _, gone := range []string{"josé", "eve", "JOSÉ", "josé"} {
		index.Remove(gone)
	}
	like("JOSE", "Jose", "jose")
	index.Remove("Jose")
	like("JOSE", "jose")
	index.Add("JOSE")
	like("jose", "JOSE")
	like("JOSE", "jose")
	index.Remove("JOSE")
	index.Remove("jose")
	like("josé")
	require.Equal(t, Match{Registered: true}, index.Match("bob"))
}

// The list of names may be from before or after a change that comes while it is read.
func TestChangesWhileTheNamesAreReadGoBeforeWhatWasRead(t *testing.T) {
	t.Parallel()
	for _, listed := range [][]string{{}, {"added", "removed", "both", "doubted", "other"}} {
		index := NewIndex()
		index.Add("added")
		index.Remove("removed")
		index.Add("both")
		index.Remove("both")
		index.Doubt("doubted")
		index.Fill(listed)
		require.True(t, index.Match("added").Registered)
		require.False(t, index.Match("removed").Registered)
		require.False(t, index.Match("both").Registered)
		require.False(t, index.Match("doubted").Registered)
		require.Len(t, index.Match("doubted").Doubts, 1)
		require.Equal(t, len(listed) > 0, index.Match("other").Registered)
	}
}

func TestDoubtIsSeenByAllNamesLikeItUntilItEnds(t *testing.T) {
	t.Parallel()
	index := filled("alice")
	index.Doubt("alice")
	require.Equal(t, 1, index.Doubts())
	require.Empty(t, index.Match("bob").Doubts)
	for _, name := range []string{"alice", "Alice", "álice"} {
		doubts := index.Match(name).Doubts
		require.Len(t, doubts, 1, name)
		require.Equal(t, "alice", doubts[0].Name)
	}
	index.Doubt("Alice")
	require.Len(t, index.Match("alice").Doubts, 2)
	index.Doubt("alice")
	require.Len(t, index.Match("alice").Doubts, 2, "each once")
	for _, doubt := range index.Match("alice").Doubts {
		index.Resolve(doubt, doubt.Name == "Alice")
	}
	require.Equal(t, Match{SameFold: true, Similar: true}, index.Match("alice"))
	require.Equal(t, Match{Registered: true}, index.Match("Alice"))
	require.Zero(t, index.Doubts())
}

func TestDoubtIsNotEndedByWhatWasReadBeforeAnotherChange(t *testing.T) {
	t.Parallel()
	index := filled()
	index.Doubt("alice")
	old := index.Match("alice").Doubts[0]
	index.Doubt("alice") // written once more
	index.Resolve(old, true)
	require.False(t, index.Match("alice").Registered)
	require.Len(t, index.Match("alice").Doubts, 1, "the second one stands")

	old = index.Match("alice").Doubts[0]
	index.Add("alice") // here
	require.Empty(t, index.Match("alice").Doubts)
	index.Resolve(old, false)
	require.True(t, index.Match("alice").Registered)

	index.Doubt("alice")
	old = index.Match("alice").Doubts[0]
	index.Remove("alice")
	index.Resolve(old, true)
	require.Zero(t, index.Match("alice"))
	index.Resolve(Doubt{}, true)
	require.Zero(t, index.Match(""))
}

// Whatever is done at the same time, each name's last change counts.
func TestIndexIsForManyAtOnce(t *testing.T) {
	t.Parallel()
	spellings := []string{"Alice", "alice", "álice", "ALICE"}
	index := NewIndex()
	listed := []string{"bob"}
	var workers sync.WaitGroup
	for worker, name := range spellings {
		listed = append(listed, name)
		workers.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(worker))) // #nosec G404 -- a test that can be repeated
			for range 500 {
				switch random.IntN(4) {
				case 0:
					index.Add(name)
				case 1:
					index.Remove(name)
				case 2:
					index.Doubt(name)
				case 3:
					for _, doubt := range index.Match("alice").Doubts {
						index.Resolve(doubt, false)
					}
				}
			}
			index.Remove(name)
		})
	}
	workers.Go(func() { index.Fill(listed) })
	workers.Wait()
	for _, name := range spellings {
		require.Zero(t, index.Match(name), name)
	}
	require.Equal(t, Match{Registered: true}, index.Match("bob"))
	names, doubts := index.Page("", 10)
	require.Equal(t, []string{"bob"}, names)
	require.Empty(t, doubts)
}

// A mount may have 1,000,000 users: 72 MiB are enough for them, a fortieth for these.
func TestIndexTakesLittleMemory(t *testing.T) { // not parallel: it looks at the whole heap
	names := make([]string, 25_000)
	for i := range names {
		names[i] = fmt.Sprintf("registered-user-of-%06d", i)
		require.Len(t, names[i], 25)
	}
	before := liveHeap()
	index := filled(cloned(names)...) // the texts count, too
	grown := liveHeap() - before
	require.LessOrEqual(t, grown, int64(72<<20/40))
	require.True(t, index.Match(names[7]).Registered)
	runtime.KeepAlive(names)
}

func cloned(names []string) []string {
	copies := make([]string, 0, len(names))
	for _, name := range names {
		copies = append(copies, strings.Clone(name))
	}
	return copies
}

func liveHeap() int64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.GC() // what finalizers and pools have kept is gone after a second one
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc) // #nosec G115 -- no heap is that large
}
