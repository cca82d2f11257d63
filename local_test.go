package radiusauth

import (
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/login"
)

// newLocalBackend is a mount that checks passwords itself, with cheap hashes, and
// knows alice.
func newLocalBackend(t *testing.T, config map[string]any) *testBackend {
	t.Helper()
	b := newTestBackend(t)
	b.ok(logical.UpdateOperation, "config", map[string]any{"extauth": "local", "password_hash_cost": 1})
	if config != nil {
		b.ok(logical.UpdateOperation, "config", config)
	}
	b.ok(logical.UpdateOperation, "users/alice", map[string]any{"password": "alice-password", "policies": "dev"})
	return b
}

func TestLocalUserLogsInWithThePasswordHere(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	auth := b.loginOK("alice", "alice-password")
	require.Equal(t, []string{"dev"}, auth.Policies)
	require.Equal(t, "local", auth.Metadata["extauth"])
	require.Equal(t, "argon2id", b.ok(logical.ReadOperation, "users/alice", nil).Data["password_scheme"])
	require.NotContains(t, b.stored("user/alice"), "alice-password")
	b.renewOK(auth)

	b.ok(logical.PatchOperation, "users/alice", map[string]any{"password": "new-password"})
	require.Equal(t, login.DeniedText, b.refused(logical.UpdateOperation, "login/alice", map[string]any{"password": "alice-password"}))
	b.loginOK("alice", "new-password")
	require.Equal(t, login.DeniedText, b.renewRefused(auth), "the password that the token had is wrong now")
	b.ok(logical.UpdateOperation, "users/alice", map[string]any{"policies": "ops"})
	b.loginOK("alice", "new-password") // kept
	b.ok(logical.PatchOperation, "users/alice", map[string]any{"password": nil})
	require.Empty(t, b.ok(logical.ReadOperation, "users/alice", nil).Data["password_scheme"])
	require.Equal(t, login.DeniedText, b.refused(logical.UpdateOperation, "login/alice", map[string]any{"password": "new-password"}))
}

func TestUserOfItsOwnIsLocalWhateverTheConfigAsks(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, map[string]any{"password_hash_algorithm": "bcrypt", "password_hash_cost": 10})
	b.ok(logical.UpdateOperation, "users/alice", map[string]any{"password": "here", "extauth": "local"})
	require.Equal(t, "bcrypt", b.ok(logical.ReadOperation, "users/alice", nil).Data["password_scheme"])
	b.loginOK("alice", "here")
	require.Empty(t, b.server.Requests())
	b.ok(logical.UpdateOperation, "users/alice", map[string]any{"extauth": ""})
	b.loginOK("alice", "alice-password")
}

func TestImportedHashesVerify(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	for hash, password := range map[string]string{
		"pbkdf2_sha256$100000$cKdP39chT3pW$2EtVk4Hhm1V65GNfYAA5AHj0uyD60f2CmqumqiB/gRk=": "myPassword123",
		"nt:891fc570507eef023cbfec043dd5f2b1":                                            "Cam0_liX",
	} {
		b.ok(logical.UpdateOperation, "users/bob", map[string]any{"password_hash": hash})
		b.loginOK("bob", password)
		require.Equal(t, login.DeniedText, b.refused(logical.UpdateOperation, "login/bob", map[string]any{"password": password + "x"}))
		require.NotContains(t, b.log.String(), hash)
	}
}

// Every refusal looks the same, and takes the time of one hash at the config's cost,
// beside that of a cheaper one.
func TestRefusedLocalLoginsTakeTheTimeOfAHashAtTheConfigsCost(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, map[string]any{"lockout_threshold": 3})
	past := time.Now().Add(-time.Second).Format(time.RFC3339)
	for name, fields := range map[string]map[string]any{
		"disabled": {"enabled": false}, "expired": {"expires_at": past}, "locked": {},
		"imported": {"password": nil, "password_hash": "{SSHA}1TG/8Cv9qjDZbmbZkDKRdmYFXQ0xMjM0NTY3OA=="},
	} {
		data := map[string]any{"password": "the-password"}
		for field, value := range fields {
			if data[field] = value; value == nil {
				delete(data, field)
			}
		}
		b.ok(logical.UpdateOperation, "users/"+name, data)
	}
	b.ok(logical.UpdateOperation, "users/without", nil)
	for range 3 {
		b.refused(logical.UpdateOperation, "login/locked", map[string]any{"password": "wrong"})
	}
	for name, password := range map[string]string{
		"nobody": "x", "alice": "wrong", "disabled": "the-password", "expired": "the-password",
		"locked": "the-password", "without": "the-password", "ALICE": "alice-password",
	} {
		before := b.logins.Hasher.Computed()
		require.Equal(t, login.DeniedText, b.refused(logical.UpdateOperation, "login", map[string]any{"username": name, "password": password}), name)
		require.Equal(t, before+1, b.logins.Hasher.Computed(), name)
	}
	before := b.logins.Hasher.Computed()
	require.Equal(t, login.DeniedText, b.refused(logical.UpdateOperation, "login/imported", map[string]any{"password": "x"}))
	require.Equal(t, before+2, b.logins.Hasher.Computed(), "a cheap one and one at the config's cost")
	before = b.logins.Hasher.Computed()
	b.loginOK("alice", "alice-password")
	require.Equal(t, before+1, b.logins.Hasher.Computed())
}

