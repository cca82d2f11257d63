package radiusauth

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"

	"vault-plugin-auth-radius/internal/radiustest"
)

// explainedJSON returns an explanation as a client reads it, but for how long it took.
func (b *testBackend) explainedJSON(data map[string]any) string {
	b.t.Helper()
	explained := b.explained(data)
	require.IsType(b.t, float64(0), explained["duration_ms"])
	delete(explained, "duration_ms")
	text, err := json.Marshal(explained)
	require.NoError(b.t, err)
	return string(text)
}

func TestExplanationOfAMountWithoutAConfigIsMostlyEmpty(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	for _, use := range []string{"login", "freeradius"} {
		for _, ask := range []bool{false, true} {
			require.JSONEq(t, `{"verdict": "refused", "class": "not_configured", "reason": "radius backend not configured",
				"username": "", "user": {}, "user_reason": "", "source": {}, "server": "", "reply_message": "",
				"lockout": {"locked": false, "until": "", "failed_logins": 0}, "profiles": [],
				"policies": [], "groups": [], "lifetime": {}, "reply": [], "alias": ""}`,
				b.explainedJSON(map[string]any{"username": "alice", "password": "p", "for": use, "ask": ask}))
		}
	}
	list, _ := b.attemptsFor(nil)
	require.Len(t, list, 1, "both that asked")
	require.Equal(t, []any{"trial", 2}, []any{list[0]["use"], list[0]["count"]})
}

func TestExplanationShowsAllThatALoginHas(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, map[string]any{
		"token_policies": "base", "token_ttl": "1h", "token_max_ttl": "2h", "group_attributes": "Filter-Id", "lockout_threshold": 3,
		"realm": "corp",
	})
	b.profile("staff", map[string]any{
		"check_attribute": []any{item("User-Name", "==", "alice@corp")}, "policies": "staff",
		"reply_attribute": []any{item("Filter-Id", ":=", "ops"), item("Session-Timeout", ":=", "600")},
	})
	b.ok(logical.UpdateOperation, "users/alice", map[string]any{
		"policies": "dev", "profiles": "staff", "email": "alice@example.com", "metadata": map[string]any{"team": "blue"},
	})
	b.refused(logical.UpdateOperation, "login/alice", map[string]any{"password": "wrong"})
	require.JSONEq(t, `{"verdict": "not_asked", "class": "none", "reason": "", "username": "alice",
		"user": {"policies": ["dev"], "profiles": ["staff"], "extauth": "", "password_scheme": "", "expose_credential": false,
			"batch": "", "enabled": true, "expires_at": "", "email": "alice@example.com", "first_name": "", "last_name": "",
			"metadata": {"team": "blue"}},
		"user_reason": "",
		"source": {"name": "(config)", "type": "radius", "route": "the config's host", "wire_name": "alice@corp", "fault": ""},
		"server": "", "reply_message": "", "lockout": {"locked": false, "until": "", "failed_logins": 1},
		"profiles": [{"short_name": "staff", "enabled": true, "matched": true, "fault": "",
			"check_attribute": [{"attribute": "User-Name", "op": "==", "value": "alice@corp", "found": ["alice@corp"],
				"compared_with": "alice@corp", "held": true, "reason": "a value is equal to what it is compared with"}],
			"reply_attribute": [
				{"attribute": "Filter-Id", "op": ":=", "value": "ops", "sent": "ops", "applied": true, "reason": "added"},
				{"attribute": "Session-Timeout", "op": ":=", "value": "600", "sent": "600", "applied": true, "reason": "added"}]}],
		"policies": ["base", "default", "dev", "staff"], "groups": ["ops"],
		"lifetime": {"ttl": 600, "max_ttl": 7200, "explicit_max_ttl": 600, "period": 0}, "reply": [], "alias": "alice"}`,
		b.explainedJSON(map[string]any{"username": "alice"}))
}

