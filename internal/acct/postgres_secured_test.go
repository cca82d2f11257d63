//go:build protocol

package acct

import (
	"net"
	"net/url"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/postgrestest"
	"vault-plugin-auth-radius/internal/tlstest"
)

// startSecured starts a PostgreSQL that speaks TLS only, as localhost.
func startSecured(t *testing.T, authority *tlstest.Authority, clientCertificates bool) *postgrestest.Postgres {
	t.Helper()
	server, err := postgrestest.StartTLS(t.Context(), t.TempDir(), &postgrestest.TLS{
		Identity:           &tlstest.Identity{Certificate: issue(t, authority, "localhost"), Trusts: authority},
		ClientCertificates: clientCertificates,
	}, "fsync=off")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	return server
}

// securedURL leads to the server as its certificate calls it, or by another name.
func securedURL(server *postgrestest.Postgres, host, query string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(postgrestest.Superuser, postgrestest.Password),
		Host: net.JoinHostPort(host, strconv.Itoa(server.Port())), Path: "postgres", RawQuery: query,
	}
	return u.String()
}

func TestServersCertificateIsVerifiedByTheConfigsAuthority(t *testing.T) {
	t.Parallel()
	authority := newAuthority(t)
	server := startSecured(t, authority, false)
	right := TLS{CACertificates: string(authority.PEM())}
	invalid := TLS{CACertificates: string(newAuthority(t).PEM())}
	for _, test := range []struct {
		host, query string
		tls         TLS
		refused     string // empty: it works
	}{
		{"localhost", "sslmode=verify-full", right, ""},
		{"localhost", "sslmode=verify-full&sslmod=x", right, "does not know"},
		{"localhost", "sslmode=verify-ca", right, ""},
		{"127.0.0.1", "sslmode=verify-ca", right, ""},
		{"127.0.0.1", "sslmode=verify-full", right, "IP SANs"},
		{"localhost", "sslmode=verify-full", invalid, "unknown authority"},
		{"localhost", "sslmode=verify-ca", invalid, "unknown authority"},
		{"localhost", "sslmode=require", invalid, "unknown authority"},
		{"localhost", "sslmode=verify-full", TLS{}, "unknown authority"},
		{"localhost", "sslrootcert=system", TLS{}, "unknown authority"},
		{"localhost", "sslmode=verify-full&channel_binding=require", right, ""},
		{"localhost", "sslmode=require", TLS{}, ""},
		{"localhost", "sslmode=prefer", TLS{}, ""},
		{"localhost", "sslmode=allow", TLS{}, ""},
		{"localhost", "sslmode=disable", TLS{}, "refuses user"},
	} {
		store, _, err := OpenPostgres(t.Context(), securedURL(server, test.host, test.query), WithTLS(test.tls), withPatience(untimed))
		if test.refused == "" {
			require.NoError(t, err, test.query)
			record(t, store, packet(Start, "1", 0))
			store.Close()
			continue
		}
		require.ErrorContains(t, err, test.refused, test.query)
		require.NotContains(t, err.Error(), "super secret")
	}
}

func TestClientsCertificateIsShown(t *testing.T) {
	t.Parallel()
	authority := newAuthority(t)
	server := startSecured(t, authority, true)
	target := securedURL(server, "localhost", "sslmode=verify-full")
	with := func(certificate *tlstest.Certificate) Option {
		return WithTLS(TLS{
			CACertificates: string(authority.PEM()), ClientCertificate: string(certificate.PEM),
			ClientKey: string(certificate.KeyPEM),
		})
	}
	store, _, err := OpenPostgres(t.Context(), target, with(issue(t, authority, postgrestest.Superuser)), withPatience(untimed))
	require.NoError(t, err)
	record(t, store, packet(Start, "1", 0))
	store.Close()

	_, _, err = OpenPostgres(t.Context(), target, WithTLS(TLS{CACertificates: string(authority.PEM())}), withPatience(untimed))
	require.ErrorAs(t, err, new(*CredentialsError), "none")
	require.ErrorContains(t, err, "tls_client_cert")
	_, _, err = OpenPostgres(t.Context(), target, with(issue(t, authority, "eve")), withPatience(untimed))
	require.ErrorAs(t, err, new(*CredentialsError), "another user's")
	_, _, err = OpenPostgres(t.Context(), target, with(issue(t, newAuthority(t), postgrestest.Superuser)), withPatience(untimed))
	require.ErrorAs(t, err, new(*UnavailableError), "another authority's")
}
