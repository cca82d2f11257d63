package radiustest

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
)

func TestServerAnswersOnEveryLoopback(t *testing.T) {
	t.Parallel()
	addresses, err := net.InterfaceAddrs()
	require.NoError(t, err)
	tried := 0
	for _, address := range addresses {
		ip, _, err := net.ParseCIDR(address.String())
		require.NoError(t, err)
		if !ip.IsLoopback() {
			continue
		}
		tried++
		s := start(t, Options{Address: net.JoinHostPort(ip.String(), "0"), Handler: accepting})
		require.Equal(t, ip.String(), s.Host())
		require.Equal(t, int(s.Addr().Port()), s.Port())
		conn := dial(t, s.Addr())
		request := login(t, "alice", "hello")
		send(t, conn, request)
		answer := receive(t, conn)
		require.Equal(t, byte(radius.CodeAccessAccept), answer[0])
		require.True(t, radius.IsAuthenticResponse(answer, request, []byte(vectorSecret)))
		require.Equal(t, conn.LocalAddr().String(), s.Requests()[0].From.String())
	}
	require.NotZero(t, tried)
}

func TestServerDiscardsWhatFreeRADIUSDiscards(t *testing.T) {
	t.Parallel()
	told := make(chan string, 5)
	s := start(t, Options{Handler: accepting, Discarded: func(r *Request) { told <- r.Discarded }})
	conn := dial(t, s.Addr())

	tampered := login(t, "mallory", "hello")
	tampered[len(tampered)-1] ^= 1
	unsigned, err := radius.New(radius.CodeStatusServer, []byte(vectorSecret)).Encode()
	require.NoError(t, err)
	accounting, err := radius.New(radius.CodeAccountingRequest, []byte(vectorSecret)).Encode()
	require.NoError(t, err)
	for _, datagram := range [][]byte{[]byte("noise"), tampered, unsigned, accounting} {
		send(t, conn, datagram)
	}
	// The server takes one datagram after another, so the first answer being for
	// this one shows that the others got none.
	last := login(t, "alice", "hello")
	send(t, conn, last)
	require.Equal(t, last[1], receive(t, conn)[1])

	requests := s.Requests()
	require.Len(t, requests, 5)
	require.Len(t, told, 4)
	require.Equal(t, requests[0].Discarded, <-told)
	require.Nil(t, requests[0].Packet)
	require.Empty(t, requests[0].Username())
	require.Empty(t, requests[0].Password())
	require.NotEmpty(t, requests[0].Discarded)
	require.Equal(t, "mallory", requests[1].Username())
	require.Contains(t, requests[1].Discarded, "wrong Message-Authenticator")
	require.Contains(t, requests[2].Discarded, "Status-Server")
	require.Contains(t, requests[3].Discarded, "code 4")
	require.Empty(t, requests[4].Discarded)
	require.Equal(t, 4, s.Distinct())
}

func TestServerAnswersStatusServer(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Handler: Users{}.Handler()})
	conn := dial(t, s.Addr())
	packet := radius.New(radius.CodeStatusServer, []byte(vectorSecret))
	packet.Add(typeMessageAuthenticator, make([]byte, 16))
	send(t, conn, sign(t, packet))
	require.Equal(t, byte(radius.CodeAccessAccept), receive(t, conn)[0])
}

func TestServerNumbersCopies(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Handler: func(r *Request) []Answer {
		return []Answer{r.Reject(fmt.Sprintf("copy %d", r.Copy))}
	}})
	conn, other := dial(t, s.Addr()), dial(t, s.Addr())
	request := login(t, "alice", "hello")
	for number := 1; number <= 3; number++ {
		send(t, conn, request)
		require.Contains(t, string(receive(t, conn)), fmt.Sprintf("copy %d", number))
	}
	send(t, other, request)
	require.Contains(t, string(receive(t, other)), "copy 1", "another source is another request")
	require.Len(t, s.Requests(), 4)
	require.Equal(t, 2, s.Distinct())
}

func TestServerLosesDatagrams(t *testing.T) {
	t.Parallel()
	loss := Loss{Rate: 0.5, Seed: 3}
	// fated returns a user whose first two copies fare as asked.
	fated := func(requestLost, answerLost, secondLost bool) string {
		for i := 0; ; i++ {
			name := fmt.Sprintf("user-%d", i)
			if loss.LosesRequest(name, 1) == requestLost && loss.LosesAnswer(name, 1) == answerLost &&
				!loss.LosesRequest(name, 2) && loss.LosesAnswer(name, 2) == secondLost {
				return name
			}
		}
	}
	tests := map[string]struct {
		username string
		arrived  int // of two copies
	}{
		"request lost": {fated(true, false, false), 1},
		"answer lost":  {fated(false, true, false), 2},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, Options{Loss: loss, Handler: func(r *Request) []Answer {
				return []Answer{r.Reject(fmt.Sprintf("copy %d", r.Copy))}
			}})
			conn := dial(t, s.Addr())
			request := login(t, test.username, "hello")
			send(t, conn, request)
			send(t, conn, request)
			require.Contains(t, string(receive(t, conn)), "copy 2")
			require.Len(t, s.Requests(), test.arrived)
			require.Equal(t, 1, s.Distinct())
		})
	}
}

