package directory

import (
	"crypto/tls"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/tlstest"
)

// demanding is the port of a server that demands a client certificate and says nothing
// more than TLS.
func demanding(t *testing.T, authority *tlstest.Authority, version uint16) int {
	t.Helper()
	return demandingUntil(t, authority, version, time.Time{})
}

// demandingUntil is demanding with a certificate that ends then.
func demandingUntil(t *testing.T, authority *tlstest.Authority, version uint16, end time.Time) int {
	t.Helper()
	certificate, err := authority.Issue(tlstest.CertificateOptions{Names: []string{"127.0.0.1"}, Until: end})
	require.NoError(t, err)
	config, err := (&tlstest.Identity{Certificate: certificate, Trusts: authority}).Server()
	require.NoError(t, err)
	config.MaxVersion = version
	listener, err := tls.Listen("tcp4", "127.0.0.1:0", config)
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				_, _ = io.Copy(io.Discard, conn) // does the handshake
			}()
		}
	}()
	return listener.Addr().(*net.TCPAddr).Port
}

func TestServersSayWhatTheyHaveAgainstTheClientCertificate(t *testing.T) {
	t.Parallel()
	authority, err := tlstest.NewAuthority("Directory CA")
	require.NoError(t, err)
	other, err := tlstest.NewAuthority("Another CA")
	require.NoError(t, err)
	for version, name := range map[uint16]string{tls.VersionTLS12: "TLS 1.2", tls.VersionTLS13: "TLS 1.3"} {
		port := demanding(t, authority, version)
		const demanded = "it asked for a client certificate, and ended the connection: set tls_client_cert and tls_client_key"
		for want, issue := range map[string]func() (*tlstest.Certificate, error){
			demanded: func() (*tlstest.Certificate, error) {
				return &tlstest.Certificate{}, nil
			},
			"it does not know who signed the client certificate": func() (*tlstest.Certificate, error) {
				return other.Issue(tlstest.CertificateOptions{CommonName: "vault"})
			},
			"it refused the client certificate: it has expired": func() (*tlstest.Certificate, error) {
				return authority.Issue(tlstest.CertificateOptions{CommonName: "vault", Until: time.Now().Add(-time.Hour)})
			},
		} {
			certificate, err := issue()
			require.NoError(t, err)
			client := newClient(t, func(c *Config) {
				c.Security, c.CACertificates, c.Timeout = LDAPS, string(authority.PEM()), time.Minute
				c.ClientCertificate, c.ClientKey = string(certificate.PEM), string(certificate.KeyPEM)
			}, port)
			_, err = client.Authenticate(t.Context(), alice)
			var unavailable *UnavailableError
			require.ErrorAs(t, err, &unavailable, name)
			require.ErrorContains(t, err, want, name)
		}
	}
}

func TestWrongClientCertificatesNameTheirFields(t *testing.T) {
	t.Parallel()
	authority, err := tlstest.NewAuthority("Directory CA")
	require.NoError(t, err)
	certificate, err := authority.Issue(tlstest.CertificateOptions{CommonName: "vault"})
	require.NoError(t, err)
	another, err := authority.Issue(tlstest.CertificateOptions{CommonName: "vault"})
	require.NoError(t, err)
	for want, pair := range map[string][2]string{
		"give both or neither":              {string(certificate.PEM), ""},
		"belong together":                   {"", string(certificate.KeyPEM)},
		"failed to find any PEM data":       {"no PEM", string(certificate.KeyPEM)},
		"private key does not match public": {string(certificate.PEM), string(another.KeyPEM)},
	} {
		config := Config{
			Kind: LDAP, BindDN: people, Security: LDAPS, CACertificates: string(authority.PEM()),
			ClientCertificate: pair[0], ClientKey: pair[1],
		}
		err := config.Check()
		require.ErrorContains(t, err, "`tls_client_cert` and `tls_client_key`")
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "PRIVATE")
	}
}
