package radiusauth

import (
	"testing"

	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

// Vault hands a request on if the error is this one, word for word.
func TestServersThatMayNotWriteHandWritesOn(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	system := b.System().(*logical.StaticSystemView)
	writes := map[string][]logical.Operation{
		"config":                  {logical.UpdateOperation, logical.PatchOperation, logical.DeleteOperation},
		"users/bob":               {logical.CreateOperation, logical.UpdateOperation, logical.PatchOperation, logical.DeleteOperation},
		"profiles":                {logical.UpdateOperation},
		"profiles/1":              {logical.UpdateOperation, logical.PatchOperation, logical.DeleteOperation},
		"dictionary/custom/x":     {logical.UpdateOperation, logical.DeleteOperation},
		"explain":                 {},
		"extauth":                 {logical.UpdateOperation},
		"extauth/1":               {logical.UpdateOperation, logical.PatchOperation, logical.DeleteOperation},
		"freeradius/config":       {logical.UpdateOperation, logical.PatchOperation},
		"freeradius/batch":        {logical.UpdateOperation},
		"freeradius/batch/x":      {logical.DeleteOperation},
		"freeradius/accounting":   {logical.UpdateOperation},
		"freeradius/postauth":     {logical.UpdateOperation},
		"login":                   nil,
		"freeradius/authorize":    nil,
		"unlock/alice":            nil,
		"extauth/local/verify":    nil,
		"profiles/1/test":         nil,
		"dictionary/attributes":   nil,
		"dictionary/custom":       nil,
		"dictionary/attributes/x": nil,
		"users":                   nil,
		"unlock":                  nil,
		"status":                  nil,
		"attempts":                nil,
		"metrics":                 nil,
	}
	require.Len(t, writes, len(b.Paths), "a path is missing here")
	local := map[string]bool{"freeradius/accounting": true, "freeradius/postauth": true}
	for state, kept := range map[consts.ReplicationState]map[string]bool{
		consts.ReplicationPerformanceStandby:   nil,
		consts.ReplicationPerformanceSecondary: local,
	} {
		system.ReplicationStateVal = state
		for path, operations := range writes {
			for _, operation := range operations {
				_, err := b.HandleRequest(t.Context(), &logical.Request{Operation: operation, Path: path, Storage: b.storage})
				if kept[path] {
					require.NotEqual(t, logical.ErrReadOnly, err, path)
				} else {
					require.Equal(t, logical.ErrReadOnly, err, "%s %s", operation, path)
				}
			}
		}
		b.loginOK("alice", "alice-password")
		b.authorized(map[string]any{"username": "alice", "password": "alice-password"})
	}
}
