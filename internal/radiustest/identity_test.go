package radiustest

import (
	"crypto/tls"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/tlstest"
)

const serverName = "radius.example.test"

func newAuthority(tb testing.TB) *tlstest.Authority {
	tb.Helper()
	a, err := tlstest.NewAuthority("Test CA")
	require.NoError(tb, err)
	return a
}

// newIdentity returns an identity with a certificate of the authority, which it trusts.
func newIdentity(tb testing.TB, a *tlstest.Authority, name string) *tlstest.Identity {
	tb.Helper()
	certificate, err := a.Issue(tlstest.CertificateOptions{Names: []string{name}})
	require.NoError(tb, err)
	return &tlstest.Identity{Certificate: certificate, Trusts: a}
}

func clientTLS(tb testing.TB, a *tlstest.Authority) *tls.Config {
	tb.Helper()
	config, err := newIdentity(tb, a, "vault").Client(serverName)
	require.NoError(tb, err)
	return config
}
