package directory

import (
	"context"
	"crypto/tls"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/directorytest"
	"vault-plugin-auth-radius/internal/tlstest"
)

// continued returns a client of the servers that goes on with the counters of another.
func continued(t *testing.T, before *Client, ports ...int) *Client {
	t.Helper()
	client := newClient(t, nil, ports...)
	client.Continue(before.History())
	before.Close()
	return client
}

func loginAt(t *testing.T, client *Client) {
	t.Helper()
	verdict, err := client.Authenticate(t.Context(), alice)
	require.NoError(t, err)
	require.True(t, verdict.Accepted)
}

func TestClientGoesOnWithTheCountersOfTheOneBefore(t *testing.T) {
	t.Parallel()
	first, second := scripted(t, knowsAlice), scripted(t, knowsAlice)
	client := newClient(t, nil, first.Port())
	loginAt(t, client)
	seen := client.Stats()[0]
	require.False(t, seen.LastAnswer.IsZero())

	both := continued(t, client, second.Port(), first.Port())
	require.Equal(t, seen, both.Stats()[1])
	require.Zero(t, both.Stats()[0].Accepted, "another server's")
	loginAt(t, client) // late, at the old client
	require.EqualValues(t, 2, both.Stats()[1].Accepted)

	without := continued(t, both, second.Port())
	again := continued(t, without, first.Port())
	require.Zero(t, again.Stats()[0].Accepted, "it was gone")
}

func TestLoginThatGoesOnCountsAtTheServerThatItLeft(t *testing.T) {
	t.Parallel()
	gone, living := scripted(t, knowsAlice), scripted(t, knowsAlice)
	gone.Close()
	client := newClient(t, nil, gone.Port(), living.Port())
	loginAt(t, client)
	stats := client.Stats()
	require.EqualValues(t, 1, stats[0].FailedOver)
	require.Zero(t, stats[1].FailedOver)
	living.Close()
	_, err := client.Authenticate(t.Context(), alice)
	require.Error(t, err)
	stats = client.Stats()
	require.EqualValues(t, 1, stats[0].FailedOver, "it was the last that was left")
	require.EqualValues(t, 1, stats[1].FailedOver)
}

func TestInFlightAreThoseThatWaitAtOldAndNewClients(t *testing.T) {
	t.Parallel()
	reached, release := make(chan struct{}), make(chan struct{})
	s := scripted(t, func(r directorytest.Request) directorytest.Answer {
		if r.Bind {
			reached <- struct{}{}
			<-release
		}
		return knowsAlice(r)
	})
	answer := sync.OnceFunc(func() { close(release) })
	t.Cleanup(answer) // or the directory does not end
	client := newClient(t, nil, s.Port())
	var logins sync.WaitGroup
	logins.Go(func() { _, _ = client.Authenticate(t.Context(), alice) })
	<-reached
	next := continued(t, client, s.Port())
	logins.Go(func() { _, _ = next.Authenticate(t.Context(), alice) })
	<-reached
	require.Equal(t, 2, next.Stats()[0].InFlight)
	answer()
	logins.Wait()
	require.Zero(t, next.Stats()[0].InFlight)
	require.EqualValues(t, 2, next.Stats()[0].Accepted)
}

func TestEndOfTheServersChainIsThatOfTheLatestHandshake(t *testing.T) {
	t.Parallel()
	authority, err := tlstest.NewAuthority("Directory CA")
	require.NoError(t, err)
	clientCertificate, err := authority.Issue(tlstest.CertificateOptions{Names: []string{"vault.example.com"}})
	require.NoError(t, err)
	secured := func(c *Config) {
		c.Security, c.CACertificates = LDAPS, string(authority.PEM())
		c.ClientCertificate, c.ClientKey = string(clientCertificate.PEM), string(clientCertificate.KeyPEM)
	}
	// The server is another one after a while, at the same address as far as the client knows.
	var mu sync.Mutex
	port := 0
	setPort := func(to int) {
		mu.Lock()
		defer mu.Unlock()
		port = to
	}
	client := newClient(t, func(c *Config) {
		secured(c)
		c.Dial = func(ctx context.Context, _ string) (net.Conn, error) {
			mu.Lock()
			defer mu.Unlock()
			return (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		}
	}, 636)
	require.Zero(t, client.Stats()[0].CertificateEnd)
	for _, life := range []time.Duration{3 * time.Hour, 20 * time.Hour} {
		setPort(demandingUntil(t, authority, tls.VersionTLS13, time.Now().Add(life)))
		conn, err := client.servers[0].connect(t.Context())
		require.NoError(t, err)
		conn.close()
		require.Equal(t, life, time.Until(client.Stats()[0].CertificateEnd).Round(time.Hour))
	}
	next := newClient(t, secured, 636)
	next.Continue(client.History())
	require.Equal(t, client.Stats()[0].CertificateEnd, next.Stats()[0].CertificateEnd)
	cleartext := newClient(t, nil, 636)
	cleartext.Continue(client.History())
	require.Zero(t, cleartext.Stats()[0].CertificateEnd, "it has no use for one")
}
