package radiusauth

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/helper/policyutil"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
	"layeh.com/radius/rfc2865"

	"vault-plugin-auth-radius/internal/decision"
	"vault-plugin-auth-radius/internal/radiustest"
)

// decisions has the test see each decision, as the log has it.
func (b *testBackend) decisions() *[][]any {
	var seen [][]any
	decided := b.logins.Decided
	b.logins.Decided = func(d decision.Decision) {
		seen = append(seen, []any{string(d.Outcome), string(d.Class), d.Reason, d.Username})
		decided(d)
	}
	return &seen
}

func verdictIn(explanation map[string]any) []any {
	return []any{explanation["verdict"], explanation["class"], explanation["reason"], explanation["username"]}
}

// challengeTwice sends a challenge that no client can answer.
func challengeTwice(r *radiustest.Request) []radiustest.Answer {
	return []radiustest.Answer{
		r.Challenge([]byte("1"), "Code?", radiustest.Attribute{Type: rfc2865.State_Type, Value: []byte("2")}),
	}
}

func TestExplanationSaysWhatTheLoginIsTold(t *testing.T) {
	t.Parallel()
	profiles := func(b *testBackend) {
		b.profile("reply", map[string]any{"check_attribute": []any{item("reply:Class", "==", "x")}})
		b.profile("client", map[string]any{"check_attribute": []any{item("client:device", "==", "laptop")}})
		b.profile("past", map[string]any{"check_attribute": []any{item("Expiration", ":=", "2020-01-01")}})
		b.profile("off", map[string]any{"enabled": false})
		b.profile("password", map[string]any{"check_attribute": []any{item("User-Password", "=~", "^alice-")}})
		b.profile("secret", map[string]any{"check_attribute": []any{item("client:otp", "!=", "%{reply:Class}")}})
		for _, name := range []string{"reply", "client", "past", "off", "password", "secret"} {
			b.ok(logical.UpdateOperation, "users/"+name, map[string]any{"profiles": name})
		}
	}
	people := func(b *testBackend) {
		b.ok(logical.UpdateOperation, "users/alice", map[string]any{"policies": "dev"})
		b.ok(logical.UpdateOperation, "users/disabled", map[string]any{"enabled": false})
		b.ok(logical.UpdateOperation, "users/expired", map[string]any{"expires_at": "2020-01-01"})
		b.ok(logical.UpdateOperation, "users/nopassword", map[string]any{"extauth": "local"})
		b.ok(logical.UpdateOperation, "users/here", map[string]any{"password": "here-password"})
	}
	for about, test := range map[string]struct {
		config map[string]any
		handle radiustest.Handler
		names  []string
		data   map[string]any // of the login and of the explanation
	}{
		"users": {
			names: []string{
				"alice", "ALICE", " alice", "disabled", "DISABLED", "disabled@example.com", "expired", "nopassword", "here", "nobody",
				"reply", "client", "past", "off", "password", "secret", "\uff21lice",
			},
		},
		"rules of names": {
			config: map[string]any{"case_insensitive_usernames": true, "default_realm": "example.com", "strip_realm": true},
			names:  []string{"ALICE", "alice@example.com", `EXAMPLE\alice`, "Disabled@example.com", "here@other.example"},
		},
		"registered only": {config: map[string]any{"registered_only": true}, names: []string{"alice", "nobody", "nobody@alice"}},
		"addresses": {
			config: map[string]any{"token_bound_cidrs": "198.51.100.0/24"}, names: []string{"alice", " alice", "disabled", "nobody"},
			data: map[string]any{"client_address": "192.0.2.7"},
		},
		"no such source":                {config: map[string]any{"extauth": "local"}, names: []string{"alice", "here", "nobody"}},
		"a challenge that goes nowhere": {handle: challengeTwice, names: []string{"alice", "nobody"}},
		"what a client says":            {names: []string{"client", "secret"}, data: map[string]any{"attributes": map[string]any{"device": "laptop", "otp": "1"}}},
	} {
		t.Run(about, func(t *testing.T) {
			t.Parallel()
			b := newTestBackend(t)
			if test.handle == nil {
				test.handle = acceptAlice
			}
			b.startServer(radiustest.Options{Handler: test.handle})
			b.configure(map[string]any{"password_hash_cost": 1})
			b.configure(test.config)
			profiles(b)
			people(b)
			seen := b.decisions()
			for _, name := range test.names {
				for _, password := range []string{"alice-password", "here-password", ""} {
					b.agree(seen, name, password, test.data)
				}
			}
		})
	}
}

