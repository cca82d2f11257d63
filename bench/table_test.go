package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// second returns a round of a second with so many exchanges.
func second(exchanges int) result {
	return result{
		Before:      exchanges,
		Exchanges:   exchanges,
		Elapsed:     time.Second,
		P50:         time.Millisecond,
		P99:         2 * time.Millisecond,
		Allocations: uint64(10 * exchanges),
		Allocated:   uint64(100 * exchanges),
		ClientTime:  time.Duration(exchanges) * 8 * time.Microsecond,
		StubTime:    time.Duration(exchanges) * 2 * time.Microsecond,
	}
}

func TestFiguresAreMediansOfTheRoundsPerExchange(t *testing.T) {
	t.Parallel()
	f := figuresOf([]result{second(900), second(100), second(200)}, calls{"read": 1.5, "write": 1})
	require.Equal(t, figures{rate: 200, p50: 1000, p99: 2000, allocations: 10, allocated: 100, calls: 2.5, client: 4, stub: 1}, f)
}

// printed returns the words of each line that is not empty.
func printed(t table) string {
	var out strings.Builder
	t.print(&out)
	var lines []string
	for line := range strings.Lines(out.String()) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(lines, "\n")
}

// tableOf compares rates and system calls with 64 in flight.
func tableOf(oursRate, peerRate int, oursCalls, peerCalls float64) table {
	return table{
		settings: settings{clients: clientNames, inFlights: []int{64}, rounds: 1, time: time.Second},
		rounds:   map[cell][]result{{ours, 64}: {second(oursRate)}, {peer, 64}: {second(peerRate)}},
		calls:    map[cell]calls{{ours, 64}: {"read": oursCalls}, {peer, 64}: {"read": peerCalls - 1, "close": 1}},
	}
}

func TestTheTableHasBothClientsAndTheirRatio(t *testing.T) {
	t.Parallel()
	text := printed(tableOf(300, 100, 4, 12))
	require.Contains(t, text, "64 radclient 300 1000 2000 10.0 100 4.0 4.0 1.0\n")
	require.Contains(t, text, "64 layeh 100 1000 2000 10.0 100 12.0 4.0 1.0\n")
	require.Contains(t, text, "ratio 3.00 1.00 1.00 1.00 1.00 0.33 1.00 1.00\n")
	require.Contains(t, text, "layeh, 64 in flight: read 11.0, close 1.0\n")
	require.Contains(t, text, "Failures: 0 of 400 exchanges\n")
}

func TestTheTableSaysWhetherTheGoalIsReached(t *testing.T) {
	t.Parallel()
	require.Contains(t, printed(tableOf(300, 100, 4, 12)), "3 times: 3.00, reached; system calls at most 0.33 times: 0.33, reached")
	require.Contains(t, printed(tableOf(299, 100, 5, 12)), "3 times: 2.99, not reached; system calls at most 0.33 times: 0.42, not reached")
}

func TestTheTableShowsFailuresAndCopies(t *testing.T) {
	t.Parallel()
	measured := tableOf(300, 100, 4, 12)
	failed := second(300)
	failed.Failures, failed.Failure, failed.Copies = 2, "no answer", 5
	measured.rounds[cell{ours, 64}] = []result{failed}
	require.Equal(t, 2, measured.failures())
	require.Contains(t, printed(measured), "Failures: 2 of 400 exchanges, such as: no answer; copies of requests: 5\n")
}

func TestTheTableSaysWhySystemCallsAreMissing(t *testing.T) {
	t.Parallel()
	measured := tableOf(300, 100, 0, 1)
	measured.calls, measured.uncounted = nil, errors.New("strace is not installed")
	text := printed(measured)
	require.Contains(t, text, "64 radclient 300 1000 2000 10.0 100 ? 4.0 1.0\n")
	require.Contains(t, text, "not counted: strace is not installed")
	require.NotContains(t, text, "system calls at most")
}
