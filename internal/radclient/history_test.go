package radclient

import (
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"

	"vault-plugin-auth-radius/internal/radiustest"
	"vault-plugin-auth-radius/internal/tlstest"
)

// continued returns a client of the servers that goes on with the counters of another.
func continued(t *testing.T, network *radiustest.Network, before *Client, servers ...netip.AddrPort) *Client {
	t.Helper()
	client := newPairClient(t, network, func(c *Config) {
		c.Servers = nil
		for _, address := range servers {
			c.Servers = append(c.Servers, serverAt(address))
		}
	})
	if before != nil {
		client.Continue(before.History())
		before.Close()
	}
	return client
}

func loginAt(t *testing.T, client *Client) {
	t.Helper()
	_, err := client.Authenticate(t.Context(), bob)
	require.NoError(t, err)
}

func TestClientGoesOnWithTheCountersOfTheOneBefore(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		startAt(t, network, firstAddress, accept)
		startAt(t, network, secondAddress, accept)
		first := continued(t, network, nil, firstAddress, secondAddress)
		loginAt(t, first)
		seen := first.Stats()[0]
		second := continued(t, network, first, secondAddress, firstAddress) // in another order
		stats := second.Stats()[1]
		require.EqualValues(t, 1, stats.Accepted)
		require.EqualValues(t, 1, stats.Sent)
		require.Equal(t, seen.LastAnswer, stats.LastAnswer)
		require.Equal(t, seen.RoundTrips, stats.RoundTrips)
		require.Equal(t, seen.RoundTrip(50), stats.RoundTrip(50))
		require.Zero(t, second.Stats()[0].Accepted, "another server's")
		loginAt(t, second)
		require.EqualValues(t, 1, second.Stats()[0].Accepted)
		require.EqualValues(t, 1, second.Stats()[1].Accepted)
	})
}

func TestServerThatComesBackBeginsAtZero(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		startAt(t, network, firstAddress, accept)
		startAt(t, network, secondAddress, accept)
		first := continued(t, network, nil, firstAddress)
		loginAt(t, first)
		without := continued(t, network, first, secondAddress)
		again := continued(t, network, without, secondAddress, firstAddress)
		require.Zero(t, again.Stats()[1].Accepted)
		require.EqualValues(t, 1, first.Stats()[0].Accepted, "the old client has its own")
	})
}

func TestLoginsOfAnOldClientCountOn(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		startAt(t, network, firstAddress, func(r *radiustest.Request) []radiustest.Answer {
			return []radiustest.Answer{r.Accept().After(3 * time.Second)}
		})
		first := continued(t, network, nil, firstAddress)
		var logins sync.WaitGroup
		logins.Go(func() { _, _ = first.Authenticate(t.Context(), bob) })
		synctest.Wait()
		second := continued(t, network, first, firstAddress)
		logins.Go(func() { _, _ = second.Authenticate(t.Context(), bob) })
		synctest.Wait()
		require.Equal(t, 2, second.Stats()[0].InFlight, "at both clients")
		logins.Wait()
		stats := second.Stats()[0]
		require.EqualValues(t, 2, stats.Accepted)
		require.Zero(t, stats.InFlight)
	})
}

func TestNoLoginIsLostFromTheCountersWhileClientsChange(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		startAt(t, network, firstAddress, accept)
		var mu sync.Mutex
		client := continued(t, network, nil, firstAddress)
		current := func() *Client {
			mu.Lock()
			defer mu.Unlock()
			return client
		}
		replace := func() {
			mu.Lock()
			defer mu.Unlock()
			client = continued(t, network, client, firstAddress)
		}
		const workers, each = 8, 50
		var logins sync.WaitGroup
		for range workers {
			logins.Go(func() {
				for range each {
					_, _ = current().Authenticate(t.Context(), bob)
					_ = current().Stats()
				}
			})
		}
		for range 20 {
			time.Sleep(time.Millisecond)
			replace()
		}
		logins.Wait()
		require.EqualValues(t, workers*each, client.Stats()[0].Accepted)
		require.Zero(t, client.Stats()[0].InFlight)
	})
}

