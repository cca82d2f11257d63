package radiusauth

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/tlstest"
)

// declared is a path that a tool such as Terraform writes, reads and compares.
type declared struct {
	path    string         // of the schema, such as users/:name
	object  string         // that is written
	least   map[string]any // the fields without which it cannot be
	secrets []string       // the fields that no read shows
	ignored []string       // the fields that have no effect here
	fields  map[string]values
}

// values are those of a field as a read shows them, in all their shapes, and the other fields that
// they need.
type values struct {
	of    []any
	needs map[string]any
}

// shapes returns values that need no other field.
func shapes(of ...any) values { return values{of: of} }

// needing returns the values with the fields that they need.
func (v values) needing(fields map[string]any) values { return values{of: v.of, needs: fields} }

// whatIsWritten is every path whose writes say what there is, with every field that it has.
func whatIsWritten(client *tlstest.Identity) []declared {
	list := func(texts ...any) []any { return append([]any{}, texts...) }
	object := func(pairs ...any) map[string]any {
		made := map[string]any{}
		for i := 0; i < len(pairs); i += 2 {
			made[pairs[i].(string)] = pairs[i+1]
		}
		return made
	}
	certificates := shapes(string(client.Trusts.PEM()), "")
	tls := map[string]any{"transport": "tls", "tls_ca_cert": string(client.Trusts.PEM())}
	modern := map[string]any{"transport": "tls", "tls_ca_cert": tls["tls_ca_cert"], "tls_min_version": "tls13"}
	ldaps := map[string]any{"ssl": true, "ssl_cert": tls["tls_ca_cert"]}
	identity := maps.Clone(tls)
	identity["tls_client_key"] = string(client.Certificate.KeyPEM)
	probes := map[string]any{
		"status_check": "request", "status_check_username": "probe", "status_check_password": "probe-password",
	}
	separator := map[string]any{"passcode_separator": ","}
	durations, switches := shapes(1, 3600), shapes(true, false)

	servers := map[string]values{ // fields that the config and sources of RADIUS servers share
		"dial_timeout": shapes(0, 90), "read_timeout": durations, "nas_port": shapes(0, 7),
		"nas_port_type":         shapes("Virtual", "Ethernet", "19"),
		"message_authenticator": shapes("auto", "required", "off"),
		"auth_protocol":         shapes("pap", "chap", "mschapv2"),
		"retransmit":            shapes("auto", "never"), "transport": shapes("udp", "tcp", "tls").needing(tls),
		"tls_ca_cert":     certificates.needing(map[string]any{"transport": "udp"}),
		"tls_client_cert": shapes(string(client.Certificate.PEM)).needing(identity),
		"tls_server_name": shapes("radius.example.com", "").needing(tls),
		"tls_min_version": shapes("tls12", "tls13").needing(tls),
		"radius_version":  shapes("1.0", "1.1", "auto").needing(modern),
		"strategy":        shapes("failover", "round_robin"), "status_check": shapes("auto", "on", "off"),
		"status_check_username": shapes("probe").needing(probes), "response_window": durations,
		"failover_on_trial": shapes("auto", "true", "false"),
		"nas_ip_address":    shapes("192.0.2.1", "2001:db8::1", ""), "send_client_address": switches,
		"strip_realm":        switches,
		"passcode_separator": shapes(",", "::", ""), "passcode_pattern": shapes("[0-9]{6}").needing(separator),
		"passcode_unasked": shapes("refuse", "ignore"),
	}
	directories := map[string]values{
		"dial_timeout": shapes(0, 90), "read_timeout": durations,
		"ssl":      switches.needing(map[string]any{"ssl_cert": tls["tls_ca_cert"]}),
		"ssl_cert": certificates, "starttls": switches.needing(map[string]any{"ssl_cert": tls["tls_ca_cert"]}),
		"allow_cleartext": switches,
		"tls_client_cert": shapes(string(client.Certificate.PEM)).needing(map[string]any{
			"ssl": true, "ssl_cert": tls["tls_ca_cert"], "tls_client_key": identity["tls_client_key"],
		}),
		"tls_server_name":        shapes("dc.example.com", "").needing(ldaps),
		"group_search_base":      shapes("ou=groups,dc=example,dc=org", ""),
		"group_search_filter":    shapes("(member={{dn}})").needing(map[string]any{"group_search_base": "dc=example,dc=org"}),
		"group_search_attribute": shapes("cn", "sAMAccountName"),
	}
	sources := map[string]values{ // fields of sources of all types
		"name": shapes("made"), "host": shapes("192.0.2.1", "b.example.org,a.example.org:1645", "2001:db8::1"),
		"port":   shapes(1645),
		"bindto": shapes("192.0.2.9", "lo", nil), "realms": shapes(list("b.example", "a.example"), list()),
		"reply_attributes": shapes(object("Class", "Filter-Id"), object()),
	}
	source := func(kind string, of ...map[string]values) declared {
		fields := maps.Clone(sources)
		for _, more := range of {
			maps.Copy(fields, more)
		}
		fields["type"] = shapes(kind)
		return declared{
			path: "extauth/:id", object: "extauth/made", least: sourceExamples[kind], fields: fields,
			secrets: []string{"secret", "tls_client_key", "status_check_password", "search_password"},
		}
	}
	config := declared{
		path: "config", object: "config", least: minimalConfig(),
		secrets: []string{"secret", "tls_client_key", "status_check_password"},
		fields: map[string]values{
			"host": shapes("radius.example.com", "2001:db8::1"), "port": shapes(1812, 1645),
			"unregistered_user_policies": shapes(list("visitor", "Guest"), list()),
			"nas_identifier":             shapes("gate", ""),
			"renewal":                    shapes("reauthenticate", "recheck"), "bind_address": shapes("192.0.2.9", "lo", ""),
			"hosts": shapes(
				list(object("host", "b.example.org", "port", 1645), object("host", "a.example.org")), list(),
			),
			"realm":                      shapes("corp.example", ""),
			"default_realm":              shapes("corp.example", ""),
			"case_insensitive_usernames": switches, "case_insensitive_names": switches,
			"registered_only":  switches,
			"default_profiles": shapes(list("second", "first"), list()),
			"request_attributes": shapes(list(
				object("attribute", "Connect-Info", "value", "a,b \"c\""), object("attribute", "Class", "value", "7"),
			), list()),
			"group_attributes":       shapes(list("Filter-Id", "Class"), list()),
			"metadata_attributes":    shapes(list("Filter-Id", "Class"), list()),
			"session_timeout_as_ttl": switches, "extauth": shapes("corp", "local", ""),
			"lockout_threshold": shapes(0, 5),
			"lockout_duration":  durations, "lockout_counter_reset": durations,
			"password_hash_algorithm": shapes("argon2id", "bcrypt"),
			"attempts_kept":           shapes(0, 7), "password_hash_cost": shapes(0, 3),
			"time_zone": shapes("Europe/Berlin", "UTC"), "attempts_names": switches,
			"password_cache_ttl":     shapes(0, 3600),
			"password_cache_logins":  switches.needing(map[string]any{"password_cache_ttl": 600}),
			"alias_metadata":         shapes(object("a", "b=c"), object()),
			"token_bound_cidrs":      shapes(list("192.0.2.7", "127.0.0.0/8", "2001:db8::/32"), list()),
			"token_explicit_max_ttl": shapes(0, 7200), "token_max_ttl": shapes(0, 7200),
			"token_ttl": shapes(0, 900), "token_period": shapes(0, 900),
			"token_no_default_policy": switches, "token_num_uses": shapes(0, 3),
			"token_policies": shapes(list("second", "first"), list()),
			"token_type":     shapes("default", "service", "batch"), "token_strictly_bind_ip": switches,
		},
	}
	maps.Copy(config.fields, servers)
	user := declared{
		path: "users/:name", object: "users/alice", least: map[string]any{}, secrets: []string{"password", "password_hash"},
		fields: map[string]values{
			"policies": shapes(list("dev", "ops"), list()), "profiles": shapes(list("second", "first"), list()),
			"extauth": shapes("corp", "local", ""),
			"enabled": switches, "expires_at": shapes("2030-02-28T23:00:00Z", ""),
			"expose_credential": switches, "email": shapes("a@example.org", ""),
			"first_name": shapes("Alice", ""), "last_name": shapes("O'Hara, \"A\"", ""),
			"metadata": shapes(object("k", "v=w, x"), object()),
		},
	}
	profile := declared{
		path: "profiles/:id", object: "profiles/made", least: map[string]any{"name": "Made"},
		ignored: []string{"organization_id"},
		fields: map[string]values{
			"name": shapes("For \"all\""), "short_name": shapes("made"), "description": shapes("for all", ""),
			"enabled":  switches,
			"policies": shapes(list("dev", "ops"), list()),
			"check_attribute": shapes(list(object("attribute", "NAS-Port", "op", ">=", "value", "7"),
				object("attribute", "client:device", "op", "=~", "value", "a|b")), list()),
			"reply_attribute": shapes(list(object("attribute", "Session-Timeout", "op", ":=", "value", "600"),
				object("attribute", "Reply-Message", "op", "+=", "value", "a,b")), list()),
		},
	}
	search := map[string]any{"ldap_binddn": "", "user_search_base": "dc=example,dc=org"}
	ldap := map[string]values{
		"ldap_binddn": shapes("ou=people,dc=example,dc=org"), "user_attribute": shapes("uid", "mail"),
		"user_search_base":   shapes("dc=example,dc=org").needing(map[string]any{"ldap_binddn": ""}),
		"user_search_filter": shapes("(uid={{username}})").needing(search),
		"search_binddn": shapes("cn=search,dc=example,dc=org").needing(map[string]any{
			"ldap_binddn": "", "user_search_base": "dc=example,dc=org", "search_password": "search-password",
		}),
	}
	postgres := map[string]any{"connection_url": "postgres://vault@db.example.com:5432/radius?sslmode=verify-full"}
	postgresIdentity := map[string]any{
		"connection_url": postgres["connection_url"], "tls_client_key": identity["tls_client_key"],
	}
	return []declared{
		config, user, profile,
		source("radius", servers, map[string]values{"nasid": shapes("vault")}),
		source("cerb", servers, map[string]values{"nasid": shapes("service")}),
		source("ldap", directories, ldap),
		source("ad", directories, map[string]values{"ad_domain": shapes("corp.example.org")}),
		{
			path: "freeradius/config", object: "freeradius/config", least: map[string]any{},
			secrets: []string{"connection_url", "tls_client_key"},
			fields: map[string]values{
				"authorize_reject": switches, "use_radius_sources": switches, "store": shapes("vault"),
				"retention":           shapes(0, 3600),
				"stale_session_after": shapes(0, 120), "accounting_auto_group": switches,
				"tls_ca_cert":     certificates.needing(postgres),
				"tls_client_cert": shapes(string(client.Certificate.PEM)).needing(postgresIdentity),
			},
		},
		{
			path: "dictionary/custom/:name", object: "dictionary/custom/made",
			least:  map[string]any{"text": "VENDOR Example 99999\n"},
			fields: map[string]values{"text": shapes("VENDOR Example 99999\n")},
		},
	}
}

