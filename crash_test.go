package radiusauth

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/catalog"
	"vault-plugin-auth-radius/internal/source"
	"vault-plugin-auth-radius/internal/users"
)

// consistent holds what must always be true of profiles and users, whatever was
// cut short.
func (b *testBackend) consistent() {
	b.t.Helper()
	profiles := map[int64]string{}
	for _, result := range b.ok(logical.ReadOperation, "profiles", map[string]any{"limit": 100}).Data["results"].([]any) {
		profile := result.(map[string]any)
		id, shortName := profile["id"].(int64), profile["short_name"].(string)
		require.NotContains(b.t, slices.Collect(maps.Values(profiles)), shortName, "a short name of two")
		profiles[id] = shortName
		for _, reference := range []string{fmt.Sprint(id), shortName} {
			require.Equal(b.t, profile, b.ok(logical.ReadOperation, "profiles/"+reference, nil).Data)
		}
	}
	require.ElementsMatch(b.t, slices.Collect(maps.Values(profiles)), b.ok(logical.ListOperation, "profiles", nil).Data["keys"])
	sources := b.sourceNames()
	names, _ := b.ok(logical.ListOperation, "users/", nil).Data["keys"].([]string)
	for _, name := range names {
		user, err := users.Load(b.t.Context(), vaultStorage{b.storage}, name)
		require.NoError(b.t, err)
		for _, index := range user.References() {
			require.NotEmpty(b.t, b.stored(users.ReferenceKey(index, name)), "the index misses %s", name)
		}
		if user.Source != 0 {
			require.Contains(b.t, sources, user.Source, "%s has a source that is gone", name)
		}
		shown := []string{}
		for _, id := range user.Profiles {
			require.Contains(b.t, profiles, id, "%s has a profile that is gone", name)
			shown = append(shown, profiles[id])
		}
		require.Equal(b.t, shown, b.ok(logical.ReadOperation, "users/"+name, nil).Data["profiles"])
	}
}

// sourceNames gives the names of sources by id, each of which has to lead to it.
func (b *testBackend) sourceNames() map[int64]string {
	b.t.Helper()
	names := map[int64]string{}
	for _, entry := range b.ok(logical.ReadOperation, "extauth", nil).Data["ad"].([]any) {
		source := entry.(map[string]any)
		id, name := source["id"].(int64), source["name"].(string)
		require.NotContains(b.t, slices.Collect(maps.Values(names)), name, "a name of two")
		names[id] = name
		for _, reference := range []string{fmt.Sprint(id), name} {
			require.Equal(b.t, source, b.ok(logical.ReadOperation, "extauth/"+reference, nil).Data)
		}
	}
	return names
}

// state is what requests show of profiles and sources, by name and without ids,
// and of users.
func (b *testBackend) state() map[string]any {
	b.t.Helper()
	state := map[string]any{}
	for _, result := range b.ok(logical.ReadOperation, "profiles", map[string]any{"limit": 100}).Data["results"].([]any) {
		profile := result.(map[string]any)
		delete(profile, "id")
		state["profile "+profile["short_name"].(string)] = profile
	}
	for _, entry := range b.ok(logical.ReadOperation, "extauth", nil).Data["ad"].([]any) {
		source := entry.(map[string]any)
		delete(source, "id")
		state["source "+source["name"].(string)] = source
	}
	names, _ := b.ok(logical.ListOperation, "users/", nil).Data["keys"].([]string)
	for _, name := range names {
		state["user "+name] = b.ok(logical.ReadOperation, "users/"+name, nil).Data
	}
	return state
}

// newPopulatedBackend has profiles and sources, and a user who has one of each.
func newPopulatedBackend(t *testing.T) *testBackend {
	t.Helper()
	b := newTestBackend(t)
	b.profile("one", map[string]any{"policies": "first"})
	b.profile("two", nil)
	b.profile("free", nil)
	b.source("ad", map[string]any{"name": "corp"})
	b.source("ad", map[string]any{"name": "free"})
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"policies": "dev", "profiles": "one", "extauth": "corp"})
	b.ok(logical.ReadOperation, "users/bob", nil) // caches the profile
	return b
}

