package radiustest

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
)

const memoryServer = "192.0.2.1:1812"

// inMemory runs a test in virtual time.
func inMemory(t *testing.T, o NetworkOptions, test func(t *testing.T, n *Network)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { test(t, NewNetwork(o)) })
}

func startInMemory(t *testing.T, n *Network, handler Handler) *Server {
	t.Helper()
	return start(t, Options{Network: n, Address: memoryServer, Handler: handler})
}

func dialInMemory(t *testing.T, n *Network) net.Conn {
	t.Helper()
	conn, err := n.Dial(t.Context(), "udp", netip.Addr{}, netip.MustParseAddrPort(memoryServer))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func requireNothing(t *testing.T, conn net.Conn, within time.Duration) {
	t.Helper()
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(within)))
	_, err := conn.Read(make([]byte, 4096))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.NoError(t, conn.SetReadDeadline(time.Time{}))
}

func TestLoginOverANetworkInMemoryTakesTwiceTheLatency(t *testing.T) {
	const latency, thinking = 500 * time.Microsecond, 40 * time.Second
	inMemory(t, NetworkOptions{Latency: latency}, func(t *testing.T, n *Network) {
		s := startInMemory(t, n, func(r *Request) []Answer {
			return []Answer{r.Accept().After(thinking), r.Reject("at once")}
		})
		require.Equal(t, memoryServer, s.Addr().String())
		conn := dialInMemory(t, n)
		request := login(t, "alice", "hello")
		began := time.Now()
		send(t, conn, request)
		require.Zero(t, time.Since(began), "sending takes no time")

		answer := receive(t, conn)
		require.Equal(t, byte(radius.CodeAccessReject), answer[0])
		require.True(t, radius.IsAuthenticResponse(answer, request, []byte(vectorSecret)))
		require.Equal(t, 2*latency, time.Since(began))
		require.Equal(t, byte(radius.CodeAccessAccept), receive(t, conn)[0])
		require.Equal(t, 2*latency+thinking, time.Since(began))

		send(t, conn, request)
		receive(t, conn)
		require.Len(t, s.Requests(), 2)
		require.Equal(t, 1, s.Distinct())
		require.Equal(t, conn.LocalAddr().String(), s.Requests()[0].From.String())
		require.NoError(t, s.Close(), "an answer is still delayed")
	})
}

func TestNetworkLosesItsShareOfEachDirection(t *testing.T) {
	const datagrams = 4000
	tests := map[string]NetworkOptions{
		"nothing":       {},
		"requests":      {RequestLoss: 0.3, Seed: 1},
		"answers":       {AnswerLoss: 0.3, Seed: 1},
		"both":          {RequestLoss: 0.3, AnswerLoss: 0.1, Seed: 1},
		"everything":    {RequestLoss: 1},
		"other seed":    {RequestLoss: 0.3, Seed: 2},
		"every answer":  {AnswerLoss: 1},
		"mostly losses": {RequestLoss: 0.9, AnswerLoss: 0.9, Seed: 3},
	}
	for name, options := range tests {
		t.Run(name, func(t *testing.T) {
			inMemory(t, options, func(t *testing.T, n *Network) {
				s := startInMemory(t, n, accepting)
				conn := dialInMemory(t, n)
				request := login(t, "alice", "hello") // the same each time: copies are drawn for alike
				answered := 0
				for range datagrams {
					send(t, conn, request)
				}
				require.NoError(t, conn.SetReadDeadline(time.Now().Add(time.Second)))
				for {
					if _, err := conn.Read(make([]byte, 4096)); err != nil {
						require.ErrorIs(t, err, os.ErrDeadlineExceeded)
						break
					}
					answered++
				}
				// Four standard deviations of a share are 0.032 at the most.
				arrived := float64(len(s.Requests()))
				require.InDelta(t, 1-options.RequestLoss, arrived/datagrams, 0.032)
				require.InDelta(t, (1-options.RequestLoss)*(1-options.AnswerLoss), float64(answered)/datagrams, 0.032)
			})
		})
	}
}

func TestNetworkLossRepeatsForTheSameSeed(t *testing.T) {
	t.Parallel()
	// fates returns which of 64 requests arrive.
	fates := func(seed uint64) (arrived [64]bool) {
		synctest.Test(t, func(t *testing.T) {
			n := NewNetwork(NetworkOptions{RequestLoss: 0.5, Seed: seed})
			s := startInMemory(t, n, nil)
			conn := dialInMemory(t, n)
			for i := range arrived {
				send(t, conn, []byte{byte(i)})
			}
			synctest.Wait()
			for _, r := range s.Requests() {
				arrived[r.Raw[0]] = true
			}
		})
		return arrived
	}
	require.Equal(t, fates(7), fates(7))
	require.NotEqual(t, fates(7), fates(8))
}

