package radiusauth

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/login"
)

// at sets the clock that profiles go by.
func (b *testBackend) at(text string) {
	b.t.Helper()
	now, err := time.Parse(time.RFC3339, text)
	require.NoError(b.t, err)
	b.logins.Clock = func() time.Time { return now }
}

// limitedBackend has a local user, alice, with an exposed NT hash, whose profile has the
// check items; bob's password is checked by a RADIUS server that accepts all.
func limitedBackend(t *testing.T, config map[string]any, items ...any) *testBackend {
	t.Helper()
	b := accepting(t, config)
	b.profile("limited", map[string]any{"check_attribute": items, "policies": "dev"})
	b.ok(logical.UpdateOperation, "users/alice", map[string]any{
		"password_hash": "nt:" + strings.Repeat("0", 32), "expose_credential": true, "extauth": "local", "profiles": "limited",
	})
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"profiles": "limited"})
	b.ok(logical.UpdateOperation, "freeradius/config", map[string]any{"use_radius_sources": true})
	return b
}

// decides asks everything that decides by profiles, and wants one answer.
func (b *testBackend) decides(at string, accepted bool) {
	b.t.Helper()
	b.at(at)
	resp, err := b.login("bob", "p")
	require.NoError(b.t, err)
	require.Equal(b.t, !accepted, resp.IsError(), "login at %s: %v", at, resp.Error())
	if !accepted {
		require.Equal(b.t, login.DeniedText, resp.Error().Error())
	}
	want := http.StatusNoContent
	if accepted {
		want = http.StatusOK
	}
	for _, body := range []map[string]any{{"username": "bob", "password": "p"}, {"username": "alice"}} {
		status, _ := b.asFreeRADIUS("authorize", body)
		require.Equal(b.t, want, status, "authorize of %s at %s", body["username"], at)
	}
	tried := b.ok(logical.UpdateOperation, "profiles/limited/test", map[string]any{"time": at}).Data
	require.Equal(b.t, accepted, tried["matched"], "trial for %s", at)
	tried = b.ok(logical.UpdateOperation, "profiles/limited/test", nil).Data
	require.Equal(b.t, accepted, tried["matched"], "trial at %s", at)
}

func TestLimitsDecideAlikeEverywhere(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		zone    string
		items   []any
		in, out []string
		reason  string
	}{
		"expiration": {
			"UTC",
			[]any{item("Expiration", ":=", "Jun  1 2026 12:00:00 UTC")},
			[]string{"2020-01-01T00:00:00Z", "2026-06-01T11:59:59Z"},
			[]string{"2026-06-01T12:00:00Z", "2040-01-01T00:00:00Z"},
			"profile limited: Expiration := Jun  1 2026 12:00:00 UTC: that time has passed",
		},
		"expiration by the local clock": {
			"Europe/Berlin",
			[]any{item("Expiration", ":=", "2026-06-01")},
			[]string{"2026-05-31T21:59:59Z"},
			[]string{"2026-05-31T22:00:00Z"},
			"that time has passed",
		},
		"expiration that is compared": {
			"UTC",
			[]any{item("Expiration", "==", "2026-06-01")},
			[]string{"2026-05-31T23:59:59Z"},
			[]string{"2026-06-01T00:00:00Z"},
			"none of the profiles matches: limited",
		},
		"login time": {
			"America/New_York",
			[]any{item("Login-Time", ":=", "Wk0900-1659")},
			[]string{"2026-06-01T13:00:00Z", "2026-06-01T20:59:59Z"},
			[]string{"2026-06-01T12:59:59Z", "2026-06-01T21:00:00Z", "2026-06-06T15:00:00Z"},
			"profile limited: Login-Time := Wk0900-1659: the time is outside of the windows",
		},
		"time of day": {
			"Asia/Kolkata",
			[]any{item("Time-Of-Day", ">=", "08:00"), item("Time-Of-Day", "<", "18:00")},
			[]string{"2026-06-01T02:30:00Z", "2026-06-01T12:29:59Z"},
			[]string{"2026-06-01T02:29:59Z", "2026-06-01T12:30:00Z"},
			"none of the profiles matches",
		},
		"current time": {
			"UTC",
			[]any{item("Current-Time", ">=", "2026-06-01"), item("Current-Time", "!=", "Wk1200-1259")},
			[]string{"2026-06-01T11:00:00Z"},
			[]string{"2026-05-31T23:00:00Z", "2026-06-01T12:59:59Z"},
			"none of the profiles matches",
		},
		"reject": {
			"UTC",
			[]any{item("Auth-Type", ":=", "Reject")},
			nil,
			[]string{"2026-06-01T12:00:00Z"},
			"profile limited: Auth-Type := Reject: every login that matches the other check items is refused",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := limitedBackend(t, map[string]any{"time_zone": test.zone}, test.items...)
			for _, at := range test.in {
				b.decides(at, true)
			}
			for _, at := range test.out {
				b.decides(at, false)
			}
			require.Contains(t, b.log.String(), "login refused by the profiles: username=bob")
			require.Contains(t, b.log.String(), test.reason)
		})
	}
}

