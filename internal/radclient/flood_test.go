package radclient

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"

	"vault-plugin-auth-radius/internal/fairshare"
	"vault-plugin-auth-radius/internal/radiustest"
)

// picky answers names that start with "silent" not at all, rejects those that start with
// "late" a second later, and accepts all others.
func picky(r *radiustest.Request) []radiustest.Answer {
	switch {
	case strings.HasPrefix(r.Username(), "silent"):
		return nil
	case strings.HasPrefix(r.Username(), "late"):
		return []radiustest.Answer{r.Reject("no").After(time.Second)}
	}
	return []radiustest.Answer{r.Accept()}
}

// flood is what strangers send.
type flood struct {
	name      func(i int) string
	address   string
	perSecond int
	duration  time.Duration
	patience  time.Duration // after which the client gives up; 0: never
}

// oneName and manyNames name the logins of a flood.
func oneName(int) string { return "silent" }

func manyNames(i int) string { return fmt.Sprintf("silent-%d", i) }

func lateNames(i int) string { return fmt.Sprintf("late-%d", i) }

// from returns the flood as it is from an address.
func (f flood) from(address string) flood {
	f.address = address
	return f
}

// send sends the flood, and returns the errors when all its logins have ended.
func (f flood) send(t *testing.T, client *Client) []error {
	t.Helper()
	failures := make([]error, int(f.duration.Seconds()*float64(f.perSecond)))
	var running sync.WaitGroup
	for i := range failures {
		running.Go(func() {
			ctx := t.Context()
			if f.patience > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, f.patience)
				defer cancel()
			}
			_, failures[i] = client.Authenticate(ctx, shared(f.address, f.name(i)))
		})
		time.Sleep(time.Second / time.Duration(f.perSecond)) // of virtual time
	}
	running.Wait()
	return failures
}

// shared are credentials with the share of their address and name.
func shared(address, name string) Credentials {
	return Credentials{Username: name, Password: "p", Share: fairshare.NewShare(address, name)}
}

const (
	balancer = "192.0.2.200" // where the floods come from
	honest   = "honest"
)

// honestLogins logs in twenty times a second, each time as another user, until the
// flood ends. All of them have to succeed, and none has to wait.
func honestLogins(t *testing.T, client *Client, address string, ended *atomic.Bool) {
	t.Helper()
	count := 0
	for ; !ended.Load(); count++ {
		began := time.Now()
		verdict, err := client.Authenticate(t.Context(), shared(address, fmt.Sprintf("%s-%d", honest, count)))
		require.NoError(t, err, "honest login %d", count)
		require.Equal(t, Accept, verdict.Outcome)
		require.Less(t, time.Since(began), 100*time.Millisecond)
		time.Sleep(time.Second / 20) // of virtual time
	}
	require.Greater(t, count, 40)
}

// underFlood has a flood and honest logins at the same time. It returns the errors of
// the flood, and the most sockets or connections that there were.
func underFlood(t *testing.T, client *Client, f flood, address string) (failures []error, most int) {
	t.Helper()
	_, err := client.Authenticate(t.Context(), shared(address, honest)) // the server is in use
	require.NoError(t, err)
	var ended atomic.Bool
	var running sync.WaitGroup
	running.Go(func() {
		defer ended.Store(true)
		failures = f.send(t, client)
	})
	running.Go(func() {
		for ; !ended.Load(); time.Sleep(time.Second / 10) {
			for _, e := range client.endpoints() {
				most = max(most, openLines(e))
			}
		}
	})
	honestLogins(t, client, address, &ended)
	running.Wait()
	return failures, most
}

// limitTo lets fewer logins wait for the client's server.
func limitTo(t *testing.T, client *Client, limit int) {
	t.Helper()
	onlyEndpoint(t, client).admission = fairshare.NewAdmission(limit, errPushedOut)
}

// openLines counts the sockets or connections of logins.
func openLines(e *endpoint) int {
	switch carrier := e.logins.(type) {
	case *udpCarrier:
		carrier.mu.Lock()
		defer carrier.mu.Unlock()
		return len(carrier.sockets)
	case *streamCarrier:
		return len(carrier.open())
	}
	return 0
}

