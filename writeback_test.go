package radiusauth

import (
	"encoding/json"
	"maps"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/validate"
)

// throughJSON is the data as a client gets it and sends it back.
func throughJSON(t *testing.T, data map[string]any) map[string]any {
	t.Helper()
	text, err := json.Marshal(data)
	require.NoError(t, err)
	var decoded map[string]any
	require.NoError(t, json.Unmarshal(text, &decoded))
	return decoded
}

// What a read shows can be written back as it is, as a whole, and changes nothing.
func TestWhatIsReadCanBeWrittenBack(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	_, client := tlsIdentities(t)
	b.ok(logical.UpdateOperation, "config", minimalConfig())
	b.profile("office", map[string]any{
		"description": "for \"all\"", "enabled": false, "policies": "ops,dev",
		"check_attribute": []any{item("NAS-Port", ">=", "0x10"), item("client:device", "=~", "a|b"), item("reply:Class", "=*", "")},
		"reply_attribute": []any{item("Session-Timeout", ":=", "%{reply:Idle-Timeout:-600}"), item("Reply-Message", "+=", "a,b")},
	})
	b.source("ldap", map[string]any{
		"name": "people", "host": "a.example.org,192.0.2.7:1389,[2001:db8::1]:388,2001:db8::2", "port": 390, "realms": "corp,corp.example", "bindto": "192.0.2.9",
		"starttls": true, "ssl_cert": string(client.Trusts.PEM()), "ldap_binddn": nil, "user_search_base": "dc=example,dc=org",
		"user_search_filter": "(uid={{username}})", "search_binddn": "cn=search,dc=example,dc=org", "search_password": "search-password",
		"group_search_base": "ou=groups,dc=example,dc=org", "reply_attributes": map[string]any{"employeeType": "Class"},
	})
	b.source("cerb", map[string]any{"name": "push", "auth_protocol": "mschapv2", "strategy": "round_robin", "nas_port_type": "Ethernet", "send_client_address": false})
	b.source("radius", map[string]any{"name": "secure", "secret": nil, "transport": "tls", "tls_ca_cert": string(client.Trusts.PEM()), "tls_min_version": "tls13"})
	b.source("ad", map[string]any{"name": "default-source"})
	for kind := range sourceExamples {
		b.source(kind, nil)
	}
	configs := map[string]map[string]any{
		"least": {},
		"many": {
			"port": 1645, "unregistered_user_policies": "Guest, visitor,Guest", "dial_timeout": "3s", "nas_port": 7, "nas_identifier": "gate",
			"hosts":              []any{"b.example.org", map[string]any{"host": "192.0.2.2", "port": 1645, "secret": "another-secret"}, "[2001:db8::1]:1812"},
			"request_attributes": []any{map[string]any{"attribute": "Connect-Info", "value": "a,b \"c\""}, map[string]any{"attribute": "Login-IP-Host", "value": "192.0.2.1"}},
			"default_profiles":   "office", "group_attributes": "Class,Filter-Id", "metadata_attributes": []any{"Class"}, "extauth": "default-source",
			"token_policies": "Base,base2", "token_ttl": "30m", "token_max_ttl": 3600, "token_bound_cidrs": "127.0.0.0/8,192.0.2.7", "token_num_uses": 3,
			"token_period": "10m", "token_explicit_max_ttl": "2h", "token_no_default_policy": true, "token_type": "service", "alias_metadata": map[string]any{"a": "b=c"},
			"lockout_threshold": 5, "bind_address": "192.0.2.9", "nas_ip_address": "192.0.2.1", "renewal": "recheck", "realm": "corp",
		},
		"batch":          {"token_type": "batch", "token_period": 0, "token_num_uses": 0},
		"default_token":  {"token_type": "default"},
		"over TLS":       tlsFields(client),
		"local":          {"extauth": "local", "password_hash_algorithm": "bcrypt", "password_hash_cost": 11, "case_insensitive_usernames": true},
		"no policies":    {"unregistered_user_policies": ""},
		"as on rollback": {"transport": "udp", "port": nil},
	}
	users := map[string]map[string]any{
		"alice": {
			"policies": "Dev, ops,dev", "profiles": "office", "extauth": "push", "password_hash": "nt:891fc570507eef023cbfec043dd5f2b1", "expose_credential": true,
			"enabled": false, "expires_at": "2030-02-28", "email": "a@example.org", "first_name": "Alice", "last_name": "O'Hara, \"A\"", "metadata": map[string]any{"k": "v=w, x"},
		},
		"bob": {}, "local": {"extauth": "local"}, "carol@corp": {"extauth": "people"},
	}
	for name, fields := range users {
		b.ok(logical.UpdateOperation, "users/"+name, fields)
	}
	b.ok(logical.UpdateOperation, "freeradius/config", map[string]any{"authorize_reject": true, "retention": "1h", "stale_session_after": "2m", "accounting_auto_group": true})

	paths := []string{"profiles/office", "profiles/1", "freeradius/config"}
	for name := range users {
		paths = append(paths, "users/"+name)
	}
	for _, name := range b.ok(logical.ListOperation, "extauth", nil).Data["keys"].([]string) {
		paths = append(paths, "extauth/"+name)
	}
	check := func(path, message string) {
		t.Helper()
		for _, operation := range []logical.Operation{logical.UpdateOperation, logical.PatchOperation} {
			before := throughJSON(t, b.ok(logical.ReadOperation, path, nil).Data)
			b.ok(operation, path, maps.Clone(before))
			require.Equal(t, before, throughJSON(t, b.ok(logical.ReadOperation, path, nil).Data), "%s %s %s", operation, path, message)
		}
	}
	for _, path := range paths {
		check(path, "")
	}
	require.Contains(t, b.stored("extauth/1"), "search-password")
	for _, name := range []string{"least", "many", "batch", "default_token", "over TLS", "local", "no policies", "as on rollback"} {
		b.ok(logical.PatchOperation, "config", configs[name])
		check("config", name)
		if name != "least" {
			require.Contains(t, b.stored("config"), "another-secret", "secrets are kept, though no read shows them")
		}
	}
}