func TestExplainedItemsAreThoseOfATrialOfTheProfile(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	b.profile("staff", map[string]any{
		"check_attribute": []any{
			item("User-Name", "==", "bob"), item("client:device", "=~", "^lap"), item("NAS-Identifier", "!*", ""),
			item("Calling-Station-Id", "==", "%{User-Name}"),
		},
		"reply_attribute": []any{item("Filter-Id", ":=", "%{User-Name}")},
	})
	b.ok(logical.UpdateOperation, "config", map[string]any{"default_profiles": "staff"})
	explained := b.explained(map[string]any{"username": "alice", "attributes": map[string]any{"device": "laptop"}})
	tried := b.ok(logical.UpdateOperation, "profiles/staff/test", map[string]any{
		"request": map[string]any{"User-Name": "alice", "NAS-Identifier": "vault"}, "client": map[string]any{"device": "laptop"},
	}).Data
	require.Equal(t, "none of the profiles matches: staff", explained["reason"])
	profile := explained["profiles"].([]any)[0].(map[string]any)
	for _, field := range []string{"check_attribute", "reply_attribute", "matched", "enabled"} {
		require.Equal(t, tried[field], profile[field], field)
	}
	require.Equal(t, []string{"laptop"}, profile["check_attribute"].([]any)[1].(map[string]any)["found"])
}

func TestExplanationSaysWhyAProfileCannotMatch(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	b.dictionary("turnstile", turnstile)
	b.profile("chiefs", map[string]any{"reply_attribute": []any{item("Turnstile-Level", ":=", "Boss")}})
	b.ok(logical.UpdateOperation, "config", map[string]any{"default_profiles": "chiefs"})
	b.ok(logical.DeleteOperation, "dictionary/custom/turnstile", nil)
	explained := b.explained(map[string]any{"username": "alice"})
	require.Equal(t, []any{"refused", "profiles"}, []any{explained["verdict"], explained["class"]})
	require.Contains(t, explained["profiles"].([]any)[0].(map[string]any)["fault"], "Turnstile-Level")
	require.Empty(t, explained["policies"])
	require.Empty(t, explained["alias"], "there is no token")
}

func TestExplanationGoesByTheAddressThatItIsGiven(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, map[string]any{"token_bound_cidrs": "192.0.2.0/24"})
	b.ok(logical.UpdateOperation, "users/alice", map[string]any{"enabled": false})
	b.profile("desk", map[string]any{"check_attribute": []any{item("Calling-Station-Id", "==", "192.0.2.7")}})
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"profiles": "desk"})
	verdict := func(name, address string) []any {
		explained := b.explained(map[string]any{"username": name, "client_address": address})
		return []any{explained["verdict"], explained["class"]}
	}
	for _, address := range []string{"198.51.100.7", "2001:db8::1", "::ffff:198.51.100.7"} {
		require.Equal(t, []any{"refused", "client_address"}, verdict("alice", address), "before the name is looked at")
		require.Equal(t, []any{"refused", "client_address"}, verdict("bob", address))
	}
	require.Equal(t, []any{"refused", "disabled"}, verdict("alice", "192.0.2.7"))
	require.Equal(t, []any{"refused", "disabled"}, verdict("alice", ""), "no address is looked at")
	require.Equal(t, []any{"not_asked", "none"}, verdict("bob", "192.0.2.7"))
	require.Equal(t, []any{"refused", "profiles"}, verdict("bob", "192.0.2.8"))
	b.ok(logical.UpdateOperation, "config", map[string]any{"token_bound_cidrs": "", "token_strictly_bind_ip": true})
	require.Equal(t, []any{"not_asked", "none"}, verdict("bob", "192.0.2.7"))

	list, _ := b.attemptsFor(nil)
	require.Empty(t, list)
	b.ok(logical.UpdateOperation, "config", map[string]any{
		"token_bound_cidrs": "192.0.2.0/24", "token_strictly_bind_ip": false,
	})
	b.explained(map[string]any{"username": "bob", "password": "p", "client_address": "198.51.100.7", "ask": true})
	require.Empty(t, b.server.Requests())
	list, _ = b.attemptsFor(nil)
	require.Equal(t, []any{"client_address", "198.51.100.7"}, []any{list[0]["class"], list[0]["client_address"]})
}

