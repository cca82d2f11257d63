package radiusauth

import (
	"crypto/sha1" // #nosec G505 -- a cheap hash is what is tried
	"encoding/base64"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/login"
	"vault-plugin-auth-radius/internal/passwd"
	"vault-plugin-auth-radius/internal/users"
)

// authorizes reports whether FreeRADIUS is told to let alice in with the password, and how many
// hashes that has taken.
func (b *testBackend) authorizes(password string) (accepted bool, hashes int) {
	b.t.Helper()
	before := b.logins.Hasher.Computed()
	status, _ := b.asFreeRADIUS("authorize", map[string]any{"username": "alice", "password": password})
	require.Contains(b.t, []int{http.StatusOK, http.StatusNoContent}, status)
	return status == http.StatusOK, int(b.logins.Hasher.Computed() - before)
}

func (b *testBackend) requireAuthorized(hashes int, password string) {
	b.t.Helper()
	accepted, computed := b.authorizes(password)
	require.True(b.t, accepted)
	require.Equal(b.t, hashes, computed, "hashes")
}

func (b *testBackend) requireNotAuthorized(password string) {
	b.t.Helper()
	accepted, computed := b.authorizes(password)
	require.False(b.t, accepted)
	require.Equal(b.t, 1, computed, "a refusal takes a hash, whatever is known")
}

func TestPasswordThatWasRightNeedsNoHashForItsTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newLocalBackend(t, map[string]any{"password_cache_ttl": "10m"})
		b.requireAuthorized(1, "alice-password")
		b.requireAuthorized(0, "alice-password")
		b.requireNotAuthorized("alice-passwore")
		b.requireNotAuthorized("alice-passwore")
		b.requireAuthorized(0, "alice-password")
		time.Sleep(10*time.Minute - 1)
		require.Equal(t, 1, b.logins.Known.Len())
		b.requireAuthorized(0, "alice-password")
		time.Sleep(time.Nanosecond)
		b.requireAuthorized(1, "alice-password")
	})
}

// Performance standbys check passwords, too, and Vault calls their plugins at no set times.
func TestNothingIsLeftOfAKnownPasswordAMinuteAfterItsTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newLocalBackend(t, map[string]any{"password_cache_ttl": "10m"})
		b.requireAuthorized(1, "alice-password")
		time.Sleep(11 * time.Minute)
		synctest.Wait()
		require.Zero(t, b.logins.Known.Len())

		b.requireAuthorized(1, "alice-password")
		time.Sleep(time.Minute)
		b.ok(logical.PatchOperation, "config", map[string]any{"password_cache_ttl": 60})
		require.Zero(t, b.logins.Known.Len(), "a shorter time counts at once")

		b.requireAuthorized(1, "alice-password")
		b.Cleanup(t.Context())
		require.Zero(t, b.logins.Known.Len(), "the mount is gone, or sealed")
	})
}

func TestPasswordsAreNotKnownUnlessTheConfigSaysSo(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	b.requireAuthorized(1, "alice-password")
	b.requireAuthorized(1, "alice-password")
	b.ok(logical.PatchOperation, "config", map[string]any{"password_cache_ttl": 600})
	b.requireAuthorized(1, "alice-password")
	b.requireAuthorized(0, "alice-password")
	b.ok(logical.PatchOperation, "config", map[string]any{"password_cache_ttl": 0})
	b.ok(logical.PatchOperation, "config", map[string]any{"password_cache_ttl": 600})
	b.requireAuthorized(1, "alice-password")
}

func TestLoginsHashUnlessTheConfigSaysOtherwise(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, map[string]any{"password_cache_ttl": 600})
	b.requireAuthorized(1, "alice-password")
	hashes := func(do func()) int {
		before := b.logins.Hasher.Computed()
		do()
		return int(b.logins.Hasher.Computed() - before)
	}
	logsIn := func() { b.loginOK("alice", "alice-password") }
	require.Equal(t, 1, hashes(logsIn))
	require.Equal(t, 1, hashes(logsIn))
	b.ok(logical.PatchOperation, "config", map[string]any{"password_cache_logins": true})
	require.Equal(t, 0, hashes(logsIn))
	require.Equal(t, 1, hashes(func() { b.explained(map[string]any{"username": "alice", "password": "alice-password", "ask": true}) }),
		"an operator's trial is none of its uses")
}

func TestRenewalsUseWhatIsKnown(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, map[string]any{"password_cache_ttl": 600, "renewal": "reauthenticate"})
	auth := b.loginOK("alice", "alice-password")
	before := b.logins.Hasher.Computed()
	b.renewOK(auth)
	b.renewOK(auth)
	require.Equal(t, before+1, b.logins.Hasher.Computed())
}

