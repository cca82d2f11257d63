package radiustest

import (
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
)

// The exchanges below were computed independently of this package, as those of
// vectorRequest.
const (
	vectorAccept = "022a002e37ba2d51bf9900c9e6db359e18b6e7be5012f5280f151199942cd2ec511309feea24190861646d696e73"

	vectorRadSecRequest = "012a0052000102030405060708090a0b0c0d0e0f5012f9f14a8c8ae8df12170a6bb29bd34e830107616c6963" +
		"65021220a1a4c45cfdea13cbd38dd2f8e9933b20077661756c743d0600000005060600000008"
	vectorRadSecAccept = "022a002ed7853d28705f59b552857809524eae995012038415b2130da21ed21fc7aa874764e0190861646d696e73"

	vector11Request = "01000035deadbeef0000000000000000000000000107616c696365020768656c6c6f20077661756c743d0600000005" +
		"060600000008"
	vector11Accept = "0200001cdeadbeef000000000000000000000000190861646d696e73"
)

// alice is the user of the vectors.
func alice() Handler {
	return Users{"alice": {Password: "hello", Attributes: []Attribute{{Type: 25, Value: []byte("admins")}}}}.Handler()
}

func startStream(tb testing.TB, o StreamOptions) *StreamServer {
	tb.Helper()
	if o.Secret == "" && o.TLS == nil {
		o.Secret = vectorSecret
	}
	if o.Network != nil {
		o.Address = memoryServer
	}
	s, err := StartStream(o)
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, s.Close()) })
	return s
}

// dialStream opens a connection, with TLS if a configuration is given. On
// loopback its reads fail in the end rather than hang.
func dialStream(tb testing.TB, s *StreamServer, config *tls.Config) net.Conn {
	tb.Helper()
	var conn net.Conn
	var err error
	if n := s.options.Network; n != nil {
		conn, err = n.Dial(tb.Context(), "tcp", netip.Addr{}, s.Addr())
		require.NoError(tb, err)
	} else {
		conn, err = (&net.Dialer{}).DialContext(tb.Context(), "tcp", s.Addr().String())
		require.NoError(tb, err)
		require.NoError(tb, conn.SetDeadline(time.Now().Add(20*time.Second)))
	}
	tb.Cleanup(func() { _ = conn.Close() })
	if config != nil {
		conn = tls.Client(conn, config)
	}
	return conn
}

// next reads one packet.
func next(tb testing.TB, conn net.Conn) []byte {
	tb.Helper()
	packet := make([]byte, 4096)
	_, err := io.ReadFull(conn, packet[:4])
	require.NoError(tb, err)
	length := binary.BigEndian.Uint16(packet[2:4])
	_, err = io.ReadFull(conn, packet[4:length])
	require.NoError(tb, err)
	return packet[:length]
}

func requireEnd(tb testing.TB, conn net.Conn) {
	tb.Helper()
	_, err := conn.Read(make([]byte, 1))
	require.ErrorIs(tb, err, io.EOF)
}

// bothTLS gives configurations for a server and a client that trust each other.
func bothTLS(tb testing.TB) (server, client *tls.Config) {
	tb.Helper()
	a := newAuthority(tb)
	server = serverTLS(tb, a, CertificateOptions{Names: []string{serverName}})
	return server, clientTLS(tb, a, CertificateOptions{CommonName: "vault"}, serverName)
}

func TestStreamServerAnswersOverTCP(t *testing.T) {
	t.Parallel()
	s := startStream(t, StreamOptions{Handler: alice()})
	require.Equal(t, "127.0.0.1", s.Host())
	require.Equal(t, int(s.Addr().Port()), s.Port())
	conn := dialStream(t, s, nil)
	send(t, conn, unhex(t, vectorRequest))
	require.Equal(t, vectorAccept, hex.EncodeToString(next(t, conn)))

	require.Len(t, s.Requests(), 1)
	r := s.Requests()[0]
	require.Equal(t, conn.LocalAddr().String(), r.From.String())
	require.Equal(t, RADIUS10, r.Version)
	require.Zero(t, r.Token())
	require.Nil(t, r.TLS)
}

