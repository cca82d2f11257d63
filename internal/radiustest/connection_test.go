package radiustest

import (
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
)

func TestStreamServerClosesConnections(t *testing.T) {
	inMemory(t, NetworkOptions{}, func(t *testing.T, n *Network) {
		server, client := bothTLS(t)
		s := startStream(t, StreamOptions{TLS: server, Network: n, Handler: accepting})
		conns := []net.Conn{dialStream(t, s, client), dialStream(t, s, client)}
		for _, conn := range conns {
			send(t, conn, unhex(t, vectorRadSecRequest))
			next(t, conn)
		}
		idle := dialStream(t, s, nil) // no TLS yet
		synctest.Wait()
		require.Equal(t, 3, s.Open())
		s.CloseConnections()
		require.Zero(t, s.Open())
		for _, conn := range append(conns, idle) {
			requireEnd(t, conn)
		}

		again := dialStream(t, s, client)
		send(t, again, unhex(t, vectorRadSecRequest))
		next(t, again)
		require.Equal(t, 4, s.Accepted())
		require.Equal(t, 1, s.Open())
		require.NoError(t, again.Close())
		synctest.Wait()
		require.Zero(t, s.Open(), "the client has closed it")
	})
}

func TestHandlersRunOneAtATime(t *testing.T) {
	inMemory(t, NetworkOptions{}, func(t *testing.T, n *Network) {
		var running atomic.Int32
		released := make(chan struct{})
		s := startStream(t, StreamOptions{Network: n, Handler: func(r *Request) []Answer {
			running.Add(1)
			<-released
			return []Answer{r.Accept()}
		}})
		conns := []net.Conn{dialStream(t, s, nil), dialStream(t, s, nil)}
		for _, conn := range conns {
			send(t, conn, login(t, "alice", "hello"))
		}
		time.Sleep(time.Hour) // of the bubble: no goroutine waits on a mutex
		require.EqualValues(t, 1, running.Load())
		close(released)
		next(t, conns[0])
		next(t, conns[1])
	})
}

func TestHandlerMayCloseConnections(t *testing.T) {
	inMemory(t, NetworkOptions{}, func(t *testing.T, n *Network) {
		s := startStream(t, StreamOptions{Network: n})
		s.SetHandler(func(r *Request) []Answer {
			s.CloseConnections()
			return []Answer{r.Accept()}
		})
		conn := dialStream(t, s, nil)
		send(t, conn, login(t, "alice", "hello"))
		requireEnd(t, conn)
		require.Equal(t, 1, s.Distinct())
	})
}

func TestHungStreamServerReadsNothing(t *testing.T) {
	inMemory(t, NetworkOptions{}, func(t *testing.T, n *Network) {
		server, client := bothTLS(t)
		s := startStream(t, StreamOptions{TLS: server, Network: n, Handler: func(r *Request) []Answer {
			return []Answer{r.Reject("at once"), r.Accept().After(time.Second)}
		}})
		conn := dialStream(t, s, client)
		send(t, conn, unhex(t, vectorRadSecRequest))
		next(t, conn)
		s.Hang(true)
		require.Equal(t, byte(radius.CodeAccessAccept), next(t, conn)[0], "it was delayed only")

		send(t, conn, unhex(t, vectorRadSecRequest))
		fresh := dialStream(t, s, nil)
		shaken := make(chan error, 1)
		go func() { shaken <- tls.Client(fresh, client).HandshakeContext(t.Context()) }()
		time.Sleep(time.Hour) // of the bubble
		require.Len(t, s.Requests(), 1)
		require.Empty(t, shaken)
		require.Equal(t, 2, s.Open())

		// It does not empty its buffers either.
		require.NoError(t, conn.SetWriteDeadline(time.Now().Add(time.Minute)))
		_, err := conn.Write(make([]byte, 4*pipeSize))
		require.Error(t, err)

		s.Hang(false)
		require.NoError(t, <-shaken)
		require.Equal(t, byte(radius.CodeAccessReject), next(t, conn)[0])
	})
}

func TestStreamServerClosesWithWorkUnderWay(t *testing.T) {
	inMemory(t, NetworkOptions{}, func(t *testing.T, n *Network) {
		large := Attribute{Type: 25, Value: make([]byte, maxValueLen)}
		s := startStream(t, StreamOptions{Network: n, Handler: func(r *Request) []Answer {
			answers := []Answer{r.Accept().After(time.Hour), r.Accept().After(0)}
			return append(answers, slices.Repeat([]Answer{r.Accept(large)}, pipeSize/maxValueLen)...)
		}})
		stuck := dialStream(t, s, nil)
		send(t, stuck, login(t, "alice", "hello")) // and reads none of the answers
		dialStream(t, s, nil)
		synctest.Wait()
		s.Hang(true)
		dialStream(t, s, nil)
		synctest.Wait()
		require.Equal(t, 3, s.Open())
		require.NoError(t, s.Close())
		require.NoError(t, s.Close(), "closing twice")
		require.Zero(t, s.Open())
	})
}

