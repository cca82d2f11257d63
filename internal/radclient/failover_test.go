package radclient

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"

	"vault-plugin-auth-radius/internal/radiustest"
)

var (
	firstAddress  = netip.MustParseAddrPort("192.0.2.1:1812")
	secondAddress = netip.MustParseAddrPort("192.0.2.2:1812")
)

// inVirtualTime runs a test in a bubble, with a network of its own. The bubble
// ends only when nothing of the client runs any more.
func inVirtualTime(t *testing.T, options radiustest.NetworkOptions, test func(t *testing.T, network *radiustest.Network)) {
	t.Helper()
	t.Parallel()
	options.Latency = 500 * time.Microsecond
	synctest.Test(t, func(t *testing.T) { test(t, radiustest.NewNetwork(options)) })
}

// startAt runs a server on the network.
func startAt(t *testing.T, network *radiustest.Network, address netip.AddrPort, handler radiustest.Handler) *radiustest.Server {
	t.Helper()
	return start(t, radiustest.Options{Network: network, Address: address.String(), Handler: handler})
}

// serverAt returns the config of a server at the address.
func serverAt(address netip.AddrPort) Server {
	return Server{Host: address.Addr().String(), Port: int(address.Port()), Secret: NewSecret(testSecret)}
}

// newPairClient makes a client of the first and the second server; change may be
// nil.
func newPairClient(t *testing.T, network *radiustest.Network, change func(*Config)) *Client {
	t.Helper()
	config := Config{
		ReadTimeout:    10 * time.Second,
		ResponseWindow: 5 * time.Second,
		Dial:           network.Dial,
	}
	for _, address := range []netip.AddrPort{firstAddress, secondAddress} {
		config.Servers = append(config.Servers, serverAt(address))
	}
	if change != nil {
		change(&config)
	}
	client, err := New(config)
	require.NoError(t, err)
	t.Cleanup(func() {
		client.Close()
		time.Sleep(config.ReadTimeout) // for logins that wait, if the test has failed
	})
	return client
}

// newClientAt makes a client of the first server; change may be nil.
func newClientAt(t *testing.T, network *radiustest.Network, change func(*Config)) *Client {
	t.Helper()
	return newPairClient(t, network, func(c *Config) {
		c.Servers, c.ResponseWindow = c.Servers[:1], 0
		if change != nil {
			change(c)
		}
	})
}

// deafToStatus answers logins as the handler does, and no Status-Server.
func deafToStatus(handler radiustest.Handler) radiustest.Handler {
	return func(r *radiustest.Request) []radiustest.Answer {
		if r.Packet.Code == radius.CodeStatusServer {
			return nil
		}
		return handler(r)
	}
}

// logins counts the Access-Requests that a server has seen, each once.
func logins(server *radiustest.Server) int {
	seen := map[[16]byte]bool{}
	for _, request := range server.Requests() {
		if request.Packet.Code == radius.CodeAccessRequest {
			seen[request.Packet.Authenticator] = true
		}
	}
	return len(seen)
}

// outcome is what became of a login.
type outcome struct {
	began  time.Duration // since the start of the traffic
	took   time.Duration
	server string
	err    error
}

// traffic logs users in at a steady rate and returns the outcome of each login, in the
// order in which they began.
func traffic(t *testing.T, client *Client, perSecond int, duration time.Duration) []outcome {
	t.Helper()
	start := time.Now()
	outcomes := make([]outcome, int(duration.Seconds())*perSecond)
	var running sync.WaitGroup
	for i := range outcomes {
		running.Go(func() {
			began := time.Now()
			verdict, err := client.Authenticate(t.Context(), Credentials{Username: fmt.Sprintf("user-%d", i), Password: "p"})
			if err == nil && verdict.Outcome != Accept {
				err = errors.New(verdict.Outcome.String())
			}
			outcomes[i] = outcome{began: began.Sub(start), took: time.Since(began), server: verdict.Server, err: err}
		})
		time.Sleep(time.Second / time.Duration(perSecond)) // of virtual time
	}
	running.Wait()
	return outcomes
}

