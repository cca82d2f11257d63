package radiusauth

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/login"
)

// renames sends a write that would have stored users looked for under other names.
func (b *testBackend) renames(operation logical.Operation, path string, data map[string]any) string {
	b.t.Helper()
	before := b.everything()
	text := b.coded(http.StatusConflict, operation, path, data)
	require.Equal(b.t, before, b.everything(), "%s %s %v: nothing has changed", operation, path, data)
	return text
}

func TestConfigThatWouldRenameUsersIsRefused(t *testing.T) {
	t.Parallel()
	corp := map[string]any{"default_realm": "corp"}
	tests := map[string]struct {
		before       map[string]any
		users        string // registered with the config before
		then         map[string]any
		name, become string
	}{
		"case_insensitive_usernames":    {nil, "Alice", map[string]any{"case_insensitive_usernames": true}, "Alice", "alice"},
		"case_insensitive_names":        {nil, "Alice", map[string]any{"case_insensitive_names": true}, "Alice", "alice"},
		"strip_realm":                   {nil, "alice@x", map[string]any{"strip_realm": true}, "alice@x", "alice"},
		"strip_realm, other notation":   {nil, `X\alice`, map[string]any{"strip_realm": true}, `X\alice`, "alice"},
		"realm":                         {nil, "alice@corp", map[string]any{"realm": "CORP"}, "alice@corp", "alice"},
		"default_realm":                 {nil, "alice", map[string]any{"default_realm": "corp"}, "alice", "alice@corp"},
		"default_realm in another case": {corp, "alice", map[string]any{"default_realm": "Corp"}, "alice@corp", "alice@Corp"},
		"realm instead of its default":  {corp, "alice", map[string]any{"default_realm": "", "realm": "corp"}, "alice@corp", "alice"},
	}
	for name, test := range tests {
		b := newConfiguredBackend(t, test.before)
		b.ok(logical.UpdateOperation, "users/"+test.users, map[string]any{"enabled": false})
		for _, operation := range []logical.Operation{logical.UpdateOperation, logical.PatchOperation} {
			text := b.renames(operation, "config", test.then)
			require.Contains(t, text, fmt.Sprintf("user %q would be %q: delete each, and register the other", test.name, test.become), name)
		}
		require.Equal(t, login.DeniedText, b.refusedAs(test.users, "x"), "%s: still disabled", name)
		b.ok(logical.DeleteOperation, "users/"+test.name, nil)
		b.ok(logical.UpdateOperation, "config", test.then)
		b.ok(logical.UpdateOperation, "users/"+test.name, nil)
		require.NotEmpty(t, b.stored("user/"+test.become), name)
	}
}

func TestUpToThreeUsersAreNamedWhoWouldBeRenamed(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	for count, name := range []string{"Anna", "Bert", "Cleo", "Dora", "Emil"} {
		b.ok(logical.UpdateOperation, "users/"+name, nil)
		b.ok(logical.UpdateOperation, "users/other"+name[:1]+"/"+strings.ToLower(name), nil)
		text := b.renames(logical.UpdateOperation, "config", map[string]any{"case_insensitive_usernames": true, "token_ttl": "1h"})
		require.Equal(t, min(3, 2*count+2), strings.Count(text, "would be"), text)
		require.Equal(t, 2*count+2 > 3, strings.Contains(text, "…"), text)
	}
}

