package radiusauth

import (
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

func TestUserWithoutProfilesIsStoredByteForByteAsByTheBuiltIn(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.profile("one", nil)
	const want = `{"Policies":["dev"]}` + "\n" // as json.Encoder writes it
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"policies": "dev"})
	require.Equal(t, want, b.stored("user/bob"))
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"policies": "dev", "profiles": []string{}})
	require.Equal(t, want, b.stored("user/bob"))
	b.ok(logical.PatchOperation, "users/bob", map[string]any{"profiles": "one"})
	require.NotEqual(t, want, b.stored("user/bob"))
	b.ok(logical.PatchOperation, "users/bob", map[string]any{"profiles": nil})
	require.Equal(t, want, b.stored("user/bob"), "nothing is left of it")
}

func TestUserKeepsItsProfilesUnlessTheyAreGiven(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.profile("one", nil)
	b.profile("two", nil)
	read := func() []any {
		data := b.ok(logical.ReadOperation, "users/bob", nil).Data
		return []any{data["policies"], data["profiles"]}
	}
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"policies": "dev", "profiles": "two, one,two"})
	require.Equal(t, []any{[]string{"dev"}, []string{"two", "one"}}, read(), "in the order given, each once")
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"policies": "ops"})
	require.Equal(t, []any{[]string{"ops"}, []string{"two", "one"}}, read())
	b.ok(logical.PatchOperation, "users/bob", map[string]any{"policies": "dev"})
	require.Equal(t, []any{[]string{"dev"}, []string{"two", "one"}}, read())
	b.ok(logical.PatchOperation, "users/bob", map[string]any{"profiles": []string{"one"}})
	require.Equal(t, []any{[]string{"dev"}, []string{"one"}}, read())
	require.Empty(t, b.stored("profile-user/2/bob"))
	require.NotEmpty(t, b.stored("profile-user/1/bob"))

	info := b.ok(logical.ListOperation, "users/", map[string]any{"detailed": true}).Data["key_info"]
	require.Equal(t, map[string]any{"bob": b.ok(logical.ReadOperation, "users/bob", nil).Data}, info)

	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"profiles": ""})
	require.Equal(t, []any{[]string{}, []string{}}, read())
	require.Empty(t, b.stored("profile-user/1/bob"))
}

func TestUnknownProfileOfAUserIsRefusedAndNothingChanges(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.profile("one", nil)
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"policies": "dev", "profiles": "one"})
	before := b.everything()
	b.storage.writes.Store(0)
	for _, profiles := range []any{"one,nobody", []any{"nobody"}, "1", "One"} {
		for _, path := range []string{"users/bob", "users/new"} {
			require.Contains(t, b.refused(logical.UpdateOperation, path, map[string]any{"policies": "ops", "profiles": profiles}), "profiles: there is no profile with short_name")
		}
		require.Contains(t, b.refused(logical.PatchOperation, "users/bob", map[string]any{"profiles": profiles}), "profiles: there is no profile")
	}
	require.Contains(t, b.refused(logical.PatchOperation, "users/bob", map[string]any{"profiles": map[string]any{"a": 1}}), "profiles")
	require.Zero(t, b.storage.writes.Load())
	require.Equal(t, before, b.everything())
}