func TestNoLoginIsLostWhenThePrimaryDies(t *testing.T) {
	t.Parallel()
	for name, killed := range map[string]struct {
		kill, revive func(*testing.T, *radiustest.Network, *radiustest.Server)
	}{
		"its process ends": {
			kill: func(t *testing.T, _ *radiustest.Network, first *radiustest.Server) { require.NoError(t, first.Close()) },
			revive: func(t *testing.T, network *radiustest.Network, _ *radiustest.Server) {
				startAt(t, network, firstAddress, accept)
			},
		},
		"its packets vanish": {
			kill: func(_ *testing.T, network *radiustest.Network, _ *radiustest.Server) {
				network.Blackhole(firstAddress, true)
			},
			revive: func(_ *testing.T, network *radiustest.Network, _ *radiustest.Server) {
				network.Blackhole(firstAddress, false)
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
				first := startAt(t, network, firstAddress, accept)
				startAt(t, network, secondAddress, accept)
				client := newPairClient(t, network, nil)

				const killedAt, revivedAt = 10 * time.Second, 30 * time.Second
				time.AfterFunc(killedAt, func() { killed.kill(t, network, first) })
				time.AfterFunc(revivedAt, func() { killed.revive(t, network, first) })
				outcomes := traffic(t, client, 200, 65*time.Second)

				for _, login := range outcomes {
					require.NoError(t, login.err)
					require.LessOrEqual(t, login.took, 5*time.Second)
					switch {
					case login.began < killedAt-time.Second, login.began > revivedAt+30*time.Second:
						require.Equal(t, firstAddress.String(), login.server)
					case login.began > killedAt+5*time.Second && login.began < revivedAt:
						require.Equal(t, secondAddress.String(), login.server)
						require.Equal(t, time.Millisecond, login.took, "it costs nothing once known")
					}
				}
				require.Positive(t, client.Stats()[0].FailedOver)
			})
		})
	}
}

func TestWithoutStatusServerNewLoginsMoveAndOthersStay(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		first := startAt(t, network, firstAddress, deafToStatus(accept))
		second := startAt(t, network, secondAddress, deafToStatus(accept))
		client := newPairClient(t, network, nil)
		const killedAt, revivedAt = 10 * time.Second, 40 * time.Second
		time.AfterFunc(killedAt, func() { network.Blackhole(firstAddress, true) })
		time.AfterFunc(revivedAt, func() { network.Blackhole(firstAddress, false) })
		lost, moved := 0, 0
		for _, login := range traffic(t, client, 20, 100*time.Second) {
			switch {
			case login.began < killedAt, login.began > revivedAt+50*time.Second:
				require.Equal(t, firstAddress.String(), login.server)
			case login.err != nil:
				require.LessOrEqual(t, login.began, killedAt+5*time.Second, "the response window")
				lost++
			case login.server == secondAddress.String():
				moved++
			}
		}
		require.InDelta(t, 100, lost, 3, "20 logins a second within the window")
		require.Greater(t, moved, 20*30)
		require.Equal(t, moved, logins(second), "no login is sent to both")
		require.Positive(t, logins(first))
	})
}

func TestWithoutStatusServerAClosedPortIsDeathAllTheSame(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		first := startAt(t, network, firstAddress, deafToStatus(accept))
		startAt(t, network, secondAddress, deafToStatus(accept))
		client := newPairClient(t, network, nil)
		const killedAt, revivedAt = 10 * time.Second, 20 * time.Second
		time.AfterFunc(killedAt, func() { require.NoError(t, first.Close()) })
		time.AfterFunc(revivedAt, func() { startAt(t, network, firstAddress, deafToStatus(accept)) })
		for _, login := range traffic(t, client, 20, 60*time.Second) {
			require.NoError(t, login.err)
			if login.began < killedAt || login.began > revivedAt+30*time.Second {
				require.Equal(t, firstAddress.String(), login.server)
			}
		}
	})
}

func TestSlowUserIsLeftAlone(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		first := startAt(t, network, firstAddress, func(r *radiustest.Request) []radiustest.Answer {
			switch {
			case r.Packet.Code == radius.CodeStatusServer:
				return []radiustest.Answer{r.Accept()}
			case r.Copy > 1:
				return nil // the first copy is being worked on
			}
			return []radiustest.Answer{r.Accept().After(30 * time.Second)}
		})
		second := startAt(t, network, secondAddress, accept)
		client := newPairClient(t, network, func(c *Config) { c.ReadTimeout = time.Minute })
		verdict, err := client.Authenticate(t.Context(), bob)
		require.NoError(t, err)
		require.Equal(t, Accept, verdict.Outcome)
		require.Equal(t, firstAddress.String(), verdict.Server)
		require.Empty(t, second.Requests())
		require.Equal(t, 1, logins(first))
		require.LessOrEqual(t, verdict.Sends, 15)
		require.Equal(t, Alive, client.Stats()[0].State())
	})
}

