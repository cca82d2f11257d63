package radclient

import (
	"context"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/radiustest"
)

var thirdAddress = netip.MustParseAddrPort("192.0.2.3:1812")

// rareLogins logs in once each interval, from now on until the end.
func rareLogins(t *testing.T, client *Client, interval, duration time.Duration) []outcome {
	t.Helper()
	start := time.Now()
	var outcomes []outcome
	for time.Since(start) < duration {
		began := time.Now()
		verdict, err := client.Authenticate(t.Context(), bob)
		outcomes = append(outcomes, outcome{began: began.Sub(start), took: time.Since(began), server: verdict.Server, err: err})
		time.Sleep(time.Until(began.Add(interval)))
	}
	return outcomes
}

// deafServers starts servers that answer logins, but no Status-Server.
func deafServers(t *testing.T, network *radiustest.Network, addresses ...netip.AddrPort) (servers []*radiustest.Server) {
	t.Helper()
	for _, address := range addresses {
		servers = append(servers, startAt(t, network, address, deafToStatus(accept)))
	}
	return servers
}

func withThird(c *Config) {
	third := c.Servers[0]
	third.Host = thirdAddress.Addr().String()
	c.Servers = append(c.Servers, third)
}

func TestADeadPrimaryWithoutStatusServerCostsOneLogin(t *testing.T) {
	t.Parallel()
	const diesAt, livesAt, endsAt = 4 * 75 * time.Second, 34 * time.Minute, 50 * time.Minute
	for name, change := range map[string]func(*Config){
		"failover":               func(*Config) {},
		"round_robin":            func(c *Config) { c.Strategy = RoundRobin },
		"status_check=off":       func(c *Config) { c.StatusCheck = StatusCheckOff },
		"three servers":          withThird,
		"three in turn":          func(c *Config) { withThird(c); c.Strategy = RoundRobin },
		"a name":                 func(c *Config) { named(c, firstAddress, secondAddress) },
		"a name, in turn":        func(c *Config) { named(c, firstAddress, secondAddress); c.Strategy = RoundRobin },
		"read_timeout=5":         func(c *Config) { c.ReadTimeout = 5 * time.Second },
		"read_timeout=29":        func(c *Config) { c.ReadTimeout = 29 * time.Second },
		"failover_on_trial=true": func(c *Config) { c.ReadTimeout, c.FailoverOnTrial = time.Minute, FailoverOnTrialAlways },
	} {
		for _, fromTheStart := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
					servers := deafServers(t, network, firstAddress, secondAddress, thirdAddress)
					client := newPairClient(t, network, change)
					died := diesAt
					if fromTheStart {
						died = 0
						network.Blackhole(firstAddress, true)
					} else {
						time.AfterFunc(diesAt-time.Second, func() { network.Blackhole(firstAddress, true) })
					}
					time.AfterFunc(livesAt, func() { network.Blackhole(firstAddress, false) })
					failed, usedAgain := 0, endsAt
					for _, login := range rareLogins(t, client, 75*time.Second, endsAt) {
						switch {
						case login.err != nil:
							failed++
							require.GreaterOrEqual(t, login.began, died)
							require.LessOrEqual(t, login.began, died+3*75*time.Second, "only at first")
						case failed > 0:
							require.LessOrEqual(t, login.took, client.config.ResponseWindow+time.Second)
						}
						if login.began > livesAt && login.server == firstAddress.String() {
							usedAgain = min(usedAgain, login.began)
						}
					}
					require.LessOrEqual(t, failed, 1)
					require.Less(t, usedAgain-livesAt, 11*time.Minute)
					require.NotEmpty(t, servers[1].Requests())
				})
			})
		}
	}
}

func TestTwoDeadOfThreeServersCostOneLoginToo(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		deafServers(t, network, thirdAddress)
		network.Blackhole(firstAddress, true)
		network.Blackhole(secondAddress, true)
		client := newPairClient(t, network, withThird)
		failed := 0
		for _, login := range rareLogins(t, client, 75*time.Second, 30*time.Minute) {
			if login.err != nil {
				failed++
			}
		}
		require.Equal(t, 1, failed)
	})
}

