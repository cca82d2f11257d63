package radclient

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"

	"vault-plugin-auth-radius/internal/radiustest"
)

func TestStatsCountWhatHappened(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		server := startAt(t, network, firstAddress, func(r *radiustest.Request) []radiustest.Answer {
			switch r.Username() {
			case "accepted":
				return []radiustest.Answer{r.Accept().WrongIdentifier(), r.Accept()}
			case "rejected":
				return []radiustest.Answer{r.Reject("no")}
			case "challenged":
				return []radiustest.Answer{r.Challenge(nil, "Code?")}
			default:
				return nil
			}
		})
		client := newClientAt(t, network, func(c *Config) { c.ReadTimeout = 200 * time.Millisecond })
		require.Equal(t, []Stats{{Host: server.Host(), Port: server.Port(), RoundTrips: newHistogram()}}, client.Stats())

		before := time.Now()
		for _, name := range []string{"accepted", "accepted", "rejected", "challenged", "silent"} {
			_, _ = client.Authenticate(t.Context(), Credentials{Username: name, Password: "p"})
		}
		stats := client.Stats()[0]
		require.Equal(t, []uint64{2, 1, 1, 1, 0},
			[]uint64{stats.Accepted, stats.Rejected, stats.Challenged, stats.TimedOut, stats.Unreachable})
		require.EqualValues(t, 4+2, stats.Sent, "the silent one was sent twice")
		require.EqualValues(t, 1, stats.Retransmitted)
		require.Equal(t, 2, stats.Drops[DropOtherIdentifier])
		require.False(t, stats.LastAnswer.Before(before))
		require.Positive(t, stats.RoundTrip(50))
		require.GreaterOrEqual(t, stats.RoundTrip(99), stats.RoundTrip(50))
	})
}

func TestPercentileIsTheNearestRank(t *testing.T) {
	t.Parallel()
	var sorted []time.Duration
	require.Zero(t, percentile(sorted, 50))
	for i := range 200 {
		sorted = append(sorted, time.Duration(i+1))
	}
	require.EqualValues(t, 100, percentile(sorted, 50))
	require.EqualValues(t, 198, percentile(sorted, 99))
	require.EqualValues(t, 1, percentile(sorted[:1], 99))
}

func TestRoundTripsAreKeptInBoundedMemory(t *testing.T) {
	t.Parallel()
	c := newCounters()
	for i := range 3 * roundTripsKept {
		c.exchanged(&exchange{sends: 1, waited: time.Duration(i + 1), packet: &radius.Packet{}})
	}
	require.Len(t, c.stats.latest, roundTripsKept)
	require.Greater(t, c.read().RoundTrip(50), 2*time.Duration(roundTripsKept), "the latest ones")
}

func TestEveryDropReasonHasItsTexts(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for reason := DropMalformed; reason < dropReasons; reason++ {
		require.NotEmpty(t, reason.String())
		require.NotEmpty(t, reason.Name())
		names[reason.Name()] = true
	}
	require.Len(t, names, int(dropReasons-DropMalformed))
}
