//go:build protocol

package radiusauth

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/acct"
	"vault-plugin-auth-radius/internal/postgrestest"
	"vault-plugin-auth-radius/internal/tlstest"
)

// PostgreSQL shows a certificate and demands one.
func TestRecordsAreKeptInAPostgresThatIsVerified(t *testing.T) {
	t.Parallel()
	authority, err := tlstest.NewAuthority("Test CA")
	require.NoError(t, err)
	issue := func(name string) *tlstest.Certificate {
		certificate, err := authority.Issue(tlstest.CertificateOptions{Names: []string{name}})
		require.NoError(t, err)
		return certificate
	}
	server, err := postgrestest.StartTLS(t.Context(), t.TempDir(), &postgrestest.TLS{
		Identity:           &tlstest.Identity{Certificate: issue("localhost"), Trusts: authority},
		ClientCertificates: true,
	}, "fsync=off")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	b := newPatientBackend(t)
	client := issue(postgrestest.Superuser)
	config := map[string]any{
		"store": "postgres",
		"connection_url": fmt.Sprintf("host=localhost port=%d user=%s password='%s' dbname=postgres sslmode=verify-full",
			server.Port(), postgrestest.Superuser, postgrestest.Password),
		"tls_ca_cert": certificates(t).ca,
	}
	text := b.refused(logical.UpdateOperation, "freeradius/config", config)
	require.Contains(t, text, "unknown authority")
	require.Contains(t, text, "tls_ca_cert")
	require.NotContains(t, text, postgrestest.Password)
	config["tls_ca_cert"] = string(authority.PEM())
	require.Contains(t, b.refused(logical.UpdateOperation, "freeradius/config", config), "tls_client_cert")
	config["tls_client_cert"], config["tls_client_key"] = string(client.PEM), string(client.KeyPEM)
	require.Nil(t, b.ok(logical.UpdateOperation, "freeradius/config", config), "no warnings")
	code, _ := b.asFreeRADIUS("accounting", accountingPacket("Start", nil))
	require.Equal(t, http.StatusCreated, code)
	require.Len(t, b.kept("accounting", nil), 1)
	require.Nil(t, b.ok(logical.UpdateOperation, "freeradius/config", map[string]any{"retention": 7200}), "certificates stay")
}

// A URL of an earlier version works on, and other fields can be written.
func TestStoredURLWithFilesIsTriedAsItIs(t *testing.T) {
	t.Parallel()
	server, err := postgrestest.Start(t.Context(), t.TempDir(), "fsync=off")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	b := newPatientBackend(t)
	target := fmt.Sprintf("host=127.0.0.1 port=%d user=%s dbname=postgres sslmode=disable passfile=%s",
		server.Port(), postgrestest.Superuser, secretFile(t, "*:*:*:*:"+postgrestest.Password+"\n"))
	b.store(freeradiusConfigKey, `{"store": "postgres", "connection_url": "`+target+`"}`)
	code, _ := b.asFreeRADIUS("accounting", accountingPacket("Start", nil))
	require.Equal(t, http.StatusCreated, code)
	resp := b.ok(logical.UpdateOperation, "freeradius/config", map[string]any{"retention": 7200})
	require.Len(t, resp.Warnings, 1)
	require.Contains(t, resp.Warnings[0], "passfile")
	require.Len(t, b.kept("accounting", nil), 1)

	b.ok(logical.UpdateOperation, "freeradius/config", map[string]any{"connection_url": server.URL("postgres")})
	require.NotContains(t, b.ok(logical.ReadOperation, "status", nil).Data, "warnings")
	require.Len(t, b.kept("accounting", nil), 1)
}

// newPatientBackend is a mount that waits for PostgreSQL as long as a busy machine takes.
func newPatientBackend(t *testing.T) *testBackend {
	t.Helper()
	b := newLocalBackend(t, nil)
	b.records.options = []acct.Option{acct.WithPatience(time.Minute, time.Minute)}
	return b
}
