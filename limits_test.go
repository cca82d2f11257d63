package radiusauth

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/login"
	"vault-plugin-auth-radius/internal/radiustest"
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

func TestTokensAreNotRenewedBeyondLimits(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, mode string) {
		for name, items := range map[string][]any{
			"a window":          {item("Login-Time", ":=", "Mo0800-1759")},
			"an expiration":     {item("Expiration", ":=", "2026-06-01 18:00")},
			"compared":          {item("Expiration", "==", "2026-06-01 18:00")},
			"windows":           {item("Current-Time", "==", "Mo0800-1759")},
			"a time of the day": {item("Time-Of-Day", "<", "18:00")},
		} {
			b := limitedBackend(t, map[string]any{"renewal": mode, "token_period": "72h"}, items...)
			b.at("2026-06-01T12:00:00Z")
			auth := stored(t, b.loginOK("bob", "p"))
			issued := b.logins.Clock()

			b.at("2026-06-01T17:00:00Z")
			renewing := stored(t, auth)
			renewing.IssueTime = issued // as Vault sets it
			renewed := b.renewOK(renewing)
			if name != "windows" && name != "a time of the day" {
				require.Equal(t, time.Hour, renewed.TTL, name)
				require.Equal(t, time.Hour, renewed.Period, name)
				require.Equal(t, 6*time.Hour, renewed.MaxTTL, "%s: whatever increment is asked for", name)
			}
			b.at("2026-06-01T18:00:00Z")
			require.Contains(t, b.renewRefused(stored(t, auth)), login.DeniedText, name)
			require.Contains(t, b.log.String(), "refused by the profiles", name)
		}
	})
}

// To be given a profile that refuses ends renewals, too.
func TestTokensAreNotRenewedBeyondLimitsThatCameLater(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, mode string) {
		b := limitedBackend(t, map[string]any{"renewal": mode})
		b.profile("other", checks(item("Auth-Type", ":=", "Reject"), item("User-Name", "==", "eve")))
		b.profile("rejecting", checks(item("Auth-Type", ":=", "Reject")))
		b.profile("late", checks(item("Login-Time", ":=", "Mo0800-1759")))
		b.ok(logical.PatchOperation, "users/bob", map[string]any{"profiles": "limited,other"})
		b.at("2026-06-01T12:00:00Z")
		auth := stored(t, b.loginOK("bob", "p"))
		b.renewOK(stored(t, auth))

		b.ok(logical.PatchOperation, "users/bob", map[string]any{"profiles": "limited,other,rejecting"})
		require.Contains(t, b.renewRefused(stored(t, auth)), login.DeniedText)
		b.ok(logical.PatchOperation, "profiles/rejecting", map[string]any{"enabled": false})
		b.renewOK(stored(t, auth))
		b.ok(logical.PatchOperation, "profiles/other", checks(item("Auth-Type", ":=", "Reject"), item("User-Name", "==", "bob")))
		require.Contains(t, b.renewRefused(stored(t, auth)), login.DeniedText)

		b.ok(logical.PatchOperation, "users/bob", map[string]any{"profiles": "limited,late"})
		require.Equal(t, 6*time.Hour, b.renewOK(stored(t, auth)).TTL)
		b.at("2026-06-01T18:00:00Z")
		require.Contains(t, b.renewRefused(stored(t, auth)), login.DeniedText)
	})
}

func TestLimitsOfALoginInStepsDecideAtTheLastOne(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	b.profile("limited", checks(item("Login-Time", ":=", "Mo0800-1759")))
	b.ok(logical.UpdateOperation, "users/carol", map[string]any{"profiles": "limited"})
	b.at("2026-06-01T17:59:50Z")
	late := b.challenge()["challenge_id"]
	b.at("2026-06-01T18:00:00Z")
	require.Equal(t, login.DeniedText, b.refused(logical.UpdateOperation, "login/carol", answering(late, "123456")))
	b.at("2026-06-01T17:59:50Z")
	intime := b.challenge()["challenge_id"]
	b.at("2026-06-01T17:59:55Z")
	auth := b.ok(logical.UpdateOperation, "login/carol", answering(intime, "123456")).Auth
	require.Equal(t, 5*time.Second, auth.ExplicitMaxTTL)
}