func TestWriteThatFailsHalfwayLeavesTheOldOrTheNew(t *testing.T) {
	t.Parallel()
	requests := map[string]struct {
		operation logical.Operation
		path      string
		data      map[string]any
		writes    int // without a fault
	}{
		"create":              {logical.UpdateOperation, "profiles", map[string]any{"name": "New", "short_name": "new"}, 3},
		"create by name":      {logical.UpdateOperation, "profiles/new", map[string]any{"name": "New"}, 3},
		"change":              {logical.PatchOperation, "profiles/one", map[string]any{"policies": "other"}, 1},
		"replace":             {logical.UpdateOperation, "profiles/1", map[string]any{"name": "Uno", "short_name": "one"}, 1},
		"rename":              {logical.PatchOperation, "profiles/1", map[string]any{"short_name": "new"}, 3},
		"rename by replacing": {logical.UpdateOperation, "profiles/1", map[string]any{"name": "New", "short_name": "new"}, 3},
		"delete":              {logical.DeleteOperation, "profiles/free", nil, 2},
		"new user":            {logical.UpdateOperation, "users/eve", map[string]any{"profiles": "two,one"}, 3},
		"other profiles":      {logical.UpdateOperation, "users/bob", map[string]any{"profiles": "two,free"}, 4},
		"no profiles":         {logical.PatchOperation, "users/bob", map[string]any{"profiles": nil}, 2},
		"delete the user":     {logical.DeleteOperation, "users/bob", nil, 3},
		"create a source":     {logical.UpdateOperation, "extauth", with("ad", map[string]any{"name": "new"}), 3},
		"change a source":     {logical.UpdateOperation, "extauth/corp", map[string]any{"ad_domain": "other"}, 1},
		"rename a source":     {logical.UpdateOperation, "extauth/1", map[string]any{"name": "new"}, 3},
		"delete a source":     {logical.DeleteOperation, "extauth/free", nil, 2},
		"another source":      {logical.UpdateOperation, "users/bob", map[string]any{"extauth": "free"}, 3},
		"no source":           {logical.PatchOperation, "users/bob", map[string]any{"extauth": "local", "password_hash": "nt:891fc570507eef023cbfec043dd5f2b1"}, 2},
	}
	for name, request := range requests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newPopulatedBackend(t)
			old := b.state()
			b.storage.writes.Store(0)
			b.ok(request.operation, request.path, request.data)
			require.EqualValues(t, request.writes, b.storage.writes.Load())
			changed := b.state()
			require.NotEqual(t, old, changed)

			for at := 1; at <= request.writes; at++ {
				for _, fault := range []*fault{
					{at: int64(at)}, {at: int64(at), applied: true}, {at: int64(at), after: true}, {at: int64(at), after: true, applied: true},
				} {
					b := newPopulatedBackend(t)
					b.storage.fault.Store(fault)
					_, err := b.do(request.operation, request.path, maps.Clone(request.data))
					require.ErrorIs(t, err, errStorage, "write %d", at)
					b.storage.fault.Store(nil)
					b.consistent()
					restarted := newTestBackend(t)
					restarted.storage.Storage = b.storage.Storage
					restarted.consistent()
					state := b.state()
					require.Contains(t, []map[string]any{old, changed}, state)
					require.Equal(t, state, restarted.state())

					resp, err := b.do(request.operation, request.path, maps.Clone(request.data))
					if maps.EqualFunc(state, changed, func(a, b any) bool { return fmt.Sprint(a) == fmt.Sprint(b) }) {
						require.Contains(t, []int{200, 201, 404, 409}, status(resp, err), "it was done already")
					} else {
						require.Contains(t, []int{200, 201}, status(resp, err))
					}
					b.consistent()
					require.Equal(t, changed, b.state())
					b.leaveNothing()
				}
			}
		})
	}
}

// leaveNothing deletes all users and profiles, which nothing may be in the way
// of, and takes all short names once more.
func (b *testBackend) leaveNothing() {
	b.t.Helper()
	keys, _ := b.ok(logical.ListOperation, "users/", nil).Data["keys"].([]string)
	for _, name := range keys {
		b.ok(logical.DeleteOperation, "users/"+name, nil)
	}
	profiles, _ := b.ok(logical.ListOperation, "profiles", nil).Data["keys"].([]string)
	for _, name := range profiles {
		b.ok(logical.DeleteOperation, "profiles/"+name, nil)
	}
	for _, name := range b.sourceNames() {
		b.ok(logical.DeleteOperation, "extauth/"+name, nil)
	}
	for key := range b.everything() {
		for _, prefix := range []string{source.KeyPrefix, catalog.KeyPrefix, users.KeyPrefix} {
			require.False(b.t, strings.HasPrefix(key, prefix), key)
		}
	}
	highest := int64(0)
	for _, name := range []string{"one", "two", "free", "new"} {
		id := b.profile(name, nil)
		require.Greater(b.t, id, max(highest, 3), "an id was given twice")
		highest = id
	}
}

func TestFailedWriteOfAProfileIsNotCached(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	b.profile("one", map[string]any{"policies": "first"})
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"profiles": "one"})
	require.Equal(t, []string{"first"}, b.loginOK("bob", "bob-password").Policies)
	b.storage.fault.Store(&fault{at: 1, applied: true})
	_, err := b.do(logical.PatchOperation, "profiles/one", map[string]any{"policies": "second"})
	require.ErrorIs(t, err, errStorage)
	require.Equal(t, []string{"second"}, b.loginOK("bob", "bob-password").Policies, "what is stored counts")
}
