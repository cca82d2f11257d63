package radclient

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/daemontest"
	"vault-plugin-auth-radius/internal/radiustest"
)

func TestServerOnIPv6IsAsked(t *testing.T) {
	t.Parallel()
	server := start(t, radiustest.Options{Address: "[::1]:0", Handler: accept})
	require.Equal(t, "::1", server.Host())
	verdict, err := newClient(t, server, nil).Authenticate(t.Context(), bob)
	require.NoError(t, err)
	require.Equal(t, Accept, verdict.Outcome)
}

func TestAddressWhereNothingListensIsPassedOver(t *testing.T) {
	t.Parallel()
	server := start(t, radiustest.Options{Handler: accept})
	client := newClient(t, server, func(c *Config) {
		c.Servers[0].Host = "localhost"
		c.Lookup = func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr("::1"), server.Addr().Addr()}, nil
		}
	})
	verdict, err := client.Authenticate(t.Context(), bob)
	require.NoError(t, err)
	require.Equal(t, server.Addr().String(), verdict.Server)
}

func TestSilentAddressIsNotLeftForAnother(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		startAt(t, network, firstAddress, nil)
		other := startAt(t, network, secondAddress, accept)
		client := newClientAt(t, network, withBothAddresses)
		_, err := client.Authenticate(t.Context(), bob)
		var noAnswer *NoAnswerError
		require.ErrorAs(t, err, &noAnswer)
		require.Empty(t, other.Requests(), "silence may be a person who looks for a phone")
	})
}

// withBothAddresses has one server with a name that two addresses have.
func withBothAddresses(c *Config) {
	c.Servers[0].Host = "radius.example.com"
	c.Lookup = func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.AddrFrom16(firstAddress.Addr().As16()), secondAddress.Addr()}, nil
	}
}

func TestServerThatDiesOverTheLoginIsLeftForAnotherAddress(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		dying, seen := startDying(t, network)
		startAt(t, network, secondAddress, accept)
		client := newClientAt(t, network, withBothAddresses)
		verdicts := authenticate(t, client)
		<-seen // the first copy; the second is refused
		require.NoError(t, dying.Close())
		require.Equal(t, secondAddress.String(), (<-verdicts).Server)
	})
}

// startDying runs a server at the first address that answers nothing. The channel has a
// value when the server has received a request.
func startDying(t *testing.T, network *radiustest.Network) (*radiustest.Server, <-chan struct{}) {
	t.Helper()
	seen := make(chan struct{}, 16)
	return startAt(t, network, firstAddress, func(*radiustest.Request) []radiustest.Answer {
		seen <- struct{}{}
		return nil
	}), seen
}

// authenticate logs bob in, and returns the channel of the verdict.
func authenticate(t *testing.T, client *Client) <-chan Verdict {
	t.Helper()
	verdicts := make(chan Verdict, 1)
	go func() {
		verdict, err := client.Authenticate(t.Context(), bob)
		if err != nil {
			t.Error(err)
		}
		verdicts <- verdict
	}()
	return verdicts
}

func TestServerThatRestartsDuringTheLoginIsReached(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		dying, seen := startDying(t, network)
		client := newClientAt(t, network, nil)
		verdicts := authenticate(t, client)
		<-seen // the first copy, and it dies of it
		require.NoError(t, dying.Close())
		time.AfterFunc(time.Second, func() { startAt(t, network, firstAddress, accept) })
		verdict := <-verdicts
		require.Equal(t, Accept, verdict.Outcome)
		require.Greater(t, verdict.Sends, 2, "one was refused")
	})
}

func TestPortWhereNothingListensIsSaidSoInTheEnd(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		client := newClientAt(t, network, func(c *Config) { c.ReadTimeout = 200 * time.Millisecond })
		begin := time.Now()
		_, err := client.Authenticate(t.Context(), bob)
		require.ErrorContains(t, err, "nothing listens on that port")
		require.Equal(t, 200*time.Millisecond, time.Since(begin), "the server may be starting")
		var noAnswer *NoAnswerError
		require.ErrorAs(t, err, &noAnswer)
		require.Equal(t, 2, noAnswer.Sends)
	})
}

// TestRefusalOfARealSocketIsNoticed asks a port of loopback that nothing has.
func TestRefusalOfARealSocketIsNoticed(t *testing.T) {
	t.Parallel()
	port, err := daemontest.FreePort(t.Context())
	require.NoError(t, err)
	server := start(t, radiustest.Options{Handler: accept})
	client := newClient(t, server, func(c *Config) {
		c.Servers = []Server{{Host: "127.0.0.1", Port: port, Secret: NewSecret(testSecret)}, c.Servers[0]}
		c.ReadTimeout = time.Minute
	})
	verdict, err := client.Authenticate(t.Context(), bob)
	require.NoError(t, err)
	require.Equal(t, server.Addr().String(), verdict.Server)
}

func TestHostThatCannotBeLookedUpIsNamed(t *testing.T) {
	t.Parallel()
	server := start(t, radiustest.Options{Handler: accept})
	cause := errors.New("no such host")
	tests := map[string]func(context.Context, string) ([]netip.Addr, error){
		"failure":    func(context.Context, string) ([]netip.Addr, error) { return nil, cause },
		"no address": func(context.Context, string) ([]netip.Addr, error) { return nil, nil },
		"too slow": func(ctx context.Context, _ string) ([]netip.Addr, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		},
	}
	for name, lookup := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := newClient(t, server, func(c *Config) {
				c.Servers[0].Host = "radius.example.com"
				c.DialTimeout = 50 * time.Millisecond
				c.Lookup = lookup
			})
			_, err := client.Authenticate(t.Context(), bob)
			var unreachable *UnreachableError
			require.ErrorAs(t, err, &unreachable)
			require.ErrorContains(t, err, "radius.example.com port")
		})
	}
}

