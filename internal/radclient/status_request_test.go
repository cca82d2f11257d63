package radclient

import (
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2869"
	"layeh.com/radius/vendors/microsoft"

	"vault-plugin-auth-radius/internal/radiustest"
)

// testUser is whose logins are probes.
var testUser = Credentials{Username: "vault-probe", Password: "probe-password"}

// byRequest probes with logins of the test user.
func byRequest(c *Config) { c.StatusCheck, c.StatusRequest = StatusCheckRequest, testUser }

// probedServer is a server that answers no Status-Server, and remembers when it was asked
// about the test user.
type probedServer struct {
	mu    sync.Mutex
	times []time.Time // guarded by mu
	other int         // guarded by mu; packets that are not Access-Requests
}

// handler answers the test user as probe does, and others as login does.
func (s *probedServer) handler(probe, login radiustest.Handler) radiustest.Handler {
	return func(r *radiustest.Request) []radiustest.Answer {
		s.mu.Lock()
		defer s.mu.Unlock()
		switch {
		case r.Packet.Code != radius.CodeAccessRequest:
			s.other++
			return nil
		case r.Username() == testUser.Username:
			s.times = append(s.times, time.Now())
			return probe(r)
		}
		return login(r)
	}
}

// probes are when the server was asked about the test user.
func (s *probedServer) probes() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.times)
}

// others counts the packets that were not Access-Requests.
func (s *probedServer) others() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.other
}

func silent(*radiustest.Request) []radiustest.Answer { return nil }

func reject(r *radiustest.Request) []radiustest.Answer { return []radiustest.Answer{r.Reject("no")} }

// sinceStart are the times since then, in whole seconds.
func sinceStart(times []time.Time, start time.Time) []int {
	var found []int
	for _, at := range times {
		found = append(found, int(at.Sub(start).Seconds()))
	}
	return found
}

func TestPrimaryThatAnswersNoStatusServerCostsTheLoginsOfSixSecondsAndIsFoundAgain(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		var first, second probedServer
		server := startAt(t, network, firstAddress, first.handler(reject, accept))
		startAt(t, network, secondAddress, second.handler(reject, accept))
		client := newPairClient(t, network, byRequest)
		start := time.Now()
		const killedAt, revivedAt = 10 * time.Second, 60 * time.Second
		time.AfterFunc(killedAt, func() { network.Blackhole(firstAddress, true) })
		time.AfterFunc(revivedAt, func() { network.Blackhole(firstAddress, false) })
		lost := 0
		for _, login := range traffic(t, client, 5, 120*time.Second) {
			switch {
			case login.began < killedAt, login.began > revivedAt+34*time.Second:
				require.Equal(t, firstAddress.String(), login.server)
			case login.began > killedAt+7*time.Second && login.began < revivedAt:
				require.NoError(t, login.err)
				require.Equal(t, secondAddress.String(), login.server)
				require.Equal(t, time.Millisecond, login.took)
			case login.err != nil:
				lost++
			}
		}
		require.InDelta(t, 5*6, lost, 2, "a second, and the window")
		require.Len(t, first.probes(), 1, "those into the void were never seen, and none was sent before and after")
		require.Greater(t, first.probes()[0].Sub(start), revivedAt)
		require.Empty(t, second.probes(), "it has always answered")
		require.Zero(t, first.others()+second.others(), "no Status-Server is sent")
		for _, request := range server.Requests() {
			if request.Username() == testUser.Username {
				require.Equal(t, 1, request.Copy)
			}
		}
		stats := client.Stats()[0]
		require.Zero(t, stats.Rejected, "a probe is no login")
		require.EqualValues(t, 6, stats.ProbesSent)
		require.EqualValues(t, 1, stats.ProbesAnswered)
		require.Equal(t, Alive, stats.State())
	})
}

