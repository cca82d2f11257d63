package radiusauth

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"

	"vault-plugin-auth-radius/internal/login"
	"vault-plugin-auth-radius/internal/radiustest"
)

const probePassword = "probe-s3cret"

// testUserFields have probes that are logins of vault-probe.
func testUserFields() map[string]any {
	return map[string]any{"status_check": "request", "status_check_username": "vault-probe", "status_check_password": probePassword}
}

// merged are the fields of all the maps.
func merged(parts ...map[string]any) map[string]any {
	all := map[string]any{}
	for _, part := range parts {
		maps.Copy(all, part)
	}
	return all
}

func TestStatusCheckByRequestIsRefusedWhereItCannotWork(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		data map[string]any
		want string
	}{
		"no username":               {map[string]any{"status_check": "request", "status_check_password": probePassword}, "`status_check_username` is missing"},
		"empty username":            {merged(testUserFields(), map[string]any{"status_check_username": ""}), "`status_check_username` is missing"},
		"no password":               {map[string]any{"status_check": "request", "status_check_username": "vault-probe"}, "`status_check_password` is missing"},
		"neither":                   {map[string]any{"status_check": "request"}, "`status_check_username` is missing: status_check=request logs a test user in"},
		"username with a blank":     {merged(testUserFields(), map[string]any{"status_check_username": "vault-probe "}), "`status_check_username`: username begins or ends with white space"},
		"username with a control":   {merged(testUserFields(), map[string]any{"status_check_username": "a\x00"}), "`status_check_username`: username contains a control character"},
		"username too long":         {merged(testUserFields(), map[string]any{"status_check_username": strings.Repeat("a", 254)}), "`status_check_username`: username is longer than 253 octets"},
		"username no text":          {merged(testUserFields(), map[string]any{"status_check_username": []any{"x"}}), "field \"status_check_username\": it is not a text"},
		"password too long":         {merged(testUserFields(), map[string]any{"status_check_password": strings.Repeat("s3cret", 22)}), "`status_check_password`: password is longer than 128 octets"},
		"password with a NUL":       {merged(testUserFields(), map[string]any{"status_check_password": "s3cret\x00"}), "`status_check_password`: password contains a NUL"},
		"password with a line end":  {merged(testUserFields(), map[string]any{"status_check_password": "s3cret\n"}), "`status_check_password` ends in a line end"},
		"password no text":          {merged(testUserFields(), map[string]any{"status_check_password": map[string]any{"s3cret": 1}}), "field \"status_check_password\": it is not a text"},
		"over tcp":                  {merged(testUserFields(), map[string]any{"transport": "tcp"}), "`status_check` is request, which is for transport udp"},
		"username for auto":         {map[string]any{"status_check_username": "vault-probe"}, "`status_check_username` is for status_check=request"},
		"username for on":           {map[string]any{"status_check": "on", "status_check_username": "vault-probe"}, "`status_check_username` is for status_check=request"},
		"password for off":          {map[string]any{"status_check": "off", "status_check_password": "s3cret"}, "`status_check_password` is for status_check=request"},
		"something else altogether": {map[string]any{"status_check": "requests"}, "`status_check` is not one of auto, on, off, request"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newTestBackend(t)
			b.ok(logical.UpdateOperation, "config", minimalConfig())
			source := b.source("radius", map[string]any{"name": "guests", "host": "192.0.2.7"})
			for _, path := range []string{"config", "extauth/" + source} {
				before := b.everything()
				text := b.refused(logical.UpdateOperation, path, maps.Clone(test.data))
				require.Contains(t, text, test.want, path)
				require.NotContains(t, text, "s3cret", path)
				require.Equal(t, before, b.everything(), path)
			}
		})
	}
}

func TestStatusCheckByRequestNeedsAServerToProbe(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	require.Contains(t, b.refused(logical.UpdateOperation, "config", merged(testUserFields(), map[string]any{"extauth": "local"})),
		"config parameter `status_check` is request, and there is no `host`")
	for kind, fields := range map[string]map[string]any{"ldap": {"ldap_binddn": "dc=example"}, "ad": {"ad_domain": "example.com"}} {
		text := b.refused(logical.UpdateOperation, "extauth", merged(with(kind, fields), testUserFields()))
		require.Contains(t, text, "`status_check_password` means nothing to a source of type "+kind)
	}
}

