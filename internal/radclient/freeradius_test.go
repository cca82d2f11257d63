//go:build protocol

package radclient

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius/rfc2865"

	"vault-plugin-auth-radius/internal/radiustest"
)

func startFreeRADIUS(t *testing.T, options radiustest.FreeRADIUSOptions) *radiustest.FreeRADIUS {
	t.Helper()
	options.Secret = testSecret
	server, err := radiustest.StartFreeRADIUS(t.Context(), t.TempDir(), options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	return server
}

func newFreeRADIUSClient(t *testing.T, server *radiustest.FreeRADIUS, setting MessageAuthenticator) *Client {
	t.Helper()
	client, err := New(Config{
		Servers:              []Server{{Host: server.Host(), Port: server.Port(), Secret: NewSecret(testSecret)}},
		ReadTimeout:          time.Minute,
		MessageAuthenticator: setting,
	})
	require.NoError(t, err)
	return client
}

func TestFreeRADIUSTakesEveryProtocol(t *testing.T) {
	t.Parallel()
	const awkward = `p"a\ss %{User-Name} 'q pässwörd€`
	users := map[string]string{"bob": "bob-password", "zoë": awkward, `CORP\bob`: "corp-password"}
	server := startFreeRADIUS(t, radiustest.FreeRADIUSOptions{Users: users})
	for _, protocol := range []Protocol{PAP, CHAP, MSCHAPv2} {
		client := newFreeRADIUSClient(t, server, MessageAuthenticatorAuto)
		client.config.Protocol = protocol
		for name, password := range users {
			verdict, err := client.Authenticate(t.Context(), Credentials{Username: name, Password: password})
			require.NoError(t, err)
			require.Equal(t, Accept, verdict.Outcome, "%s: %s: %s", protocol, name, verdict.Reason)
			verdict, err = client.Authenticate(t.Context(), Credentials{Username: name, Password: password + "x"})
			require.NoError(t, err)
			require.Equal(t, Reject, verdict.Outcome, "%s: %s", protocol, name)
			if protocol == MSCHAPv2 {
				require.Equal(t, "wrong username or password (MS-CHAP error 691)", verdict.Reason)
			}
		}
	}
}

func TestFreeRADIUSChecksThePassword(t *testing.T) {
	t.Parallel()
	const awkward = `p"a\ss %{User-Name} 'q pässwörd€`
	server := startFreeRADIUS(t, radiustest.FreeRADIUSOptions{
		Users:           map[string]string{"bob": "bob-password", "zoë": awkward},
		ReplyAttributes: map[string][]string{"bob": {`Filter-Id := "admins"`}},
	})
	client := newFreeRADIUSClient(t, server, MessageAuthenticatorAuto)

	verdict, err := client.Authenticate(t.Context(), bob)
	require.NoError(t, err)
	require.Equal(t, Accept, verdict.Outcome)
	require.Equal(t, "admins", string(verdict.Attributes.Get(rfc2865.FilterID_Type)))

	verdict, err = client.Authenticate(t.Context(), Credentials{Username: "zoë", Password: awkward})
	require.NoError(t, err)
	require.Equal(t, Accept, verdict.Outcome)

	verdict, err = client.Authenticate(t.Context(), Credentials{Username: "bob", Password: "wrong"})
	require.NoError(t, err)
	require.Equal(t, Reject, verdict.Outcome)
}

func TestFreeRADIUSThatDemandsMessageAuthenticatorIsSatisfied(t *testing.T) {
	t.Parallel()
	server := startFreeRADIUS(t, radiustest.FreeRADIUSOptions{
		Users:                       map[string]string{"bob": "bob-password"},
		RequireMessageAuthenticator: true,
		SignAnswers:                 true,
	})
	client := newFreeRADIUSClient(t, server, MessageAuthenticatorRequired)
	for _, password := range []string{"bob-password", "wrong"} {
		_, err := client.Authenticate(t.Context(), Credentials{Username: "bob", Password: password})
		require.NoError(t, err)
	}
}

func TestFreeRADIUSThatDoesNotSignIsRefusedWhereItMust(t *testing.T) {
	t.Parallel()
	server := startFreeRADIUS(t, radiustest.FreeRADIUSOptions{Users: map[string]string{"bob": "bob-password"}})
	client := newFreeRADIUSClient(t, server, MessageAuthenticatorRequired)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	client.config.Dial = func(ctx context.Context, network string, source netip.Addr, remote netip.AddrPort) (net.Conn, error) {
		conn, err := systemDial(ctx, network, source, remote)
		return &conversation{Conn: conn, answered: cancel}, err
	}
	_, err := client.Authenticate(ctx, bob)
	require.ErrorIs(t, err, context.Canceled)
	require.Positive(t, client.Stats()[0].Drops[DropUnsigned])
}

// conversation calls answered when an answer has been read and the next is waited for.
type conversation struct {
	net.Conn
	answered func()
	read     atomic.Bool
}

func (c *conversation) Read(b []byte) (int, error) {
	if c.read.Load() {
		c.answered()
	}
	n, err := c.Conn.Read(b)
	if err == nil {
		c.read.Store(true)
	}
	return n, err
}

// A FreeRADIUS that answers no Status-Server is what Network Policy Server is.
func TestFreeRADIUSWithoutStatusServerAnswersTheTestUser(t *testing.T) {
	t.Parallel()
	server := startFreeRADIUS(t, radiustest.FreeRADIUSOptions{
		Users:              map[string]string{"bob": "bob-password"},
		Holds:              map[string]time.Duration{"bob": 3 * time.Second},
		IgnoreStatusServer: true,
	})
	for _, protocol := range Protocols {
		t.Run(string(protocol), func(t *testing.T) {
			t.Parallel()
			client, err := New(Config{
				Servers:        []Server{{Host: server.Host(), Port: server.Port(), Secret: NewSecret(testSecret)}},
				Protocol:       protocol,
				ReadTimeout:    time.Minute,
				ResponseWindow: 30 * time.Second,
				StatusCheck:    StatusCheckRequest,
				StatusRequest:  Credentials{Username: "probe-" + string(protocol), Password: "probe-password"},
			})
			require.NoError(t, err)
			defer client.Close()
			verdict, err := client.Authenticate(t.Context(), bob)
			require.NoError(t, err)
			require.Equal(t, Accept, verdict.Outcome, verdict.Reason)
			refused := func() bool {
				return client.Stats()[0].ProbesAnswered > 0 && strings.Contains(server.Log(), "probe-"+string(protocol))
			}
			require.Eventually(t, refused, time.Minute, 10*time.Millisecond)
			stats := client.Stats()[0]
			require.Equal(t, Alive, stats.State())
			require.EqualValues(t, 1, stats.Accepted)
			require.Zero(t, stats.Rejected, "a probe is no login")
		})
	}
}