func TestLoginThatWaitsGoesOnWhenFourRequestsWereLeftUnanswered(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		network.Blackhole(firstAddress, true)
		startAt(t, network, secondAddress, deafToStatus(accept))
		client := newPairClient(t, network, func(c *Config) {
			byRequest(c)
			c.ReadTimeout = time.Minute
		})
		start := time.Now()
		verdict, err := client.Authenticate(t.Context(), bob)
		require.NoError(t, err)
		require.Equal(t, secondAddress.String(), verdict.Server)
		require.InDelta(t, 21, time.Since(start).Seconds(), 0.1)
		require.Equal(t, Dead, client.Stats()[0].State())
	})
}

func TestSlowUserIsLeftAloneByRequestsToo(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		var first, second probedServer
		server := startAt(t, network, firstAddress, first.handler(reject, func(r *radiustest.Request) []radiustest.Answer {
			if r.Copy > 1 {
				return nil // the first copy is being worked on
			}
			return []radiustest.Answer{r.Accept().After(45 * time.Second)}
		}))
		startAt(t, network, secondAddress, second.handler(reject, accept))
		client := newPairClient(t, network, func(c *Config) {
			byRequest(c)
			c.ReadTimeout = time.Minute
		})
		start := time.Now()
		verdict, err := client.Authenticate(t.Context(), bob)
		require.NoError(t, err)
		require.Equal(t, firstAddress.String(), verdict.Server)
		require.Equal(t, 5, len(first.probes()))
		for i, at := range sinceStart(first.probes(), start) {
			require.InDelta(t, 1+10*i, at, float64(2*i))
		}
		require.Equal(t, 1+5, logins(server), "the login, and the probes")
		time.Sleep(time.Hour)
		require.Len(t, first.probes(), 5, "nobody waits any more")
		require.Empty(t, second.probes())
	})
}

func TestServerIsProbedThoughThereIsNoOtherToGoTo(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		network.Blackhole(firstAddress, true)
		client := newPairClient(t, network, func(c *Config) {
			byRequest(c)
			c.Servers = c.Servers[:1]
		})
		_, err := client.Authenticate(t.Context(), bob)
		require.ErrorContains(t, err, "no answer")
		time.Sleep(30 * time.Second)
		require.Equal(t, Dead, client.Stats()[0].State())
	})
}

func TestPortThatRefusesRequestsIsDeathAfterFiveSeconds(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		startAt(t, network, secondAddress, deafToStatus(accept)) // and none at the first
		client := newPairClient(t, network, byRequest)
		start := time.Now()
		verdict, err := client.Authenticate(t.Context(), bob)
		require.NoError(t, err)
		require.Equal(t, secondAddress.String(), verdict.Server)
		require.InDelta(t, 5, time.Since(start).Seconds(), 0.1)
		require.EqualValues(t, 2, client.Stats()[0].ProbesSent)
	})
}