// What shuts a user out counts at once, whatever is known of the password.
func TestChangeOfTheUserCountsAtOnce(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]struct {
		fields map[string]any
		now    string // the password that is right then; empty: the user is shut out
	}{
		"another password":        {map[string]any{"password": "new-password"}, "new-password"},
		"the same, set once more": {map[string]any{"password": "alice-password"}, "alice-password"},
		"disabled":                {map[string]any{"enabled": false}, ""},
		"expired":                 {map[string]any{"expires_at": "2020-01-01"}, ""},
		"no password":             {map[string]any{"password_hash": ""}, ""},
		"something else":          {map[string]any{"policies": "other"}, "alice-password"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newLocalBackend(t, map[string]any{"password_cache_ttl": 600})
			b.requireAuthorized(1, "alice-password")
			b.requireAuthorized(0, "alice-password")
			b.ok(logical.PatchOperation, "users/alice", change.fields)
			if change.now != "alice-password" {
				b.requireNotAuthorized("alice-password")
			}
			if change.now != "" {
				b.requireAuthorized(1, change.now)
			}
		})
	}
}

func TestDeletedUserAndOneThatAnotherServerChangedAreNotKnown(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, map[string]any{"password_cache_ttl": 600})
	b.requireAuthorized(1, "alice-password")
	b.invalidate(t.Context(), users.KeyPrefix+"alice")
	b.requireAuthorized(1, "alice-password")
	b.ok(logical.DeleteOperation, "users/alice", nil)
	b.requireNotAuthorized("alice-password")
}

// A login that has begun before the user was changed ends after it: what it keeps is of no use.
func TestPasswordThatWasRightBeforeAChangeIsNotKnown(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, map[string]any{"password_cache_ttl": 600})
	before, err := users.Load(t.Context(), vaultStorage{b.storage}, "alice")
	require.NoError(t, err)
	hash, err := passwd.Parse(before.PasswordHash)
	require.NoError(t, err)
	ends := func() { b.logins.Known.Add("alice", hash, "alice-password") }

	b.ok(logical.PatchOperation, "users/alice", map[string]any{"password": "new-password"})
	ends()
	b.requireNotAuthorized("alice-password")
	b.requireAuthorized(1, "new-password")
	b.ok(logical.PatchOperation, "users/alice", map[string]any{"enabled": false})
	ends()
	b.requireNotAuthorized("alice-password")
	b.ok(logical.DeleteOperation, "users/alice", nil)
	ends()
	b.requireNotAuthorized("alice-password")
	b.ok(logical.UpdateOperation, "users/alice", map[string]any{"password": "alice-password"})
	ends()
	b.requireAuthorized(1, "alice-password")

	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"password_hash": before.PasswordHash})
	computed := b.logins.Hasher.Computed()
	b.authorized(map[string]any{"username": "bob", "password": "alice-password"})
	require.Equal(t, computed+1, b.logins.Hasher.Computed(), "another name with the very hash")
}

func TestKnownPasswordEndsWithTheTimeOfItsUser(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, map[string]any{"password_cache_ttl": 3600})
	b.ok(logical.PatchOperation, "users/alice", map[string]any{"expires_at": "2040-01-01T00:00:00Z"})
	b.at("2039-12-31T23:59:59Z")
	b.requireAuthorized(1, "alice-password")
	b.requireAuthorized(0, "alice-password")
	b.at("2040-01-01T00:00:00Z")
	b.requireNotAuthorized("alice-password")
}

func TestEverySpellingOfANameHasOneKnownPassword(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, map[string]any{
		"password_cache_ttl": 600, "password_cache_logins": true, "case_insensitive_usernames": true,
	})
	for range 2 {
		b.loginOK("alice", "alice-password")
		b.loginOK("ALICE", "alice-password")
		require.Equal(t, 1, b.logins.Known.Len())
		b.ok(logical.PatchOperation, "users/aLiCe", map[string]any{"policies": "other"})
		require.Zero(t, b.logins.Known.Len())
	}
}

func TestUsersOfADeletedBatchAreNotKnown(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, map[string]any{"password_cache_ttl": 600, "password_cache_logins": true})
	passwords := b.batch(map[string]any{"name": "guests", "strategy": "prefix", "prefix": "guest-", "number_of_users": 2})
	for name, password := range passwords {
		b.loginOK(name, password)
	}
	require.Equal(t, 2, b.logins.Known.Len())
	b.ok(logical.DeleteOperation, "freeradius/batch/guests", nil)
	require.Zero(t, b.logins.Known.Len())
}

