package radiusauth

import (
	"maps"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/radiustest"
)

// reasonMount returns a mount that asks a RADIUS server which knows alice, after requests to it.
func reasonMount(config map[string]any, requests ...func(*testBackend)) func(*testing.T) *testBackend {
	return func(t *testing.T) *testBackend {
		b := newConfiguredBackend(t, config)
		for _, send := range requests {
			send(b)
		}
		return b
	}
}

// reasonWrite returns a request that writes fields.
func reasonWrite(path string, fields map[string]any) func(*testBackend) {
	return func(b *testBackend) { b.ok(logical.UpdateOperation, path, fields) }
}

// deletesBehind deletes an entry of storage, as no request would.
func deletesBehind(key string) func(*testBackend) {
	return func(b *testBackend) {
		require.NoError(b.t, b.storage.Delete(b.t.Context(), key))
		b.InvalidateKey(b.t.Context(), key)
	}
}

// otherSource creates a source named other.
func otherSource(b *testBackend) {
	b.source("radius", map[string]any{"name": "other", "host": b.server.Host(), "port": b.server.Port()})
}

// refusalReasons are those of logins that were refused by a rule, or here.
func refusalReasons() []reasonCase {
	const refused, invalid = "login refused", "login refused: the request is not valid"
	office := func(b *testBackend) {
		b.profile("office", map[string]any{"check_attribute": []any{item("NAS-Port-Type", "==", "Wireless-802.11")}})
	}
	closed := func(b *testBackend) {
		b.profile("closed", map[string]any{"check_attribute": []any{item("Expiration", ":=", "Jan  1 2020 00:00:00")}})
	}
	return []reasonCase{
		{
			reasons: []string{"the user is disabled"}, message: refused, unasked: true,
			mount: reasonMount(nil, reasonWrite("users/alice", map[string]any{"enabled": false})),
		},
		{
			reasons: []string{"the user has expired"}, message: refused, unasked: true,
			mount: reasonMount(nil, reasonWrite("users/alice", map[string]any{"expires_at": "2020-01-01T00:00:00Z"})),
		},
		{
			reasons: []string{"the name is locked out after failed logins"}, message: refused, unasked: true,
			mount: reasonMount(map[string]any{"lockout_threshold": 1}, func(b *testBackend) {
				b.refused(logical.UpdateOperation, "login/alice", map[string]any{"password": "wrong"})
			}),
		},
		{
			reasons: []string{"registered as .*: type it like that"}, message: refused, unasked: true,
			mount: reasonMount(nil, reasonWrite("users/Alice", nil)),
		},
		{
			reasons: []string{"the name has more than .* realms"}, message: refused, unasked: true, mount: reasonMount(nil),
			attempt: map[string]any{fieldUsername: "alice" + strings.Repeat("@a", 17)},
		},
		{
			reasons: []string{"the config has registered_only"}, message: refused, unasked: true,
			mount: reasonMount(map[string]any{"registered_only": true}),
		},
		{
			reasons: []string{"of .* has the name: its probes log in under it"}, message: refused, unasked: true,
			mount: reasonMount(map[string]any{
				"status_check": "request", "status_check_username": "alice", "status_check_password": "probe-password",
			}),
		},
		{
			reasons: []string{"as the stored user .*, whose name would be .* now"}, message: refused, unasked: true,
			mount: reasonMount(nil, reasonWrite("users/Alice", map[string]any{"enabled": false}), func(b *testBackend) {
				b.store("config", strings.Replace(b.stored("config"),
					`"case_insensitive_usernames":false`, `"case_insensitive_usernames":true`, 1))
			}),
		},
		{
			reasons: []string{"a code came with the password, and the source does not ask for one"}, message: "login refused",
			mount:   reasonMount(nil, reasonWrite("config", map[string]any{"passcode_separator": ","})),
			attempt: map[string]any{fieldPassword: "alice-password,123456"},
		},
		{
			reasons: []string{"there is no password for this name here"}, message: "login refused by its source",
			mount:   func(t *testing.T) *testBackend { return newLocalBackend(t, nil) },
			attempt: map[string]any{fieldUsername: "bob"},
		},
		{
			reasons: []string{"the password is wrong"}, message: "login refused by its source",
			mount:   func(t *testing.T) *testBackend { return newLocalBackend(t, nil) },
			attempt: map[string]any{fieldPassword: "wrong"},
		},
		{
			reasons: []string{"none of the profiles matches"}, message: "login refused by the profiles", unasked: true,
			mount: reasonMount(nil, office, reasonWrite("config", map[string]any{"default_profiles": "office"})),
		},
		{
			reasons: []string{"profile .*: "}, message: "login refused by the profiles", unasked: true,
			mount: reasonMount(nil, closed, reasonWrite("config", map[string]any{"default_profiles": "closed"})),
		},
		{
			reasons: []string{"username .*"}, message: invalid, unasked: true, mount: reasonMount(nil),
			attempt: map[string]any{fieldUsername: strings.Repeat("a", 254)},
		},
		{
			reasons: []string{"password .*"}, message: invalid, unasked: true, mount: reasonMount(nil),
			attempt: map[string]any{fieldPassword: "a\x00"},
		},
		{
			reasons: []string{"challenge_id .*: log in again"}, message: invalid, mount: reasonMount(nil),
			attempt: map[string]any{"challenge_id": "made-up"}, untold: "it takes no challenge_id",
		},
		{
			reasons: []string{"the client's address is outside token_bound_cidrs"}, message: refused, unasked: true,
			mount:   reasonMount(map[string]any{"token_bound_cidrs": "198.51.100.0/24"}),
			explain: map[string]any{"client_address": "192.0.2.7"},
		},
	}
}