func TestWhatIsLostOnTheWayInIsNotCounted(t *testing.T) {
	t.Parallel()
	l := newLedger(accepting, 0)
	l.loss = Loss{Rate: 1}
	require.Empty(t, l.answers(vectorAsked(t)))
	require.Empty(t, l.Requests())
	require.Zero(t, l.Distinct())
}

func TestServerSendsSeveralAnswersInOrder(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Handler: func(r *Request) []Answer {
		return []Answer{r.Reject("first").WrongAuthenticator(), r.Reject("second")}
	}})
	conn := dial(t, s.Addr())
	send(t, conn, login(t, "alice", "hello"))
	require.Contains(t, string(receive(t, conn)), "first")
	require.Contains(t, string(receive(t, conn)), "second")
}

func TestServerAnswersLate(t *testing.T) {
	const latency, delay = time.Millisecond, 50 * time.Millisecond
	inMemory(t, NetworkOptions{Latency: latency}, func(t *testing.T, n *Network) {
		startInMemory(t, n, func(r *Request) []Answer {
			return []Answer{r.Reject("late").After(delay), r.Reject("at once")}
		})
		conn := dialInMemory(t, n)
		began := time.Now()
		send(t, conn, login(t, "alice", "hello"))
		require.Contains(t, string(receive(t, conn)), "at once")
		require.Equal(t, 2*latency, time.Since(began))
		require.Contains(t, string(receive(t, conn)), "late")
		require.Equal(t, 2*latency+delay, time.Since(began))
	})
}

func TestCloseDropsDelayedAnswers(t *testing.T) {
	t.Parallel()
	s, err := Start(Options{Secret: vectorSecret, Handler: func(r *Request) []Answer {
		return []Answer{r.Accept().After(time.Hour), r.Reject("at once")}
	}})
	require.NoError(t, err)
	conn := dial(t, s.Addr())
	send(t, conn, login(t, "alice", "hello"))
	receive(t, conn)
	require.NoError(t, s.Close())
	require.NoError(t, s.Close(), "closing twice")
}

func TestServerAnswersFromAnotherPort(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Handler: func(r *Request) []Answer { return []Answer{r.Accept().FromOtherPort()} }})
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	_, err = conn.WriteToUDPAddrPort(login(t, "alice", "hello"), s.Addr())
	require.NoError(t, err)
	_, from, err := conn.ReadFromUDPAddrPort(make([]byte, 4096))
	require.NoError(t, err)
	require.Equal(t, s.Addr().Addr(), from.Addr().Unmap())
	require.NotEqual(t, s.Addr().Port(), from.Port())
}

func TestSetHandler(t *testing.T) {
	t.Parallel()
	s := start(t, Options{}) // silent so far
	conn := dial(t, s.Addr())
	send(t, conn, login(t, "early", "hello"))
	require.Eventually(t, func() bool { return s.Distinct() == 1 }, time.Minute, time.Millisecond)
	s.SetHandler(accepting)
	request := login(t, "alice", "hello")
	send(t, conn, request)
	require.Equal(t, request[1], receive(t, conn)[1])
}

func TestServerKeepsTheLatestRequests(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Handler: accepting, Keep: 3})
	conn := dial(t, s.Addr())
	for i := range 20 {
		send(t, conn, login(t, fmt.Sprintf("user-%d", i), "hello"))
		receive(t, conn)
	}
	requests := s.Requests()
	require.GreaterOrEqual(t, len(requests), 3)
	require.LessOrEqual(t, len(requests), 6)
	require.Equal(t, "user-19", requests[len(requests)-1].Username())
	require.Equal(t, 20, s.Distinct())
}

func TestServerServesManyClients(t *testing.T) {
	t.Parallel()
	const clients, logins = 20, 20
	s := start(t, Options{Handler: Users{"alice": {Password: "hello"}}.Handler()})
	var running sync.WaitGroup
	for range clients {
		conn := dial(t, s.Addr())
		requests := make([][]byte, logins)
		for i := range requests {
			requests[i] = login(t, "alice", "hello")
		}
		running.Go(func() {
			buffer := make([]byte, 4096)
			for _, request := range requests {
				_, err := conn.Write(request)
				if n, readErr := conn.Read(buffer); err != nil || readErr != nil ||
					!radius.IsAuthenticResponse(buffer[:n], request, []byte(vectorSecret)) {
					t.Errorf("no answer: %v, %v", err, readErr)
				}
				_ = s.Requests()
			}
		})
	}
	running.Wait()
	require.Equal(t, clients*logins, s.Distinct())
}

func TestStartRefuses(t *testing.T) {
	t.Parallel()
	taken := start(t, Options{})
	tests := map[string]struct {
		options Options
		want    string
	}{
		"no secret":   {Options{}, "secret"},
		"no address":  {Options{Secret: "s", Address: "nonsense"}, `"nonsense"`},
		"port in use": {Options{Secret: "s", Address: taken.Addr().String()}, "address already in use"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Start(test.options)
			require.ErrorContains(t, err, test.want)
			require.False(t, strings.Contains(err.Error(), vectorSecret))
		})
	}
}
