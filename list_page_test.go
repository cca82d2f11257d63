package radiusauth

import (
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

func TestListsAreReadPageByPage(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	names := []string{"anna", "bert", "carl"}
	for _, name := range []string{"carl", "anna", "bert"} {
		b.ok(logical.UpdateOperation, "users/"+name, nil)
		b.created(logical.UpdateOperation, "profiles", map[string]any{"name": name, "short_name": name})
		b.created(logical.UpdateOperation, "extauth", map[string]any{"type": "ldap", "name": name, "host": "127.0.0.1", "ldap_binddn": "dc=example"})
	}
	for _, path := range []string{"users/", "profiles", "extauth"} {
		for _, request := range []struct {
			fields map[string]any
			want   []string
		}{
			{nil, names},
			{map[string]any{"limit": 0}, names},
			{map[string]any{"limit": "2"}, names[:2]},
			{map[string]any{"limit": 100}, names},
			{map[string]any{"after": "anna"}, names[1:]},
			{map[string]any{"after": "b"}, names[1:]},
			{map[string]any{"after": "anna", "limit": 1}, names[1:2]},
		} {
			data := b.ok(logical.ListOperation, path, request.fields).Data
			require.Equal(t, request.want, data["keys"], "%s %v", path, request.fields)
			if path != "users/" {
				require.Len(t, data["key_info"], len(request.want), "%s %v", path, request.fields)
			}
		}
		require.Empty(t, b.ok(logical.ListOperation, path, map[string]any{"after": "carl"}).Data["keys"], path)
		require.Contains(t, b.refused(logical.ListOperation, path, map[string]any{"limit": -1}), "limit is -1; use 0 or more", path)
	}
}
