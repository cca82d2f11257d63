package radclient

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/radiustest"
)

// exhaust leaves a room without identifiers: so many exchanges wait, and the other
// identifiers rest.
func exhaust(t *testing.T, room *waitingRoom, waiting int) (entered []*exchange) {
	t.Helper()
	for range waiting {
		x := &exchange{onDone: func(*exchange) {}}
		require.True(t, room.enter(x, time.Now()))
		entered = append(entered, x)
	}
	room.mu.Lock()
	defer room.mu.Unlock()
	for {
		key, found := room.keys.take(time.Now())
		if !found {
			room.emptied = time.Now()
			return entered
		}
		room.keys.rest(key, &request{}, time.Now())
	}
}

// openExhausted opens a socket without identifiers.
func openExhausted(t *testing.T, carrier *udpCarrier, waiting int) (*udpSocket, []*exchange) {
	t.Helper()
	carrier.mu.Lock()
	defer carrier.mu.Unlock()
	socket, err := carrier.open(t.Context())
	require.NoError(t, err)
	return socket, exhaust(t, socket.waiting, waiting)
}

func TestSocketThatHasRestedLongestIsGivenUp(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		startAt(t, network, firstAddress, accept)
		client := newClientAt(t, network, nil)
		carrier := onlyEndpoint(t, client).logins.(*udpCarrier)
		first, waiting := openExhausted(t, carrier, 1)
		var others []*udpSocket
		for range socketsPerCarrier - 1 {
			time.Sleep(time.Millisecond)
			socket, _ := openExhausted(t, carrier, 0)
			others = append(others, socket)
		}
		login := func() {
			_, err := client.Authenticate(t.Context(), bob)
			require.NoError(t, err)
			require.Equal(t, socketsPerCarrier, openLines(onlyEndpoint(t, client)))
		}
		login()
		require.True(t, first.waiting.open(), "somebody waits there")
		require.False(t, others[0].waiting.open())
		require.True(t, others[1].waiting.open())

		time.Sleep(quarantine)
		login()
		require.Equal(t, 2, first.waiting.admitted(), "its identifiers rest no more")
		first.end(waiting[0], nil, context.Canceled)
		time.Sleep(3 * idleTime)
		require.Zero(t, openLines(onlyEndpoint(t, client)))
	})
}

func TestWhereLoginsWaitOnEverySocketTheFewestLoseTheirPlaces(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		startAt(t, network, firstAddress, accept)
		client := newClientAt(t, network, nil)
		carrier := onlyEndpoint(t, client).logins.(*udpCarrier)
		var ended []error
		for i := range socketsPerCarrier {
			waiting := 2
			if i == 7 {
				waiting = 1
			}
			_, entered := openExhausted(t, carrier, waiting)
			for _, x := range entered {
				x.onDone = func(x *exchange) { ended = append(ended, x.err) }
			}
		}
		_, err := client.Authenticate(t.Context(), bob)
		require.NoError(t, err)
		require.Equal(t, []error{errPushedOut}, ended)
		require.Equal(t, socketsPerCarrier, openLines(onlyEndpoint(t, client)))

		for _, socket := range carrier.sockets {
			for _, x := range socket.waiting.exchanges() {
				socket.end(x, nil, context.Canceled)
			}
		}
	})
}

func TestConnectionThatHasRestedLongestIsGivenUp(t *testing.T) {
	overStreams(t, radiustest.StreamOptions{Handler: accept}, func(t *testing.T, s *stream) {
		client := s.client(t, func(c *Config) { c.StatusCheck = StatusCheckOff })
		carrier := onlyEndpoint(t, client).logins.(*streamCarrier)
		var first *streamConnection
		var waiting []*exchange
		for len(carrier.open()) < connectionsPerCarrier {
			_, err := client.Authenticate(t.Context(), bob)
			require.NoError(t, err)
			latest := carrier.open()[len(carrier.open())-1]
			if latest.version == RADIUS11 {
				return // its Tokens do not rest
			}
			if first == nil {
				first, waiting = latest, exhaust(t, latest.waiting, 1)
			}
			exhaust(t, latest.waiting, 0)
			time.Sleep(time.Millisecond)
		}
		second := carrier.open()[1]
		_, err := client.Authenticate(t.Context(), bob)
		require.NoError(t, err)
		time.Sleep(time.Second)
		require.Equal(t, connectionsPerCarrier, s.server.Open())
		require.Contains(t, carrier.open(), first, "somebody waits there")
		require.NotContains(t, carrier.open(), second)

		first.end(waiting[0], nil, context.Canceled)
		time.Sleep(3 * idleTime)
		require.LessOrEqual(t, s.server.Open(), 1, "the connection that lasts")
	})
}

// newClientOfFew starts a server that answers as picky does and takes few connections,
// and returns a client of it. refused counts the connections that it did not take.
func newClientOfFew(t *testing.T, connections int) (client *Client, refused *atomic.Int64) {
	t.Helper()
	network := radiustest.NewNetwork(radiustest.NetworkOptions{Latency: 500 * time.Microsecond})
	server, err := radiustest.StartStream(radiustest.StreamOptions{
		Network: network, Address: firstAddress.String(), Secret: testSecret, Handler: picky, Keep: 1,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	refused = &atomic.Int64{}
	return newClientAt(t, network, func(c *Config) {
		c.Transport = TCP
		c.Dial = func(ctx context.Context, kind string, source netip.Addr, remote netip.AddrPort) (net.Conn, error) {
			if server.Open() >= connections {
				refused.Add(1)
				return nil, syscall.ECONNRESET
			}
			return network.Dial(ctx, kind, source, remote)
		}
	}), refused
}

func TestServerThatTakesFewConnectionsShutsNoUserOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, refused := newClientOfFew(t, 3)
		strangers := flood{name: manyNames, address: balancer, perSecond: 250, duration: 8 * time.Second, patience: 50 * time.Millisecond}
		var ended atomic.Bool
		var running sync.WaitGroup
		running.Go(func() {
			defer ended.Store(true)
			strangers.send(t, client)
		})
		for ; !ended.Load(); time.Sleep(time.Second / 20) {
			_, err := client.Authenticate(t.Context(), shared(balancer, honest))
			require.NoError(t, err)
		}
		running.Wait()
		require.Positive(t, refused.Load())
	})
}

func TestServerThatTakesNoMoreConnectionsIsFull(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, refused := newClientOfFew(t, 1)
		strangers := flood{name: manyNames, address: balancer, perSecond: 1000, duration: 300 * time.Millisecond}
		full := 0
		for _, err := range strangers.send(t, client) {
			var failure *FullError
			if errors.As(err, &failure) {
				require.False(t, failure.Sent)
				full++
			}
			require.NotContains(t, err.Error(), "DNS")
		}
		require.Equal(t, 300-255, full)
		require.Positive(t, refused.Load())
	})
}