func TestStreamServerAnswersOverTLS(t *testing.T) {
	t.Parallel()
	server, client := bothTLS(t)
	s := startStream(t, StreamOptions{TLS: server, Handler: alice()})
	for number := 1; number <= 2; number++ {
		conn := dialStream(t, s, client)
		send(t, conn, unhex(t, vectorRadSecRequest))
		require.Equal(t, vectorRadSecAccept, hex.EncodeToString(next(t, conn)))
		r := s.Requests()[number-1]
		require.Equal(t, number, r.Connection)
		require.Equal(t, "vault", r.TLS.PeerCertificates[0].Subject.CommonName)
		require.Equal(t, serverName, r.TLS.ServerName)
	}
	require.Equal(t, 2, s.Accepted())
}

func TestStreamServerSpeaksRADIUS11(t *testing.T) {
	t.Parallel()
	server, client := bothTLS(t)
	client.NextProtos = []string{"radius/1.1"}
	s := startStream(t, StreamOptions{TLS: server, Versions: []Version{RADIUS11}, Handler: alice()})
	conn := dialStream(t, s, client)
	request := unhex(t, vector11Request)
	send(t, conn, request)
	require.Equal(t, vector11Accept, hex.EncodeToString(next(t, conn)))

	r := s.Requests()[0]
	require.Equal(t, RADIUS11, r.Version)
	require.Equal(t, uint32(0xdeadbeef), r.Token())
	require.Equal(t, "alice", r.Username())
	require.Equal(t, "hello", r.Password())
	require.False(t, r.HasMessageAuthenticator())

	// Another Token is another request, whatever is in the packet besides.
	s.SetHandler(func(r *Request) []Answer {
		return []Answer{r.Challenge([]byte("state"), "code?"), r.Reject("denied")}
	})
	request[7]++
	send(t, conn, request)
	require.Equal(t, "0b000022deadbef0000000000000000000000000"+"1207636f64653f"+"18077374617465", hex.EncodeToString(next(t, conn)))
	require.Equal(t, "0300001cdeadbef0000000000000000000000000"+"120864656e696564", hex.EncodeToString(next(t, conn)))
	require.Equal(t, 2, s.Distinct())

	// Status-Server has no Message-Authenticator in RADIUS/1.1.
	status := unhex(t, "0c000014deadbef1000000000000000000000000")
	send(t, conn, status)
	require.Equal(t, byte(radius.CodeAccessChallenge), next(t, conn)[0])
}

func TestVersionIsAgreedOnInALPN(t *testing.T) {
	t.Parallel()
	server, client := bothTLS(t)
	both := []Version{RADIUS11, RADIUS10}
	tests := []struct {
		server []Version
		client []string
		want   Version // empty: no connection
	}{
		{nil, nil, RADIUS10},
		{nil, []string{"radius/1.1", "radius/1.0"}, RADIUS10},
		{both, nil, RADIUS10},
		{both, []string{"radius/1.0"}, RADIUS10},
		{both, []string{"radius/1.1", "radius/1.0"}, RADIUS11},
		{[]Version{RADIUS10}, []string{"radius/1.1", "radius/1.0"}, RADIUS10},
		{[]Version{RADIUS10}, []string{"radius/1.1"}, ""},
		{[]Version{RADIUS11}, nil, ""},
		{[]Version{RADIUS11}, []string{"radius/1.0"}, ""},
		{[]Version{RADIUS11}, []string{"radius/1.1", "radius/1.0"}, RADIUS11},
	}
	requests := map[Version]string{RADIUS10: vectorRadSecRequest, RADIUS11: vector11Request}
	for _, test := range tests {
		s := startStream(t, StreamOptions{TLS: server, Versions: test.server, Handler: accepting})
		config := client.Clone()
		config.NextProtos = test.client
		conn := dialStream(t, s, config)
		if test.want == "" {
			_, err := conn.Read(make([]byte, 1)) // completes the handshake first
			require.Error(t, err, "%v", test)
			require.Eventually(t, func() bool { return s.Open() == 0 }, 20*time.Second, time.Millisecond)
			continue
		}
		send(t, conn, unhex(t, requests[test.want]))
		next(t, conn)
		require.Equal(t, test.want, s.Requests()[0].Version, "%v", test)
	}
}

