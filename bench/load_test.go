package main

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestALoadCountsExchangesCopiesAndFailures(t *testing.T) {
	t.Parallel()
	l := load{inFlight: 4, each: 3, login: func(_ context.Context, username string) (int, error) {
		if username == "user-2" {
			return 2, errors.New("refused")
		}
		return 1, nil
	}}
	r := l.run(t.Context())
	require.Equal(t, 12, r.Exchanges)
	require.Equal(t, 3, r.Failures)
	require.Equal(t, 3, r.Copies)
	require.Equal(t, "refused", r.Failure)
	require.LessOrEqual(t, r.P50, r.P99)
	require.LessOrEqual(t, r.P99, r.Elapsed)
	require.Positive(t, r.P99)
}

func TestALoadKeepsItsNumberOfExchangesInFlight(t *testing.T) {
	t.Parallel()
	const inFlight = 8
	var arrived sync.WaitGroup
	arrived.Add(inFlight)
	l := load{inFlight: inFlight, each: 1, login: func(context.Context, string) (int, error) {
		arrived.Done()
		arrived.Wait() // ends only if all are here at once
		return 1, nil
	}}
	require.Equal(t, inFlight, l.run(t.Context()).Exchanges)
}

func TestALoadEndsWithItsTimeOrItsContext(t *testing.T) {
	t.Parallel()
	require.False(t, load{time: time.Second}.done(1_000_000, time.Second-1))
	require.True(t, load{time: time.Second}.done(1, time.Second))
	require.False(t, load{each: 2, time: time.Second}.done(1, time.Hour))
	require.True(t, load{each: 2, time: time.Second}.done(2, 0))

	ctx, cancel := context.WithCancel(t.Context())
	l := load{inFlight: 1, time: time.Hour, login: func(context.Context, string) (int, error) {
		cancel()
		return 1, nil
	}}
	require.Equal(t, 1, l.run(ctx).Exchanges)
}

func TestATaskSurvivesTheCommandLine(t *testing.T) {
	t.Parallel()
	want := task{
		client:     ours,
		server:     netip.MustParseAddrPort("127.0.0.1:1812"),
		inFlight:   64,
		time:       time.Second,
		each:       7,
		cpuProfile: "cpu.out",
	}
	args := want.args()
	require.Equal(t, clientPart, args[0])
	parsed, err := parseTask(args[1:])
	require.NoError(t, err)
	require.Equal(t, want, parsed)
}
