package radiusauth

import (
	"fmt"
	"sync"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

func TestWarmLoginTouchesNoStorage(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, map[string]any{"unregistered_user_policies": "guest"})
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"policies": "dev"})
	auth := b.loginOK("bob", "bob-password")
	b.loginOK("alice", "alice-password")

	b.storage.reads.Store(0)
	b.storage.writes.Store(0)
	for range 3 {
		b.loginOK("bob", "bob-password")
		b.loginOK("alice", "alice-password") // not registered
		b.renewOK(auth)
	}
	require.Zero(t, b.storage.reads.Load())
	require.Zero(t, b.storage.writes.Load())
}

func TestColdLoginWritesNoStorage(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	b.storage.writes.Store(0)
	b.loginOK("bob", "bob-password")
	require.Zero(t, b.storage.writes.Load())
}

func TestWritesAreSeenByTheNextLogin(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, map[string]any{"unregistered_user_policies": "guest"})
	require.Equal(t, []string{"guest"}, b.loginOK("bob", "bob-password").Policies)
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"policies": "dev"})
	require.Equal(t, []string{"dev"}, b.loginOK("bob", "bob-password").Policies)
	b.ok(logical.PatchOperation, "users/bob", map[string]any{"policies": "ops"})
	require.Equal(t, []string{"ops"}, b.loginOK("bob", "bob-password").Policies)
	b.ok(logical.DeleteOperation, "users/bob", nil)
	require.Equal(t, []string{"guest"}, b.loginOK("bob", "bob-password").Policies)
	b.ok(logical.UpdateOperation, "config", map[string]any{"unregistered_user_policies": "visitor"})
	require.Equal(t, []string{"visitor"}, b.loginOK("bob", "bob-password").Policies)
}

func TestInvalidateDropsWhatAnotherNodeWrote(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"policies": "dev"})
	b.loginOK("bob", "bob-password")

	b.store("user/bob", `{"Policies":["ops"]}`) // and invalidates
	require.Equal(t, []string{"ops"}, b.loginOK("bob", "bob-password").Policies)

	config, err := loadConfig(t.Context(), b.storage)
	require.NoError(t, err)
	config.TokenPolicies = []string{"base"}
	require.NoError(t, saveConfig(t.Context(), b.storage, config))
	require.Equal(t, []string{"ops"}, b.loginOK("bob", "bob-password").Policies, "cached")
	b.InvalidateKey(t.Context(), "config")
	require.Equal(t, []string{"base", "ops"}, b.loginOK("bob", "bob-password").Policies)
}

func TestBrokenStorageFailsTheLoginBeforeTheServerIsAsked(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	b.loginOK("alice", "alice-password") // the config is cached now
	sent := b.server.Distinct()
	b.storage.failGets.Store(true)
	_, err := b.login("bob", "bob-password")
	require.ErrorIs(t, err, errStorage)
	require.Equal(t, sent, b.server.Distinct())

	b.storage.failGets.Store(false)
	b.loginOK("bob", "bob-password")
}

// A cached config is shared. The SDK hands its slices to the token, and a login
// appends to them: with spare capacity, one person's policies would become
// another's.
func TestParallelLoginsDoNotShareTheirPolicies(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, map[string]any{"token_policies": []string{"base-1", "base-2", "base-3"}})
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"policies": "dev"})
	b.ok(logical.UpdateOperation, "users/alice", map[string]any{"policies": "ops"})
	cached, err := b.settings.get(t.Context(), b.storage)
	require.NoError(t, err)
	require.NotNil(t, cached)
	b.settings.mu.Lock()
	b.settings.cached.config.TokenPolicies = append(make([]string, 0, 16), "base-1", "base-2", "base-3")
	b.settings.mu.Unlock()

	var logins sync.WaitGroup
	for i := range 40 {
		name, policy := "bob", "dev"
		if i%2 == 0 {
			name, policy = "alice", "ops"
		}
		logins.Go(func() {
			resp, err := b.HandleRequest(t.Context(), &logical.Request{
				Operation: logical.UpdateOperation, Path: "login/" + name, Storage: b.storage,
				Data: map[string]any{"password": name + "-password"},
			})
			if err != nil || resp.IsError() {
				t.Errorf("%s: %v, %v", name, resp, err)
				return
			}
			got, want := fmt.Sprint(resp.Auth.Policies), fmt.Sprint([]string{"base-1", "base-2", "base-3", policy})
			if got != want {
				t.Errorf("%s has %s, not %s", name, got, want)
			}
			resp.Auth.Policies[0] = "changed by Vault"
		})
	}
	logins.Wait()
}

func TestMadeUpNamesDoNotGrowTheCache(t *testing.T) {
	t.Parallel()
	users := newUserCache()
	storage := &logical.InmemStorage{}
	for i := range 2 * userCacheSize {
		_, err := users.get(t.Context(), storage, fmt.Sprintf("made-up-%d", i))
		require.NoError(t, err)
	}
	require.LessOrEqual(t, users.names.Len(), userCacheSize)
}