func TestASecondServerWithStatusServerIsAskedAsWell(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		startAt(t, network, secondAddress, accept)
		network.Blackhole(firstAddress, true)
		client := newPairClient(t, network, nil)
		for i, login := range rareLogins(t, client, 70*time.Second, 30*time.Minute) {
			if i > 0 {
				require.NoError(t, login.err)
				require.LessOrEqual(t, login.took, 6*time.Second)
			}
		}
	})
}

func TestImpatientClientsAreServedAfterTheFirst(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		servers := deafServers(t, network, firstAddress, secondAddress)
		client := newPairClient(t, network, func(c *Config) { c.StatusCheck = StatusCheckOff })
		network.Blackhole(firstAddress, true)
		answered := 0
		for range 40 {
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			_, err := client.Authenticate(ctx, bob)
			cancel()
			if err == nil {
				answered++
			}
			time.Sleep(20 * time.Second)
		}
		require.Greater(t, answered, 30, "a trial that is given up ends as well")
		require.Empty(t, servers[0].Requests())
	})
}

// slowly answers logins after the time.
func slowly(delay time.Duration) radiustest.Handler {
	return deafToStatus(func(r *radiustest.Request) []radiustest.Answer {
		if r.Copy > 1 {
			return nil
		}
		return []radiustest.Answer{r.Accept().After(delay)}
	})
}

// silentFirst has the first server found silent, by a login that is not answered.
func silentFirst(t *testing.T, network *radiustest.Network, client *Client) {
	t.Helper()
	network.Blackhole(firstAddress, true)
	_, err := client.Authenticate(t.Context(), bob)
	require.Error(t, err)
	network.Blackhole(firstAddress, false)
	time.Sleep(70 * time.Second)
}

func TestTheFirstValidAnswerOfEitherServerDecides(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		first, second time.Duration
		want          netip.AddrPort
		took          time.Duration
	}{
		"the one that was tried answers late": {7 * time.Second, 4 * time.Second, firstAddress, 7 * time.Second},
		"the other one is faster":             {7 * time.Second, time.Second, secondAddress, 6 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
				first := startAt(t, network, firstAddress, slowly(test.first))
				second := startAt(t, network, secondAddress, slowly(test.second))
				client := newPairClient(t, network, nil)
				silentFirst(t, network, client)
				began := time.Now()
				verdict, err := client.Authenticate(t.Context(), bob)
				require.NoError(t, err)
				require.Equal(t, test.want.String(), verdict.Server)
				require.Equal(t, test.took, time.Since(began).Truncate(100*time.Millisecond))
				require.Equal(t, 1, logins(first))
				require.Equal(t, 1, logins(second))
				if test.want == firstAddress {
					require.Equal(t, Alive, client.Stats()[0].State())
				}
			})
		})
	}
}

func TestARejectOfTheServerThatIsTriedIsAVerdict(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		startAt(t, network, firstAddress, deafToStatus(func(r *radiustest.Request) []radiustest.Answer {
			return []radiustest.Answer{r.Reject("no").After(6 * time.Second)}
		}))
		startAt(t, network, secondAddress, slowly(3*time.Second))
		client := newPairClient(t, network, nil)
		silentFirst(t, network, client)
		verdict, err := client.Authenticate(t.Context(), bob)
		require.NoError(t, err)
		require.Equal(t, Reject, verdict.Outcome)
		require.Equal(t, firstAddress.String(), verdict.Server)
	})
}

func TestOneLoginAtATimeTriesASilentServer(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		first := startAt(t, network, firstAddress, slowly(8*time.Second))
		deafServers(t, network, secondAddress)
		client := newPairClient(t, network, nil)
		silentFirst(t, network, client)
		outcomes := traffic(t, client, 20, 4*time.Second)
		slow := slices.DeleteFunc(outcomes, func(login outcome) bool { return login.took < time.Second })
		require.Len(t, slow, 1)
		require.NoError(t, slow[0].err)
		require.Equal(t, 1, logins(first))
	})
}