func TestInFlightEndsHoweverALoginEnds(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		startAt(t, network, firstAddress, func(*radiustest.Request) []radiustest.Answer { return nil })
		client := newClientAt(t, network, nil)
		var logins sync.WaitGroup
		logins.Go(func() { _, _ = client.Authenticate(t.Context(), bob) })
		synctest.Wait()
		require.Equal(t, 1, client.Stats()[0].InFlight)
		logins.Wait()
		require.Zero(t, client.Stats()[0].InFlight)
		require.EqualValues(t, 1, client.Stats()[0].TimedOut)
	})
}

func TestRoundTripsAreCountedInFixedBuckets(t *testing.T) {
	t.Parallel()
	c := newCounters()
	answered := func(waited time.Duration, sends int) {
		c.exchanged(&exchange{sends: sends, waited: waited, packet: &radius.Packet{}})
	}
	for _, waited := range []time.Duration{
		0, 5 * time.Millisecond, 5*time.Millisecond + 1, 25 * time.Millisecond,
		10 * time.Second, 10*time.Second + 1, time.Minute,
	} {
		answered(waited, 1)
	}
	answered(time.Second, 2) // it is not known which copy was answered
	c.exchanged(&exchange{sends: 1, waited: time.Second})
	histogram := c.read().RoundTrips
	require.Equal(t, []uint64{2, 2, 0, 0, 0, 1, 2}, histogram.Counts)
	require.Equal(t, 80*time.Second+35*time.Millisecond+2, histogram.Sum)
	answered(0, 1)
	require.EqualValues(t, 2, histogram.Counts[0], "what was read does not change")
}

func TestProbesAreInNeitherHistogramNorInFlight(t *testing.T) {
	t.Parallel()
	c := newCounters()
	c.probed(&exchange{sends: 1, waited: time.Second, packet: &radius.Packet{}})
	require.Equal(t, newHistogram(), c.read().RoundTrips)
	require.EqualValues(t, 1, c.read().ProbesAnswered)
}

func TestEndOfTheServersChainIsThatOfTheLatestHandshake(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		credentials := newCredentials(t, func(o *tlstest.CertificateOptions) { o.Until = time.Now().Add(3 * time.Hour) })
		server := startTLS(t, network, credentials.serverTLS(t))
		client := newClientAt(t, network, func(c *Config) {
			c.Transport, c.TLS, c.StatusCheck = TLS, credentials.clientTLS(), StatusCheckOff
		})
		require.Zero(t, client.Stats()[0].CertificateEnd)
		loginAt(t, client)
		require.Equal(t, 3*time.Hour, time.Until(client.Stats()[0].CertificateEnd).Round(time.Minute))

		renewed, err := credentials.server.Trusts.Issue(tlstest.CertificateOptions{
			Names: []string{radsecName}, Until: time.Now().Add(20 * time.Hour),
		})
		require.NoError(t, err)
		require.NoError(t, server.Close())
		credentials.server = &tlstest.Identity{Certificate: renewed, Trusts: credentials.server.Trusts}
		server = startTLS(t, network, credentials.serverTLS(t))
		loginAt(t, client)
		require.Equal(t, 20*time.Hour, time.Until(client.Stats()[0].CertificateEnd).Round(time.Minute))

		next := newClientAt(t, network, func(c *Config) {
			c.Transport, c.TLS, c.StatusCheck = TLS, credentials.clientTLS(), StatusCheckOff
		})
		next.Continue(client.History())
		require.Equal(t, client.Stats()[0].CertificateEnd, next.Stats()[0].CertificateEnd)
		overUDP := newClientAt(t, network, nil)
		overUDP.Continue(client.History())
		require.Zero(t, overUDP.Stats()[0].CertificateEnd, "it has no use for one")
		require.NoError(t, server.Close())
	})
}