// notDeclared are the paths that are written and read, but whose reads do not show what was written.
var notDeclared = []string{"extauth", "profiles", "freeradius/accounting", "freeradius/postauth"}

// A read shows a value, written as a read shows it, in the same JSON type and spelling, and lists in
// their order: a tool that compares the two sees no change that was not made. Each field of each path
// is tried in all its shapes; a secret is never shown.
func TestEachFieldReadsBackAsItWasWritten(t *testing.T) {
	t.Parallel()
	_, client := tlsIdentities(t)
	schemas := map[string]*framework.Path{}
	for name, path := range newAPITables(newTestBackend(t).Paths).paths {
		_, read := path.Operations[logical.ReadOperation]
		_, written := path.Operations[logical.UpdateOperation]
		if read && written && !slices.Contains(notDeclared, name) {
			schemas[name] = path
		}
	}
	tried := map[string]map[string]bool{}
	for _, resource := range whatIsWritten(client) {
		require.Contains(t, schemas, resource.path)
		if tried[resource.path] == nil {
			_, parameter, _ := strings.Cut(resource.path, ":")
			tried[resource.path] = map[string]bool{parameter: true}
		}
		for _, field := range slices.Concat(resource.secrets, resource.ignored) {
			tried[resource.path][field] = true
		}
		for field, values := range resource.fields {
			tried[resource.path][field] = true
			for _, value := range values.of {
				resource.readsBack(t, field, value, values.needs)
			}
		}
	}
	for name, path := range schemas {
		for field := range path.Fields {
			require.True(t, tried[name][field], "%s: %s is not tried", name, field)
		}
	}
}

// readsBack writes the value, on a mount of its own, and reads it.
func (r declared) readsBack(t *testing.T, field string, value any, needs map[string]any) {
	t.Helper()
	b := newTestBackend(t)
	switch field { // that names what there has to be
	case "profiles", "default_profiles":
		for _, name := range []string{"first", "second"} {
			b.ok(logical.UpdateOperation, "profiles/"+name, map[string]any{"name": name})
		}
	case "extauth":
		b.ok(logical.UpdateOperation, "extauth/corp", sourceExamples["ad"])
	}
	request := maps.Clone(r.least)
	maps.Copy(request, needs)
	request[field] = value
	request = throughJSON(t, request)
	for writes := range 2 {
		b.ok(logical.UpdateOperation, r.object, maps.Clone(request)) // the second changes nothing
		if writes == 0 {
			b = b.restarted() // what is stored decides, not what is cached
		}
		read := throughJSON(t, b.ok(logical.ReadOperation, r.object, nil).Data)
		require.Contains(t, read, field, r.object)
		assert.Equal(t, request[field], read[field], "%s: %s", r.object, field)
		for _, secret := range r.secrets {
			require.NotContains(t, read, secret, r.object)
		}
	}
}
