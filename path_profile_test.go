package radiusauth

import (
	"net/http"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

func TestPutReplacesAll(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	full := map[string]any{
		"description": "d", "policies": "dev", "enabled": false,
		"check_attribute": []any{item("NAS-Port", "==", "1")}, "reply_attribute": []any{item("Session-Timeout", ":=", "60")},
	}
	bare := func(name, shortName string, id int64) map[string]any {
		return map[string]any{
			"id": id, "name": name, "short_name": shortName, "description": "", "organization_id": "",
			"check_attribute": []any{}, "reply_attribute": []any{}, "policies": []string{}, "enabled": true,
		}
	}
	b.profile("one", full)
	data := b.ok(logical.UpdateOperation, "profiles/one", map[string]any{"name": "New"}).Data
	require.Equal(t, bare("New", "one", 1), data, "the path gives the short name")
	require.Equal(t, data, b.ok(logical.ReadOperation, "profiles/1", nil).Data)

	b.profile("two", full)
	require.Contains(t, b.refused(logical.UpdateOperation, "profiles/2", map[string]any{"name": "New"}), "short_name", "a number gives none")
	data = b.ok(logical.UpdateOperation, "profiles/2", map[string]any{"name": "New", "short_name": "zwei", "id": 77, "organization_id": "x"}).Data
	require.Equal(t, bare("New", "zwei", 2), data)
	require.Nil(t, b.ok(logical.ReadOperation, "profiles/two", nil), "renamed")
}

func TestPutOfAnUnknownShortNameCreates(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	data := b.created(logical.UpdateOperation, "profiles/guests", map[string]any{"name": "Guests"})
	require.Equal(t, "guests", data["short_name"])
	require.EqualValues(t, 1, idOf(t, data))
	b.created(logical.UpdateOperation, "profiles/staff", map[string]any{"name": "Staff", "short_name": "staff"})

	b.storage.writes.Store(0)
	require.Contains(t, b.refused(logical.UpdateOperation, "profiles/other", map[string]any{"name": "Other", "short_name": "another"}), `"another" differs from "other"`)
	require.Contains(t, b.refused(logical.UpdateOperation, "profiles/Upper", map[string]any{"name": "Upper"}), `short_name "Upper"`)
	for _, number := range []string{"3", "0", "99999999999999999999"} {
		require.Contains(t, b.coded(http.StatusNotFound, logical.UpdateOperation, "profiles/"+number, map[string]any{"name": "N", "short_name": "n"}), number)
	}
	require.Zero(t, b.storage.writes.Load())
}

func TestPatchChangesWhatIsGiven(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.profile("one", map[string]any{
		"description": "d", "policies": "dev", "enabled": false,
		"check_attribute": []any{item("NAS-Port", "==", "1"), item("NAS-Port-Type", "==", "Virtual")},
		"reply_attribute": []any{item("Session-Timeout", ":=", "60")},
	})
	want := b.ok(logical.ReadOperation, "profiles/1", nil).Data
	patch := func(reference string, data map[string]any) {
		patched := b.ok(logical.PatchOperation, "profiles/"+reference, data).Data
		require.Equal(t, want, patched)
		require.Equal(t, want, b.ok(logical.ReadOperation, "profiles/1", nil).Data)
	}
	patch("one", nil)
	want["name"] = "Uno"
	patch("one", map[string]any{"name": "Uno", "id": 5, "organization_id": "x"})
	want["check_attribute"] = []any{item("NAS-Port", "==", "2")}
	patch("1", map[string]any{"check_attribute": want["check_attribute"]})
	want["reply_attribute"] = []any{}
	patch("1", map[string]any{"reply_attribute": []any{}})
	want["enabled"], want["policies"], want["description"] = true, []string{}, ""
	patch("1", map[string]any{"enabled": nil, "policies": nil, "description": nil})
	require.Contains(t, b.refused(logical.PatchOperation, "profiles/1", map[string]any{"name": nil}), "name cannot be empty")
	for _, missing := range []string{"2", "two"} {
		require.Contains(t, b.coded(http.StatusNotFound, logical.PatchOperation, "profiles/"+missing, map[string]any{"name": "x"}), missing)
	}
}

func TestRenamedProfileKeepsItsIDAndFreesItsShortName(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	id := b.profile("old", map[string]any{"policies": "dev"})
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"profiles": "old"})
	require.EqualValues(t, id, idOf(t, b.ok(logical.PatchOperation, "profiles/old", map[string]any{"short_name": "new"}).Data))

	require.Nil(t, b.ok(logical.ReadOperation, "profiles/old", nil))
	require.EqualValues(t, id, idOf(t, b.ok(logical.ReadOperation, "profiles/new", nil).Data))
	require.Equal(t, []string{"new"}, b.ok(logical.ReadOperation, "users/bob", nil).Data["profiles"], "users keep it")
	require.Equal(t, []string{"new"}, b.ok(logical.ListOperation, "profiles", nil).Data["keys"])
	require.NotEqual(t, id, b.profile("old", nil))
}

func TestProfileIsDeletedAndItsIDNeverComesBack(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.profile("one", nil)
	b.profile("two", nil)
	require.Nil(t, b.ok(logical.DeleteOperation, "profiles/two", nil))
	require.Nil(t, b.ok(logical.ReadOperation, "profiles/two", nil))
	require.Nil(t, b.ok(logical.ReadOperation, "profiles/2", nil))
	for _, gone := range []string{"two", "2", "77", "01", "+1", "-1"} {
		require.Contains(t, b.coded(http.StatusNotFound, logical.DeleteOperation, "profiles/"+gone, nil), gone)
	}
	require.Nil(t, b.ok(logical.DeleteOperation, "profiles/1", nil))
	require.EqualValues(t, 3, b.profile("two", nil), "though it was the last, and its name is free")
	require.Equal(t, []string{"profile-name/two", "profile/3", "sequence/profile"}, sortedKeys(b.everything()))
}

func TestProfileInUseIsNotDeleted(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	b.profile("vpn", nil)
	for _, name := range []string{"alice", "bob", "a/b", "DOMAIN\\carol"} {
		b.ok(logical.UpdateOperation, "users/"+name, map[string]any{"profiles": "vpn"})
	}
	before := b.everything()
	require.Equal(t, `profile "vpn" is in use by 4 users (DOMAIN\carol, a/b, alice, …)`, b.coded(http.StatusConflict, logical.DeleteOperation, "profiles/1", nil))
	b.ok(logical.DeleteOperation, "users/a/b", nil)
	b.ok(logical.PatchOperation, "users/bob", map[string]any{"profiles": nil})
	b.ok(logical.UpdateOperation, "users/alice", map[string]any{"policies": "dev", "profiles": ""})
	require.Equal(t, `profile "vpn" is in use by 1 user (DOMAIN\carol)`, b.coded(http.StatusConflict, logical.DeleteOperation, "profiles/vpn", nil))
	require.Equal(t, before["profile/1"], b.stored("profile/1"))
	b.ok(logical.DeleteOperation, `users/DOMAIN\carol`, nil)

	b.ok(logical.UpdateOperation, "config", map[string]any{"default_profiles": "vpn"})
	require.Contains(t, b.coded(http.StatusConflict, logical.DeleteOperation, "profiles/vpn", nil), `profile "vpn" is in use by the config's default_profiles`)
	b.ok(logical.UpdateOperation, "config", map[string]any{"default_profiles": ""})
	b.ok(logical.DeleteOperation, "profiles/vpn", nil)
}
