package fairshare

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFirstReturnsTheNextPlaceWhichStays(t *testing.T) {
	t.Parallel()
	r := newRoom(t, 40)
	require.Nil(t, r.First())
	random := rand.New(rand.NewPCG(1, 1))
	for i := range 2000 {
		if random.IntN(2) == 0 {
			r.enter(fmt.Sprint(random.IntN(4)), fmt.Sprint(random.IntN(4)), fmt.Sprint(i))
			continue
		}
		before := r.Len()
		first := r.First()
		require.Same(t, first, r.First())
		require.Equal(t, before, r.Len())
		require.Same(t, first, r.Next())
	}
}

func TestRoomThatShrinksPushesNoneOutBeforeItHasTo(t *testing.T) {
	t.Parallel()
	r := NewRoom[string](4)
	for i := range 4 {
		r.Enter(Share{Address: "a", Name: "alice"}, fmt.Sprint(i))
	}
	r.Resize(1)
	require.Equal(t, 4, r.Len())
	place, _ := r.Enter(Share{Address: "a", Name: "alice"}, "refused")
	require.Nil(t, place)
	_, pushedOut := r.Enter(Share{Address: "b", Name: "bob"}, "new")
	require.Equal(t, "0", pushedOut.Value)
	require.Equal(t, 4, r.Len())
	r.Resize(5)
	_, pushedOut = r.Enter(Share{Address: "a", Name: "alice"}, "fits")
	require.Nil(t, pushedOut)
}

func TestThoseThatHaveHadNoTurnAreNext(t *testing.T) {
	t.Parallel()
	r := newRoom(t, 100)
	for i := range 50 {
		r.enter("flood", "alice", fmt.Sprint(i))
	}
	r.Next()
	r.Next()
	r.enter("home", "alice", "alice")
	r.enter("flood", "bob", "bob")
	require.Equal(t, "alice", r.Next().Value, "of an address that is new")
	require.Equal(t, "bob", r.Next().Value, "and of a name")
}

func TestTheOneThatHadTheLatestTurnIsNoNewcomer(t *testing.T) {
	t.Parallel()
	r := newRoom(t, 100)
	r.enter("flood", "alice", "")
	r.Next()
	r.enter("flood", "alice", "flood")
	r.enter("home", "alice", "home")
	require.Equal(t, "home", r.Next().Value)
	require.Equal(t, "flood", r.Next().Value)
}

func TestNewcomersWithoutEndKeepNoneOut(t *testing.T) {
	t.Parallel()
	r := newRoom(t, 1000)
	for i := range 50 {
		r.enter("home", "alice", "alice")
		r.enter(fmt.Sprint(i), "alice", "")
	}
	served := 0
	for i := range 90 {
		r.enter(fmt.Sprint("new", i), "alice", "")
		if r.Next().Value == "alice" {
			served++
		}
	}
	require.Equal(t, 1+90/9, served, "the first turn, and every ninth")
}
