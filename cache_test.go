package radiusauth

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/login"
	"vault-plugin-auth-radius/internal/users"
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

	config, err := loadConfig(t.Context(), vaultStorage{b.storage})
	require.NoError(t, err)
	config.TokenPolicies = []string{"base"}
	require.NoError(t, saveConfig(t.Context(), vaultStorage{b.storage}, config))
	require.Equal(t, []string{"ops"}, b.loginOK("bob", "bob-password").Policies, "cached")
	b.InvalidateKey(t.Context(), "config")
	require.Equal(t, []string{"base", "ops"}, b.loginOK("bob", "bob-password").Policies)
}

func TestBrokenStorageFailsTheLoginBeforeTheServerIsAsked(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	b.ok(logical.UpdateOperation, "users/bob", nil)
	b.loginOK("alice", "alice-password") // the config is cached now
	sent := b.server.Distinct()
	b.storage.failGets.Store(true)
	_, err := b.login("bob", "bob-password")
	require.ErrorIs(t, err, login.ErrReadFault, "one text, that names nobody")
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
	_, err := b.settings.get(t.Context(), vaultStorage{b.storage})
	require.NoError(t, err)
	cached, err := b.settings.cached.Get(t.Context(), nil)
	require.NoError(t, err)
	cached.config.TokenPolicies = append(make([]string, 0, 16), "base-1", "base-2", "base-3")

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
			granted, want := fmt.Sprint(resp.Auth.Policies), fmt.Sprint([]string{"base-1", "base-2", "base-3", policy})
			if granted != want {
				t.Errorf("%s has %s, not %s", name, granted, want)
			}
			resp.Auth.Policies[0] = "changed by Vault"
		})
	}
	logins.Wait()
}

// What a caller does to its copy is nobody else's business.
func TestCopiesShareNothing(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	config := minimalConfig()
	config["unregistered_user_policies"] = "guest"
	config["token_policies"] = "base"
	config["token_bound_cidrs"] = "192.0.2.0/24"
	config["alias_metadata"] = map[string]any{"team": "network"}
	b.ok(logical.UpdateOperation, "config", config)
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"policies": "dev"})
	for range 2 {
		settings, err := b.settings.get(t.Context(), vaultStorage{b.storage})
		require.NoError(t, err)
		require.Equal(t, []string{"guest"}, settings.config.UnregisteredUserPolicies)
		require.Equal(t, []string{"base"}, settings.config.TokenPolicies)
		require.Equal(t, map[string]string{"team": "network"}, settings.config.AliasMetadata)
		require.NotNil(t, settings.config.TokenBoundCIDRs[0])
		settings.config.UnregisteredUserPolicies[0] = "changed"
		settings.config.TokenPolicies[0] = "changed"
		settings.config.AliasMetadata["team"] = "changed"
		settings.config.TokenBoundCIDRs[0] = nil

		user, err := b.users.Get(t.Context(), vaultStorage{b.storage}, "bob")
		require.NoError(t, err)
		require.Equal(t, []string{"dev"}, user.Policies)
		user.Policies[0] = "changed"
	}
}

// A load that has read storage before a write must not put the old entry into
// the cache after it.
func TestLoadThatMeetsAWriteLeavesNoOldEntry(t *testing.T) {
	t.Parallel()
	for key, path := range map[string]string{"config": "config", "user/bob": "users/bob"} {
		b := newTestBackend(t)
		data := map[string]map[string]any{
			"config":   {"host": "old.example.com", "secret": testSecret},
			"user/bob": {"policies": "old"},
		}[key]
		b.ok(logical.UpdateOperation, path, data)
		b.InvalidateKey(t.Context(), key)

		slow := &slowStorage{Storage: b.storage, key: key, read: make(chan struct{}), changed: make(chan struct{})}
		load := func() {
			if key == "config" {
				_, _ = b.settings.get(t.Context(), vaultStorage{slow})
			} else {
				_, _ = b.users.Get(t.Context(), vaultStorage{slow}, "bob")
			}
		}
		var loading sync.WaitGroup
		loading.Go(load)
		<-slow.read // the load has the old entry in its hand
		change := map[string]map[string]any{"config": {"host": "new.example.com"}, "user/bob": {"policies": "new"}}[key]
		_, err := b.write(b.storage, write(logical.UpdateOperation, path, change))
		require.NoError(t, err)
		close(slow.changed)
		loading.Wait()

		settings, err := b.settings.get(t.Context(), vaultStorage{b.storage})
		require.NoError(t, err)
		user, err := b.users.Get(t.Context(), vaultStorage{b.storage}, "bob")
		require.NoError(t, err)
		if key == "config" {
			require.Equal(t, "new.example.com", settings.config.Host)
		} else {
			require.Equal(t, []string{"new"}, user.Policies)
		}
	}
}

// slowStorage holds a read back, after it was done, until the entry has changed.
type slowStorage struct {
	logical.Storage
	key     string
	read    chan struct{} // closed when the key has been read
	changed chan struct{} // closed when the change is done
}

func (s *slowStorage) Get(ctx context.Context, key string) (*logical.StorageEntry, error) {
	entry, err := s.Storage.Get(ctx, key)
	if key == s.key {
		close(s.read)
		<-s.changed
	}
	return entry, err
}

func TestParallelChangesOfTheConfigAreNotLost(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.ok(logical.UpdateOperation, "config", minimalConfig())
	var writers sync.WaitGroup
	for _, change := range []map[string]any{
		{"port": 1645}, {"nas_port": 77}, {"nas_identifier": "gate"}, {"read_timeout": 33}, {"dial_timeout": 3}, {"realm": "example.com"},
	} {
		writers.Go(func() {
			_, err := b.HandleRequest(t.Context(), &logical.Request{Operation: logical.UpdateOperation, Path: "config", Storage: b.storage, Data: change})
			if err != nil {
				t.Error(err)
			}
		})
	}
	writers.Wait()
	data := b.ok(logical.ReadOperation, "config", nil).Data
	require.Equal(t, []any{1645, 77, "gate", 33, 3, "example.com"},
		[]any{data["port"], data["nas_port"], data["nas_identifier"], data["read_timeout"], data["dial_timeout"], data["realm"]})
}

func TestMountWithoutConfigIsRememberedAsSuch(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.refused(logical.UpdateOperation, "login/bob", map[string]any{"password": "p"})
	b.storage.reads.Store(0)
	b.refused(logical.UpdateOperation, "login/bob", map[string]any{"password": "p"})
	require.Zero(t, b.storage.reads.Load())
}

func TestMadeUpNamesDoNotGrowTheCache(t *testing.T) {
	t.Parallel()
	cached := users.NewCache()
	storage := &logical.InmemStorage{}
	for i := range 2 * users.CacheSize {
		_, err := cached.Get(t.Context(), vaultStorage{storage}, fmt.Sprintf("made-up-%d", i))
		require.NoError(t, err)
	}
	require.LessOrEqual(t, cached.Len(), users.CacheSize)
}
