package radclient

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// middle is a random value that makes no jitter.
func middle() float64 { return 0.5 }

// sendTimes gives all the times of a schedule, the first copy's included.
func sendTimes(budget time.Duration, random func() float64) []time.Duration {
	times := []time.Duration{0}
	for s := newSchedule(budget, unmeasuredInterval, random); ; {
		at, more := s.next()
		if !more {
			return times
		}
		times = append(times, at)
	}
}

func TestSendTimesDoubleUpToFourSecondsAndEndWithALastCopy(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		budget time.Duration
		want   []time.Duration // milliseconds
	}{
		"ten seconds":    {10 * time.Second, []time.Duration{0, 500, 1500, 3500, 7500, 9000}},
		"one second":     {1 * time.Second, []time.Duration{0, 500, 750}},
		"thirty seconds": {30 * time.Second, []time.Duration{0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 29000}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var milliseconds []time.Duration
			for _, at := range sendTimes(test.budget, middle) {
				milliseconds = append(milliseconds, at/time.Millisecond)
			}
			require.Equal(t, test.want, milliseconds)
		})
	}
}

func TestSendTimesVaryByTenPercent(t *testing.T) {
	t.Parallel()
	early := sendTimes(10*time.Second, func() float64 { return 0 })
	late := sendTimes(10*time.Second, func() float64 { return 0.999999999 })
	require.Equal(t, 450*time.Millisecond, early[1])
	require.InDelta(t, float64(550*time.Millisecond), float64(late[1]), float64(time.Microsecond))
}