// A wrong password does not show by its time that a batch has created the user, nor a
// right one that it is right, if the user is refused anyway.
func TestBatchUsersAreRefusedInTheTimeOfOthers(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, map[string]any{"lockout_threshold": 100})
	passwords := b.batch(map[string]any{"name": "guests", "strategy": "prefix", "prefix": "guest-", "number_of_users": 3})
	hashes := func(name, password string, refused bool) uint64 {
		t.Helper()
		before := b.logins.Hasher.Computed()
		resp, err := b.login(name, password)
		require.NoError(t, err)
		require.Equal(t, refused, resp.IsError())
		return b.logins.Hasher.Computed() - before
	}
	require.EqualValues(t, 2, hashes("guest-1", "wrong", true))
	require.EqualValues(t, 2, hashes("guest-1", strings.Repeat("x", 128), true))
	require.EqualValues(t, 1, hashes("guest-1", passwords["guest-1"], false), "thousands may log in at once")
	b.ok(logical.PatchOperation, "users/guest-2", map[string]any{"enabled": false})
	b.ok(logical.PatchOperation, "users/guest-3", map[string]any{"expires_at": "2020-01-01"})
	for _, name := range []string{"guest-2", "guest-3"} {
		require.EqualValues(t, 2, hashes(name, "wrong", true), name)
		require.EqualValues(t, 2, hashes(name, passwords[name], true), name)
	}
	b.ok(logical.UpdateOperation, "config", map[string]any{"lockout_threshold": 1})
	require.EqualValues(t, 2, hashes("guest-1", "wrong", true))
	require.EqualValues(t, 2, hashes("guest-1", passwords["guest-1"], true), "locked out")
	// What batches have made is no cheaper than an unknown name, whatever the config says.
	b.ok(logical.UpdateOperation, "config", map[string]any{"password_hash_algorithm": "bcrypt", "password_hash_cost": 10, "lockout_threshold": 0})
	require.EqualValues(t, 2, hashes("guest-1", "wrong", true))
	require.EqualValues(t, 2, hashes("alice", "wrong", true), "a hash from when the config asked for less")
	require.EqualValues(t, 1, hashes("alice", "alice-password", false))
}

func TestNobodyIsAskedAboutWhomMayNotLogIn(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, map[string]any{"lockout_threshold": 1})
	b.ok(logical.UpdateOperation, "users/alice", map[string]any{"enabled": false})
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"expires_at": "2020-01-01"})
	b.denied("alice")
	b.denied("bob")
	require.Empty(t, b.server.Requests())
	require.Equal(t, login.DeniedText, b.refused(logical.UpdateOperation, "login/eve", map[string]any{"password": "wrong"}))
	sent := len(b.server.Requests())
	require.Equal(t, login.DeniedText, b.refused(logical.UpdateOperation, "login/eve", map[string]any{"password": "wrong"}))
	require.Len(t, b.server.Requests(), sent)
	require.Contains(t, b.log.String(), "disabled")
	require.Contains(t, b.log.String(), "expired")
	require.NotContains(t, b.ok(logical.ListOperation, "unlock", nil).Data["keys"], "alice", "it is not for a wrong password")
}