// A profile that would have refused the login at another time refuses the renewal then,
// though the login has not matched it.
func TestTokensAreNotRenewedAtTimesThatAnotherProfileRefuses(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, mode string) {
		weekend := item("Current-Time", "==", "Sa,Su")
		for name, test := range map[string]struct {
			items   []any
			renewed bool
		}{
			"refused at weekends":     {[]any{weekend, item("Auth-Type", ":=", "Reject")}, false},
			"in another order":        {[]any{item("Auth-Type", ":=", "Reject"), item("User-Name", "==", "bob"), weekend}, false},
			"limited at weekends":     {[]any{weekend, item("Login-Time", ":=", "Al0800-1000")}, false},
			"expired":                 {[]any{item("Time-Of-Day", "<", "13:00"), item("Expiration", ":=", "2026-06-06")}, false},
			"for others":              {[]any{item("User-Name", "==", "eve"), weekend, item("Auth-Type", ":=", "Reject")}, true},
			"for others at all times": {[]any{item("User-Name", "==", "eve"), item("Auth-Type", ":=", "Reject")}, true},
			"keeping that time":       {[]any{weekend, item("Login-Time", ":=", "Al0800-1800")}, true},
			"still not at that time":  {[]any{item("Current-Time", "==", "Su"), item("Auth-Type", ":=", "Reject")}, true},
			"without a limit":         {[]any{weekend}, true},
		} {
			b := limitedBackend(t, map[string]any{"renewal": mode, "token_period": "72h"})
			b.profile("other", map[string]any{"check_attribute": test.items, "policies": "dev"})
			b.ok(logical.PatchOperation, "users/bob", map[string]any{"profiles": "limited,other"})
			b.at("2026-06-05T18:00:00Z") // Friday
			auth := stored(t, b.loginOK("bob", "p"))
			issued := b.logins.Clock()
			b.at("2026-06-06T12:00:00Z")
			if !test.renewed {
				require.Contains(t, b.renewRefused(auth), login.DeniedText, name)
				require.Contains(t, b.log.String(), "reason=\"profile other: ", name)
				b.ok(logical.PatchOperation, "profiles/other", map[string]any{"enabled": false})
				b.renewOK(stored(t, auth))
				continue
			}
			renewing := stored(t, auth)
			renewing.IssueTime = issued // as Vault sets it
			renewed := b.renewOK(renewing)
			if name == "keeping that time" {
				require.Equal(t, 6*time.Hour+time.Minute, renewed.Period, name)
			}
		}
	})
}

// A token that an earlier version has issued knows no limit of its profile.
func TestTokensOfEarlierVersionsKeepLimitsFromTheNextRenewalOn(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, mode string) {
		b := limitedBackend(t, map[string]any{"renewal": mode, "token_max_ttl": "3h"}, item("Login-Time", ":=", "Mo0800-1759"))
		b.at("2026-06-01T12:00:00Z")
		auth := stored(t, b.loginOK("bob", "p"))
		auth.TTL, auth.ExplicitMaxTTL = 0, 0
		issued := b.logins.Clock()
		b.at("2026-06-01T17:59:00Z")
		renewing := stored(t, auth)
		renewing.IssueTime = issued // as Vault sets it
		renewed := b.renewOK(renewing)
		require.Equal(t, time.Minute, renewed.TTL)
		require.Equal(t, 3*time.Hour, renewed.MaxTTL, "the config's is shorter")
		b.at("2026-06-01T18:00:00Z")
		require.Contains(t, b.renewRefused(stored(t, auth)), login.DeniedText)
	})
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

// The clock of the tests is that of profiles; whether a user has expired already is not
// asked of it.
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

func TestProfilesWithoutAnEffectAreRefusedWhenTheyAreWritten(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.profile("kept", map[string]any{"description": "as it was"})
	before := b.everything()
	for _, bad := range []any{
		item("Auth-Type", ":=", "Accept"), item("Auth-Type", "==", "Reject"), item("Auth-Type", ":=", "Local"),
		item("Expiration", ":=", "whenever"), item("Expiration", ">", "2030-01-01"), item("Login-Time", ":=", "whenever"),
		item("Login-Time", "==", "Wk0800-1800"), item("Time-Of-Day", ":=", "08:00"), item("Time-Of-Day", ">=", "25:00"),
		item("Current-Time", ":=", "2030-01-01"), item("Simultaneous-Use", ":=", "1"), item("Crypt-Password", ":=", "hidden"),
		item("Cleartext-Password", "+=", "hidden"), item("Crypt-Password", "==", "hidden"), item("Strip-User-Name", "==", "Yes"),
		item("Fall-Through", "=", "Yes"), item("Pool-Name", ":=", "main"), item("Proxy-To-Realm", ":=", "x"), item("Huntgroup-Name", ":=", "vpn"),
		item("NAS-Port", ":=", "5"), item("Cisco-AVPair", "+=", "x"),
	} {
		items := map[string]any{"check_attribute": []any{item("NAS-Port", "==", "5"), bad}}
		for operation, path := range map[logical.Operation]string{logical.UpdateOperation: "profiles/new-one", logical.PatchOperation: "profiles/kept"} {
			items["name"] = "New"
			text := b.refused(operation, path, items)
			require.Contains(t, text, "check_attribute[1].", "%v", bad)
			require.NotContains(t, text, "hidden")
		}
	}
	require.Contains(t, b.refused(logical.PatchOperation, "profiles/kept", checks(item("Simultaneous-Use", ":=", "1"))), "has no effect here")
	require.Equal(t, before, b.everything(), "nothing has changed")
	b.ok(logical.PatchOperation, "profiles/kept", checks(item("Huntgroup-Name", "==", "vpn"), item("Realm", "=~", "x"), item("Packet-Src-IP-Address", "==", "10.0.0.0/8")))
}

