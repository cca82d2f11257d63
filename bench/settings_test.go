package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestOnlyLeavesWhatItNames(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		clients   []string
		inFlights []int
	}{
		"":              {clientNames, inFlights},
		"radclient":     {[]string{ours}, inFlights},
		"64":            {clientNames, []int{64}},
		"layeh/512":     {[]string{peer}, []int{512}},
		"128/radclient": {[]string{ours}, []int{128}},
	}
	for only, want := range tests {
		s, err := parseSettings([]string{"-only", only})
		require.NoError(t, err, only)
		require.Equal(t, want.clients, s.clients, only)
		require.Equal(t, want.inFlights, s.inFlights, only)
	}
}

func TestSettingsThatMakeNoSenseAreRefused(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"-only", "freeradius"},
		{"-only", "0"},
		{"-rounds", "0"},
		{"-time", "0s"},
		{"-soak", "-1s"},
		{"-cpuprofile", "cpu.out"},
		{"-cpuprofile", "cpu.out", "-only", "64"},
		{"64"},
	} {
		_, err := parseSettings(args)
		require.Error(t, err, args)
	}
	_, err := parseSettings([]string{"-cpuprofile", "cpu.out", "-only", "layeh/64"})
	require.NoError(t, err)
}

func TestClientsTakeTurnsToBegin(t *testing.T) {
	t.Parallel()
	s := settings{clients: clientNames, inFlights: []int{1, 64}, rounds: 2, time: time.Second}
	require.Equal(t, []cell{{ours, 1}, {peer, 1}, {ours, 64}, {peer, 64}}, s.cells(0))
	require.Equal(t, []cell{{peer, 1}, {ours, 1}, {peer, 64}, {ours, 64}}, s.cells(1))
	require.Equal(t, s.cells(0), s.cells(2))
}
