package radclient

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/radiustest"
)

// middle is a random value that makes no jitter.
func middle() float64 { return 0.5 }

// sendTimes returns all the times of a schedule, the first copy's included.
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

func TestFirstIntervalFollowsTheMeasuredRoundTrip(t *testing.T) {
	t.Parallel()
	var trip roundTrip
	require.Equal(t, 500*time.Millisecond, trip.firstInterval(), "nothing is measured yet")

	// RFC 6298 section 2.2: SRTT = R, RTTVAR = R/2, so 3 R.
	trip.answered(100*time.Millisecond, 1)
	require.Equal(t, 300*time.Millisecond, trip.firstInterval())

	// Section 2.3: RTTVAR = 3/4 × 50 + 1/4 × |100 - 180| = 57.5; SRTT = 7/8 × 100 + 1/8 × 180 = 110.
	trip.answered(180*time.Millisecond, 1)
	require.Equal(t, (110+4*57.5)*float64(time.Millisecond), float64(trip.firstInterval()))

	for range 200 {
		trip.answered(time.Millisecond, 1)
	}
	require.Equal(t, 200*time.Millisecond, trip.firstInterval(), "no shorter")
	for range 200 {
		trip.answered(20*time.Second, 1)
	}
	require.Equal(t, 4*time.Second, trip.firstInterval(), "no longer: a slow person is no slow network")
}

func TestAnswerToOneOfSeveralCopiesMeasuresNothingButBacksOff(t *testing.T) {
	t.Parallel()
	var trip roundTrip
	trip.answered(900*time.Millisecond, 2)
	require.Equal(t, 1800*time.Millisecond, trip.firstInterval())
	trip.answered(30*time.Second, 9)
	require.Equal(t, 4*time.Second, trip.firstInterval(), "a person who looked for a phone")
	trip.answered(10*time.Millisecond, 1)
	require.Equal(t, 200*time.Millisecond, trip.firstInterval(), "what is measured counts")
}

func TestSlowServerIsSentCopiesOnceOnly(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		startAt(t, network, firstAddress, func(r *radiustest.Request) []radiustest.Answer {
			return []radiustest.Answer{r.Accept().After(700 * time.Millisecond)}
		})
		client := newClientAt(t, network, func(c *Config) { c.ReadTimeout = 60 * time.Second })
		var sends []int
		for range 3 {
			verdict, err := client.Authenticate(t.Context(), bob)
			require.NoError(t, err)
			sends = append(sends, verdict.Sends)
		}
		require.Equal(t, []int{2, 1, 1}, sends)
	})
}

func TestSlowAnswersLeaveEnoughCopies(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		client := newClientAt(t, network, nil)
		e := onlyEndpoint(t, client)
		e.trip.answered(30*time.Second, 9)
		copies := 1
		for plan := e.plan(10 * time.Second); ; copies++ {
			if _, more := plan.next(); !more {
				break
			}
		}
		require.GreaterOrEqual(t, copies, 6)
	})
}

func TestLostCopyIsNotMeasured(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		server := startAt(t, network, firstAddress, func(r *radiustest.Request) []radiustest.Answer {
			if r.Copy == 1 {
				return nil
			}
			return []radiustest.Answer{r.Accept()}
		})
		client := newClientAt(t, network, nil)
		_, err := client.Authenticate(t.Context(), bob)
		require.NoError(t, err)
		require.GreaterOrEqual(t, onlyEndpoint(t, client).trip.firstInterval(), 450*time.Millisecond)

		server.SetHandler(accept)
		_, err = client.Authenticate(t.Context(), bob)
		require.NoError(t, err)
		require.Equal(t, minFirstInterval, onlyEndpoint(t, client).trip.firstInterval())
	})
}

func TestNothingIsSentTwiceIfSoConfigured(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		server := startAt(t, network, firstAddress, func(r *radiustest.Request) []radiustest.Answer {
			return []radiustest.Answer{r.Accept().After(900 * time.Millisecond)}
		})
		client := newClientAt(t, network, func(c *Config) { c.Retransmit = RetransmitNever })
		verdict, err := client.Authenticate(t.Context(), bob)
		require.NoError(t, err)
		require.Equal(t, 1, verdict.Sends)
		require.Len(t, server.Requests(), 1)

		server.SetHandler(nil)
		client.config.ReadTimeout = 700 * time.Millisecond
		_, err = client.Authenticate(t.Context(), bob)
		var noAnswer *NoAnswerError
		require.ErrorAs(t, err, &noAnswer)
		require.Equal(t, 1, noAnswer.Sends)
	})
}