// freeradiusReasons are those of users that FreeRADIUS asks for.
func freeradiusReasons() []reasonCase {
	authorizing := func(data map[string]any) func(*testing.T, *testBackend) {
		return func(_ *testing.T, b *testBackend) { b.asFreeRADIUS("authorize", data) }
	}
	explain := map[string]any{"for": "freeradius"}
	carol := map[string]any{fieldUsername: "carol", fieldPassword: "carol-password"}
	alice := map[string]any{fieldUsername: "alice", fieldPassword: "alice-password"}
	return []reasonCase{
		{
			reasons: []string{"the RADIUS server asks for another step, which FreeRADIUS cannot hand on"},
			message: "login refused",
			mount:   reasonMount(nil, reasonWrite("freeradius/config", map[string]any{"use_radius_sources": true})),
			decide:  authorizing(carol), attempt: carol, explain: explain,
		},
		{
			reasons: []string{"a RADIUS server checks this name, and use_radius_sources of .* is false"},
			message: "login refused",
			mount:   reasonMount(nil), decide: authorizing(alice), explain: explain, unasked: true,
		},
		{
			reasons: []string{"the request has no password, and"}, message: "login refused",
			mount: reasonMount(nil), unasked: true,
			decide:  authorizing(map[string]any{fieldUsername: "alice"}),
			attempt: map[string]any{fieldPassword: ""}, explain: explain,
		},
	}
}

// challengeReasons are those of logins in several steps.
func challengeReasons() []reasonCase {
	again := func(r *radiustest.Request) radiustest.Answer { return r.Challenge([]byte("state"), "Code?") }
	twice := func(r *radiustest.Request) radiustest.Answer {
		return again(r).With(radiustest.Attribute{Type: 24, Value: []byte("another state")})
	}
	return []reasonCase{
		{
			reasons: []string{"the RADIUS server asks for step after step"}, message: "login refused",
			virtual: answersOf(again, nil),
			decide:  stepAfterStep, untold: "it ends with the first step",
		},
		{
			reasons: []string{"the RADIUS server's challenge cannot be answered"}, message: "login refused",
			virtual: answersOf(twice, nil),
		},
		{
			reasons: []string{"the challenge cannot be sealed"}, message: "login refused", virtual: answersOf(again, nil),
			before: func(_ *testing.T, b *testBackend) { deletesBehind(challengeKey)(b) }, untold: "it seals none",
		},
	}
}

// stepAfterStep answers challenges until the login is refused.
func stepAfterStep(t *testing.T, b *testBackend) {
	data := map[string]any{"password": "code"}
	for range 20 {
		resp, err := b.do(logical.UpdateOperation, "login/alice", maps.Clone(data))
		require.NoError(t, err)
		if resp.IsError() {
			return
		}
		data[fieldChallengeID] = resp.Data[fieldChallengeID]
	}
	t.Error("there is always another step")
}