func TestTestUserIsKeptWithItsStatusCheckAndForgottenWithAnother(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.ok(logical.UpdateOperation, "config", minimalConfig())
	source := b.source("radius", map[string]any{"name": "guests", "host": "192.0.2.7"})
	for path, key := range map[string]string{"config": "config", "extauth/" + source: "extauth/1"} {
		shown := func() [2]any {
			data := b.ok(logical.ReadOperation, path, nil).Data
			require.NotContains(t, data, "status_check_password")
			require.NotContains(t, fmt.Sprint(data), probePassword)
			return [2]any{data["status_check"], data["status_check_username"]}
		}
		require.NotContains(t, b.stored(key), "status_check_", "what is not used is not stored")
		require.Equal(t, [2]any{"auto", ""}, shown())
		b.ok(logical.UpdateOperation, path, testUserFields())
		require.Equal(t, [2]any{"request", "vault-probe"}, shown())
		require.Contains(t, b.stored(key), `"status_check_username":"vault-probe","status_check_password":"`+probePassword)

		b.ok(logical.UpdateOperation, path, map[string]any{"status_check_username": "other-probe", "response_window": 3})
		b.ok(logical.PatchOperation, path, map[string]any{"status_check": "request"})
		require.Equal(t, [2]any{"request", "other-probe"}, shown())
		require.Contains(t, b.stored(key), probePassword, "it stays")
		for _, field := range []string{"status_check_username", "status_check_password"} {
			require.Contains(t, b.refused(logical.PatchOperation, path, map[string]any{field: nil}), "`"+field+"` is missing")
			require.Contains(t, b.refused(logical.UpdateOperation, path, map[string]any{field: ""}), "`"+field+"` is missing")
		}
		require.Contains(t, b.refused(logical.UpdateOperation, path, map[string]any{"transport": "tcp"}), "`status_check` is request")

		b.ok(logical.UpdateOperation, path, map[string]any{"transport": "tcp", "status_check": "auto"})
		require.Equal(t, [2]any{"auto", ""}, shown())
		require.NotContains(t, b.stored(key), "status_check_", "nothing is kept that has no effect")
		require.Contains(t, b.refused(logical.UpdateOperation, path, map[string]any{"transport": "udp", "status_check": "request"}), "is missing")
		b.ok(logical.UpdateOperation, path, merged(testUserFields(), map[string]any{"transport": "udp"}))
		b.ok(logical.PatchOperation, path, map[string]any{"status_check": nil})
		require.NotContains(t, b.stored(key), "status_check_")
		b.ok(logical.UpdateOperation, path, map[string]any{"status_check": "off", "status_check_username": "", "status_check_password": ""})
	}
	require.NotContains(t, b.log.String(), probePassword)
}

func TestConfigWithATestUserCanBeWrittenBackAsItWasRead(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.ok(logical.UpdateOperation, "config", merged(minimalConfig(), testUserFields()))
	for _, check := range []string{"request", "auto"} {
		b.ok(logical.UpdateOperation, "config", map[string]any{"status_check": check})
		before := b.ok(logical.ReadOperation, "config", nil).Data
		b.ok(logical.UpdateOperation, "config", maps.Clone(before))
		require.Equal(t, before, b.ok(logical.ReadOperation, "config", nil).Data)
		require.Equal(t, check == "request", strings.Contains(b.stored("config"), probePassword))
	}
}