// smallRoom is how many logins may wait where a test has to be quick.
const smallRoom = 256

// floods are more than a server with a small room answers.
var floods = map[string]flood{
	"silent logins about many names":   {name: manyNames, perSecond: 200, duration: 4 * time.Second},
	"silent logins about one name":     {name: oneName, perSecond: 200, duration: 4 * time.Second},
	"one burst of silent logins":       {name: manyNames, perSecond: 10_000, duration: time.Second / 10},
	"logins that the clients abandon":  {name: lateNames, perSecond: 500, duration: 2 * time.Second, patience: 50 * time.Millisecond},
	"silent logins that are abandoned": {name: manyNames, perSecond: 500, duration: 2 * time.Second, patience: 50 * time.Millisecond},
}

// newFloodedClient starts a picky server, and returns a client of it.
func newFloodedClient(t *testing.T, network *radiustest.Network) *Client {
	t.Helper()
	start(t, radiustest.Options{Network: network, Address: firstAddress.String(), Handler: picky, Keep: 1})
	return newClientAt(t, network, func(c *Config) { c.Retransmit = RetransmitNever })
}

func TestFloodShutsNoUserOut(t *testing.T) {
	t.Parallel()
	for name, f := range floods {
		for where, address := range map[string]string{"the same address": balancer, "another address": "192.0.2.7"} {
			t.Run(name+" from "+where, func(t *testing.T) {
				inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
					client := newFloodedClient(t, network)
					limitTo(t, client, smallRoom)
					failures, most := underFlood(t, client, f.from(balancer), address)
					for _, err := range failures {
						require.Error(t, err)
					}
					require.LessOrEqual(t, most, 20)
					require.Zero(t, client.Stats()[0].Unreachable)

					time.Sleep(3 * idleTime)
					require.Zero(t, openSockets(onlyEndpoint(t, client)))
					require.Zero(t, onlyEndpoint(t, client).admission.Len())
				})
			})
		}
	}
}

// The race detector bears 8,128 goroutines: this test is not run beside others.
func TestBurstOfThousandsShutsNoUserOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := radiustest.NewNetwork(radiustest.NetworkOptions{Latency: 500 * time.Microsecond})
		client := newFloodedClient(t, network)
		burst := flood{name: manyNames, address: balancer, perSecond: 10_000, duration: time.Second / 2}
		_, most := underFlood(t, client, burst, balancer)
		require.LessOrEqual(t, most, 5000/256+2)
		require.InDelta(t, 5000-maxWaiting, client.Stats()[0].Full, 10, "honest logins wait for a millisecond")
	})
}

func TestFloodShutsNoUserOutOfStreams(t *testing.T) {
	for _, name := range []string{"silent logins about many names", "logins that the clients abandon"} {
		f := floods[name]
		t.Run(name, func(t *testing.T) {
			overStreams(t, radiustest.StreamOptions{Handler: picky, Keep: 1}, func(t *testing.T, s *stream) {
				client := s.client(t, nil)
				limitTo(t, client, smallRoom)
				_, most := underFlood(t, client, f.from(balancer), balancer)
				require.LessOrEqual(t, most, connectionsPerCarrier)

				time.Sleep(3 * idleTime)
				require.LessOrEqual(t, s.server.Open(), 1, "the connection that lasts")
			})
		})
	}
}

func TestLateAnswersReleaseIdentifiers(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		client := newFloodedClient(t, network)
		f := flood{name: lateNames, address: balancer, perSecond: 500, duration: 4 * time.Second, patience: 50 * time.Millisecond}
		_, most := underFlood(t, client, f, balancer)
		require.LessOrEqual(t, most, 3, "no more than 525 wait or rest at a time")
		time.Sleep(2 * time.Second)
		require.Equal(t, f.perSecond*int(f.duration.Seconds()), client.Stats()[0].Drops[DropLate])
	})
}

