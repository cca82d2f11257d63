package percentile

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPercentiles(t *testing.T) {
	t.Parallel()
	values := make([]int, 200)
	for i := range values {
		values[i] = i + 1
	}
	require.Equal(t, 100, Of(values, 50))
	require.Equal(t, 198, Of(values, 99))
	require.Equal(t, 50, Of(values[:100], 50))
	require.Equal(t, 99, Of(values[:100], 99))
	require.Equal(t, 1, Of(values[:1], 99))
	require.Equal(t, 2, Of([]int{1, 2, 3}, 50))
	require.Equal(t, 7, Of([]int{7}, 99))
	require.Zero(t, Of([]int{}, 50))
	require.Zero(t, Of([]int{}, 99))
}