func TestStreamServerDropsConnectionsThatMakeNoSense(t *testing.T) {
	const rest = "000102030405060708090a0b0c0d0e0f"
	tampered := func(t *testing.T) []byte {
		raw := login(t, "mallory", "hello")
		raw[len(raw)-1] ^= 1
		return raw
	}
	tests := map[string]struct {
		raw    func(*testing.T) []byte
		reason string
	}{
		"Length too small":            {func(t *testing.T) []byte { return unhex(t, "01010013"+rest) }, "length 19"},
		"Length too large":            {func(t *testing.T) []byte { return unhex(t, "01011001"+rest) }, "length 4097"},
		"attribute of length 0":       {func(t *testing.T) []byte { return unhex(t, "01010016"+rest+"0100") }, "attribute"},
		"wrong Message-Authenticator": {tampered, "wrong Message-Authenticator"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			inMemory(t, NetworkOptions{}, func(t *testing.T, n *Network) {
				var told []string
				s := startStream(t, StreamOptions{Network: n, Handler: accepting, Discarded: func(r *Request) {
					told = append(told, r.Discarded)
				}})
				conn := dialStream(t, s, nil)
				send(t, conn, slices.Concat(test.raw(t), login(t, "alice", "hello")))
				requireEnd(t, conn)
				require.Len(t, s.Requests(), 1)
				require.Len(t, told, 1)
				require.Contains(t, told[0], test.reason)
			})
		})
	}
}

func TestStreamServerDiscardsOtherCodesOnly(t *testing.T) {
	inMemory(t, NetworkOptions{}, func(t *testing.T, n *Network) {
		s := startStream(t, StreamOptions{Network: n, Handler: accepting})
		conn := dialStream(t, s, nil)
		accounting, err := radius.New(radius.CodeAccountingRequest, []byte(vectorSecret)).Encode()
		require.NoError(t, err)
		send(t, conn, accounting)
		request := login(t, "alice", "hello")
		send(t, conn, request)
		require.Equal(t, request[1], next(t, conn)[1])
		require.Contains(t, s.Requests()[0].Discarded, "code 4")
	})
}

func TestStreamServerNotesHalfAPacket(t *testing.T) {
	inMemory(t, NetworkOptions{}, func(t *testing.T, n *Network) {
		s := startStream(t, StreamOptions{Network: n, Handler: accepting})
		for _, octets := range []int{0, 10, 30} {
			conn := dialStream(t, s, nil)
			send(t, conn, login(t, "alice", "hello")[:octets])
			require.NoError(t, conn.Close())
			synctest.Wait()
		}
		requests := s.Requests()
		require.Len(t, requests, 2, "a stream may end between packets")
		require.Contains(t, requests[0].Discarded, "ends in a header")
		require.Contains(t, requests[1].Discarded, "ends in a packet")
	})
}

func TestForgeriesOnStreams(t *testing.T) {
	tests := map[string]struct {
		forge func(Answer) Answer
		want  func(right []byte) []byte // the octets that the client reads
		ends  bool
	}{
		"from another port": {Answer.FromOtherPort, func(right []byte) []byte { return right }, false},
		"padded":            {Answer.Padded, func(right []byte) []byte { return append(right, "padding"...) }, false},
		"cut off":           {func(a Answer) Answer { return a.CutOff(5) }, func(right []byte) []byte { return right[:5] }, true},
		"not even begun":    {func(a Answer) Answer { return a.CutOff(0) }, func(right []byte) []byte { return right[:0] }, true},
		"cut off too late":  {func(a Answer) Answer { return a.CutOff(5000) }, func(right []byte) []byte { return right }, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			inMemory(t, NetworkOptions{}, func(t *testing.T, n *Network) {
				s := startStream(t, StreamOptions{Network: n, Handler: func(r *Request) []Answer {
					return []Answer{test.forge(r.Accept()), r.Reject("second")}
				}})
				conn := dialStream(t, s, nil)
				request := unhex(t, vectorRequest)
				send(t, conn, request)
				right := vectorAsked(t)
				want := test.want(right.Accept().Datagram())
				if !test.ends {
					want = append(want, right.Reject("second").Datagram()...)
				}
				read := make([]byte, len(want))
				_, err := io.ReadFull(conn, read)
				require.NoError(t, err)
				require.Equal(t, want, read)
				if test.ends {
					requireEnd(t, conn)
				}
			})
		})
	}
}

func TestStreamServerServesManyClients(t *testing.T) {
	t.Parallel()
	const clients, logins = 10, 20
	server, client := bothTLS(t)
	client.NextProtos = []string{"radius/1.1"}
	s := startStream(t, StreamOptions{TLS: server, Versions: []Version{RADIUS11}, Handler: alice()})
	var running sync.WaitGroup
	for range clients {
		conn := dialStream(t, s, client)
		request := unhex(t, vector11Request)
		running.Go(func() {
			answer := make([]byte, len(vector11Accept)/2)
			for token := range uint32(logins) {
				binary.BigEndian.PutUint32(request[4:], token)
				_, err := conn.Write(request)
				if _, readErr := io.ReadFull(conn, answer); err != nil || readErr != nil || binary.BigEndian.Uint32(answer[4:]) != token {
					t.Errorf("no answer: %v, %v", err, readErr)
				}
				_ = s.Open()
			}
		})
	}
	running.Wait()
	require.Equal(t, clients*logins, s.Distinct())
	require.Equal(t, clients, s.Accepted())
}