// named makes the config's servers addresses of one name.
func named(c *Config, addresses ...netip.AddrPort) {
	c.Servers = c.Servers[:1]
	c.Servers[0].Host = "radius.example.com"
	c.Lookup = func(context.Context, string) ([]netip.Addr, error) {
		var found []netip.Addr
		for _, address := range addresses {
			found = append(found, address.Addr())
		}
		return found, nil
	}
}

func TestAddressesThatAnswerComeBeforeABlackHole(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		handler radiustest.Handler
		check   StatusCheck
		first   time.Duration // the first login may take; 0: it may fail
		others  time.Duration
	}{
		"status_check=on":     {accept, StatusCheckOn, 3 * time.Second, 10 * time.Millisecond},
		"auto":                {accept, StatusCheckAuto, 0, 6 * time.Second},
		"no Status-Server":    {deafToStatus(accept), StatusCheckAuto, 0, 6 * time.Second},
		"none, and none sent": {deafToStatus(accept), StatusCheckOff, 0, 6 * time.Second},
	} {
		for _, strategy := range Strategies {
			t.Run(name+", "+string(strategy), func(t *testing.T) {
				inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
					startAt(t, network, secondAddress, test.handler)
					network.Blackhole(firstAddress, true)
					client := newPairClient(t, network, func(c *Config) {
						named(c, firstAddress, secondAddress)
						c.StatusCheck, c.Strategy = test.check, strategy
					})
					slow := 0
					for i, login := range rareLogins(t, client, 75*time.Second, 30*time.Minute) {
						switch {
						case i > 0 || test.first > 0:
							require.NoError(t, login.err)
							require.LessOrEqual(t, login.took, max(test.first, test.others))
						}
						if login.took > 3*time.Second {
							slow++
						}
					}
					require.LessOrEqual(t, slow, 6, "the trials, and the first")
				})
			})
		}
	}
}

func TestEachAddressHasItsTurnWhereLoginsDoNotMove(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		servers := deafServers(t, network, firstAddress, secondAddress)
		client := newPairClient(t, network, func(c *Config) {
			named(c, firstAddress, secondAddress, thirdAddress)
			c.Strategy, c.ReadTimeout = RoundRobin, time.Minute
		})
		network.Blackhole(thirdAddress, true)
		failed := 0
		for range 30 {
			if _, err := client.Authenticate(t.Context(), bob); err != nil {
				failed++
			}
		}
		require.Equal(t, 1, failed, "the first turn of the third")
		require.Greater(t, logins(servers[0]), 10)
		require.GreaterOrEqual(t, logins(servers[1]), 9)
	})
}

func TestALivingAddressIsUsedHoweverTheResolverOrdersThem(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		servers := deafServers(t, network, firstAddress, secondAddress, thirdAddress)
		turn := 0
		client := newPairClient(t, network, func(c *Config) {
			named(c)
			c.Lookup = func(context.Context, string) ([]netip.Addr, error) {
				addresses := []netip.Addr{firstAddress.Addr(), secondAddress.Addr(), thirdAddress.Addr()}
				turn++
				return slices.Concat(addresses[turn%3:], addresses[:turn%3]), nil
			}
		})
		for _, login := range rareLogins(t, client, 20*time.Second, 30*time.Minute) {
			require.NoError(t, login.err)
			require.LessOrEqual(t, login.took, 10*time.Millisecond)
		}
		for _, server := range servers {
			require.NotEmpty(t, server.Requests())
		}
	})
}

// withAnUnknownName has a server before the other one, whose name stands for no address.
func withAnUnknownName(lookUp func(context.Context) error) func(*Config) {
	return func(c *Config) {
		unknown := c.Servers[0]
		unknown.Host = "gone.example.com"
		c.Servers = append([]Server{unknown}, c.Servers...)
		c.Lookup = func(ctx context.Context, _ string) ([]netip.Addr, error) { return nil, lookUp(ctx) }
	}
}

func TestLoginThatPassesAServerWithoutAddressIsAFailover(t *testing.T) {
	t.Parallel()
	server := start(t, radiustest.Options{Handler: accept})
	client := newClient(t, server, withAnUnknownName(func(context.Context) error { return errors.New("no such host") }))
	verdict, err := client.Authenticate(t.Context(), bob)
	require.NoError(t, err)
	require.Equal(t, Accept, verdict.Outcome)
	stats := client.Stats()
	require.Equal(t, []uint64{1, 1}, []uint64{stats[0].Unreachable, stats[0].FailedOver})
	require.Equal(t, []uint64{1, 0}, []uint64{stats[1].Accepted, stats[1].FailedOver})
}

func TestLoginThatIsAbandonedOverALookupCountsAsAbandoned(t *testing.T) {
	t.Parallel()
	server := start(t, radiustest.Options{Handler: accept})
	ctx, leave := context.WithCancel(t.Context())
	client := newClient(t, server, withAnUnknownName(func(ctx context.Context) error {
		leave()
		return ctx.Err()
	}))
	_, err := client.Authenticate(ctx, bob)
	require.ErrorIs(t, err, context.Canceled)
	stats := client.Stats()
	require.Equal(t, []uint64{0, 1}, []uint64{stats[0].Unreachable, stats[0].Abandoned})
	require.Empty(t, server.Requests())
}