func TestALimitRefusesWhateverOtherProfilesSay(t *testing.T) {
	t.Parallel()
	b := limitedBackend(t, nil, item("User-Name", "=~", "^(bob|alice)$"), item("Expiration", ":=", "2026-06-01"))
	b.profile("everybody", map[string]any{"policies": "guest"})
	b.ok(logical.UpdateOperation, "config", map[string]any{"default_profiles": "everybody,limited"})
	b.at("2026-06-02T00:00:00Z")
	b.ok(logical.PatchOperation, "users/bob", map[string]any{"profiles": "everybody,limited"})
	b.denied("bob")
	require.Equal(t, []string{"guest"}, b.loginOK("carol", "p").Policies, "the rest of the profile does not match")
	b.ok(logical.PatchOperation, "profiles/limited", map[string]any{"enabled": false})
	b.loginOK("bob", "p")
	b.ok(logical.PatchOperation, "profiles/limited", map[string]any{"enabled": true, "check_attribute": []any{item("Expiration", "==", "2026-06-01")}})
	require.Equal(t, []string{"guest"}, b.loginOK("bob", "p").Policies, "what compares binds its profile alone")
}

func TestWindowsAndExpirationEndTokens(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour // the mount's default
	for name, test := range map[string]struct {
		config        map[string]any
		items         []any
		ttl, explicit time.Duration
		period        time.Duration
	}{
		"a window":           {nil, []any{item("Login-Time", ":=", "Wk0800-1759")}, 6 * time.Hour, 6 * time.Hour, 0},
		"its last minute":    {nil, []any{item("Login-Time", ":=", "Wk0800-1200")}, time.Minute, time.Minute, 0},
		"no end":             {nil, []any{item("Login-Time", ":=", "Al")}, 0, 0, 0},
		"an expiration":      {nil, []any{item("Expiration", ":=", "2026-06-01T12:00:30Z")}, 30 * time.Second, 30 * time.Second, 0},
		"one far away":       {nil, []any{item("Expiration", ":=", "2026-06-11T12:00:00Z")}, day, 10 * day, 0},
		"the first of both":  {nil, []any{item("Login-Time", ":=", "Wk0800-1759"), item("Expiration", ":=", "2026-06-01 13:00")}, time.Hour, time.Hour, 0},
		"compared":           {nil, []any{item("Expiration", "==", "2026-06-01 13:00")}, time.Hour, time.Hour, 0},
		"a shorter TTL":      {map[string]any{"token_ttl": "10m"}, []any{item("Login-Time", ":=", "Wk0800-1759")}, 10 * time.Minute, 6 * time.Hour, 0},
		"a shorter maximum":  {map[string]any{"token_explicit_max_ttl": "2h"}, []any{item("Login-Time", ":=", "Wk0800-1759")}, 6 * time.Hour, 2 * time.Hour, 0},
		"a period":           {map[string]any{"token_period": "72h"}, []any{item("Login-Time", ":=", "Wk0800-1759")}, 6 * time.Hour, 6 * time.Hour, 6 * time.Hour},
		"a batch token":      {map[string]any{"token_type": "batch"}, []any{item("Login-Time", ":=", "Wk0800-1759")}, 6 * time.Hour, 6 * time.Hour, 0},
		"the local clock":    {map[string]any{"time_zone": "Europe/Berlin"}, []any{item("Login-Time", ":=", "Wk0800-1759")}, 4 * time.Hour, 4 * time.Hour, 0},
		"a time of the day":  {nil, []any{item("Time-Of-Day", "<", "13:00")}, 0, 0, 0},
		"windows to compare": {nil, []any{item("Current-Time", "==", "Wk0800-1759")}, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := limitedBackend(t, test.config, test.items...)
			b.at("2026-06-01T12:00:00Z")
			auth := b.loginOK("bob", "p")
			require.Equal(t, test.ttl, auth.TTL)
			require.Equal(t, test.explicit, auth.ExplicitMaxTTL)
			require.Equal(t, test.period, auth.Period)
		})
	}
}

