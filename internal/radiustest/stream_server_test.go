package radiustest

import (
	"encoding/hex"
	"fmt"
	"net"
	"slices"
	"testing"
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
			require.Eventually(t, func() bool { return s.Open() == 0 }, time.Minute, time.Millisecond)
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
