package radclient

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/radiustest"
)

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