func TestAuthorizeSendsTheRestAsSessionTimeout(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		at    string
		items []any
		reply []any
		want  string // of the answer
	}{
		"a window":                {"2026-06-01T12:00:00Z", []any{item("Login-Time", ":=", "Wk0800-1759")}, nil, `"value":21600`},
		"seconds that have begun": {"2026-06-01T12:00:00.5Z", []any{item("Login-Time", ":=", "Wk0800-1759")}, nil, `"value":21600`},
		"its last minute":         {"2026-06-01T17:59:45Z", []any{item("Login-Time", ":=", "Wk0800-1759")}, nil, `"value":60`},
		"an expiration":           {"2026-06-01T17:59:45Z", []any{item("Expiration", ":=", "2026-06-01 18:00")}, nil, `"value":15`},
		"both":                    {"2026-06-01T17:59:45Z", []any{item("Expiration", ":=", "2026-06-01 18:00"), item("Login-Time", ":=", "Wk0800-1759")}, nil, `"value":15`},
		"a longer one is set":     {"2026-06-01T17:00:00Z", []any{item("Login-Time", ":=", "Wk0800-1759")}, []any{item("Session-Timeout", ":=", "7200")}, `"value":3600`},
		"one without a limit":     {"2026-06-01T17:00:00Z", []any{item("Login-Time", ":=", "Wk0800-1759")}, []any{item("Session-Timeout", ":=", "0")}, `"value":3600`},
		"a shorter one is set":    {"2026-06-01T17:00:00Z", []any{item("Login-Time", ":=", "Wk0800-1759")}, []any{item("Session-Timeout", ":=", "600")}, `"value":600`},
		"no end":                  {"2026-06-01T17:00:00Z", []any{item("Login-Time", ":=", "Al")}, nil, ""},
		"only compared":           {"2026-06-01T17:00:00Z", []any{item("Current-Time", "==", "Wk0800-1759")}, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := limitedBackend(t, nil, test.items...)
			b.ok(logical.PatchOperation, "profiles/limited", map[string]any{"reply_attribute": append([]any{}, test.reply...)})
			b.at(test.at)
			for _, body := range []map[string]any{{"username": "bob", "password": "p"}, {"username": "alice"}} {
				answer := b.authorized(body)
				require.Equal(t, strings.Count(answer, "Session-Timeout"), min(1, len(test.want)), answer)
				require.Contains(t, answer, test.want)
			}
		})
	}
}

func TestAuthorizeSendsTheRestOfAUsersAccessAsSessionTimeout(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		items []any
		reply []any
		want  string // of the answer
	}{
		"alone":                {nil, nil, `"value":7200`},
		"a later window":       {[]any{item("Login-Time", ":=", "Al0800-2359")}, nil, `"value":7200`},
		"an earlier one":       {[]any{item("Login-Time", ":=", "Al0800-1759")}, nil, `"value":3600`},
		"an earlier date":      {[]any{item("Expiration", ":=", "2090-06-01 17:30")}, nil, `"value":1800`},
		"a shorter one is set": {nil, []any{item("Session-Timeout", ":=", "600")}, `"value":600`},
		"a longer one is set":  {nil, []any{item("Session-Timeout", ":=", "9000")}, `"value":7200`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := limitedBackend(t, nil, test.items...)
			b.ok(logical.PatchOperation, "profiles/limited", map[string]any{"reply_attribute": append([]any{}, test.reply...)})
			b.at("2090-06-01T17:00:00Z")
			for _, user := range []string{"alice", "bob"} {
				b.ok(logical.PatchOperation, "users/"+user, map[string]any{"expires_at": "2090-06-01T19:00:00Z"})
			}
			for _, body := range []map[string]any{{"username": "bob", "password": "p"}, {"username": "alice"}} {
				answer := b.authorized(body)
				require.Equal(t, 1, strings.Count(answer, "Session-Timeout"), answer)
				require.Contains(t, answer, test.want)
			}
			b.ok(logical.PatchOperation, "users/bob", map[string]any{"profiles": []any{}})
			require.Contains(t, b.authorized(map[string]any{"username": "bob", "password": "p"}), `"reply:Session-Timeout":{"op":":=","do_xlat":false,"value":7200}`)
		})
	}
}