// acceptAlice accepts whoever knows the password of alice.
func acceptAlice(r *radiustest.Request) []radiustest.Answer {
	if string(r.Password()) == "alice-password" {
		return []radiustest.Answer{r.Accept(radiustest.Attribute{Type: rfc2865.Class_Type, Value: []byte("x")})}
	}
	return []radiustest.Answer{r.Reject("")}
}

// agree explains a login, with a question and without, and then has it decided.
func (b *testBackend) agree(seen *[][]any, name, password string, more map[string]any) {
	b.t.Helper()
	about := fmt.Sprintf("%q with %q", name, password)
	data := map[string]any{"username": name, "password": password}
	maps.Copy(data, more)
	*seen = nil
	foreseen := b.explained(data)
	delete(data, "password")
	without := b.explained(data)
	require.Empty(b.t, *seen, about)
	data["password"], data["ask"] = password, true
	explained := b.explained(data)
	require.Equal(b.t, [][]any{verdictIn(explained)}, *seen, about)

	questions := len(b.server.Requests())
	sent := map[string]any{"username": name, "password": password}
	if attributes := more["attributes"]; attributes != nil {
		sent["attributes"] = attributes
	}
	resp, err := b.do(logical.UpdateOperation, "login", sent)
	require.Len(b.t, *seen, 2, about)
	require.Equal(b.t, (*seen)[0], (*seen)[1], about)
	switch explained["verdict"] {
	case "accepted":
		require.NoError(b.t, err, about)
		for _, foretold := range []map[string]any{foreseen, without} {
			require.Equal(b.t, "not_asked", foretold["verdict"], about)
			if foretold["reason"] == "" {
				require.Equal(b.t, explained["policies"], foretold["policies"], about)
			}
		}
		require.Equal(b.t, resp.Auth.Alias.Name, explained["alias"], about)
		require.ElementsMatch(b.t, policyutil.SanitizePolicies(resp.Auth.Policies, true), explained["policies"], about)
	case "refused":
		unasked := len(b.server.Requests()) == questions
		if unasked && explained["source"].(map[string]any)["type"] == "radius" {
			require.Equal(b.t, verdictIn(explained), verdictIn(foreseen), about)
		}
	}
}

func TestExplanationWithoutAPasswordIsNotARefusalForIt(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	b.profile("password", map[string]any{"check_attribute": []any{item("NAS-Port", "!*", "ANY"), item("User-Password", "=~", "^alice-")}})
	b.profile("expands", map[string]any{"check_attribute": []any{item("User-Name", "!=", "%{User-Password}")}})
	for _, profile := range []string{"password", "expands"} {
		b.ok(logical.UpdateOperation, "users/alice", map[string]any{"profiles": profile})
		data := b.explained(map[string]any{"username": "alice"})
		require.Equal(t, []any{"not_asked", "none"}, []any{data["verdict"], data["class"]}, profile)
		require.Equal(t, "without a password: none of the profiles matches: "+profile, data["reason"])
	}
	b.ok(logical.UpdateOperation, "users/alice", map[string]any{"profiles": "password"})
	data := b.explained(map[string]any{"username": "alice", "password": "another"})
	require.Equal(t, []any{"refused", "profiles"}, []any{data["verdict"], data["class"]})
}

