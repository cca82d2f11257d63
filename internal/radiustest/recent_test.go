package radiustest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRecentKeepsTheLatest(t *testing.T) {
	t.Parallel()
	r := newRecent[int, int](10)
	for i := range 1000 {
		r.put(i, -i)
		for back := range min(10, i+1) {
			value, ok := r.get(i - back)
			require.True(t, ok, "%d after %d", i-back, i)
			require.Equal(t, back-i, value)
		}
		require.LessOrEqual(t, len(r.newer)+len(r.older), 20)
	}
	r.remove(999)
	_, ok := r.get(999)
	require.False(t, ok)
}

func TestRecentWithoutLimitForgetsNothing(t *testing.T) {
	t.Parallel()
	r := newRecent[int, int](0)
	for i := range 1000 {
		r.put(i, i)
	}
	_, ok := r.get(0)
	require.True(t, ok)
}