func TestClosedPortRefusesAfterARoundTrip(t *testing.T) {
	const latency = time.Millisecond
	inMemory(t, NetworkOptions{Latency: latency}, func(t *testing.T, n *Network) {
		conn := dialInMemory(t, n)
		request := login(t, "alice", "hello")
		began := time.Now()
		send(t, conn, request)
		send(t, conn, request) // the news of the first is not back yet
		_, err := conn.Read(make([]byte, 4096))
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		require.Equal(t, 2*latency, time.Since(began))
		_, err = conn.Read(make([]byte, 4096))
		require.ErrorIs(t, err, syscall.ECONNREFUSED)

		send(t, conn, request)
		time.Sleep(2 * latency) // the clock of the bubble
		_, err = conn.Write(request)
		require.ErrorIs(t, err, syscall.ECONNREFUSED, "the news of the datagram before")

		// The refused Write has sent nothing, so the next answer is the next login's.
		startInMemory(t, n, accepting)
		request = login(t, "alice", "hello")
		send(t, conn, request)
		require.Equal(t, request[1], receive(t, conn)[1])
	})
}

func TestServersDoNotSeeClosedPorts(t *testing.T) {
	inMemory(t, NetworkOptions{}, func(t *testing.T, n *Network) {
		server, err := n.open(netip.MustParseAddrPort(memoryServer), netip.AddrPort{})
		require.NoError(t, err)
		_, err = server.WriteToUDPAddrPort([]byte("x"), netip.MustParseAddrPort("192.0.2.100:50000"))
		require.NoError(t, err)
		requireNothing(t, server, time.Minute)
		_, err = server.Write([]byte("x"))
		require.ErrorIs(t, err, syscall.EDESTADDRREQ, "it is not connected")
	})
}

func TestDatagramsAndRefusalsArriveInTheirOrder(t *testing.T) {
	const latency = 10 * time.Millisecond
	inMemory(t, NetworkOptions{Latency: latency}, func(t *testing.T, n *Network) {
		conn := dialInMemory(t, n)
		send(t, conn, []byte("x")) // refused after 20 ms
		time.Sleep(time.Millisecond)
		server, err := n.open(netip.MustParseAddrPort(memoryServer), netip.AddrPort{})
		require.NoError(t, err)
		_, err = server.WriteToUDPAddrPort([]byte("y"), netip.MustParseAddrPort(conn.LocalAddr().String()))
		require.NoError(t, err)
		require.Equal(t, "y", string(receive(t, conn))) // after 11 ms
		_, err = conn.Read(make([]byte, 1))
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
	})
}

func TestDeadlinesEndBeforeWhatIsUnderWay(t *testing.T) {
	inMemory(t, NetworkOptions{Latency: time.Hour}, func(t *testing.T, n *Network) {
		startInMemory(t, n, accepting)
		conn := dialInMemory(t, n)
		send(t, conn, login(t, "alice", "hello"))
		time.Sleep(90 * time.Minute)
		began := time.Now()
		requireNothing(t, conn, time.Minute)
		require.Equal(t, time.Minute, time.Since(began))
		receive(t, conn)
	})
}

func TestLostRefusalsAreSilence(t *testing.T) {
	inMemory(t, NetworkOptions{AnswerLoss: 1}, func(t *testing.T, n *Network) {
		conn := dialInMemory(t, n)
		send(t, conn, []byte("x"))
		requireNothing(t, conn, time.Minute)
	})
}

func TestBlackholeIsSilentBothWays(t *testing.T) {
	inMemory(t, NetworkOptions{Latency: time.Millisecond}, func(t *testing.T, n *Network) {
		address := netip.MustParseAddrPort(memoryServer)
		conn := dialInMemory(t, n)
		n.Blackhole(address, true)
		send(t, conn, login(t, "nobody", "hello"))
		requireNothing(t, conn, time.Minute) // no server listens, and no error says so

		s := startInMemory(t, n, func(r *Request) []Answer { return []Answer{r.Accept().After(time.Second)} })
		send(t, conn, login(t, "early", "hello"))
		requireNothing(t, conn, time.Minute)
		require.Empty(t, s.Requests())

		n.Blackhole(address, false)
		send(t, conn, login(t, "alice", "hello"))
		time.Sleep(500 * time.Millisecond) // the request has arrived, the answer is not sent yet
		n.Blackhole(address, true)
		requireNothing(t, conn, time.Minute)
		require.Len(t, s.Requests(), 1)

		n.Blackhole(address, false)
		send(t, conn, login(t, "alice", "hello"))
		receive(t, conn)
	})
}