func TestNobodyLogsInAsTheTestUser(t *testing.T) {
	t.Parallel()
	b := acceptingStrangers(t)
	auth := b.loginOK("vault-probe", "p")
	b.source("radius", map[string]any{
		"name": "people", "realms": "people", "strip_realm": true,
		"host": b.server.Host(), "port": b.server.Port(), "secret": testSecret,
	})
	other := b.loginAs("vault-probe@people", "p")
	b.ok(logical.UpdateOperation, "config", testUserFields())
	before := len(b.server.Requests())
	for _, name := range []string{
		"vault-probe", "VAULT-PROBE", "vault-pr\u00f6be", "v\u00e1ult-probe", "vault-probe@corp", `CORP\vault-probe`, `a\vault-probe@b`,
		"vault-probe@", `\vault-probe`, "vault-probe@people", `PEOPLE\Vault-Probe`,
	} {
		require.Equal(t, login.DeniedText, b.refusedAs(name, probePassword), name)
	}
	require.Contains(t, b.log.String(), "status_check_username of the config has the name: its probes log in under it, and nobody else does")
	for _, auth := range []*logical.Auth{auth, other} {
		require.Contains(t, b.renewRefused(auth), "not renewing")
	}
	b.ok(logical.UpdateOperation, "freeradius/config", map[string]any{"use_radius_sources": true, "authorize_reject": true})
	status, _ := b.asFreeRADIUS("authorize", map[string]any{"username": "vault-probe", "password": probePassword})
	require.Equal(t, http.StatusUnauthorized, status)
	require.Len(t, b.server.Requests(), before, "nobody was asked")
	require.NotContains(t, b.log.String(), probePassword)

	for _, name := range []string{"vault-probe2", "vaultprobe", "probe", "corp\\vault"} {
		require.NotEmpty(t, b.loginAs(name, "p").Policies, name)
	}
	b.ok(logical.UpdateOperation, "config", map[string]any{"status_check": "auto"})
	require.NotEmpty(t, b.loginAs("vault-probe", "p").Policies)
}

func TestRegisteredUserWithTheNameOfTheTestUserIsBarredWhereverItIsChecked(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	require.Empty(t, b.source("radius", merged(testUserFields(), map[string]any{"name": "guests", "host": "192.0.2.7", "realms": "guest"}))[len("guests"):])
	resp := b.ok(logical.UpdateOperation, "users/vault-probe", map[string]any{
		"extauth": "local", "password": probePassword, "expose_credential": true, "policies": "dev",
	})
	require.Equal(t, []string{
		"nobody can log in as this user: status_check_username of the source guests has the name: its probes log in under it, and nobody else does",
	}, resp.Warnings)
	require.Equal(t, login.DeniedText, b.refusedAs("vault-probe", probePassword))
	b.ok(logical.PatchOperation, "users/vault-probe", map[string]any{"password_hash": "nt:8846f7eaee8fb117ad06bdd830b7586c"})
	status, body := b.asFreeRADIUS("authorize", map[string]any{"username": "vault-probe"})
	require.Equal(t, http.StatusNoContent, status, body)

	b.ok(logical.UpdateOperation, "extauth/guests", map[string]any{"status_check": "auto"})
	require.NotEmpty(t, b.loginAs("vault-probe", "password").Policies, "8846… is the hash of that")
	require.Nil(t, b.ok(logical.UpdateOperation, "users/vault-probe", map[string]any{"policies": "dev"}))
}

// A realm of another source is another user, unless that source is told the same name.
func TestTestUserBarsNoRealmFormAtAnotherSource(t *testing.T) {
	t.Parallel()
	b, _ := newSourcesBackend(t, map[string]any{"status_check": "request", "status_check_username": "alice", "status_check_password": "p"}, nil)
	require.Equal(t, login.DeniedText, b.refusedAs("alice", "alice-password"))
	require.Equal(t, login.DeniedText, b.refusedAs("alice@corp", "alice-password"))
	require.Equal(t, "guests", b.loginAs("alice@guest", "guest-password").Metadata["extauth"])
	b.ok(logical.UpdateOperation, "extauth/guests", map[string]any{"strip_realm": true})
	require.Equal(t, login.DeniedText, b.refusedAs("alice@guest", "guest-password"))
}

func TestTestUserWithARealmBarsBothNotations(t *testing.T) {
	t.Parallel()
	for _, name := range []string{`CORP\vault-probe`, "vault-probe@corp"} {
		b := acceptingStrangers(t)
		b.ok(logical.UpdateOperation, "config", merged(testUserFields(), map[string]any{"status_check_username": name}))
		for _, typed := range []string{`CORP\vault-probe`, "vault-probe@corp", "Vault-Probe@CORP", "vault-probe@corp@x"} {
			require.Equal(t, login.DeniedText, b.refusedAs(typed, "p"), "%s: %s", name, typed)
		}
		require.NotEmpty(t, b.loginAs("vault-probe", "p").Policies, "another account")
		b.ok(logical.UpdateOperation, "config", map[string]any{"realm": "corp"})
		require.Equal(t, login.DeniedText, b.refusedAs("vault-probe", "p"), "the server sees vault-probe@corp")
	}
}

