package radiusauth

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

func TestConfigOfVault121IsTakenOverAndBack(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	mount := readMount(t, "vault-1.21", server)
	stored := decoded[vault121Config](t, mount["config"])
	b := upgraded(t, mount, server)
	b.showsAsStored(stored.builtinConfig)
	b.foldsCase(false)
	b.logsIn("alice", []string{"dev", "ops"}, "alice")
	b.logsIn("Bob", []string{"boss"}, "Bob")
	b.logsIn("carol", nil, "carol")
	b.logsIn("Dora", []string{"guest", "second"}, "Dora")
	b.keepsOut("ALICE", "bob") // of registered users, and the server knows them
	require.Equal(t, map[string]string(mount), b.without("challenge-key"), "reading and logging in store nothing")
	require.NotContains(t, b.ok(logical.ReadOperation, "status", nil).Data, "hidden_users")

	b.ok(logical.UpdateOperation, "config", map[string]any{"nas_port": 12})
	b.ok(logical.UpdateOperation, "users/Bob", map[string]any{"policies": "boss,night"})
	b.ok(logical.UpdateOperation, "users/erin", map[string]any{"policies": "day"})
	b.ok(logical.DeleteOperation, "users/carol", nil)
	stored.NASPort = 12
	require.Equal(t, stored, decoded[vault121Config](t, b.stored("config")))
	require.NotContains(t, b.configKeys(), "token_strictly_bind_ip", "it was never set")
	require.False(t, decoded[vault20Config](t, b.stored("config")).CaseInsensitiveNames)
	require.Equal(t, mount["user/alice"], b.stored("user/alice"))
	require.Equal(t, `{"Policies":["boss","night"]}`+"\n", b.stored("user/Bob"))
	require.Equal(t, `{"Policies":["day"]}`+"\n", b.stored("user/erin"))
	require.Empty(t, b.stored("user/carol"))

	again := b.restarted()
	again.showsAsStored(stored.builtinConfig)
	again.foldsCase(false)
	again.logsIn("Bob", []string{"boss", "night"}, "Bob")
}

// without is everything that is stored, but for a key.
func (b *testBackend) without(key string) map[string]string {
	b.t.Helper()
	stored := b.everything()
	delete(stored, key)
	return stored
}

func TestConfigOfVault20KeepsWhetherCaseCounts(t *testing.T) {
	t.Parallel()
	t.Run("it does not", func(t *testing.T) {
		t.Parallel()
		server := newServer(t)
		mount := readMount(t, "vault-2.0", server)
		stored := decoded[vault20Config](t, mount["config"])
		b := upgraded(t, mount, server)
		b.showsAsStored(stored.builtinConfig)
		b.foldsCase(true)
		b.logsIn("alice", []string{"dev", "ops"}, "alice", "ALICE", "aLiCe")
		b.logsIn("dora", []string{"guest", "second"}, "dora", "DORA")
		b.showsHidden("Bob")
		for field, value := range map[string]any{"nas_port": 12, "nas_identifier": "door"} {
			b.ok(logical.PatchOperation, "config", map[string]any{field: value})
		}
		stored.NASPort, stored.NASIdentifier = 12, "door"
		require.Equal(t, stored, decoded[vault20Config](t, b.stored("config")))
		require.True(t, stored.CaseInsensitiveNames)
		require.NotContains(t, b.configKeys(), "token_strictly_bind_ip")
		again := b.restarted()
		again.foldsCase(true)
		again.logsIn("alice", []string{"dev", "ops"}, "ALICE")
	})
	t.Run("it does", func(t *testing.T) {
		t.Parallel()
		server := newServer(t)
		mount := readMount(t, "vault-2.0", server).replaced(t, `"case_insensitive_names":true`, `"case_insensitive_names":false`)
		stored := decoded[vault20Config](t, mount["config"])
		b := upgraded(t, mount, server)
		b.showsAsStored(stored.builtinConfig)
		b.foldsCase(false)
		b.logsIn("Bob", []string{"boss"}, "Bob")
		b.ok(logical.UpdateOperation, "config", map[string]any{"nas_port": 12})
		stored.NASPort = 12
		require.Equal(t, stored, decoded[vault20Config](t, b.stored("config")))
		require.False(t, stored.CaseInsensitiveNames)
	})
	t.Run("it is turned off here", func(t *testing.T) {
		t.Parallel()
		server := newServer(t)
		mount := readMount(t, "vault-2.0", server)
		b := upgraded(t, mount, server)
		b.ok(logical.UpdateOperation, "config", map[string]any{"case_insensitive_usernames": false})
		require.False(t, decoded[vault20Config](t, b.stored("config")).CaseInsensitiveNames, "under the name that Vault knows, too")
		b.logsIn("Bob", []string{"boss"}, "Bob")
		b.restarted().foldsCase(false)
	})
	t.Run("it is turned on here", func(t *testing.T) {
		t.Parallel()
		server := newServer(t)
		mount := readMount(t, "vault-2.0", server)
		b := upgraded(t, mount.replaced(t, `"case_insensitive_names":true`, `"case_insensitive_names":false`), server)
		text := b.coded(http.StatusConflict, logical.UpdateOperation, "config", map[string]any{"case_insensitive_usernames": true})
		require.Contains(t, text, `user "Bob" would be "bob"`)
		b.foldsCase(false)
		b.ok(logical.DeleteOperation, "users/Bob", nil)
		b.ok(logical.UpdateOperation, "config", map[string]any{"case_insensitive_usernames": true})
		require.True(t, decoded[vault20Config](t, b.stored("config")).CaseInsensitiveNames)
	})
}