func TestTimeZonesAreOfTheIANA(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	require.Equal(t, "UTC", b.ok(logical.ReadOperation, "config", nil).Data["time_zone"])
	for _, zone := range []string{"", "Mars/Olympus", "CEST", "UTC+1", "+01:00", "Local", "localtime", "posix/Europe/Berlin", "right/UTC", "../UTC", "./UTC", "Europe//Berlin", "/etc/localtime"} {
		require.Contains(t, b.refused(logical.UpdateOperation, "config", map[string]any{"time_zone": zone}), "config parameter `time_zone`", zone)
	}
	for _, zone := range []string{"Europe/Berlin", "America/Argentina/Buenos_Aires", "Asia/Kolkata", "Etc/GMT-1", "UTC"} {
		b.ok(logical.UpdateOperation, "config", map[string]any{"time_zone": zone})
		require.Equal(t, zone, b.ok(logical.ReadOperation, "config", nil).Data["time_zone"])
	}
	b.ok(logical.PatchOperation, "config", map[string]any{"time_zone": "Asia/Tokyo"})
	b.ok(logical.PatchOperation, "config", map[string]any{"time_zone": nil})
	require.Equal(t, "UTC", b.ok(logical.ReadOperation, "config", nil).Data["time_zone"])
}

func TestATrialIsAtTheTimeThatIsGiven(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.profile("night", checks(item("Login-Time", ":=", "Al2200-0600")))
	try := func(data map[string]any) map[string]any {
		t.Helper()
		return b.ok(logical.UpdateOperation, "profiles/night/test", data).Data
	}
	require.Equal(t, "2030-01-01T23:00:00Z", try(map[string]any{"time": "2030-01-01T23:00:00Z"})["time"], "the mount is not configured")
	b.startServer(radiustest.Options{})
	b.configure(map[string]any{"time_zone": "Europe/Berlin"})
	for when, want := range map[any]bool{
		"2030-01-01T21:00:00Z": true, "2030-01-01 22:00": true, "Jan  1 2030 22:00:00": true, "2030-01-01T22:00:00+01:00": true, "1893535200": true,
		float64(1893535200): true, "2030-01-01": true, "2030-01-01 21:59:59": false, "Jan  1 2030 20:00:00 UTC": false, "1 Jan 2030 12:00": false,
	} {
		data := try(map[string]any{"time": when})
		require.Equal(t, want, data["matched"], "%v", when)
		refused := "Login-Time := Al2200-0600: the time is outside of the windows"
		if want {
			refused = ""
		}
		require.Equal(t, refused, data["refused"], "%v", when)
	}
	check := try(map[string]any{"time": "2030-01-01 12:00"})["check_attribute"].([]any)[0].(map[string]any)
	require.Equal(t, []string{"Tue Jan  1 2030 12:00:00 CET"}, check["found"])
	require.Equal(t, false, check["held"])
	b.at("2030-01-01T23:00:00Z")
	require.Equal(t, "2030-01-02T00:00:00+01:00", try(nil)["time"])
	for _, bad := range []string{"whenever", "2030-01-01T25:00:00Z", "12:00", "tomorrow"} {
		require.Contains(t, b.refused(logical.UpdateOperation, "profiles/night/test", map[string]any{"time": bad}), "time: ")
	}
	for _, name := range []string{"Time-Of-Day", "current-time", "Expiration", "Login-Time"} {
		given := map[string]any{"request": map[string]any{name: "08:00"}}
		require.Contains(t, b.refused(logical.UpdateOperation, "profiles/night/test", given), "request."+name+" is not looked at: give time")
	}
}

// storedProfile is a profile as an earlier version has stored it.
func storedProfile(id int, shortName, items string) string {
	return fmt.Sprintf(`{"id":%d,"revision":1,"name":"P","short_name":%q,"description":"",`+
		`"check_attribute":[%s],"reply_attribute":[],"policies":["dev"],"enabled":true}`+"\n", id, shortName, items)
}