func TestLivingServersAreKeptOnALossyNetwork(t *testing.T) {
	options := radiustest.NetworkOptions{RequestLoss: 0.2, AnswerLoss: 0.2, Seed: 2}
	inVirtualTime(t, options, func(t *testing.T, network *radiustest.Network) {
		startAt(t, network, firstAddress, accept)
		startAt(t, network, secondAddress, accept)
		dead := 0
		client := newPairClient(t, network, func(c *Config) {
			c.Changed = func(change Change) {
				if change.To == Dead {
					dead++
				}
			}
		})
		for _, login := range traffic(t, client, 1, 1000*time.Second) {
			if login.err != nil {
				require.ErrorContains(t, login.err, "no answer")
			}
		}
		require.Less(t, dead, 10)
	})
}

func TestLoginOfADeadServerWaitsForOneThatLives(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		client := newPairClient(t, network, func(c *Config) { c.ReadTimeout = 30 * time.Second })
		time.AfterFunc(10*time.Second, func() { startAt(t, network, secondAddress, accept) })
		verdict, err := client.Authenticate(t.Context(), bob)
		require.NoError(t, err, "nothing listened anywhere when it began")
		require.Equal(t, secondAddress.String(), verdict.Server)
	})
}

func TestServersAreAskedInTurn(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		startAt(t, network, firstAddress, accept)
		second := startAt(t, network, secondAddress, accept)
		client := newPairClient(t, network, func(c *Config) { c.Strategy = RoundRobin })
		servers := func() (answered []string) {
			for range 4 {
				verdict, err := client.Authenticate(t.Context(), bob)
				require.NoError(t, err)
				answered = append(answered, verdict.Server)
			}
			return answered
		}
		first, other := firstAddress.String(), secondAddress.String()
		require.Equal(t, []string{first, other, first, other}, servers())
		require.NoError(t, second.Close())
		servers()
		require.Equal(t, []string{first, first, first, first}, servers(), "the second is known to be dead")
	})
}

func TestOnlyAnswersThatLeaveTheLoginUndecidedMoveIt(t *testing.T) {
	t.Parallel()
	protocolError := func(value uint32) radiustest.Handler {
		return func(r *radiustest.Request) []radiustest.Answer {
			cause := radiustest.Attribute{Type: errorCause, Value: radius.NewInteger(value)}
			return []radiustest.Answer{r.Accept(cause).WithCode(codeProtocolError)}
		}
	}
	challenge := func(r *radiustest.Request) []radiustest.Answer { return []radiustest.Answer{r.Challenge(nil, "?")} }
	for name, test := range map[string]struct {
		handler radiustest.Handler
		moves   bool
	}{
		"reject":                       {handler: reject},
		"challenge":                    {handler: challenge},
		"Request Not Routable":         {handler: protocolError(502), moves: true},
		"Other Proxy Processing Error": {handler: protocolError(505), moves: true},
		"Resources Unavailable":        {handler: protocolError(506), moves: true},
		"Unsupported Attribute":        {handler: protocolError(401)},
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
				startAt(t, network, firstAddress, test.handler)
				second := startAt(t, network, secondAddress, accept)
				_, _ = newPairClient(t, network, nil).Authenticate(t.Context(), bob)
				require.Equal(t, test.moves, logins(second) == 1)
			})
		})
	}
}

func TestAnswerToAChallengeGoesNowhereElse(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		handler := radiustest.Users{"carol": {Password: "carol-password", Code: "123456"}}.Handler()
		first := startAt(t, network, firstAddress, handler)
		second := startAt(t, network, secondAddress, handler)
		client := newPairClient(t, network, nil)
		verdict, err := client.Authenticate(t.Context(), Credentials{Username: "carol", Password: "carol-password"})
		require.NoError(t, err)
		step, err := verdict.Step()
		require.NoError(t, err)
		require.NoError(t, first.Close())
		_, err = client.Authenticate(t.Context(), Credentials{
			Username: "carol", Password: "123456", Answers: &Challenged{Host: verdict.Host, Server: verdict.Server, State: step.State},
		})
		var noAnswer *NoAnswerError
		require.ErrorAs(t, err, &noAnswer)
		require.Zero(t, logins(second), "its State is the first server's")
	})
}