// showsHidden holds what status lists, and the log names, against names.
func (b *testBackend) showsHidden(names ...string) {
	b.t.Helper()
	require.Equal(b.t, names, b.ok(logical.ReadOperation, "status", nil).Data["hidden_users"])
	require.Contains(b.t, b.log.String(), "stored users are not found under their names")
	for _, name := range names {
		require.Contains(b.t, b.log.String(), name)
	}
}

func TestConfigOfOpenBaoIsTakenOverAndBack(t *testing.T) {
	t.Parallel()
	for _, strict := range []bool{true, false} {
		t.Run(fmt.Sprintf("token_strictly_bind_ip=%t", strict), func(t *testing.T) {
			t.Parallel()
			server := newServer(t)
			mount := readMount(t, "openbao-2.6", server)
			if !strict {
				mount = mount.replaced(t, `"token_strictly_bind_ip":true`, `"token_strictly_bind_ip":false`)
			}
			stored := decoded[openBaoConfig](t, mount["config"])
			require.Equal(t, strict, stored.TokenStrictlyBindIP)
			b := upgraded(t, mount, server)
			b.showsAsStored(stored.builtinConfig)
			b.foldsCase(true)
			require.Equal(t, strict, b.ok(logical.ReadOperation, "config", nil).Data["token_strictly_bind_ip"])
			b.logsIn("alice", []string{"dev", "ops"}, "alice", "ALICE", "Alice")
			b.logsIn("bob", []string{"guest", "second"}, "Bob", "bob", "BOB") // users/Bob is never found
			b.logsIn("carol", nil, "CAROL")
			b.showsHidden("Alice", "Bob")
			bound := b.loginOK("ALICE", "alice-password").BoundCIDRs
			if strict {
				require.Len(t, bound, 1)
				require.Equal(t, "192.0.2.7", bound[0].String())
			} else {
				require.Empty(t, bound)
			}
			require.Equal(t, map[string]string(mount), b.without("challenge-key"))

			b.ok(logical.UpdateOperation, "config", map[string]any{"nas_port": 12})
			b.ok(logical.UpdateOperation, "users/ERIN", map[string]any{"policies": "day"})
			stored.NASPort = 12
			require.Equal(t, stored, decoded[openBaoConfig](t, b.stored("config")))
			keys := b.configKeys()
			require.JSONEq(t, fmt.Sprint(strict), string(keys["token_strictly_bind_ip"]), "the key stays, whatever it says")
			for _, key := range []string{"case_insensitive_usernames", "case_insensitive_names"} {
				require.JSONEq(t, "true", string(keys[key]), "any write stores it")
			}
			require.Equal(t, []string{"day"}, decoded[builtinUser](t, b.stored("user/erin")).Policies, "where OpenBao looks for it")
			require.Equal(t, mount["user/Bob"], b.stored("user/Bob"))

			again := b.restarted()
			again.showsAsStored(stored.builtinConfig)
			again.foldsCase(true)
			again.logsIn("alice", []string{"dev", "ops"}, "ALICE")
			again.logsIn("bob", []string{"guest", "second"}, "Bob")
		})
	}
}

// Vault's method lets two users have one name in two cases.
func TestUsersOfVaultThatDifferInCaseBothGoOn(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	mount := readMount(t, "vault-1.21", server)
	mount["user/Alice"] = `{"Policies":["old"]}`
	b := upgraded(t, mount, server)
	b.logsIn("alice", []string{"dev", "ops"}, "alice")
	b.logsIn("Alice", []string{"old"}, "Alice")
	b.keepsOut("ALICE")
	require.Equal(t, [][]string{{"Alice", "alice"}}, b.ok(logical.ReadOperation, "status", nil).Data["twin_users"])
	require.Contains(t, b.log.String(), "users are one person to Vault")
	text := b.coded(http.StatusConflict, logical.UpdateOperation, "users/ALICE", nil)
	require.Contains(t, text, `"ALICE" is one name with the registered user`)
	b.ok(logical.UpdateOperation, "users/Alice", map[string]any{"policies": "new"})
	b.logsIn("Alice", []string{"new"}, "Alice")
	b.ok(logical.DeleteOperation, "users/Alice", nil)
	b.keepsOut("Alice")
	b.logsIn("alice", []string{"dev", "ops"}, "alice")
}