func TestAnyValidAnswerToARequestIsLife(t *testing.T) {
	t.Parallel()
	answered := func(answer func(*radiustest.Request) radiustest.Answer) radiustest.Handler {
		return func(r *radiustest.Request) []radiustest.Answer { return []radiustest.Answer{answer(r)} }
	}
	for name, test := range map[string]struct {
		probe radiustest.Handler
		life  bool
	}{
		"Access-Accept": {answered(func(r *radiustest.Request) radiustest.Answer { return r.Accept() }), true},
		"Access-Reject": {reject, true},
		"Access-Challenge": {answered(func(r *radiustest.Request) radiustest.Answer {
			return r.Challenge([]byte("state"), "Code?")
		}), true},
		"Protocol-Error": {answered(func(r *radiustest.Request) radiustest.Answer {
			return r.Accept().WithCode(codeProtocolError)
		}), true},
		"unsigned": {answered(func(r *radiustest.Request) radiustest.Answer {
			return r.Reject("no").WithoutMessageAuthenticator()
		}), true},

		"Accounting-Response": {answered(func(r *radiustest.Request) radiustest.Answer {
			return r.Accept().WithCode(radius.CodeAccountingResponse)
		}), false},
		"wrong Response Authenticator": {answered(func(r *radiustest.Request) radiustest.Answer {
			return r.Accept().WrongAuthenticator()
		}), false},
		"wrong Message-Authenticator": {answered(func(r *radiustest.Request) radiustest.Answer {
			return r.Accept().WrongMessageAuthenticator()
		}), false},
		"wrong identifier": {answered(func(r *radiustest.Request) radiustest.Answer { return r.Accept().WrongIdentifier() }), false},
		"from elsewhere":   {answered(func(r *radiustest.Request) radiustest.Answer { return r.Accept().FromOtherPort() }), false},
	} {
		for _, protocol := range Protocols {
			t.Run(name+" to "+string(protocol), func(t *testing.T) {
				inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
					var first probedServer
					startAt(t, network, firstAddress, first.handler(test.probe, silent))
					client := newPairClient(t, network, func(c *Config) {
						byRequest(c)
						c.Protocol, c.Servers, c.ReadTimeout = protocol, c.Servers[:1], 8*time.Second
					})
					_, err := client.Authenticate(t.Context(), bob)
					require.Error(t, err)
					stats := client.Stats()[0]
					want := map[bool]State{true: Alive, false: Zombie}[test.life]
					require.Equal(t, want, stats.State())
					require.Equal(t, test.life, stats.ProbesAnswered == 1)
					require.Zero(t, stats.Accepted+stats.Rejected+stats.Challenged)
				})
			})
		}
	}
}

func TestWhatIsNoAnswerToARequestIsCounted(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		var first probedServer
		startAt(t, network, firstAddress, first.handler(func(r *radiustest.Request) []radiustest.Answer {
			return []radiustest.Answer{r.Reject("no").WithoutMessageAuthenticator()}
		}, silent))
		client := newPairClient(t, network, func(c *Config) {
			byRequest(c)
			c.Servers, c.MessageAuthenticator = c.Servers[:1], MessageAuthenticatorRequired
		})
		_, err := client.Authenticate(t.Context(), bob)
		require.Error(t, err)
		time.Sleep(15 * time.Second)
		require.Equal(t, Dead, client.Stats()[0].State())
		require.Equal(t, 4, client.Stats()[0].Drops[DropUnsigned])
	})
}

func TestRequestOfTheTestUserIsLikeALogin(t *testing.T) {
	t.Parallel()
	for _, protocol := range Protocols {
		t.Run(string(protocol), func(t *testing.T) {
			inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
				var first probedServer
				server := startAt(t, network, firstAddress, first.handler(reject, silent))
				client := newPairClient(t, network, func(c *Config) {
					byRequest(c)
					c.Servers, c.Protocol, c.ReadTimeout = c.Servers[:1], protocol, 25*time.Second
					c.NAS = NAS{Identifier: "gate", Address: netip.MustParseAddr("192.0.2.16"), Port: 7, PortType: 5}
					c.StatusRequest.Attributes.Add(rfc2865.ServiceType_Type, radius.NewInteger(8))
				})
				login := bob
				login.ClientAddress = "192.0.2.77"
				login.Attributes = client.config.StatusRequest.Attributes
				_, err := client.Authenticate(t.Context(), login)
				require.Error(t, err)
				var probes, others []*radiustest.Request
				for _, request := range server.Requests() {
					if request.Username() == testUser.Username {
						probes = append(probes, &request)
					} else {
						others = append(others, &request)
					}
				}
				require.Len(t, probes, 3)
				kinds := func(r *radiustest.Request) (found []radius.Type) {
					for _, attribute := range r.Packet.Attributes {
						if attribute.Type != rfc2865.CallingStationID_Type {
							found = append(found, attribute.Type)
						}
					}
					return found
				}
				probe := probes[0]
				require.Equal(t, kinds(others[0]), kinds(probe))
				require.Equal(t, rfc2869.MessageAuthenticator_Type, probe.Packet.Attributes[0].Type)
				require.Nil(t, probe.Packet.Get(rfc2865.CallingStationID_Type), "nobody is there")
				require.Equal(t, "gate", string(probe.Packet.Get(rfc2865.NASIdentifier_Type)))
				require.NotEqual(t, others[0].From, probe.From, "probes have sockets of their own")
				for i, other := range probes[1:] {
					require.NotEqual(t, probes[i].Packet.Authenticator, other.Packet.Authenticator)
					require.NotEqual(t, probes[i].Packet.Identifier, other.Packet.Identifier)
				}
				switch protocol {
				case PAP:
					require.Equal(t, testUser.Password, probe.Password())
				case CHAP:
					require.NotNil(t, probe.Packet.Get(rfc2865.CHAPPassword_Type))
				case MSCHAPv2:
					require.NotEmpty(t, microsoft.MSCHAP2Response_Get(probe.Packet))
				}
			})
		})
	}
}

