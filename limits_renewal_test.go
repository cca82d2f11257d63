package radiusauth

import (
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/login"
)

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
