package soak

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestStatusOfAProcessIsRead(t *testing.T) {
	t.Parallel()
	p, err := parseStatus([]byte("Name:\tplugin\nVmPeak:\t  999999 kB\nVmRSS:\t   51200 kB\nThreads:\t12\nSigQ:\t0/1\n"))
	require.NoError(t, err)
	require.Equal(t, process{memory: 50 << 20, threads: 12}, p)
	_, err = parseStatus([]byte("Name:\tplugin\nState:\tZ (zombie)\n")) // has no memory any more
	require.ErrorContains(t, err, "VmRSS")
}

func TestPressureIsRead(t *testing.T) {
	t.Parallel()
	waited, known := parsePressure([]byte("some avg10=86.78 avg60=84.78 avg300=91.16 total=1500000\nfull avg10=0.00 total=7\n"))
	require.True(t, known)
	require.Equal(t, 1500*time.Millisecond, waited)
	_, known = parsePressure([]byte("full avg10=0.00 avg60=0.00 avg300=0.00 total=7\n"))
	require.False(t, known)
}

func TestProcessIsRead(t *testing.T) {
	t.Parallel()
	p, err := readProcess(os.Getpid())
	require.NoError(t, err)
	require.Positive(t, p.memory)
	require.Positive(t, p.threads)
	require.Positive(t, p.files)
}

func TestMetricsAreSummedOverTheirSeries(t *testing.T) {
	t.Parallel()
	exposition := []byte(`# HELP go_goroutines Number of goroutines that currently exist.
# TYPE go_goroutines gauge
go_goroutines 42
go_goroutines_other 7
dropped_total{server="a b",reason="wrong authenticator"} 3
dropped_total{server="b",reason="other"} 1.5e+01
`)
	for name, want := range map[string]float64{"go_goroutines": 42, "dropped_total": 18} {
		sum, found := metricSum(exposition, name)
		require.True(t, found, name)
		require.InDelta(t, want, sum, 0, name)
	}
	_, found := metricSum(exposition, "go_gorout")
	require.False(t, found)
}
