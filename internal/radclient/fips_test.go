package radclient

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/fipstest"
	"vault-plugin-auth-radius/internal/radiustest"
	"vault-plugin-auth-radius/internal/tlstest"
)

// Logins of RADIUS/1.1 use nothing that is not approved. The clock is the system's: of the time in
// testing/synctest, Go's source of randomness in this mode makes nothing.
func TestRADIUS11LoginsAreDecidedInFIPSMode(t *testing.T) {
	if !fipstest.Only(t) {
		return
	}
	credentials := newCredentials(t, nil)
	users := radiustest.Users{"bob": {Password: bob.Password}, "carol": {Password: "carol-password", Code: "123456"}}
	client := clientOf11(t, credentials, credentials.serverTLS(t), users.Handler(), radiustest.RADIUS11)
	verdict, err := client.Authenticate(t.Context(), bob)
	require.NoError(t, err)
	require.Equal(t, Accept, verdict.Outcome)
	verdict, err = client.Authenticate(t.Context(), Credentials{Username: "bob", Password: "wrong"})
	require.NoError(t, err)
	require.Equal(t, Reject, verdict.Outcome)
	verdict, err = client.Authenticate(t.Context(), Credentials{Username: "carol", Password: "carol-password"})
	require.NoError(t, err)
	step, err := verdict.Step()
	require.NoError(t, err)
	verdict, err = client.Authenticate(t.Context(), Credentials{
		Username: "carol", Password: "123456", Answers: &Challenged{Host: verdict.Host, Server: verdict.Server, State: step.State},
	})
	require.NoError(t, err)
	require.Equal(t, Accept, verdict.Outcome)
}

// The faults of TLS are told as without the mode, and there is no way back to RADIUS/1.0.
func TestTLSIsVerifiedInFIPSMode(t *testing.T) {
	if !fipstest.Only(t) {
		return
	}
	for want, change := range map[string]func(server *tls.Config, offers *radiustest.Version, wrong *credentialsOf){
		"the server does not speak the version of TLS that is demanded": func(server *tls.Config, _ *radiustest.Version, _ *credentialsOf) {
			server.MaxVersion = tls.VersionTLS12
		},
		"the server does not speak the version of RADIUS that is demanded": func(_ *tls.Config, offers *radiustest.Version, _ *credentialsOf) {
			*offers = radiustest.RADIUS10
		},
		"the server's certificate is not signed by tls_ca_cert": func(_ *tls.Config, _ *radiustest.Version, wrong *credentialsOf) {
			*wrong = newCredentials(t, nil)
		},
	} {
		credentials, offers := newCredentials(t, nil), radiustest.RADIUS11
		server := credentials.serverTLS(t)
		change(server, &offers, &credentials)
		_, err := clientOf11(t, credentials, server, accept, offers).Authenticate(t.Context(), bob)
		require.ErrorContains(t, err, want)
	}
}

// What crypto/tls would take, and what it refuses without a word about the key, is told alike. A
// program with fips140=only could not be such a server.
func TestKeysOfServersThatAreNotApprovedAreRefused(t *testing.T) {
	if !fipstest.On(t) {
		return
	}
	for _, bits := range []int{1024, 2049} {
		key, err := rsa.GenerateKey(rand.Reader, bits) // #nosec G403 -- what is to be refused
		require.NoError(t, err)
		credentials := newCredentials(t, func(o *tlstest.CertificateOptions) { o.Key = key })
		_, err = clientOf11(t, credentials, credentials.serverTLS(t), accept, radiustest.RADIUS11).Authenticate(t.Context(), bob)
		require.ErrorContains(t, err, `the server's certificate, of "CN=`+radsecName+`" is refused in FIPS 140 mode, since its key is RSA of `+strconv.Itoa(bits)+" bits")
		require.NotContains(t, err.Error(), "DNS and routing")
	}
}

// clientOf11 returns a client of RADIUS/1.1 of a server on loopback.
func clientOf11(
	t *testing.T, credentials credentialsOf, server *tls.Config, handler radiustest.Handler, offers radiustest.Version,
) *Client {
	t.Helper()
	running, err := radiustest.StartStream(radiustest.StreamOptions{
		TLS: server, Versions: []radiustest.Version{offers}, Handler: handler,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, running.Close()) })
	config := Config{
		Servers:   []Server{{Host: running.Host(), Port: running.Port()}},
		Transport: TLS, TLS: credentials.clientTLS(), ReadTimeout: time.Minute, StatusCheck: StatusCheckOff,
	}
	config.TLS.Version = RADIUS11
	client, err := New(config)
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return client
}

// A client that would use what FIPS 140 mode has no place for is not made: it opens no socket.
func TestWhatFIPSModeHasNoPlaceForIsNotSent(t *testing.T) {
	if !fipstest.Only(t) {
		return
	}
	good := Config{
		Servers: []Server{serverAt(firstAddress)}, Transport: TLS, TLS: newCredentials(t, nil).clientTLS(), ReadTimeout: 1,
		Dial: func(context.Context, string, netip.Addr, netip.AddrPort) (net.Conn, error) {
			return nil, errors.New("nothing is to be opened")
		},
	}
	good.TLS.Version = RADIUS11
	_, err := New(good)
	require.NoError(t, err)
	for want, change := range map[string]func(*Config){
		"`transport` udp is refused in FIPS 140 mode":          func(c *Config) { c.Transport = "" },
		"`transport` tcp is refused in FIPS 140 mode":          func(c *Config) { c.Transport = TCP },
		"`radius_version` 1.0 is refused in FIPS 140 mode":     func(c *Config) { c.TLS.Version = RADIUS10 },
		"`radius_version` auto is refused in FIPS 140 mode":    func(c *Config) { c.TLS.Version = VersionAuto },
		"`auth_protocol` chap is refused in FIPS 140 mode":     func(c *Config) { c.Protocol = CHAP },
		"`auth_protocol` mschapv2 is refused in FIPS 140 mode": func(c *Config) { c.Protocol = MSCHAPv2 },
	} {
		config := good
		change(&config)
		_, err := New(config)
		require.ErrorContains(t, err, want)
	}
	old := good
	old.TLS.Version = ""
	_, err = New(old)
	require.ErrorContains(t, err, "`radius_version` 1.0", "the zero value")
}
