package radiusauth

import (
	"net/http"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/login"
)

func TestRegisteredOnlyKeepsOthersOut(t *testing.T) {
	t.Parallel()
	b, second := newSourcesBackend(t, map[string]any{"registered_only": true}, nil)
	require.Equal(t, true, b.ok(logical.ReadOperation, "config", nil).Data["registered_only"])
	b.ok(logical.UpdateOperation, "freeradius/config", map[string]any{"use_radius_sources": true})
	b.ok(logical.UpdateOperation, "users/alice", map[string]any{"policies": "dev"})
	require.Equal(t, []string{"dev"}, b.loginOK("alice", "alice-password").Policies)
	require.Contains(t, b.authorized(map[string]any{"username": "alice", "password": "alice-password"}), acceptJSON)

	before := len(b.server.Requests())
	for typed, password := range map[string]string{
		"bob": "bob-password", "alice@guest": "guest-password", "carol": "carol-password", "mallory": "x",
	} {
		require.Equal(t, login.DeniedText, b.refusedAs(typed, password), typed)
		status, _ := b.asFreeRADIUS("authorize", map[string]any{"username": typed, "password": password})
		require.Equal(t, http.StatusNoContent, status, typed)
		require.Equal(t, typed, b.aheadOf(typed), "the alias says nothing of who is registered")
	}
	require.Len(t, b.server.Requests(), before, "no server is asked")
	require.Empty(t, second.Requests())
	require.Contains(t, b.log.String(), "the config has registered_only, and the name is not under users/")
	require.Empty(t, b.ok(logical.ListOperation, "unlock", nil).Data["keys"], "and nothing counts")

	b.ok(logical.UpdateOperation, "users/bob", nil)
	require.Empty(t, b.loginOK("bob", "bob-password").Policies)
	b.ok(logical.DeleteOperation, "users/bob", nil)
	require.Equal(t, login.DeniedText, b.refusedAs("bob", "bob-password"))
	b.ok(logical.PatchOperation, "config", map[string]any{"registered_only": nil})
	b.loginOK("bob", "bob-password")
}

func TestRegisteredOnlyEndsRenewalsOfOthers(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"reauthenticate", "recheck"} {
		b := newConfiguredBackend(t, map[string]any{"renewal": mode})
		b.ok(logical.UpdateOperation, "users/alice", nil)
		registered, other := b.loginOK("alice", "alice-password"), b.loginOK("bob", "bob-password")
		b.renewOK(other)
		b.ok(logical.UpdateOperation, "config", map[string]any{"registered_only": true})
		before := len(b.server.Requests())
		require.Equal(t, "the user may not log in any more, not renewing", b.renewRefused(other), mode)
		require.Len(t, b.server.Requests(), before, "%s: the password goes nowhere", mode)
		b.renewOK(registered)
		b.ok(logical.DeleteOperation, "users/alice", nil)
		require.Equal(t, "the user may not log in any more, not renewing", b.renewRefused(registered), mode)
		b.ok(logical.UpdateOperation, "users/bob", nil)
		b.renewOK(other)
	}
}

func TestRegisteredOnlyAndPoliciesOfOthersExcludeEachOther(t *testing.T) {
	t.Parallel()
	only, policies := map[string]any{"registered_only": true}, map[string]any{"unregistered_user_policies": "guest"}
	both := map[string]any{"registered_only": true, "unregistered_user_policies": []any{"guest"}}
	for name, fields := range map[string]struct{ before, then, instead map[string]any }{
		"registered_only first": {only, policies, map[string]any{"registered_only": false, "unregistered_user_policies": "guest"}},
		"policies first":        {policies, only, map[string]any{"registered_only": true, "unregistered_user_policies": ""}},
		"at once":               {nil, both, only},
	} {
		b := newConfiguredBackend(t, fields.before)
		before := b.everything()
		for _, operation := range []logical.Operation{logical.UpdateOperation, logical.PatchOperation} {
			require.Contains(t, b.refused(operation, "config", fields.then), "`registered_only` and `unregistered_user_policies`", name)
		}
		require.Equal(t, before, b.everything(), name)
		b.ok(logical.UpdateOperation, "config", fields.instead)
	}
	b := newConfiguredBackend(t, nil)
	require.Contains(t, b.refused(logical.UpdateOperation, "config", map[string]any{"registered_only": "perhaps"}), "registered_only")
}

// A user whose name logins do not have any more is not registered.
func TestRegisteredOnlyCountsNoHiddenUser(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	b := upgraded(t, readMount(t, "openbao-2.6", server), server)
	b.ok(logical.UpdateOperation, "config", map[string]any{"registered_only": true, "unregistered_user_policies": ""})
	b.logsIn("alice", []string{"dev", "ops"}, "alice", "ALICE")
	b.keepsOut("bob", "Bob", "dora")
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"policies": "boss"})
	b.logsIn("bob", []string{"boss"}, "Bob")
}

func TestRegisteredOnlyIsOfNoUseToADirectoryOrTheUsersHere(t *testing.T) {
	t.Parallel()
	b, s := newDirectoryBackend(t, inDirectory, nil)
	b.ok(logical.UpdateOperation, "config", map[string]any{"registered_only": true})
	require.Equal(t, login.DeniedText, b.refusedAs("alice", "alice-password"))
	require.Empty(t, s.Requests())
	b.ok(logical.UpdateOperation, "users/alice", nil)
	b.loginOK("alice", "alice-password")
}