func TestPoliciesOfTheUnregisteredAreAListOrAText(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.ok(logical.UpdateOperation, "config", minimalConfig())
	for _, given := range []any{"Guest, visitor,,Guest", []any{"Guest", " visitor ", "", "Guest"}, []any{"Guest,visitor", "Guest"}, []string{"Guest", "visitor", "Guest"}} {
		b.ok(logical.UpdateOperation, "config", map[string]any{"unregistered_user_policies": nil})
		b.ok(logical.UpdateOperation, "config", map[string]any{"unregistered_user_policies": given})
		require.Equal(t, []string{"Guest", "visitor", "Guest"}, b.ok(logical.ReadOperation, "config", nil).Data["unregistered_user_policies"], given)
		require.Contains(t, b.stored("config"), `"unregistered_user_policies":["Guest","visitor","Guest"]`)
	}
	for _, given := range []any{"", []any{}, []any{""}} {
		b.ok(logical.UpdateOperation, "config", map[string]any{"unregistered_user_policies": given})
		require.Equal(t, []string{}, b.ok(logical.ReadOperation, "config", nil).Data["unregistered_user_policies"])
	}
	for _, root := range []any{"a,root", []any{"a", "Root "}, []any{"a,root"}} {
		text := b.refused(logical.UpdateOperation, "config", map[string]any{"unregistered_user_policies": root})
		require.Equal(t, validate.RootPolicyText, text)
	}
	require.Contains(t, b.refused(logical.UpdateOperation, "config", map[string]any{"unregistered_user_policies": []any{map[string]any{"a": "hush"}}}),
		"\"unregistered_user_policies\": it is not a list of texts, or texts separated by commas")
}
