//go:build protocol

package directory

import (
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/tlstest"
)

// A server with TLS 1.2 refuses in the handshake, one with TLS 1.3 after it.
func TestOpenLDAPThatDemandsAClientCertificateIsShownOne(t *testing.T) {
	t.Parallel()
	authority, other := newAuthority(t), newAuthority(t)
	issue := func(authority *tlstest.Authority) *tlstest.Certificate {
		return newIdentity(t, authority, tlstest.CertificateOptions{CommonName: "vault"}).Certificate
	}
	for _, config := range []string{"TLSVerifyClient demand", "TLSVerifyClient demand\nTLSCipherSuite NORMAL:-VERS-TLS1.3"} {
		t.Run(config, func(t *testing.T) {
			t.Parallel()
			l := startOpenLDAP(t, newIdentity(t, authority, tlstest.CertificateOptions{Names: []string{"ldap.example.org"}}), config)
			for security, port := range map[Security]int{LDAPS: l.TLSPort(), StartTLS: l.Port()} {
				login := func(certificate *tlstest.Certificate) (Verdict, error) {
					return clientOf(t, port, func(c *Config) {
						c.Security, c.CACertificates, c.ServerName = security, string(authority.PEM()), "ldap.example.org"
						if certificate != nil {
							c.ClientCertificate, c.ClientKey = string(certificate.PEM), string(certificate.KeyPEM)
						}
					}).Authenticate(t.Context(), alice)
				}
				verdict, err := login(issue(authority))
				require.NoError(t, err, security)
				require.True(t, verdict.Accepted, verdict.Reason)
				var unavailable *UnavailableError
				_, err = login(nil)
				require.ErrorAs(t, err, &unavailable, security)
				require.ErrorContains(t, err, "it asked for a client certificate, and ended the connection:"+
					" set tls_client_cert and tls_client_key", security)
				_, err = login(issue(other))
				require.ErrorAs(t, err, &unavailable, security)
				require.ErrorContains(t, err, "client certificate", security)
				t.Log(err)
			}
		})
	}
}