func TestMemorySocketsHearTheirPeerOnly(t *testing.T) {
	inMemory(t, NetworkOptions{}, func(t *testing.T, n *Network) {
		startInMemory(t, n, func(r *Request) []Answer {
			return []Answer{r.Reject("from elsewhere").FromOtherPort(), r.Reject("from here")}
		})
		conn := dialInMemory(t, n)
		send(t, conn, login(t, "alice", "hello"))
		require.Contains(t, string(receive(t, conn)), "from here")
		requireNothing(t, conn, time.Minute)
	})
}

func TestMemorySocketsHaveAddressesOfTheirOwn(t *testing.T) {
	inMemory(t, NetworkOptions{}, func(t *testing.T, n *Network) {
		remote := netip.MustParseAddrPort(memoryServer)
		seen := map[string]bool{}
		for range 100 {
			conn := dialInMemory(t, n)
			require.Equal(t, memoryServer, conn.RemoteAddr().String())
			seen[conn.LocalAddr().String()] = true
		}
		require.Len(t, seen, 100)

		source := netip.MustParseAddr("198.51.100.7")
		conn, err := n.Dial(t.Context(), "udp", source, remote)
		require.NoError(t, err)
		require.Equal(t, source, conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr())
		require.NoError(t, conn.Close())

		_, err = n.Dial(t.Context(), "udp", netip.MustParseAddr("2001:db8::1"), remote)
		require.ErrorContains(t, err, "IP version")
		for _, nowhere := range []netip.AddrPort{{}, netip.AddrPortFrom(remote.Addr(), 0)} {
			_, err = n.Dial(t.Context(), "udp", source, nowhere)
			require.ErrorContains(t, err, "no address and port")
		}
		_, err = n.Dial(t.Context(), "sctp", source, remote)
		require.ErrorContains(t, err, "sctp")
	})
}

func TestMemorySocketsKeepDeadlinesAndClose(t *testing.T) {
	inMemory(t, NetworkOptions{}, func(t *testing.T, n *Network) {
		startInMemory(t, n, nil)
		conn := dialInMemory(t, n)
		requireNothing(t, conn, time.Hour)

		// A deadline set later ends a Read that waits, and so does Close.
		ended := make(chan error)
		read := func() {
			_, err := conn.Read(make([]byte, 4096))
			ended <- err
		}
		go read()
		synctest.Wait()
		require.NoError(t, conn.SetDeadline(time.Now()))
		err := <-ended
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		var timeout net.Error
		require.True(t, errors.As(err, &timeout) && timeout.Timeout())
		_, err = conn.Write([]byte("x"))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)

		require.NoError(t, conn.SetDeadline(time.Time{}))
		go read()
		synctest.Wait()
		require.NoError(t, conn.Close())
		require.ErrorIs(t, <-ended, net.ErrClosed)
		_, err = conn.Write([]byte("x"))
		require.ErrorIs(t, err, net.ErrClosed)
		require.ErrorIs(t, conn.Close(), net.ErrClosed)
		require.ErrorIs(t, conn.SetDeadline(time.Time{}), net.ErrClosed)
	})
}

func TestLongDatagramsAreCutOff(t *testing.T) {
	inMemory(t, NetworkOptions{}, func(t *testing.T, n *Network) {
		startInMemory(t, n, accepting)
		conn := dialInMemory(t, n)
		send(t, conn, login(t, "alice", "hello"))
		short := make([]byte, 4)
		length, err := conn.Read(short)
		require.NoError(t, err)
		require.Equal(t, 4, length)
		requireNothing(t, conn, time.Second) // the rest is gone
	})
}

func TestServerOnANetworkNeedsAFreeAddress(t *testing.T) {
	inMemory(t, NetworkOptions{}, func(t *testing.T, n *Network) {
		first := startInMemory(t, n, nil)
		for _, address := range []string{"", "192.0.2.1", "192.0.2.1:0", "radius.example:1812"} {
			_, err := Start(Options{Secret: vectorSecret, Network: n, Address: address})
			require.ErrorContains(t, err, "an IP address and a port", "%q", address)
		}
		_, err := Start(Options{Secret: vectorSecret, Network: n, Address: memoryServer})
		require.ErrorIs(t, err, syscall.EADDRINUSE)
		require.NoError(t, first.Close())
		startInMemory(t, n, nil)
	})
}
