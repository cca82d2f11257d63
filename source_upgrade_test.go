package radiusauth

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

// A source that a version without passcode_separator has stored can be written, and has the defaults.
func TestStoredSourceWithoutNewSettingsHasTheirDefaults(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	b.ok(logical.UpdateOperation, "extauth", map[string]any{
		"type": "radius", "name": "steps", "host": b.server.Host(), "port": b.server.Port(), "secret": testSecret,
		"nasid": "vault", "realms": "steps", "strip_realm": true,
	})
	b.ok(logical.UpdateOperation, "extauth", map[string]any{
		"type": "ldap", "name": "people", "host": "127.0.0.1", "ldap_binddn": "ou=people,dc=example", "allow_cleartext": true,
	})
	before := maps.Clone(b.ok(logical.ReadOperation, "extauth/people", nil).Data)
	var stored map[string]any
	require.NoError(t, json.Unmarshal([]byte(b.stored("extauth/1")), &stored))
	settings := stored["radius"].(map[string]any)
	maps.DeleteFunc(settings, func(field string, _ any) bool { return strings.HasPrefix(field, "passcode_") })
	text, err := json.Marshal(stored)
	require.NoError(t, err)
	b.store("extauth/1", string(text))
	b.Invalidate(t.Context(), "extauth/1")

	read := b.ok(logical.ReadOperation, "extauth/steps", nil).Data
	require.Equal(t, "[0-9]{4,10}|[A-Za-z]{32,48}", read["passcode_pattern"])
	require.Equal(t, "refuse", read["passcode_unasked"])
	b.loginOK("alice@steps", "alice-password")
	b.ok(logical.UpdateOperation, "extauth/steps", map[string]any{"passcode_separator": "+"})
	b.loginOK("carol@steps", "carol-password+123456")
	require.Equal(t, before, b.ok(logical.ReadOperation, "extauth/people", nil).Data)
}