func TestExplanationForFreeRADIUSHasItsReplyAndNoToken(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, map[string]any{"token_bound_cidrs": "192.0.2.0/24", "token_ttl": "1h"})
	end := time.Now().Add(time.Hour).UTC()
	b.profile("wifi", map[string]any{
		"check_attribute": []any{item("NAS-Identifier", "==", "ap1")},
		"reply_attribute": []any{item("Tunnel-Private-Group-Id:1", ":=", "17")},
	})
	b.ok(logical.UpdateOperation, "users/alice", map[string]any{"profiles": "wifi", "expires_at": end.Format(time.RFC3339)})
	data := map[string]any{
		"username": "alice", "password": "alice-password", "for": "freeradius", "client_address": "198.51.100.7",
		"attributes": map[string]any{"NAS-Identifier": "ap1"},
	}
	explained := b.explained(data)
	require.Equal(t, "not_asked", explained["verdict"], "the token's addresses are none of FreeRADIUS's")
	require.Equal(t, []any{map[string]any{}, ""}, []any{explained["lifetime"], explained["alias"]})
	reply := explained["reply"].([]any)
	require.Len(t, reply, 2)
	require.Equal(t, map[string]any{"attribute": "Tunnel-Private-Group-Id:1", "value": "17"}, reply[0])
	require.Equal(t, "Session-Timeout", reply[1].(map[string]any)["attribute"], "until the user expires")
	data["ask"] = true
	require.Equal(t, "accepted", b.explained(data)["verdict"])
	data["attributes"] = `{"NAS-Identifier": "ap2"}`
	require.Equal(t, []any{"refused", "none of the profiles matches: wifi"},
		[]any{b.explained(data)["verdict"], b.explained(data)["reason"]})
	delete(data, "password")
	require.Equal(t, "no_password", b.explained(data)["class"])
}

func TestTokenOfAnExplanationEndsWithTheUser(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, map[string]any{"token_ttl": "12h"})
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	b.logins.Clock = func() time.Time { return now }
	b.ok(logical.UpdateOperation, "users/alice", map[string]any{"expires_at": "2026-03-02T13:00:00Z"})
	lifetime := b.explained(map[string]any{"username": "alice"})["lifetime"]
	require.Equal(t, map[string]any{"ttl": int64(3600), "max_ttl": int64(0), "explicit_max_ttl": int64(3600), "period": int64(0)},
		lifetime)
}

func TestExplanationShowsNothingSecret(t *testing.T) {
	t.Parallel()
	const password, state, hidden, hash = "correct-horse-battery", "state-of-the-server", "tunnel-secret", "8846f7eaee8fb117ad06bdd830b7586c"
	b := newTestBackend(t)
	b.startServer(radiustest.Options{Handler: func(r *radiustest.Request) []radiustest.Answer {
		if r.Username() == "carol" {
			return []radiustest.Answer{r.Challenge([]byte(state), "Code for "+password+"?")}
		}
		return []radiustest.Answer{r.Accept(radiustest.Attribute{Type: rfc2865.State_Type, Value: radius.Attribute(state)})}
	}})
	b.configure(map[string]any{"group_attributes": "Filter-Id"})
	b.ok(logical.UpdateOperation, "freeradius/config", map[string]any{"use_radius_sources": true})
	b.profile("own", map[string]any{
		"check_attribute": []any{
			item("User-Password", "==", password), item("User-Name", "!=", "%{User-Password}"), item("User-Password", "!=", "no-"+password),
		},
		"reply_attribute": []any{item("Tunnel-Password:1", ":=", hidden)},
	})
	b.ok(logical.UpdateOperation, "users/alice", map[string]any{"profiles": "own"})
	b.ok(logical.UpdateOperation, "users/dora", map[string]any{"profiles": "own", "password": password, "extauth": "local"})
	b.ok(logical.UpdateOperation, "users/erin", map[string]any{
		"password_hash": "nt:" + hash, "expose_credential": true, "extauth": "local",
	})
	from := len(b.log.String())
	for _, name := range []string{"alice", "bob", "carol", "dora", "erin"} {
		for _, typed := range []string{password, "wrong-" + password, ""} {
			for _, use := range []string{"login", "freeradius"} {
				for _, ask := range []bool{true, false} {
					text := b.explainedJSON(map[string]any{"username": name, "password": typed, "for": use, "ask": ask})
					for _, secret := range []string{password, state, hidden, hash, testSecret, "$argon2", "challenge_id"} {
						require.NotContains(t, text, secret, "%s %q %s", name, typed, use)
						require.NotContains(t, b.log.String()[from:], secret)
					}
				}
			}
		}
	}
	text := b.explainedJSON(map[string]any{"username": "alice", "password": password, "ask": true})
	require.Contains(t, text, `"verdict":"accepted"`, "or the test proves nothing")
	require.Contains(t, text, "redacted")
}

