package acct

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// What comes before the last page is counted in an int, which may have 32 bits.
func TestLargestPageCanBeCountedOnEverySystem(t *testing.T) {
	t.Parallel()
	page := Page{Number: math.MaxInt, Size: math.MaxInt}.normal()
	require.Equal(t, maxPageSize, page.Size)
	require.Positive(t, page.skipped())
	require.LessOrEqual(t, int64(page.skipped()+page.Size), int64(math.MaxInt32))
}