func TestOnlyAValidLateAnswerReleasesTheIdentifier(t *testing.T) {
	t.Parallel()
	type answer = radiustest.Answer
	for name, test := range map[string]struct {
		forge func(answer) answer
		valid bool
	}{
		"valid":                         {func(a answer) answer { return a }, true},
		"wrong Response Authenticator":  {answer.WrongAuthenticator, false},
		"wrong Message-Authenticator":   {answer.WrongMessageAuthenticator, false},
		"malformed attributes":          {answer.MalformedAttributes, false},
		"a code that is not an answer":  {func(a answer) answer { return a.WithCode(radius.CodeAccountingResponse) }, false},
		"no Message-Authenticator, EAP": {func(a answer) answer { return a.With(eapMessage).WithoutMessageAuthenticator() }, false},
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
				startAt(t, network, firstAddress, func(r *radiustest.Request) []radiustest.Answer {
					return []radiustest.Answer{test.forge(r.Reject("no")).After(time.Second)}
				})
				client := newClientAt(t, network, func(c *Config) { c.Retransmit = RetransmitNever })
				ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
				defer cancel()
				_, err := client.Authenticate(ctx, bob)
				require.ErrorIs(t, err, context.DeadlineExceeded)

				rests := func() int {
					room := onlyEndpoint(t, client).logins.(*udpCarrier).sockets[0].waiting
					room.mu.Lock()
					defer room.mu.Unlock()
					return len(room.keys.(*identifiers).resting)
				}
				require.Equal(t, 1, rests())
				time.Sleep(2 * time.Second)
				require.Equal(t, !test.valid, rests() == 1)
				require.Equal(t, 1, client.Stats()[0].Drops[DropLate])
			})
		})
	}
}

func TestLoginPushedOutIsNotSentToAnotherServer(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		start(t, radiustest.Options{Network: network, Address: firstAddress.String(), Handler: picky, Keep: 1})
		second := startAt(t, network, secondAddress, accept)
		client := newPairClient(t, network, func(c *Config) { c.Retransmit, c.ResponseWindow = RetransmitNever, 0 })

		first, err := client.servers[0].current(t.Context())
		require.NoError(t, err)
		first[0].admission = fairshare.NewAdmission(smallRoom, errPushedOut)

		refused := flood{name: oneName, address: balancer, perSecond: 10_000, duration: 50 * time.Millisecond}
		moved := 0
		for _, err := range refused.send(t, client) {
			if err == nil {
				moved++
			}
		}
		require.Equal(t, 500-smallRoom, moved, "the first server has not seen them")
		require.Equal(t, moved, logins(second))
		require.EqualValues(t, moved, client.Stats()[0].Full)
		require.EqualValues(t, moved, client.Stats()[0].FailedOver)

		pushedOut := flood{name: manyNames, address: balancer, perSecond: 10_000, duration: 50 * time.Millisecond}
		full := 0
		for _, err := range pushedOut.send(t, client) {
			var failure *FullError
			if errors.As(err, &failure) {
				require.True(t, failure.Sent)
				require.Equal(t, firstAddress.Addr().String(), failure.Host)
				require.NotContains(t, err.Error(), "DNS")
				full++
			}
		}
		require.Equal(t, 500-smallRoom, full)
		require.Equal(t, moved, logins(second), "the first server may have seen them")
	})
}

func TestFullServerAnswersAtOnce(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		client := newFloodedClient(t, network)
		limitTo(t, client, smallRoom)
		f := flood{name: oneName, address: balancer, perSecond: 1_000_000, duration: smallRoom * time.Microsecond}
		var running sync.WaitGroup
		running.Go(func() { f.send(t, client) })
		time.Sleep(time.Second)
		began := time.Now()
		_, err := client.Authenticate(t.Context(), shared(balancer, "silent"))
		var full *FullError
		require.ErrorAs(t, err, &full)
		require.False(t, full.Sent)
		require.Zero(t, time.Since(began))
		running.Wait()
	})
}