func TestExplanationOfALockoutGoesByTheConfigOfNow(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, map[string]any{"lockout_threshold": 2})
	for range 2 {
		b.explained(map[string]any{"username": "alice", "password": "wrong", "ask": true})
	}
	for threshold, want := range map[int][]any{
		2: {"refused", true, 2}, 5: {"not_asked", false, 2}, 0: {"not_asked", false, 0},
	} {
		b.configure(map[string]any{"lockout_threshold": threshold})
		data := b.explained(map[string]any{"username": "alice"})
		lockout := data["lockout"].(map[string]any)
		require.Equal(t, want, []any{data["verdict"], lockout["locked"], lockout["failed_logins"]}, threshold)
		require.Equal(t, want[1] == true, lockout["until"] != "", threshold)
	}
}

func TestTrialOfAMountWithoutAConfigIsADecision(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	seen := b.decisions()
	b.explained(map[string]any{"username": "alice"})
	require.Empty(t, b.log.String())
	b.explained(map[string]any{"username": "alice", "password": "alice-password", "ask": true})
	require.Equal(t, 1, strings.Count(b.log.String(), "trial refused: username=alice"))
	require.Equal(t, [][]any{{"refused", "not_configured", "radius backend not configured", "alice"}}, *seen)
}

func TestNoMoreTrialsAndLoginsAtOnceAreJudgedThanMayFail(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.startServer(radiustest.Options{Handler: func(r *radiustest.Request) []radiustest.Answer {
		return []radiustest.Answer{r.Reject("").After(20 * time.Millisecond)}
	}})
	b.configure(map[string]any{"lockout_threshold": 3})
	done := make(chan struct{})
	for i := range 20 {
		go func() {
			defer func() { done <- struct{}{} }()
			password := fmt.Sprintf("guess-%d", i)
			if i%2 == 0 {
				_, _ = b.login("alice", password)
				return
			}
			_, _ = b.do(logical.UpdateOperation, "explain", map[string]any{"username": "alice", "password": password, "ask": true})
		}()
	}
	for range 20 {
		<-done
	}
	judged := map[string]bool{}
	for _, request := range b.server.Requests() {
		judged[string(request.Password())] = true
	}
	require.LessOrEqual(t, len(judged), 3, slices.Sorted(maps.Keys(judged)))
}

func TestExplanationHasTheWordsOfAReject(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.startServer(radiustest.Options{Handler: func(r *radiustest.Request) []radiustest.Answer {
		return []radiustest.Answer{r.Reject("the account has no dial-in")}
	}})
	b.configure(nil)
	data := map[string]any{"username": "alice", "password": "p"}
	require.Empty(t, b.explained(data)["reply_message"])
	data["ask"] = true
	require.Equal(t, "the account has no dial-in", b.explained(data)["reply_message"])
	data["password"] = "dial-in"
	require.NotContains(t, fmt.Sprint(b.explained(data)), "dial-in")
}

func TestExplainedPoliciesAreThoseOfTheToken(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, map[string]any{"token_policies": "all,dev"})
	b.ok(logical.UpdateOperation, "users/alice", map[string]any{"policies": "dev,admin"})
	policies := func() any { return b.explained(map[string]any{"username": "alice"})["policies"] }
	require.Equal(t, []string{"admin", "all", "default", "dev"}, policies())
	b.configure(map[string]any{"token_no_default_policy": true})
	require.Equal(t, []string{"admin", "all", "dev"}, policies())
}

func TestExplainedReplyIsWhatFreeRADIUSGets(t *testing.T) {
	t.Parallel()
	b := accepting(t, nil, text(rfc2865.Class_Type, "of the source"))
	b.ok(logical.UpdateOperation, "freeradius/config", map[string]any{"use_radius_sources": true})
	b.profile("vpn", map[string]any{"reply_attribute": []any{item("Filter-Id", ":=", "vpn")}})
	b.ok(logical.UpdateOperation, "users/alice", map[string]any{"profiles": "vpn"})
	want := []any{map[string]any{"attribute": "Filter-Id", "value": "vpn"}}
	for _, ask := range []bool{false, true} {
		data := b.explained(map[string]any{"username": "alice", "password": "p", "for": "freeradius", "ask": ask})
		require.Equal(t, want, data["reply"], ask)
	}
}
