//go:build protocol

package radiustest

import (
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"

	"vault-plugin-auth-radius/internal/daemontest"
)

func startRadsecproxy(t *testing.T, o RadsecproxyOptions) *Radsecproxy {
	t.Helper()
	p, err := StartRadsecproxy(t.Context(), t.TempDir(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Stop()) })
	return p
}

func TestRadsecproxyConnectsUDPAndTLS(t *testing.T) {
	t.Parallel()
	const proxySecret = "pröxy \"secret\" %41"
	a, other := newAuthority(t), newAuthority(t)
	server := startFreeRADIUS(t, FreeRADIUSOptions{
		Users:       map[string]string{"bob": "hello"},
		SignAnswers: true,
		TLS:         newIdentity(t, a, serverName),
	})
	overUDP := RadsecproxySide{Port: server.Port(), Secret: vectorSecret}
	overTLS := RadsecproxySide{Port: server.TLSPort(), TLS: newIdentity(t, a, "proxy.example.test")}
	forTLS := RadsecproxySide{TLS: newIdentity(t, other, serverName)}
	forUDP := RadsecproxySide{Secret: proxySecret}
	tests := map[string]RadsecproxyOptions{
		"TLS to UDP": {Clients: forTLS, Server: overUDP},
		"TLS to TLS": {Clients: forTLS, Server: overTLS},
		"UDP to TLS": {Clients: forUDP, Server: overTLS},
	}
	for name, options := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startRadsecproxy(t, options)
			secret, conn := proxySecret, net.Conn(nil)
			if options.Clients.TLS == nil {
				conn = dial(t, onLoopback(p.Port()))
			} else {
				secret, conn = secretOverTLS, dialTLS(t, p.Port(), clientTLS(t, other))
			}
			for password, want := range map[string]radius.Code{"hello": radius.CodeAccessAccept, "wrong": radius.CodeAccessReject} {
				request := loginWith(t, secret, "bob", password)
				send(t, conn, request)
				answer := receive(t, conn)
				require.Equal(t, byte(want), answer[0])
				require.True(t, radius.IsAuthenticResponse(answer, request, []byte(secret)))
			}
			require.NoError(t, p.Stop()) // the log is whole only then
			require.Contains(t, p.Log(), "Access-Accept for user bob from upstream to clients")
		})
	}
}

func TestRadsecproxyStopsAndStartsAgain(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	gone, err := daemontest.FreePort(t.Context())
	require.NoError(t, err)
	identity := newIdentity(t, a, serverName)
	config, err := identity.Client(serverName)
	require.NoError(t, err)
	p := startRadsecproxy(t, RadsecproxyOptions{
		Clients: RadsecproxySide{TLS: identity},
		Server:  RadsecproxySide{Port: gone, TLS: identity}, // it starts without
	})
	require.Contains(t, p.Log(), "tlsconnect: TLS connection to upstream")
	conn := dialTLS(t, p.Port(), config)
	require.Equal(t, radius.CodeAccessAccept, askOver(t, conn, secretOverTLS, statusServer(t, secretOverTLS)))

	require.NoError(t, p.Stop())
	_, err = net.DialTimeout("tcp", onLoopback(p.Port()).String(), time.Minute)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	require.NoError(t, p.Restart())
	dialTLS(t, p.Port(), config)
}

func TestRadsecproxyKeepsItsFilesPrivate(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "proxy")
	identity := newIdentity(t, newAuthority(t), serverName)
	p, err := StartRadsecproxy(t.Context(), dir, RadsecproxyOptions{
		Clients: RadsecproxySide{TLS: identity},
		Server:  RadsecproxySide{Port: 1, Secret: vectorSecret},
	})
	require.NoError(t, err)
	require.NoError(t, p.Stop())
	for name, want := range map[string]os.FileMode{"": 0o700, "radsecproxy.conf": 0o600, "clients/proxy.key": 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Equal(t, want, info.Mode().Perm(), "%q", name)
	}
}

func TestRadsecproxyExplainsAFailedStart(t *testing.T) {
	t.Parallel()
	taken := startStream(t, StreamOptions{})
	identity := newIdentity(t, newAuthority(t), serverName)
	_, err := StartRadsecproxy(t.Context(), t.TempDir(), RadsecproxyOptions{
		Clients: RadsecproxySide{Port: taken.Port(), TLS: identity},
		Server:  RadsecproxySide{Port: 1, Secret: vectorSecret},
	})
	require.ErrorIs(t, err, daemontest.ErrPortTaken)
	_, err = StartRadsecproxy(t.Context(), t.TempDir(), RadsecproxyOptions{Clients: RadsecproxySide{TLS: identity}})
	require.ErrorContains(t, err, "server side needs a shared secret")
	_, err = StartRadsecproxy(t.Context(), filepath.Join(t.TempDir(), "100%"), RadsecproxyOptions{Clients: RadsecproxySide{TLS: identity}})
	require.ErrorContains(t, err, "percent")
}
