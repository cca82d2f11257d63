package radclient

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestIdentifierLongestUnusedIsTakenFirst(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	i := newIdentifiers(0, 250)
	require.False(t, i.issued(250))
	var order []uint32
	for range 3 {
		identifier, found := i.take(now)
		require.True(t, found)
		order = append(order, identifier)
		i.release(identifier)
	}
	require.Equal(t, []uint32{250, 251, 252}, order)
	require.True(t, i.issued(250))

	seen := map[uint32]bool{}
	for range 256 {
		identifier, found := i.take(now)
		require.True(t, found)
		seen[identifier] = true
	}
	require.Len(t, seen, 256, "each once")
	_, found := i.take(now)
	require.False(t, found, "none is used twice at a time")
}

func TestIdentifierOfASilentRequestRests(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	i := newIdentifiers(0, 0)
	for range 256 {
		_, found := i.take(now)
		require.True(t, found)
	}
	i.rest(7, &request{}, now)
	_, found := i.take(now.Add(quarantine - 1))
	require.False(t, found)
	identifier, found := i.take(now.Add(quarantine))
	require.True(t, found)
	require.EqualValues(t, 7, identifier)
}

func TestIdentifiersMayLeaveTheFirstOut(t *testing.T) {
	t.Parallel()
	i := newIdentifiers(1, 255)
	for range 255 {
		identifier, found := i.take(time.Unix(0, 0))
		require.True(t, found)
		require.NotZero(t, identifier)
	}
	_, found := i.take(time.Unix(0, 0))
	require.False(t, found)
}

func TestLateAnswerEndsTheRestOfAnIdentifier(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	i := newIdentifiers(0, 0)
	for range 256 {
		_, found := i.take(now)
		require.True(t, found)
	}
	first, second := &request{}, &request{}
	i.rest(7, first, now)
	i.rest(8, second, now.Add(time.Second))
	require.Same(t, first, i.unanswered(7))
	require.Nil(t, i.unanswered(9), "in use")

	i.wake(8)
	i.wake(9)
	require.Nil(t, i.unanswered(8))
	identifier, found := i.take(now)
	require.True(t, found)
	require.EqualValues(t, 8, identifier)
	_, found = i.take(now.Add(quarantine - 1))
	require.False(t, found, "another one rests on")
}