func TestStreamServerFramesByLength(t *testing.T) {
	inMemory(t, NetworkOptions{}, func(t *testing.T, n *Network) {
		s := startStream(t, StreamOptions{Network: n, Handler: accepting})
		conn := dialStream(t, s, nil)
		first, second := login(t, "alice", "hello"), login(t, "bob", "hello")
		stream := slices.Concat(first, second)
		send(t, conn, stream)
		for i := range stream {
			send(t, conn, stream[i:i+1])
		}
		for _, request := range [][]byte{first, second, first, second} {
			require.True(t, radius.IsAuthenticResponse(next(t, conn), request, []byte(vectorSecret)))
		}
		require.Equal(t, 2, s.Distinct())
		require.Equal(t, 1, s.Accepted())
	})
}

func TestStreamServerSplitsAndJoinsAnswers(t *testing.T) {
	read := func(t *testing.T, conn net.Conn) int {
		t.Helper()
		octets, err := conn.Read(make([]byte, 4096))
		require.NoError(t, err)
		return octets
	}
	const answer = headerLen + messageAuthenticatorLen
	tests := map[string]struct {
		options StreamOptions
		want    []int // octets of each write, for two answers
	}{
		"as they are":     {StreamOptions{}, []int{answer, answer}},
		"octet by octet":  {StreamOptions{OctetByOctet: true}, slices.Repeat([]int{1}, 2*answer)},
		"together":        {StreamOptions{Together: 2}, []int{2 * answer}},
		"two of them":     {StreamOptions{Together: 2, OctetByOctet: true}, slices.Repeat([]int{1}, 2*answer)},
		"one at a time":   {StreamOptions{Together: 1}, []int{answer, answer}},
		"three: held yet": {StreamOptions{Together: 3}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			inMemory(t, NetworkOptions{}, func(t *testing.T, n *Network) {
				test.options.Network, test.options.Handler = n, accepting
				conn := dialStream(t, startStream(t, test.options), nil)
				for range 2 {
					send(t, conn, login(t, "alice", "hello"))
				}
				for _, want := range test.want {
					require.Equal(t, want, read(t, conn))
				}
				requireNothing(t, conn, time.Minute)
			})
		})
	}
}

func TestTLSOverANetworkInMemory(t *testing.T) {
	const latency, thinking = time.Millisecond, 40 * time.Second
	inMemory(t, NetworkOptions{Latency: latency}, func(t *testing.T, n *Network) {
		server, client := bothTLS(t)
		s := startStream(t, StreamOptions{TLS: server, Network: n, OctetByOctet: true, Handler: func(r *Request) []Answer {
			return []Answer{r.Accept().After(thinking), r.Reject("at once")}
		}})
		began := time.Now()
		conn := dialStream(t, s, client)
		send(t, conn, unhex(t, vectorRadSecRequest))
		require.Equal(t, byte(radius.CodeAccessReject), next(t, conn)[0])
		require.Equal(t, 6*latency, time.Since(began), "TCP, TLS and RADIUS take a round trip each")
		require.Equal(t, byte(radius.CodeAccessAccept), next(t, conn)[0])
		require.Equal(t, 6*latency+thinking, time.Since(began))
	})
}

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
				got := make([]byte, len(want))
				_, err := io.ReadFull(conn, got)
				require.NoError(t, err)
				require.Equal(t, want, got)
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

func TestStartStreamRefuses(t *testing.T) {
	t.Parallel()
	taken := startStream(t, StreamOptions{})
	tests := map[string]struct {
		options StreamOptions
		want    string
	}{
		"no secret":               {StreamOptions{}, "secret"},
		"RADIUS/1.1 without TLS":  {StreamOptions{Secret: "s", Versions: []Version{RADIUS11}}, "TLS"},
		"no address":              {StreamOptions{Secret: "s", Address: "nonsense"}, "nonsense"},
		"port in use":             {StreamOptions{Secret: "s", Address: taken.Addr().String()}, "address already in use"},
		"no port, on the network": {StreamOptions{Secret: "s", Network: NewNetwork(NetworkOptions{})}, "a port"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := StartStream(test.options)
			require.ErrorContains(t, err, test.want, fmt.Sprintf("%v", name))
		})
	}
}