func TestSourceThatWouldRenameUsersIsRefused(t *testing.T) {
	t.Parallel()
	b, _ := newSourcesBackend(t, map[string]any{"strip_realm": true}, map[string]any{"realms": "guest,visitors"})
	b.ok(logical.UpdateOperation, "users/alice@guest", map[string]any{"enabled": false})
	for _, name := range []string{"bob", "carl"} {
		b.ok(logical.UpdateOperation, "users/"+name+"@GUEST", nil)
	}
	b.ok(logical.UpdateOperation, "users/dora@visitors", nil)
	for _, realms := range []any{"visitors,guest", "visitors", "other", "", nil} {
		text := b.renames(logical.PatchOperation, "extauth/guests", map[string]any{"realms": realms})
		require.Contains(t, text, "`realms`", realms)
		require.Contains(t, text, `user "alice@guest" would be "alice`, realms)
		require.Equal(t, 3, strings.Count(text, "would be"), realms)
		require.Contains(t, text, "…")
	}
	require.Contains(t, b.renames(logical.DeleteOperation, "extauth/guests", nil), `user "alice@guest" would be "alice"`)
	require.Equal(t, login.DeniedText, b.refusedAs("alice@guest", "guest-password"))

	b.ok(logical.UpdateOperation, "extauth/guests", map[string]any{"realms": "guest,visitors,more"}) // renames no user
	for _, name := range []string{"alice", "bob", "carl", "dora"} {
		b.ok(logical.DeleteOperation, "users/"+name+"@guest", nil)
	}
	b.ok(logical.DeleteOperation, "extauth/guests", nil)
}

func TestNewSourceThatWouldRenameUsersIsRefused(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	b.ok(logical.UpdateOperation, `users/CORP\alice`, map[string]any{"enabled": false})
	text := b.renames(logical.UpdateOperation, "extauth", with("ad", map[string]any{"realms": "corp"}))
	require.Contains(t, text, `user "CORP\\alice" would be "alice@corp"`)
	require.Nil(t, b.ok(logical.ListOperation, "extauth/", nil).Data["keys"])
	b.ok(logical.DeleteOperation, `users/CORP\alice`, nil)
	require.Equal(t, "ad-1", b.source("ad", map[string]any{"realms": "corp"}), "what was refused took no number")
}

func TestSourceWhoseRealmsNoUserDependsOnIsDeleted(t *testing.T) {
	t.Parallel()
	b, _ := newSourcesBackend(t, nil, nil)
	b.ok(logical.UpdateOperation, "users/alice@guest", map[string]any{"policies": "dev"})
	require.Equal(t, "guests", b.loginAs("alice@visitors", "guest-password").Metadata["extauth"])
	b.ok(logical.PatchOperation, "users/alice@guest", map[string]any{"extauth": "guests"})
	require.Contains(t, b.renames(logical.DeleteOperation, "extauth/guests", nil), "alice@guest")
	b.ok(logical.PatchOperation, "users/alice@guest", map[string]any{"extauth": ""})

	b.ok(logical.DeleteOperation, "extauth/guests", nil)
	before := len(b.server.Requests())
	require.Equal(t, login.DeniedText, b.refusedAs("alice@guest", "guest-password"))
	require.Equal(t, "alice@guest", b.server.Requests()[before].Username(), "the config's servers check her now")
	require.Equal(t, "alice@visitors", b.aheadOf("alice@visitors"), "a realm like any other")
}

// Without a config the sources alone say what a name is.
func TestConfigThatKeepsNamesIsNotDeleted(t *testing.T) {
	t.Parallel()
	b, _ := newSourcesBackend(t, map[string]any{"case_insensitive_usernames": true}, map[string]any{"realms": "Guest"})
	b.ok(logical.UpdateOperation, "users/alice@guest", map[string]any{"enabled": false})
	require.NotEmpty(t, b.stored("user/alice@guest"))
	require.Contains(t, b.renames(logical.DeleteOperation, "config", nil), `user "alice@guest" would be "alice@Guest"`)
	require.Equal(t, login.DeniedText, b.refusedAs("alice@guest", "guest-password"))
	b.ok(logical.DeleteOperation, "users/alice@guest", nil)
	b.ok(logical.DeleteOperation, "config", nil)
	require.Equal(t, login.NotConfiguredText, b.refusedAs("alice@guest", "guest-password"))
}

func TestUsersOutliveTheConfig(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	b := upgraded(t, readMount(t, "openbao-2.6", server), server)
	b.ok(logical.DeleteOperation, "config", nil) // Bob is hidden already: no user is renamed
	require.Empty(t, b.stored("config"))
	require.Equal(t, []string{"Alice", "Bob", "alice", "carol"}, b.ok(logical.ListOperation, "users/", nil).Data["keys"])
	require.Equal(t, []string{"boss"}, b.policiesOf("Bob"))
}