func TestVerifyMayTryTheTestUser(t *testing.T) {
	t.Parallel()
	b, second := newSourcesBackend(t, nil, testUserFields())
	data := b.ok(logical.UpdateOperation, "extauth/guests/verify", map[string]any{"username": "vault-probe", "password": probePassword}).Data
	require.Equal(t, "reject", data["outcome"])
	require.Len(t, second.Requests(), 1)
}

func TestTestUserThatIsARegisteredUserIsToldOf(t *testing.T) {
	t.Parallel()
	b := acceptingStrangers(t)
	b.source("radius", map[string]any{"name": "guests", "host": "192.0.2.7"})
	b.ok(logical.UpdateOperation, "users/alice", staff)
	for _, name := range []string{"alice", "\u00c1LICE", "vault-probe"} {
		fields := merged(testUserFields(), map[string]any{"status_check_username": name})
		for _, path := range []string{"config", "extauth/guests"} {
			resp := b.ok(logical.UpdateOperation, path, maps.Clone(fields))
			var warnings []string
			if resp != nil {
				warnings = resp.Warnings
			}
			if name == "vault-probe" {
				require.Empty(t, warnings, "%s: %s", path, name)
				continue
			}
			require.Equal(t, []string{
				"the registered user \"alice\" cannot log in any more: `status_check_username` is, or is like, that name; give one that no directory has",
			}, warnings, "%s: %s", path, name)
		}
	}
	b.loginOK("alice", "p")
}

func TestBatchGivesNobodyTheNameOfATestUser(t *testing.T) {
	t.Parallel()
	b := acceptingStrangers(t)
	b.ok(logical.UpdateOperation, "config", merged(testUserFields(), map[string]any{"status_check_username": "guest2"}))
	b.profile("office", nil)
	b.created(logical.UpdateOperation, "freeradius/batch", map[string]any{
		"name": "visit", "strategy": "prefix", "prefix": "guest", "number_of_users": 3, "profiles": "office",
	})
	require.Equal(t, []string{"guest1", "guest3", "guest4"}, b.ok(logical.ReadOperation, "freeradius/batch/visit", nil).Data["usernames"])
}

func TestProbesAreLoginsOfTheTestUserAsConfiguredAndCountAsProbes(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, b *testBackend) {
		b.startServer(radiustest.Options{Handler: func(r *radiustest.Request) []radiustest.Answer {
			if r.Username() == "vault-probe" {
				return []radiustest.Answer{r.Reject("nobody")}
			}
			return nil // a phone is looked for
		}})
		b.configure(merged(testUserFields(), map[string]any{
			"nas_identifier": "gate", "read_timeout": "4s",
			"request_attributes": []any{
				map[string]any{"attribute": "Service-Type", "value": "Login-User"},
				map[string]any{"attribute": "NAS-Port-Id", "value": "for %{User-Name}"},
			},
		}))
		require.Equal(t, login.NoAnswerText, b.refusedAs("bob", "bob-password"))
		var probe *radiustest.Request
		for _, request := range b.server.Requests() {
			require.Equal(t, radius.CodeAccessRequest, request.Packet.Code)
			if request.Username() == "vault-probe" {
				require.Nil(t, probe, "one for this login")
				probe = &request
			}
		}
		require.NotNil(t, probe)
		require.Equal(t, probePassword, probe.Password())
		require.Equal(t, "gate", string(probe.Packet.Get(rfc2865.NASIdentifier_Type)))
		require.Equal(t, []byte{0, 0, 0, 1}, []byte(probe.Packet.Get(rfc2865.ServiceType_Type)))
		require.Equal(t, "for vault-probe", string(probe.Packet.Get(87)), "NAS-Port-Id")
		require.Nil(t, probe.Packet.Get(rfc2865.CallingStationID_Type))

		server := b.ok(logical.ReadOperation, "status", nil).Data["servers"].([]any)[0].(map[string]any)
		require.Equal(t, "alive", server["state"])
		for counter, want := range map[string]uint64{"probes_sent": 1, "probes_answered": 1, "rejected": 0, "timed_out": 1} {
			require.Equal(t, want, server[counter], counter)
		}
		require.NotContains(t, b.log.String(), probePassword)
	})
}
