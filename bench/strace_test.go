package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSummariesOfStraceAreRead(t *testing.T) {
	t.Parallel()
	const summary = `% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 58.33    0.000007           0        16         4 read
 41.67    0.000005           2         2           close
  0.00    0.000000           0         1         1 access
------ ----------- ----------- --------- --------- ----------------
100.00    0.000012           0        19         5 total
`
	counts, err := parseSummary(summary)
	require.NoError(t, err)
	require.Equal(t, calls{"read": 16, "close": 2, "access": 1}, counts)
	require.InDelta(t, 19, counts.total(), 0)
	require.Equal(t, "read 16.0, close 2.0, access 1.0", counts.String())
}

func TestAnEmptySummaryIsAnError(t *testing.T) {
	t.Parallel()
	_, err := parseSummary("strace: attach: Operation not permitted\n")
	require.Error(t, err)
}