func TestLockoutHoldsForKnownPasswords(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, map[string]any{"password_cache_ttl": 600, "lockout_threshold": 2})
	b.requireAuthorized(1, "alice-password")
	b.requireNotAuthorized("wrong")
	b.requireNotAuthorized("wrong")
	b.requireNotAuthorized("alice-password")
	b.ok(logical.UpdateOperation, "unlock/alice", nil)
	b.requireAuthorized(0, "alice-password")
}

// The same without the memory: a hash that is cheaper than those made now.
func TestRightPasswordOfARefusedLoginTakesTheTimeOfAWrongOne(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	hashes := func(data map[string]any) int {
		t.Helper()
		before := b.logins.Hasher.Computed()
		require.Equal(t, login.DeniedText, b.refused(logical.UpdateOperation, "login/dora", data))
		return int(b.logins.Hasher.Computed() - before)
	}
	hash := "{SSHA}" + base64.StdEncoding.EncodeToString(saltedSHA1("dora-password", "salt"))
	b.ok(logical.UpdateOperation, "users/dora", map[string]any{"password_hash": hash})
	wrong := hashes(map[string]any{"password": "wrong"})
	require.Equal(t, 2, wrong, "that of the user, and one as they are made now")
	require.Equal(t, wrong, hashes(map[string]any{"password": "dora-password", "passcode": "123456"}), "a code that nothing asks for")
	b.profile("elsewhere", checks(item("NAS-IP-Address", "==", "192.0.2.1")))
	b.ok(logical.PatchOperation, "users/dora", map[string]any{"profiles": "elsewhere"})
	require.Equal(t, wrong, hashes(map[string]any{"password": "dora-password"}), "profiles that do not match")
}

func saltedSHA1(password, salt string) []byte {
	sum := sha1.Sum([]byte(password + salt)) // #nosec G401 -- a cheap hash is what is tried
	return append(sum[:], salt...)
}

// A user who has the right password and is refused by something else is refused as with a wrong
// one: the time must not tell which it was.
func TestKnownPasswordOfARefusedLoginTakesAHash(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, map[string]any{
		"password_cache_ttl": 600, "password_cache_logins": true, "lockout_threshold": 2,
	})
	logsIn := func(data map[string]any) (hashes int) {
		t.Helper()
		before := b.logins.Hasher.Computed()
		require.Equal(t, login.DeniedText, b.refused(logical.UpdateOperation, "login/alice", data))
		return int(b.logins.Hasher.Computed() - before)
	}
	b.requireAuthorized(1, "alice-password")
	for range 3 {
		withCode := map[string]any{"password": "alice-password", "passcode": "123456"}
		require.Equal(t, 1, logsIn(withCode), "a code that nothing asks for")
	}
	b.profile("elsewhere", checks(item("NAS-IP-Address", "==", "192.0.2.1")))
	b.ok(logical.PatchOperation, "users/alice", map[string]any{"profiles": "elsewhere"})
	for range 3 {
		b.requireNotAuthorized("alice-password")
		require.Equal(t, 1, logsIn(map[string]any{"password": "alice-password"}), "profiles that do not match")
	}
	require.NotZero(t, b.logins.Known.Len())
	b.requireNotAuthorized("wrong")
	b.requireNotAuthorized("alice-password")
	b.requireNotAuthorized("wrong")
	require.Empty(t, b.ok(logical.ListOperation, "unlock", nil).Data["keys"], "the right password forgets failures, as ever")
}

func TestConfigOfKnownPasswordsIsChecked(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	for _, fields := range []map[string]any{
		{"password_cache_ttl": 3601},
		{"password_cache_ttl": -1},
		{"password_cache_logins": true},
	} {
		text := b.refused(logical.PatchOperation, "config", fields)
		for field := range fields {
			require.Contains(t, text, field)
		}
	}
	b.ok(logical.PatchOperation, "config", map[string]any{"password_cache_ttl": 3600, "password_cache_logins": true})
	for _, none := range []any{0, nil} {
		text := b.refused(logical.PatchOperation, "config", map[string]any{"password_cache_ttl": none})
		require.Contains(t, text, "password_cache_logins")
	}
	b.ok(logical.PatchOperation, "config", map[string]any{"password_cache_ttl": nil, "password_cache_logins": nil})
	for text, seconds := range map[string]int{"1s": 1, "1h": 3600, "59m60s": 3600} {
		b.ok(logical.PatchOperation, "config", map[string]any{"password_cache_ttl": text})
		require.Equal(t, seconds, b.ok(logical.ReadOperation, "config", nil).Data["password_cache_ttl"])
	}
}