func TestExplanationFailsWithStorage(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	b.ok(logical.UpdateOperation, "users/alice", nil)
	b.explained(map[string]any{"username": "alice"})
	b.InvalidateKey(t.Context(), "user/alice")
	b.storage.failGets.Store(true)
	for _, ask := range []bool{false, true} {
		_, err := b.do(logical.UpdateOperation, "explain", map[string]any{"username": "alice", "password": "p", "ask": ask})
		require.ErrorIs(t, err, errStorage)
	}
	require.Empty(t, b.server.Requests())
	b.InvalidateKey(t.Context(), "config")
	_, err := b.do(logical.UpdateOperation, "explain", map[string]any{"username": "alice"})
	require.ErrorIs(t, err, errStorage)
}

func TestExplainNeedsSudo(t *testing.T) {
	t.Parallel()
	require.Contains(t, newTestBackend(t).SpecialPaths().Root, "explain")
}

func TestExplanationIsOfWhatIsTypedWithoutAUserEntry(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, map[string]any{"case_insensitive_usernames": true, "unregistered_user_policies": "guest"})
	explained := b.explained(map[string]any{"username": "BOB"})
	require.Equal(t, []any{"bob", "the name is not under users/", map[string]any{}},
		[]any{explained["username"], explained["user_reason"], explained["user"]})
	require.Equal(t, []string{"default", "guest"}, explained["policies"])
	explained = b.explained(map[string]any{"username": "b\x00b"})
	require.Equal(t, []any{"invalid", "input", "", "", map[string]any{}}, []any{
		explained["verdict"], explained["class"], explained["username"], explained["user_reason"], explained["source"],
	})
}

func TestExplanationSaysWhyItIsThatSource(t *testing.T) {
	t.Parallel()
	b, _ := newSourcesBackend(t, nil, nil)
	b.source("radius", map[string]any{"name": "plain", "host": b.server.Host(), "port": b.server.Port()})
	b.ok(logical.UpdateOperation, "users/carol", map[string]any{"extauth": "plain"})
	b.ok(logical.UpdateOperation, "users/dora", map[string]any{"password": "dora-password", "extauth": "local"})
	for name, want := range map[string][]any{
		"alice":       {"(config)", "radius", "the config's host"},
		"alice@guest": {"guests", "radius", "the realm of the name"},
		"carol":       {"plain", "radius", "the user's extauth"},
		"dora":        {"local", "local", "the user's extauth"},
	} {
		source := b.explained(map[string]any{"username": name})["source"].(map[string]any)
		require.Equal(t, want, []any{source["name"], source["type"], source["route"]}, name)
	}
	b.ok(logical.UpdateOperation, "config", map[string]any{"extauth": "plain"})
	require.Equal(t, "the config's extauth",
		b.explained(map[string]any{"username": "bob"})["source"].(map[string]any)["route"])
	deletesBehind("extauth/2")(b)
	source := b.explained(map[string]any{"username": "carol"})["source"].(map[string]any)
	require.Contains(t, source["fault"], "the user's source is gone")
}