func TestTokensEndWithTheUsersAccess(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"reauthenticate", "recheck"} {
		t.Run(mode, func(t *testing.T) {
			inVirtualTime(t, func(t *testing.T, b *testBackend) {
				b.configureUsers(map[string]any{"renewal": mode, "token_ttl": "2h"})
				b.ok(logical.UpdateOperation, "users/alice", map[string]any{"expires_at": time.Now().Add(time.Hour).Format(time.RFC3339)})
				auth := b.loginOK("alice", "alice-password")
				for _, life := range []time.Duration{auth.TTL, auth.ExplicitMaxTTL} {
					require.InDelta(t, time.Hour.Seconds(), life.Seconds(), 5)
				}
				most := auth.ExplicitMaxTTL
				renewed := b.renewOK(auth)
				require.InDelta(t, time.Hour.Seconds(), renewed.TTL.Seconds(), 5)
				require.Equal(t, most, renewed.ExplicitMaxTTL, "it counts from when the token was made")
				b.ok(logical.PatchOperation, "users/alice", map[string]any{"expires_at": time.Now().Add(-time.Second).Format(time.RFC3339)})
				require.Contains(t, b.renewRefused(auth), "expired")
				b.ok(logical.PatchOperation, "users/alice", map[string]any{"expires_at": nil, "enabled": false})
				require.Contains(t, b.renewRefused(auth), "disabled")
				b.ok(logical.PatchOperation, "users/alice", map[string]any{"enabled": nil})
				require.Equal(t, 2*time.Hour, b.renewOK(auth).TTL)
			})
		})
	}
}

func TestExpiryAtTheEndOfTheCalendarIsStored(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.ok(logical.UpdateOperation, "users/last", map[string]any{"expires_at": "9999-12-31"})
	require.Equal(t, "9999-12-31T23:59:59Z", b.ok(logical.ReadOperation, "users/last", nil).Data["expires_at"])
}

func TestUserFieldsAreKeptAndShown(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	fields := map[string]any{
		"email": "alice@example.com", "first_name": "Alice", "last_name": "Liddell", "enabled": false,
		"expires_at": "2030-02-28T10:00:00Z", "metadata": map[string]any{"room": "7"},
	}
	b.ok(logical.UpdateOperation, "users/alice", fields)
	b.ok(logical.UpdateOperation, "users/alice", map[string]any{"policies": "dev"})
	data := b.ok(logical.ReadOperation, "users/alice", nil).Data
	fields["metadata"] = map[string]string{"room": "7"}
	for field, want := range fields {
		require.Equal(t, want, data[field], field)
	}
	b.ok(logical.PatchOperation, "users/alice", map[string]any{"metadata": map[string]any{"floor": "2", "room": nil}})
	require.Equal(t, map[string]string{"floor": "2"}, b.ok(logical.ReadOperation, "users/alice", nil).Data["metadata"])
	require.Contains(t, b.ok(logical.UpdateOperation, "users/new", map[string]any{"extauth": "local"}).Warnings[0], "there is no password")
	before := b.stored("user/alice")
	long := strings.Repeat("x", 300)
	for want, wrong := range map[string]map[string]any{
		"email":          {"email": "no address"},
		"first_name":     {"first_name": long},
		"last_name":      {"last_name": "a\nb"},
		"metadata":       {"metadata": map[string]any{"k": long}},
		"expires_at":     {"expires_at": "soon"},
		"enabled":        {"enabled": "maybe"},
		"password_hash:": {"password_hash": "{MD5}x"},
		"not both":       {"password_hash": "nt:891fc570507eef023cbfec043dd5f2b1", "password": "x"},
		"password":       {"password": strings.Repeat("x", 257)},
		"line end":       {"password": "typed\n"},
		"not UTF-8":      {"password": "caf\ufffd"},
		"extauth":        {"extauth": "nowhere"},
	} {
		text := b.refused(logical.UpdateOperation, "users/alice", wrong)
		require.Contains(t, text, want)
		require.NotContains(t, text, long)
	}
	require.Equal(t, before, b.stored("user/alice"))
}

func TestLocalPasswordsAreSeenByProfiles(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	b.profile("from-office", map[string]any{
		"check_attribute": []any{item("Calling-Station-Id", "==", "192.0.2.7"), item("User-Name", "==", "alice"), item("NAS-Identifier", "==", "vault")},
		"reply_attribute": []any{item("Session-Timeout", ":=", "600")},
	})
	b.ok(logical.UpdateOperation, "users/alice", map[string]any{"profiles": "from-office", "policies": "dev"})
	require.Equal(t, 10*time.Minute, b.loginOK("alice", "alice-password").TTL)
}
