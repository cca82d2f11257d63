package fairshare

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// room is a room of texts, for tests.
type room struct {
	*Room[string]
	t *testing.T
}

func newRoom(t *testing.T, limit int) room {
	t.Helper()
	return room{Room: NewRoom[string](limit), t: t}
}

// enter lets a text in and returns the text that was pushed out, or "refused".
func (r room) enter(address, name, value string) string {
	r.t.Helper()
	place, pushedOut := r.Enter(Share{Address: address, Name: name}, value)
	require.LessOrEqual(r.t, r.Len(), r.limit)
	switch {
	case place == nil:
		require.Nil(r.t, pushedOut)
		return "refused"
	case pushedOut == nil:
		return ""
	}
	return pushedOut.Value
}

// fill lets in many about distinct names: their values are prefix-0, prefix-1, and so on.
func (r room) fill(address, prefix string, count int) {
	r.t.Helper()
	for i := range count {
		text := fmt.Sprintf("%s-%d", prefix, i)
		require.Empty(r.t, r.enter(address, text, text))
	}
}

func TestOneAddressAndNameMayHaveTheWholeRoom(t *testing.T) {
	t.Parallel()
	r := newRoom(t, 4)
	for range 4 {
		require.Empty(t, r.enter("balancer", "alice", "x"))
	}
	require.Equal(t, 4, r.Len())
	require.Equal(t, "refused", r.enter("balancer", "alice", "x"), "it is what there is most of")
}

func TestOtherAddressGetsAPlaceOfTheHeaviest(t *testing.T) {
	t.Parallel()
	r := newRoom(t, 8)
	require.Empty(t, r.enter("light", "bob", "light"))
	r.fill("heavy", "a", 3)
	for i := range 4 {
		require.Empty(t, r.enter("heavy", "guessed", fmt.Sprintf("guess-%d", i)))
	}
	require.Equal(t, "guess-0", r.enter("new", "carol", "carol"), "of the heaviest name, the longest wait")
	require.Equal(t, "guess-1", r.enter("new", "dave", "dave"))
	require.Equal(t, "guess-2", r.enter("new", "erin", "erin"))
	require.Equal(t, "a-0", r.enter("another", "frank", "frank"), "its names are equal by now")
}

func TestEqualAddressesDoNotPushEachOtherOut(t *testing.T) {
	t.Parallel()
	r := newRoom(t, 4)
	for _, address := range []string{"a", "a", "b", "b"} {
		require.Empty(t, r.enter(address, "same", address))
	}
	require.Equal(t, "refused", r.enter("a", "same", "more"))
	require.Equal(t, "refused", r.enter("b", "same", "more"))
	require.Equal(t, "a", r.enter("a", "other", "more"), "within the address")
}

func TestFloodAboutOneNameCostsThatName(t *testing.T) {
	t.Parallel()
	r := newRoom(t, 8)
	r.fill("balancer", "honest", 2)
	for i := range 6 {
		require.Empty(t, r.enter("balancer", "alice", fmt.Sprintf("alice-%d", i)))
	}
	for range 100 {
		require.Equal(t, "refused", r.enter("balancer", "alice", "more"))
	}
	require.Equal(t, "alice-0", r.enter("balancer", "bob", "bob"))
	require.Equal(t, "alice-1", r.enter("balancer", "honest-0", "again"))
}

func TestFloodOfDistinctNamesPushesOutTheLongestWait(t *testing.T) {
	t.Parallel()
	r := newRoom(t, 4)
	require.Empty(t, r.enter("light", "carol", "carol"))
	r.fill("balancer", "flood", 3)
	require.Equal(t, "flood-0", r.enter("balancer", "bob", "bob"))
	require.Equal(t, "flood-1", r.enter("balancer", "flood-3", "flood-3"))
	require.Equal(t, "flood-2", r.enter("balancer", "flood-4", "flood-4"))
	require.Equal(t, "bob", r.enter("balancer", "flood-5", "flood-5"), "never one of a lighter address")
}

func TestManyAddressesWithOneEachYieldInTheirOrder(t *testing.T) {
	t.Parallel()
	r := newRoom(t, 3)
	for _, address := range []string{"a", "b", "c"} {
		require.Empty(t, r.enter(address, "x", address))
	}
	require.Equal(t, "a", r.enter("d", "x", "d"))
	require.Equal(t, "b", r.enter("e", "x", "e"))
}

func TestPlaceIsLeftOnce(t *testing.T) {
	t.Parallel()
	r := newRoom(t, 2)
	place, _ := r.Enter(Share{}, "first")
	_, _ = r.Enter(Share{}, "second")
	r.Leave(place)
	r.Leave(place)
	require.Equal(t, 1, r.Len())
	require.Equal(t, "second", r.Next().Value)
	require.Nil(t, r.Next())
}

