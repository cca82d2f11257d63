package radiusauth

import (
	"maps"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

// What bars a login bars the renewal of a token, and no server is asked.
func TestWhatBarsALoginEndsRenewals(t *testing.T) {
	t.Parallel()
	type step = func(b *testBackend)
	user := func(name string, fields map[string]any) step {
		return func(b *testBackend) { b.ok(logical.UpdateOperation, "users/"+name, maps.Clone(fields)) }
	}
	stored := func(name, entry string) step { return func(b *testBackend) { b.store("user/"+name, entry) } }
	config := func(fields map[string]any) step {
		return func(b *testBackend) { b.ok(logical.UpdateOperation, "config", maps.Clone(fields)) }
	}
	nothing := func(*testBackend) {}
	const barred = "the user may not log in any more, not renewing"
	for about, test := range map[string]struct {
		typed         string
		before, after step
		text          string
	}{
		"disabled": {
			"alice", user("alice", nil), user("alice", map[string]any{"enabled": false}),
			"the user is disabled, not renewing",
		},
		"expired": {
			"alice", user("alice", nil), user("alice", map[string]any{"expires_at": "2020-01-01"}),
			"the user has expired, not renewing",
		},
		"registered as such": {"alice", nothing, user("alice", map[string]any{"enabled": false}), "the user is disabled, not renewing"},
		"deleted, and only registered users": {"alice", user("alice", nil), func(b *testBackend) {
			b.ok(logical.DeleteOperation, "users/alice", nil)
			b.ok(logical.UpdateOperation, "config", map[string]any{"registered_only": true})
		}, barred},
		"only registered users":    {"alice", nothing, config(map[string]any{"registered_only": true}), barred},
		"a fold is registered":     {"alice", nothing, user("Alice", nil), barred},
		"a skeleton is registered": {"\u00e1lice", nothing, user("alice", nil), barred},
		"the bare name is disabled": {
			"alice@corp", user("alice", nil), user("alice", map[string]any{"enabled": false}),
			barred,
		},
		"the bare name in another spelling is disabled": {
			"\u00e1lice@corp", user("alice", nil),
			user("alice", map[string]any{"enabled": false}), barred,
		},
		"a hidden user is disabled": {
			"alice", config(map[string]any{"case_insensitive_usernames": true}),
			stored("Alice", `{"disabled":true}`), barred,
		},
		"a hidden user has expired": {
			"alice", config(map[string]any{"realm": "corp"}),
			stored("alice@corp", `{"expires_at":"2020-01-01T00:00:00Z"}`), barred,
		},
		"a hidden user has a source": {
			"alice", config(map[string]any{"strip_realm": true}),
			stored("alice@corp", `{"local":true}`), barred,
		},
		"a hidden user has profiles": {
			"alice", config(map[string]any{"default_realm": "corp"}),
			stored("alice", `{"profiles":[1]}`), barred,
		},
	} {
		t.Run(about, func(t *testing.T) {
			t.Parallel()
			for _, renewal := range []string{"reauthenticate", "recheck"} {
				b := accepting(t, map[string]any{"renewal": renewal})
				test.before(b)
				auth := b.loginOK(test.typed, "p")
				b.renewOK(auth)
				test.after(b)
				sent := b.server.Distinct()
				require.Equal(t, test.text, b.renewRefused(auth), renewal)
				b.denied(test.typed)
				require.Equal(t, sent, b.server.Distinct())
			}
		})
	}
}

func TestHiddenUserWithPoliciesOnlyBarsNobody(t *testing.T) {
	t.Parallel()
	b := accepting(t, map[string]any{"case_insensitive_usernames": true, "unregistered_user_policies": "guest"})
	b.store("user/Bob", `{"policies":["old"]}`) // as OpenBao's method has it, and does not find it
	auth := b.loginOK("Bob", "p")
	require.Equal(t, []string{"guest"}, auth.Policies)
	b.renewOK(auth)
	require.Equal(t, []string{"old"}, b.ok(logical.ReadOperation, "users/Bob", nil).Data["policies"])
}

func TestTokenOfANameThatIsRefusedNowIsNotRenewed(t *testing.T) {
	t.Parallel()
	b := accepting(t, nil)
	auth := b.loginOK("alice", "p")
	for name, text := range map[string]string{" alice": "white space", "\uff41lice": "plain spelling", "": "cannot be empty"} {
		auth.Metadata["username"] = name
		require.Contains(t, b.renewRefused(auth), text)
	}
}

// Vault's clients try again what fails; what is refused they give up.
func TestRenewalFailsButIsNotRefusedWhileTheNamesCannotBeRead(t *testing.T) {
	t.Parallel()
	before := accepting(t, nil)
	auth := before.loginOK("alice", "p")
	b, storage := restarted(t, before)
	storage.broken.Store(true)
	require.Equal(t, http.StatusInternalServerError, status(b.renew(auth)))
	storage.broken.Store(false)
	b.renewOK(auth)
}

func TestTokensOfAUserThatExpiresEndWithTheUser(t *testing.T) {
	t.Parallel()
	for about, fields := range map[string]map[string]any{
		"period":          {"token_period": "1h"},
		"period and TTL":  {"token_period": "1h", "token_ttl": "2h"},
		"TTL":             {"token_ttl": "2h", "token_max_ttl": "48h"},
		"nothing":         {},
		"recheck, period": {"token_period": "1h", "renewal": "recheck"},
	} {
		t.Run(about, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newLocalBackend(t, fields)
				end := time.Now().Add(90 * time.Minute).Truncate(time.Second)
				b.ok(logical.PatchOperation, "users/alice", map[string]any{
					"expires_at": end.Format(time.RFC3339), "password_hash": "nt:891fc570507eef023cbfec043dd5f2b1", // of Cam0_liX; quick
				})
				short := func(auth *logical.Auth) {
					t.Helper()
					left := max(time.Second, time.Until(end))
					require.LessOrEqual(t, auth.TTL, left)
					require.LessOrEqual(t, auth.Period, left)
					require.Positive(t, auth.TTL, "0 is Vault's own")
					if fields["token_period"] != nil {
						require.Equal(t, min(time.Hour, left), auth.Period)
					}
				}
				auth := b.loginOK("alice", "Cam0_liX")
				short(auth)
				require.LessOrEqual(t, auth.ExplicitMaxTTL, 90*time.Minute)
				require.Positive(t, auth.ExplicitMaxTTL)
				for _, pause := range []time.Duration{20 * time.Minute, 40 * time.Minute, 29 * time.Minute, time.Minute - time.Millisecond} {
					time.Sleep(pause)
					short(b.renewOK(auth))
				}
				late := b.loginOK("alice", "Cam0_liX")
				short(late)
				time.Sleep(time.Millisecond)
				require.Equal(t, "the user has expired, not renewing", b.renewRefused(auth))
				b.denied("alice")
				b.Cleanup(t.Context())
			})
		})
	}
}
