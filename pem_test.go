package radiusauth

import (
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

// fromWindows is the text as editors there write it.
func fromWindows(text string) string { return "\ufeff" + strings.ReplaceAll(text, "\n", "\r\n") }

// Else the first certificate would not be seen, and of two files in one the second.
func TestByteOrderMarksAreTakenOffCertificates(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	texts, more := certificates(t), certificates(t)
	both := texts.ca + more.ca
	fields := func(ca string) map[string]any {
		return map[string]any{
			ca: fromWindows(texts.ca) + fromWindows(more.ca), "tls_client_cert": fromWindows(texts.client), "tls_client_key": fromWindows(texts.key),
		}
	}
	b.ok(logical.UpdateOperation, "config", map[string]any{"extauth": "local"})
	for _, write := range []struct {
		path, ca, stored string
		also             map[string]any
	}{
		{"config", "tls_ca_cert", "config", map[string]any{"host": "192.0.2.1", "transport": "tls"}},
		{"extauth", "tls_ca_cert", "extauth/1", with("radius", map[string]any{"transport": "tls"})},
		{"extauth", "ssl_cert", "extauth/2", with("ldap", map[string]any{"ssl": true})},
		{"extauth", "ssl_cert", "extauth/3", with("ad", map[string]any{"starttls": true})},
		{"freeradius/config", "tls_ca_cert", freeradiusConfigKey, map[string]any{"connection_url": "postgres://bob:x@db.example.com/radius?sslmode=verify-full"}},
	} {
		data := fields(write.ca)
		for field, value := range write.also {
			data[field] = value
		}
		b.ok(logical.UpdateOperation, write.path, data)
		path := write.stored
		shown := b.ok(logical.ReadOperation, path, nil).Data
		require.Equal(t, both, shown[write.ca], path)
		require.Equal(t, texts.client, shown["tls_client_cert"], path)
		require.Contains(t, b.stored(path), strings.ReplaceAll(texts.key, "\n", `\n`), path)
	}
}
