package radiusauth

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/catalog"
)

// item is a check or reply item as JSON has it.
func item(attribute, operator, value string) any {
	return map[string]any{"attribute": attribute, "op": operator, "value": value}
}

// created sends a request that must be answered with 201 and gives the data.
func (b *testBackend) created(operation logical.Operation, path string, data map[string]any) map[string]any {
	b.t.Helper()
	status, body := rawBody(b.t, b.ok(operation, path, data))
	require.Equal(b.t, http.StatusCreated, status)
	return body
}

// coded sends a request that must be refused with a status of its own.
func (b *testBackend) coded(status int, operation logical.Operation, path string, data map[string]any) string {
	b.t.Helper()
	_, err := b.do(operation, path, data)
	coded := logical.HTTPCodedError(nil)
	require.ErrorAs(b.t, err, &coded)
	require.Equal(b.t, status, coded.Code())
	return err.Error()
}

// profile creates a profile with further fields and gives its id.
func (b *testBackend) profile(shortName string, fields map[string]any) int64 {
	b.t.Helper()
	data := map[string]any{"name": "Profile " + shortName, "short_name": shortName}
	for field, value := range fields {
		data[field] = value
	}
	return idOf(b.t, b.created(logical.UpdateOperation, "profiles", data))
}

// idOf is the id of a profile's data, from a raw body or not.
func idOf(t *testing.T, data map[string]any) int64 {
	t.Helper()
	switch id := data["id"].(type) {
	case int64:
		return id
	case json.Number:
		number, err := id.Int64()
		require.NoError(t, err)
		return number
	}
	t.Fatalf("id is %v", data["id"])
	return 0
}

// everything gives all that is stored.
func (b *testBackend) everything() map[string]string {
	b.t.Helper()
	keys, err := logical.CollectKeys(b.t.Context(), b.storage.Storage)
	require.NoError(b.t, err)
	stored := make(map[string]string, len(keys))
	for _, key := range keys {
		stored[key] = b.stored(key)
	}
	return stored
}

func TestShortNames(t *testing.T) {
	t.Parallel()
	long := "a23456789012345678901234567890123456789012345678901234567890123" // 63
	for _, good := range []string{"a", "vpn-admins", "9-to-5", "a_b", "0x", "a--b", "a-", long} {
		require.True(t, catalog.IsShortName(good), good)
	}
	for _, bad := range []string{"", "-a", "_a", "A", "a b", "a.b", "a/b", "ä", "7", "007", "12345678901234567890123", long + "4", "a\n"} {
		require.False(t, catalog.IsShortName(bad), bad)
	}
}

// A crash may leave each kind of index behind. What entries say is what counts.
func TestIndexThatPointsNowhereBlocksNothing(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	id := b.profile("mine", nil)
	b.store("profile-name/gone", `{"id":77}`)   // of no profile
	b.store("profile-name/renamed", `{"id":1}`) // of one with another name
	b.store("profile-user/1/nobody", "true")    // of no user
	b.store("profile-user/1/a%2Fb", "true")     // of a user without profiles
	b.ok(logical.UpdateOperation, "users/a/b", map[string]any{"policies": "dev"})

	for _, name := range []string{"gone", "renamed"} {
		require.Nil(t, b.ok(logical.ReadOperation, "profiles/"+name, nil), name)
		require.Contains(t, b.coded(http.StatusNotFound, logical.DeleteOperation, "profiles/"+name, nil), name)
		require.Contains(t, b.refused(logical.UpdateOperation, "users/eve", map[string]any{"profiles": name}), "no profile")
	}
	require.Equal(t, []string{"mine"}, b.ok(logical.ListOperation, "profiles", nil).Data["keys"])
	b.profile("gone", nil)
	b.ok(logical.PatchOperation, "profiles/mine", map[string]any{"short_name": "renamed"})
	require.EqualValues(t, id, idOf(t, b.ok(logical.ReadOperation, "profiles/renamed", nil).Data))

	require.Nil(t, b.ok(logical.DeleteOperation, "profiles/renamed", nil))
	require.Empty(t, b.stored("profile-user/1/nobody"), "removed on the way")
	require.Empty(t, b.stored("profile-user/1/a%2Fb"), "removed on the way")
}

func TestBrokenStorageIsAFaultAndNotAMistakeOfTheClient(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.profile("one", nil)
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"profiles": "one"})
	b.InvalidateKey(t.Context(), "profile/1")
	b.storage.failGets.Store(true)
	for _, request := range []struct {
		operation logical.Operation
		path      string
		data      map[string]any
	}{
		{logical.UpdateOperation, "profiles", map[string]any{"name": "Two", "short_name": "two"}},
		{logical.ReadOperation, "profiles", nil},
		{logical.ListOperation, "profiles", nil},
		{logical.ReadOperation, "profiles/one", nil},
		{logical.UpdateOperation, "profiles/one", map[string]any{"name": "One"}},
		{logical.PatchOperation, "profiles/1", map[string]any{"name": "One"}},
		{logical.DeleteOperation, "profiles/one", nil},
		{logical.UpdateOperation, "profiles/one/test", nil},
		{logical.PatchOperation, "config", map[string]any{"default_profiles": "one"}},
	} {
		_, err := b.do(request.operation, request.path, request.data)
		require.ErrorIs(t, err, errStorage, "%s %s", request.operation, request.path)
		require.False(t, errors.As(err, new(logical.HTTPCodedError)), "%s %s", request.operation, request.path)
	}
}
