package directory

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"fmt"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/fipstest"
	"vault-plugin-auth-radius/internal/tlstest"
)

// What crypto/tls would take, and what it refuses without a word about the key, is told alike. A
// program with fips140=only could not be such a server.
func TestKeysOfServersThatAreNotApprovedAreRefused(t *testing.T) {
	if !fipstest.On(t) {
		return
	}
	authority, err := tlstest.NewAuthority("Directory CA")
	require.NoError(t, err)
	for _, bits := range []int{1024, 2049} {
		key, err := rsa.GenerateKey(rand.Reader, bits) // #nosec G403 -- what is to be refused
		require.NoError(t, err)
		certificate, err := authority.Issue(tlstest.CertificateOptions{Names: []string{"127.0.0.1"}, Key: key})
		require.NoError(t, err)
		identity := tlstest.Identity{Certificate: certificate, Trusts: authority}
		config, err := identity.Server()
		require.NoError(t, err)
		config.ClientAuth = tls.NoClientCert
		listener, err := tls.Listen("tcp4", "127.0.0.1:0", config)
		require.NoError(t, err)
		served := make(chan struct{})
		go func() {
			defer close(served)
			shakeHands(listener)
		}()
		client := newClient(t, func(c *Config) {
			c.Security, c.CACertificates = LDAPS, string(authority.PEM())
		}, listener.Addr().(*net.TCPAddr).Port)
		_, err = client.Authenticate(t.Context(), alice)
		require.NoError(t, listener.Close())
		<-served
		require.ErrorAs(t, err, new(*UnavailableError))
		require.ErrorContains(t, err, fmt.Sprintf(`the server's certificate, of "CN=127.0.0.1" is refused in FIPS 140 mode, since its key is RSA of %d bits`, bits))
	}
}

// shakeHands shows each client the server's certificate, until the listener is closed.
func shakeHands(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		_ = conn.(*tls.Conn).Handshake() // the client ends it
		_ = conn.Close()
	}
}