// A write of OpenBao's, after a rollback, leaves its own keys only.
func TestConfigThatOpenBaoWroteOverOursIsItsOwnAgain(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	mount := readMount(t, "openbao-2.6", server)
	b := upgraded(t, mount, server)
	b.ok(logical.UpdateOperation, "config", map[string]any{"case_insensitive_usernames": false, "token_strictly_bind_ip": false})
	b.foldsCase(false)
	b.logsIn("Bob", []string{"boss"}, "Bob")
	again := b.restarted()
	again.foldsCase(false)
	require.False(t, decoded[openBaoConfig](t, again.stored("config")).TokenStrictlyBindIP)

	again.store("config", mount["config"])
	again.foldsCase(true)
	again.logsIn("bob", []string{"guest", "second"}, "Bob")
	again.logsIn("alice", []string{"dev", "ops"}, "ALICE")
}

func TestTokenOfOpenBaoIsRenewed(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	b := upgraded(t, readMount(t, "openbao-2.6", server), server)
	for _, typed := range []string{"alice", "ALICE"} {
		bound := b.loginOK("alice", "alice-password").BoundCIDRs
		renewed := b.renewOK(&logical.Auth{
			Policies:     []string{"base", "dev", "ops"},
			Metadata:     map[string]string{"username": typed, "policies": "dev,ops"},
			InternalData: map[string]any{"password": "alice-password"},
			BoundCIDRs:   bound,
		})
		require.Equal(t, bound, renewed.BoundCIDRs, typed)
		require.Equal(t, 30*time.Minute, renewed.Period)
	}
}

func TestHiddenUserIsFoundUnderItsStoredName(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	for _, method := range []string{"openbao-2.6", "vault-2.0"} {
		b := upgraded(t, readMount(t, method, server), server)
		listed := b.ok(logical.ListOperation, "users/", nil).Data["keys"]
		require.Contains(t, listed, "Bob", method)
		require.Equal(t, []string{"boss"}, b.policiesOf("Bob"), method)
		require.Nil(t, b.ok(logical.ReadOperation, "users/BOB", nil), "%s: not byte for byte, and bob is not registered", method)

		// Registering the name that logins have leaves the hidden one where it is.
		b.ok(logical.UpdateOperation, "users/Bob", map[string]any{"policies": "new"})
		require.Equal(t, `{"Policies":["new"]}`+"\n", b.stored("user/bob"), method)
		require.Equal(t, []string{"boss"}, b.policiesOf("Bob"), method)
		require.Equal(t, []string{"new"}, b.policiesOf("BOB"), method)
		b.logsIn("bob", []string{"new"}, "Bob", "bob")

		b.ok(logical.DeleteOperation, "users/Bob", nil)
		require.Empty(t, b.stored("user/Bob"), method)
		require.NotEmpty(t, b.stored("user/bob"), "%s: the other one stays", method)
		require.NotContains(t, b.ok(logical.ListOperation, "users/", nil).Data["keys"], "Bob", method)
		require.NotContains(t, fmt.Sprint(b.ok(logical.ReadOperation, "status", nil).Data["hidden_users"]), "Bob", method)
		b.ok(logical.DeleteOperation, "users/Bob", nil)
		require.Empty(t, b.stored("user/bob"), method)
		b.logsIn("bob", []string{"guest", "second"}, "Bob")
	}
}

// What limits a user is not passed by because the name is not found any more.
func TestHiddenUserWhoIsLimitedKeepsOutTheCanonicalName(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	for limit, value := range map[string]string{
		"disabled":            `{"Policies":["boss"],"disabled":true}`,
		"expired":             `{"Policies":["boss"],"expires_at":"2020-01-01T00:00:00Z"}`,
		"profiles":            `{"Policies":["boss"],"profiles":[1]}`,
		"extauth":             `{"Policies":["boss"],"extauth":1}`,
		"extauth that is own": `{"Policies":["boss"],"local":true}`,
	} {
		mount := readMount(t, "openbao-2.6", server)
		mount["user/Bob"] = value
		b := upgraded(t, mount, server)
		b.keepsOut("bob", "Bob", "BOB")
		require.Contains(t, b.log.String(), `the stored user \"Bob\"`, limit)
		b.logsIn("alice", []string{"dev", "ops"}, "ALICE")

		// A token from before is not renewed either.
		require.Contains(t, b.renewRefused(&logical.Auth{
			Policies: []string{"base", "guest", "second"},
			Metadata: map[string]string{"username": "Bob"}, InternalData: map[string]any{"password": "bob-password"},
		}), "not renewing", limit)

		b.ok(logical.UpdateOperation, "users/bob", map[string]any{"policies": "new"})
		b.keepsOut("bob", "Bob")
		b.ok(logical.DeleteOperation, "users/Bob", nil)
		require.Empty(t, b.stored("user/Bob"), limit)
		b.logsIn("bob", []string{"new"}, "bob", "BOB")
	}
	mount := readMount(t, "openbao-2.6", server)
	b := upgraded(t, mount, server)
	b.logsIn("bob", []string{"guest", "second"}, "bob")
	b.store("user/Bob", `{"Policies":["boss"],"disabled":true}`) // by another server of the cluster
	b.keepsOut("bob", "Bob")
}