func TestRoomWithoutPlacesRefuses(t *testing.T) {
	t.Parallel()
	require.Equal(t, "refused", newRoom(t, 0).enter("a", "x", "x"))
}

func TestAddressesAndTheirNamesTakeTurns(t *testing.T) {
	t.Parallel()
	r := newRoom(t, 100)
	for _, waiter := range [][3]string{
		{"a", "x", "ax1"},
		{"a", "x", "ax2"},
		{"a", "x", "ax3"},
		{"a", "y", "ay1"},
		{"b", "z", "bz1"},
		{"b", "z", "bz2"},
	} {
		require.Empty(t, r.enter(waiter[0], waiter[1], waiter[2]))
	}
	var served []string
	for place := r.Next(); place != nil; place = r.Next() {
		served = append(served, place.Value)
	}
	require.Equal(t, []string{"ax1", "bz1", "ay1", "bz2", "ax2", "ax3"}, served)
	require.Zero(t, r.Len())
}

// waiter is one in the plain model of a room.
type waiter struct {
	share  Share
	number int
}

// yielding is what the doc comment of Room says, in the plainest way.
func yielding(waiting []waiter, share Share) (waiter, bool) {
	addresses, names := map[string]int{}, map[Share]int{}
	for _, w := range waiting {
		addresses[w.share.Address]++
		names[w.share]++
	}
	candidates := slices.Clone(waiting)
	keep := func(count func(waiter) int) int {
		most := 0
		for _, w := range candidates {
			most = max(most, count(w))
		}
		candidates = slices.DeleteFunc(candidates, func(w waiter) bool { return count(w) < most })
		return most
	}
	longest := func() waiter {
		return slices.MinFunc(candidates, func(a, b waiter) int { return cmp.Compare(a.number, b.number) })
	}
	byName := func(w waiter) int { return names[w.share] }
	if most := keep(func(w waiter) int { return addresses[w.share.Address] }); addresses[share.Address] < most {
		// Of addresses that are equally heavy, the one whose candidate has waited longest.
		var best *waiter
		all := candidates
		for address := range addresses {
			candidates = slices.DeleteFunc(slices.Clone(all), func(w waiter) bool { return w.share.Address != address })
			if len(candidates) == 0 {
				continue
			}
			keep(byName)
			if w := longest(); best == nil || w.number < best.number {
				best = &w
			}
		}
		return *best, true
	}
	candidates = slices.DeleteFunc(slices.Clone(waiting), func(w waiter) bool { return w.share.Address != share.Address })
	if most := keep(byName); names[share] < most {
		return longest(), true
	}
	return waiter{}, false
}

func TestRoomDoesWhatItsCommentSays(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 0))
		limit := 1 + random.IntN(12)
		room := NewRoom[int](limit)
		var model []waiter
		places := map[int]*Place[int]{}
		forget := func(number int) {
			model = slices.DeleteFunc(model, func(w waiter) bool { return w.number == number })
			delete(places, number)
		}
		for number := range 300 {
			share := Share{Address: string(rune('a' + random.IntN(4))), Name: string(rune('x' + random.IntN(3)))}
			switch {
			case random.IntN(8) == 0 && len(model) > 0:
				leaving := model[random.IntN(len(model))].number
				room.Leave(places[leaving])
				forget(leaving)
			case random.IntN(10) == 0 && len(model) > 0:
				forget(room.Next().Value)
			default:
				place, pushedOut := room.Enter(share, number)
				enters := len(model) < limit
				if !enters {
					var yields waiter
					yields, enters = yielding(model, share)
					if enters {
						require.NotNil(t, pushedOut, "seed %d", seed)
						require.Equal(t, yields.number, pushedOut.Value, "seed %d", seed)
						forget(yields.number)
					}
				} else {
					require.Nil(t, pushedOut)
				}
				require.Equal(t, enters, place != nil, "seed %d", seed)
				if enters {
					model = append(model, waiter{share: share, number: number})
					places[number] = place
				}
			}
			require.Equal(t, len(model), room.Len())
		}
		for len(model) > 0 {
			forget(room.Next().Value)
		}
		require.Nil(t, room.Next())
		require.Empty(t, room.all.children)
		require.Empty(t, room.all.heaviest)
		require.Zero(t, room.all.turns.fresh.Len()+room.all.turns.again.Len())
	}
}

func BenchmarkEnterFullRoom(b *testing.B) {
	room := NewRoom[int](4096)
	shares := make([]Share, 1<<14)
	for i := range shares {
		shares[i] = NewShare(fmt.Sprintf("192.0.2.%d", i%16), fmt.Sprintf("user-%d", i))
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		room.Enter(shares[i%len(shares)], i)
	}
}

func BenchmarkEnterAndLeave(b *testing.B) {
	room := NewRoom[int](4096)
	share := NewShare("192.0.2.1", "alice")
	b.ReportAllocs()
	for b.Loop() {
		place, _ := room.Enter(share, 0)
		room.Leave(place)
	}
}