// Profiles that are stored with items that had no effect match no user, and are named;
// what has an effect now is enforced, and a limit of sessions is let through.
func TestStoredProfilesWithoutAnEffectMatchNobody(t *testing.T) {
	t.Parallel()
	const (
		expired  = `{"attribute":"Expiration","op":":=","value":"Jan  1 2020 00:00:00 UTC"}`
		sessions = `{"attribute":"Simultaneous-Use","op":":=","value":"1"}`
		reject   = `{"attribute":"Auth-Type","op":":=","value":"Reject"}`
		pool     = `{"attribute":"Pool-Name","op":":=","value":"main"}`
		compared = `{"attribute":"Auth-Type","op":"==","value":"Reject"}`
		junk     = `{"attribute":"Login-Time","op":":=","value":"whenever"}`
		port     = `{"attribute":"NAS-Port","op":":=","value":"5"}`
	)
	stored := []struct {
		name, items string
		accepted    bool
		warning     string
	}{
		{"expired", expired, false, ""},
		{"rejecting", reject, false, ""},
		{"sessions", sessions, true, "it has items without an effect: check_attribute[0].attribute: Simultaneous-Use does not limit logins yet"},
		{"sessions-expired", sessions + "," + expired, false, "it has items without an effect: check_attribute[0].attribute"},
		{"sessions-pool", sessions + "," + pool, false, "it matches no user until it is written anew: check_attribute[1].attribute: Pool-Name has no effect here"},
		{"pool", pool, false, "it matches no user until it is written anew: check_attribute[0].attribute"},
		{"compared", compared, false, "it matches no user until it is written anew: check_attribute[0].op"},
		{"junk", junk, false, `it matches no user until it is written anew: check_attribute[0].value: "whenever"`},
		{"port", port, false, "it matches no user until it is written anew: check_attribute[0].op"},
		{"plain", `{"attribute":"User-Name","op":"==","value":"plain"}`, true, ""},
	}
	b := accepting(t, nil)
	for i, each := range stored {
		b.store(fmt.Sprintf("profile/%d", i+1), storedProfile(i+1, each.name, each.items))
		b.store("profile-name/"+each.name, fmt.Sprintf(`{"id":%d}`+"\n", i+1))
		b.ok(logical.UpdateOperation, "users/"+each.name, map[string]any{"profiles": each.name})
	}
	for _, each := range stored {
		for range 2 {
			resp, err := b.login(each.name, "p")
			require.NoError(t, err)
			require.Equal(t, each.accepted, !resp.IsError(), each.name)
		}
	}
	info := b.ok(logical.ListOperation, "profiles", nil).Data["key_info"].(map[string]any)
	status := b.ok(logical.ReadOperation, "status", nil).Data["warnings"].([]string)
	named := 0
	for _, each := range stored {
		details := info[each.name].(map[string]any)
		read := b.ok(logical.ReadOperation, "profiles/"+each.name, nil)
		if each.warning == "" {
			require.NotContains(t, details, "warnings", each.name)
			require.Empty(t, read.Warnings, each.name)
			continue
		}
		named++
		require.Len(t, details["warnings"], 1, each.name)
		require.Contains(t, details["warnings"].([]string)[0], each.warning)
		require.Equal(t, details["warnings"], read.Warnings)
		require.Contains(t, status, "profile "+each.name+": "+details["warnings"].([]string)[0])
		lines := strings.Count(b.log.String(), "profile="+each.name+" ")
		require.Equal(t, 1, lines, "%s: once for each time that it is loaded, not for each login", each.name)
	}
	require.Len(t, status, named)

	b.refused(logical.PatchOperation, "profiles/pool", map[string]any{"description": "still with it"})
	b.ok(logical.PatchOperation, "profiles/sessions", map[string]any{"enabled": false})
	b.denied("sessions")
	require.Contains(t, b.refused(logical.PatchOperation, "profiles/sessions", map[string]any{"enabled": true}), "has no effect here")
	b.refused(logical.PatchOperation, "profiles/plain", map[string]any{"enabled": false, "check_attribute": []any{item("Simultaneous-Use", ":=", "1")}})
	b.denied("sessions")
	b.ok(logical.PatchOperation, "profiles/pool", map[string]any{"check_attribute": []any{}})
	b.loginOK("pool", "p")
	require.NotContains(t, b.ok(logical.ListOperation, "profiles", nil).Data["key_info"].(map[string]any)["pool"], "warnings")
}
