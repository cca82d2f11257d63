package radclient

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"

	"vault-plugin-auth-radius/internal/radiustest"
)

func TestConnectionThatTheServerClosedIsReplaced(t *testing.T) {
	overStreams(t, radiustest.StreamOptions{Handler: accept}, func(t *testing.T, s *stream) {
		client := s.client(t, nil)
		for range 3 {
			_, err := client.Authenticate(t.Context(), bob)
			require.NoError(t, err)
			s.server.CloseConnections()
			time.Sleep(time.Second)
		}
		require.Equal(t, 3, s.server.Accepted())
	})
}

func TestLoginWhoseConnectionIsLostIsNotSentAgain(t *testing.T) {
	overStreams(t, radiustest.StreamOptions{}, func(t *testing.T, s *stream) {
		client := s.client(t, nil)
		time.AfterFunc(500*time.Millisecond, func() { s.server.CloseConnections() })
		_, err := client.Authenticate(t.Context(), bob)
		var noAnswer *NoAnswerError
		require.ErrorAs(t, err, &noAnswer)
		require.ErrorContains(t, err, "the connection was lost")
		require.False(t, noAnswer.Dead)
		logins := 0
		for _, request := range s.server.Requests() {
			if request.Packet.Code == radius.CodeAccessRequest {
				logins++
			}
		}
		require.Equal(t, 1, logins, "it may have sent a push")
	})
}

func TestServerThatRestartsIsConnectedAgain(t *testing.T) {
	overStreams(t, radiustest.StreamOptions{Handler: accept}, func(t *testing.T, s *stream) {
		client := s.client(t, nil)
		_, err := client.Authenticate(t.Context(), bob)
		require.NoError(t, err)
		require.NoError(t, s.server.Close())
		time.AfterFunc(3*time.Second, func() { s.restart(t) })
		verdict, err := client.Authenticate(t.Context(), bob)
		require.NoError(t, err, "it waits for the next attempt")
		require.Equal(t, Accept, verdict.Outcome)
	})
}

func TestServerThatCannotBeReachedIsTriedLessAndLess(t *testing.T) {
	overStreams(t, radiustest.StreamOptions{Handler: accept}, func(t *testing.T, s *stream) {
		require.NoError(t, s.server.Close())
		dials := 0
		client := s.client(t, func(c *Config) {
			c.StatusCheck = StatusCheckOff
			dial := c.Dial

			c.Dial = func(ctx context.Context, network string, source netip.Addr, remote netip.AddrPort) (net.Conn, error) {
				dials++
				return dial(ctx, network, source, remote)
			}
		})
		outcomes := traffic(t, client, 10, 20*time.Second)
		for _, login := range outcomes {
			require.ErrorContains(t, login.err, "cannot reach RADIUS server")
		}
		require.LessOrEqual(t, dials, 8, "0.5, 1, 2, 4, 8, 10 s apart, whatever people do")
		require.GreaterOrEqual(t, dials, 4)
	})
}

func TestHungServerIsFoundOutAndItsLoginsGoOn(t *testing.T) {
	handler := func(r *radiustest.Request) []radiustest.Answer { return []radiustest.Answer{r.Accept()} }
	overStreams(t, radiustest.StreamOptions{Handler: handler}, func(t *testing.T, s *stream) {
		options := s.options
		options.Address = secondAddress.String()
		second, err := radiustest.StartStream(options)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, second.Close()) })
		client := s.client(t, func(c *Config) {
			c.ReadTimeout = 30 * time.Second
			c.Servers = append(c.Servers, serverAt(secondAddress))
		})
		hungAt := 10 * time.Second
		time.AfterFunc(hungAt, func() { s.network.Blackhole(firstAddress, true) })
		for _, login := range traffic(t, client, 5, 30*time.Second) {
			require.NoError(t, login.err)
			require.LessOrEqual(t, login.took, 12*time.Second)
			if login.began > hungAt+12*time.Second {
				require.Equal(t, secondAddress.String(), login.server)
				require.Less(t, login.took, 100*time.Millisecond)
			}
		}
	})
}

func TestIdleConnectionThatHangsIsFoundOut(t *testing.T) {
	overStreams(t, radiustest.StreamOptions{Handler: accept}, func(t *testing.T, s *stream) {
		client := s.client(t, nil)
		_, err := client.Authenticate(t.Context(), bob)
		require.NoError(t, err)
		time.Sleep(time.Second) // it is found out that the server answers probes
		s.network.Blackhole(firstAddress, true)
		time.Sleep(36 * time.Second)
		require.Equal(t, Dead, client.Stats()[0].State())
		s.network.Blackhole(firstAddress, false)
		time.Sleep(30 * time.Second)
		require.Equal(t, Alive, client.Stats()[0].State())
		_, err = client.Authenticate(t.Context(), bob)
		require.NoError(t, err)
	})
}