func TestPushesAreNotDoubled(t *testing.T) {
	t.Parallel()
	challenge := deafToStatus(func(r *radiustest.Request) []radiustest.Answer {
		return []radiustest.Answer{r.Challenge([]byte("state"), "code?")}
	})
	for name, test := range map[string]struct {
		handler radiustest.Handler
		change  func(*Config)
	}{
		"read_timeout leaves time for a person": {slowly(12 * time.Second), func(c *Config) { c.ReadTimeout = time.Minute }},
		"failover_on_trial=false":               {slowly(9 * time.Second), func(c *Config) { c.FailoverOnTrial = FailoverOnTrialNever }},
		"the servers ask for challenges":        {challenge, nil},
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
				var ignores atomic.Bool // the user, a push
				handler := func(r *radiustest.Request) []radiustest.Answer {
					if ignores.Load() {
						return nil
					}
					return test.handler(r)
				}
				first, second := startAt(t, network, firstAddress, handler), startAt(t, network, secondAddress, handler)
				client := newPairClient(t, network, test.change)
				for i := range 20 {
					_, err := client.Authenticate(t.Context(), bob)
					require.NoError(t, err)
					require.Equal(t, 2*i+1, logins(first)+logins(second), "one push")

					ignores.Store(true)
					_, err = client.Authenticate(t.Context(), bob)
					require.Error(t, err)
					require.Equal(t, 2*i+2, logins(first)+logins(second), "and one that is ignored")
					ignores.Store(false)
					time.Sleep(time.Duration(i) * 7 * time.Second)
				}
			})
		})
	}
}

func TestWhereLoginsDoNotMoveSilentServersTakeTurns(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		servers := deafServers(t, network, firstAddress, secondAddress)
		client := newPairClient(t, network, func(c *Config) { c.ReadTimeout = time.Minute })
		network.Blackhole(firstAddress, true)
		failed := 0
		for i := range 20 {
			network.Blackhole(secondAddress, i%5 == 4) // a user ignores a push now and then
			if _, err := client.Authenticate(t.Context(), bob); err != nil {
				failed++
			}
		}
		require.LessOrEqual(t, failed, 1+4+4, "the first one's silence, the ignored ones, and once after each")
		require.NotEmpty(t, servers[1].Requests())
	})
}

// TestSilentServerIsTriedOnRealSockets is what the others do in virtual time, with trials
// that come sooner.
func TestSilentServerIsTriedOnRealSockets(t *testing.T) {
	t.Parallel()
	var deaf atomic.Bool
	first := start(t, radiustest.Options{Handler: deafToStatus(func(r *radiustest.Request) []radiustest.Answer {
		if deaf.Load() {
			return nil
		}
		return accept(r)
	})})
	second := start(t, radiustest.Options{Handler: deafToStatus(accept)})
	config := Config{ReadTimeout: 4 * time.Second, ResponseWindow: 500 * time.Millisecond}
	for _, server := range []*radiustest.Server{first, second} {
		config.Servers = append(config.Servers, Server{Host: server.Host(), Port: server.Port(), Secret: NewSecret(testSecret)})
	}
	changes := make(chan Change, 100)
	config.Changed = func(c Change) { changes <- c }
	client, err := New(config)
	require.NoError(t, err)
	t.Cleanup(client.Close)
	login := func() string {
		verdict, err := client.Authenticate(t.Context(), bob)
		require.NoError(t, err)
		return verdict.Server
	}
	await := func(state State) {
		for change := range changes {
			if change.Address == first.Addr() && change.To == state {
				return
			}
		}
	}
	require.Equal(t, first.Addr().String(), login())
	endpoint := client.endpoints()[0]
	endpoint.observe(func(h *health, _ time.Time) { h.pace.trial = 100 * time.Millisecond })
	deaf.Store(true)
	_, err = client.Authenticate(t.Context(), bob)
	require.Error(t, err)
	for deaf.Load() {
		await(Probing)
		deaf.Store(logins(first) < 4)
		login()
	}
	require.Equal(t, first.Addr().String(), login())
}