// With a window that is shorter than what a server holds rejects back, it is thought
// silent until the answer comes.
func TestOneRequestWaitsAtATime(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		var first probedServer
		var waiting, most atomic.Int64
		startAt(t, network, firstAddress, first.handler(func(r *radiustest.Request) []radiustest.Answer {
			most.Store(max(most.Load(), waiting.Add(1)))
			time.AfterFunc(3*time.Second, func() { waiting.Add(-1) })
			return []radiustest.Answer{r.Reject("no").After(3 * time.Second)}
		}, silent))
		client := newPairClient(t, network, func(c *Config) {
			byRequest(c)
			c.Servers, c.ReadTimeout, c.ResponseWindow = c.Servers[:1], 2*time.Minute, time.Second
		})
		_, err := client.Authenticate(t.Context(), bob)
		require.ErrorContains(t, err, "no answer")
		time.Sleep(10 * time.Second)
		require.Equal(t, Alive, client.Stats()[0].State(), "the answer came late, and counts")
		require.EqualValues(t, 1, most.Load())
		require.Greater(t, len(first.probes()), 5)
		for i, at := range first.probes()[1:] {
			require.GreaterOrEqual(t, at.Sub(first.probes()[i]), requestInterval)
		}
	})
}

func TestClosedClientSendsNoRequests(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		network.Blackhole(firstAddress, true)
		client := newPairClient(t, network, func(c *Config) {
			byRequest(c)
			c.Servers = c.Servers[:1]
		})
		_, err := client.Authenticate(t.Context(), bob)
		require.Error(t, err)
		client.Close()
		sent := client.Stats()[0].ProbesSent
		time.Sleep(time.Hour)
		require.Equal(t, sent, client.Stats()[0].ProbesSent)
	})
}

func TestStatusRequestThatCannotBeSentIsRefused(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*Config){
		"username cannot be empty":        func(c *Config) { c.StatusRequest.Username = "" },
		"username contains a control":     func(c *Config) { c.StatusRequest.Username = "a\x00" },
		"password cannot be empty":        func(c *Config) { c.StatusRequest.Password = "" },
		"password is longer than 128":     func(c *Config) { c.StatusRequest.Password = strings.Repeat("s3cret", 30) },
		"it is for UDP only":              func(c *Config) { c.Transport = TCP },
		"response window is not positive": func(c *Config) { c.ResponseWindow = 0 },
	} {
		config := Config{
			Servers:     []Server{{Host: "192.0.2.1", Port: 1812, Secret: NewSecret(testSecret)}},
			ReadTimeout: time.Second, ResponseWindow: time.Second,
		}
		byRequest(&config)
		_, err := New(config)
		require.NoError(t, err)
		change(&config)
		_, err = New(config)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "s3cret")
	}
}