func TestHungConnectionIsProbedOnItselfOnly(t *testing.T) {
	overStreams(t, radiustest.StreamOptions{Handler: accept}, func(t *testing.T, s *stream) {
		dials := 0
		client := s.client(t, func(c *Config) {
			dial := c.Dial
			c.Dial = func(ctx context.Context, network string, source netip.Addr, remote netip.AddrPort) (net.Conn, error) {
				dials++
				return dial(ctx, network, source, remote)
			}
		})
		_, err := client.Authenticate(t.Context(), bob)
		require.NoError(t, err)
		time.Sleep(time.Second) // it is found out that the server answers probes
		s.server.Hang(true)
		for client.Stats()[0].State() != Dead {
			require.Equal(t, 1, dials, "another connection says nothing about this one")
			time.Sleep(100 * time.Millisecond)
		}
	})
}

func TestConnectionThatLeftALoginUnansweredTakesNoMore(t *testing.T) {
	overStreams(t, radiustest.StreamOptions{}, func(t *testing.T, s *stream) {
		client := s.client(t, func(c *Config) { c.StatusCheck = StatusCheckOff })
		_, err := client.Authenticate(t.Context(), bob)
		require.Error(t, err)
		s.server.SetHandler(accept)
		_, err = client.Authenticate(t.Context(), bob)
		require.NoError(t, err)
		require.Equal(t, 2, s.server.Accepted())
	})
}

func TestAbandonedLoginThatWaitsForAConnectionEnds(t *testing.T) {
	overStreams(t, radiustest.StreamOptions{Handler: accept}, func(t *testing.T, s *stream) {
		s.network.Blackhole(firstAddress, true)
		client := s.client(t, nil)
		for range 50 { // which of two ends is seen first is up to chance
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			_, err := client.Authenticate(ctx, bob)
			cancel()
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}
	})
}

func TestAbandonedLoginThatWaitsForAConnectionSaysNothingOfTheServer(t *testing.T) {
	for _, check := range []StatusCheck{StatusCheckAuto, StatusCheckOn, StatusCheckOff} {
		t.Run(string(check), func(t *testing.T) {
			inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
				client := newPairClient(t, network, func(c *Config) {
					c.Transport, c.StatusCheck = TCP, check
					c.Dial = func(ctx context.Context, _ string, _ netip.Addr, _ netip.AddrPort) (net.Conn, error) {
						<-ctx.Done() // longer than the client waits
						return nil, ctx.Err()
					}
				})
				abandon(t, client)
				require.Equal(t, Unknown, client.endpoints()[0].state())
			})
		})
	}
}

func TestServerThatThereIsNoTimeToAskIsNotBlamed(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		client := newPairClient(t, network, func(c *Config) { c.Transport, c.StatusCheck = TCP, StatusCheckOff })
		network.Blackhole(firstAddress, true)
		_, err := client.Authenticate(t.Context(), bob)
		var unreachable *UnreachableError
		require.ErrorAs(t, err, &unreachable)
		require.Equal(t, firstAddress.Addr().String(), unreachable.Host)
		require.Equal(t, Zombie, client.endpoints()[0].state())
		require.Equal(t, Unknown, client.endpoints()[1].state())
	})
}

func TestDeadServerThatCannotBeReachedIsNotTriedByEachLogin(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		for _, address := range []netip.AddrPort{firstAddress, secondAddress} {
			server, err := radiustest.StartStream(radiustest.StreamOptions{
				Network: network, Address: address.String(), Secret: testSecret, Handler: deafToStatus(accept),
			})
			require.NoError(t, err)
			t.Cleanup(func() { _ = server.Close() })
		}
		client := newPairClient(t, network, func(c *Config) { c.Transport, c.DialTimeout = TCP, 3*time.Second })
		network.Blackhole(firstAddress, true)
		slow := 0
		for i, login := range rareLogins(t, client, 75*time.Second, 30*time.Minute) {
			if i > 0 {
				require.NoError(t, login.err)
			}
			if login.took > time.Second {
				slow++
			}
		}
		require.LessOrEqual(t, slow, 6, "the trials that are promised, and the first")
		network.Blackhole(firstAddress, false)
		time.Sleep(30 * time.Second)
		verdict, err := client.Authenticate(t.Context(), bob)
		require.NoError(t, err)
		require.Equal(t, firstAddress.String(), verdict.Server, "somebody listens there again")
	})
}
