package radclient

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/radiustest"
)

// openSockets counts those for logins and those for probes.
func openSockets(e *endpoint) int {
	count := 0
	for _, c := range []carrier{e.logins, e.probes} {
		udp := c.(*udpCarrier)
		udp.mu.Lock()
		count += len(udp.sockets)
		udp.mu.Unlock()
	}
	return count
}

func TestClosedClientFinishesItsLoginsAndLeavesNothing(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		startAt(t, network, firstAddress, func(r *radiustest.Request) []radiustest.Answer {
			return []radiustest.Answer{r.Accept().After(5 * time.Second)}
		})
		startAt(t, network, secondAddress, accept)
		client := newPairClient(t, network, func(c *Config) { c.Retransmit = RetransmitNever })
		time.AfterFunc(2*time.Second, client.Close)
		for _, login := range traffic(t, client, 10, 4*time.Second) {
			require.NoError(t, login.err, "begun before or after the end")
		}
		for _, e := range client.endpoints() {
			require.Zero(t, openSockets(e))
		}
	})
}

func TestSocketsAreFewAndCloseWhenUnused(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		server := startAt(t, network, firstAddress, func(r *radiustest.Request) []radiustest.Answer {
			return []radiustest.Answer{r.Accept().After(time.Second)}
		})
		client := newPairClient(t, network, func(c *Config) { c.Servers, c.Retransmit = c.Servers[:1], RetransmitNever })
		for _, login := range traffic(t, client, 1000, 2*time.Second) {
			require.NoError(t, login.err)
		}
		ports := map[uint16]bool{}
		for _, request := range server.Requests() {
			ports[request.From.Port()] = true
		}
		require.Len(t, ports, 4, "1,000 at a time, 256 on each")
		time.Sleep(2 * idleTime)
		require.Zero(t, openSockets(onlyEndpoint(t, client)))
	})
}

func TestMoreLoginsThanCanWaitAreRefusedNotMixedUp(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		const room = maxWaiting
		startAt(t, network, firstAddress, func(r *radiustest.Request) []radiustest.Answer {
			return []radiustest.Answer{r.Accept().After(5 * time.Second)}
		})
		client := newPairClient(t, network, func(c *Config) { c.Servers, c.Retransmit = c.Servers[:1], RetransmitNever })
		outcomes := traffic(t, client, room+100, time.Second)
		refused := slices.DeleteFunc(outcomes, func(login outcome) bool { return login.err == nil })
		require.Len(t, refused, 100)
		require.ErrorContains(t, refused[0].err, "too many logins wait")
	})
}

func TestPortChangesAfterManyRequests(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		server := startAt(t, network, firstAddress, accept)
		client := newPairClient(t, network, func(c *Config) { c.Servers = c.Servers[:1] })
		for range requestsPerSocket + 1 {
			_, err := client.Authenticate(t.Context(), bob)
			require.NoError(t, err)
		}
		requests := server.Requests()
		require.Equal(t, requests[0].From, requests[requestsPerSocket-1].From)
		require.NotEqual(t, requests[0].From, requests[requestsPerSocket].From)
		require.Equal(t, 1, openSockets(onlyEndpoint(t, client)))
	})
}

func TestLateAnswersAreCountedAndBlamedOnNoLogin(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		startAt(t, network, firstAddress, func(r *radiustest.Request) []radiustest.Answer {
			if r.Username() == "silent" {
				return nil
			}
			return []radiustest.Answer{r.Accept(), r.Accept().After(time.Second)}
		})
		client := newPairClient(t, network, func(c *Config) { c.Servers = c.Servers[:1] })
		_, err := client.Authenticate(t.Context(), bob)
		require.NoError(t, err)
		_, err = client.Authenticate(t.Context(), Credentials{Username: "silent", Password: "p"})
		require.Error(t, err)
		require.NotContains(t, err.Error(), "dropped")
		require.Equal(t, 1, client.Stats()[0].Drops[DropLate])
	})
}
