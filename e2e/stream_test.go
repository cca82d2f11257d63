package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/radiustest"
	"vault-plugin-auth-radius/internal/tlstest"
)

// identities are those of a server on loopback and of a Vault that it believes.
func identities(t *testing.T) (server, vault *tlstest.Identity) {
	t.Helper()
	authority, err := tlstest.NewAuthority("Example CA")
	require.NoError(t, err)
	return identity(t, authority, "127.0.0.1"), identity(t, authority, "vault.example.com")
}

func identity(t *testing.T, authority *tlstest.Authority, name string) *tlstest.Identity {
	t.Helper()
	certificate, err := authority.Issue(tlstest.CertificateOptions{Names: []string{name}})
	require.NoError(t, err)
	return &tlstest.Identity{Certificate: certificate, Trusts: authority}
}

// overTLS is a config for a server over TLS.
func overTLS(port int, vault *tlstest.Identity, more map[string]any) map[string]any {
	config := map[string]any{
		"host":            "127.0.0.1",
		"port":            port,
		"transport":       "tls",
		"tls_ca_cert":     string(vault.Trusts.PEM()),
		"tls_client_cert": string(vault.Certificate.PEM),
		"tls_client_key":  string(vault.Certificate.KeyPEM),
		"tls_server_name": "", // in place of what was written before
	}
	for field, value := range more {
		config[field] = value
	}
	return config
}

// loginsWork tries every protocol, a wrong password and a one-time code.
func (v *vaultServer) loginsWork(config map[string]any) {
	v.t.Helper()
	for _, protocol := range []string{"mschapv2", "chap", "pap"} {
		config["auth_protocol"] = protocol
		v.write("auth/radius/config", config)
		v.login("auth/radius", "bob", "bob-password")
		status, text := v.refused("auth/radius/login/bob", map[string]any{"password": "wrong"})
		require.Equal(v.t, 400, status)
		require.Equal(v.t, "access denied by the authentication server", text)
	}
	step := v.write("auth/radius/login/carol", map[string]any{"password": "carol-password"})
	require.Nil(v.t, step.Auth)
	answered := v.write("auth/radius/login/carol", map[string]any{"challenge_id": step.Data["challenge_id"], "password": carolsCode})
	require.NotNil(v.t, answered.Auth)
}

func TestLoginsOverTCP(t *testing.T) {
	t.Parallel()
	v := startPlugin(t)
	server := startFreeRADIUSWith(t, radiustest.FreeRADIUSOptions{TCP: true})
	v.loginsWork(configFor(server.Host(), server.TCPPort(), map[string]any{"transport": "tcp"}))
}

func TestLoginsOverRadSec(t *testing.T) {
	t.Parallel()
	serverIdentity, vault := identities(t)
	v := startPlugin(t)
	server := startFreeRADIUSWith(t, radiustest.FreeRADIUSOptions{TLS: serverIdentity})
	v.loginsWork(overTLS(server.TLSPort(), vault, nil))

	require.NoError(t, server.Restart())
	v.login("auth/radius", "bob", "bob-password")
}

func TestLoginsOverRadSecThroughRadsecproxy(t *testing.T) {
	t.Parallel()
	proxyIdentity, vault := identities(t)
	v := startPlugin(t)
	server := startFreeRADIUS(t)
	proxy, err := radiustest.StartRadsecproxy(t.Context(), t.TempDir(), radiustest.RadsecproxyOptions{
		Clients: radiustest.RadsecproxySide{TLS: proxyIdentity},
		Server:  radiustest.RadsecproxySide{Port: server.Port(), Secret: radiusSecret},
	})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, proxy.Stop())
		if t.Failed() {
			t.Logf("radsecproxy's log:\n%s", proxy.Log())
		}
	})
	v.loginsWork(overTLS(proxy.Port(), vault, nil))
}

func TestRadSecThatIsNotAgreedAboutSaysWhyInTheLog(t *testing.T) {
	t.Parallel()
	serverIdentity, vault := identities(t)
	stranger, err := tlstest.NewAuthority("Another CA")
	require.NoError(t, err)
	certificate, err := serverIdentity.Trusts.Issue(tlstest.CertificateOptions{
		Names: []string{"127.0.0.1"}, From: time.Now().Add(-2 * time.Hour), Until: time.Now().Add(-time.Hour),
	})
	require.NoError(t, err)

	v := startPlugin(t)
	server := startFreeRADIUSWith(t, radiustest.FreeRADIUSOptions{TLS: serverIdentity})
	expired := startFreeRADIUSWith(t, radiustest.FreeRADIUSOptions{
		TLS: &tlstest.Identity{Certificate: certificate, Trusts: serverIdentity.Trusts},
	})
	for want, config := range map[string]map[string]any{
		"the server's certificate is not signed by tls_ca_cert": overTLS(server.TLSPort(), vault, map[string]any{"tls_ca_cert": string(stranger.PEM())}),
		"the server's certificate has expired":                  overTLS(expired.TLSPort(), vault, nil),
		"the server's certificate is for another name":          overTLS(server.TLSPort(), vault, map[string]any{"tls_server_name": "radius.example.com"}),
		"the server wants a client certificate":                 overTLS(server.TLSPort(), vault, map[string]any{"tls_client_cert": "", "tls_client_key": ""}),
		"accept the client certificate": overTLS(server.TLSPort(), identity(t, stranger, "vault.example.com"),
			map[string]any{"tls_ca_cert": string(vault.Trusts.PEM())}),
	} {
		v.write("auth/radius/config", config)
		// The server's word comes after TLS's handshake, and late on a busy machine:
		// then a login ends without it, and the next one may have it.
		deadline := time.Now().Add(logWithin)
		for !strings.Contains(v.log.String(), want) {
			require.True(t, time.Now().Before(deadline), "the log does not say: %s", want)
			status, text := v.refused("auth/radius/login/bob", map[string]any{"password": "bob-password"})
			require.Equal(t, 400, status)
			require.Equal(t, "the authentication server did not answer in time", text)
		}
	}
}
