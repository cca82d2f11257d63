package radiusauth

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/directorytest"
	"vault-plugin-auth-radius/internal/login"
)

// loginAs logs in with the name in the body.
func (b *testBackend) loginAs(username, password string) *logical.Auth {
	b.t.Helper()
	auth := b.ok(logical.UpdateOperation, "login", map[string]any{"username": username, "password": password}).Auth
	require.NotNil(b.t, auth, username)
	return auth
}

// refusedAs sends such a login that must be answered with 400, and returns the text.
func (b *testBackend) refusedAs(username, password string) string {
	b.t.Helper()
	return b.refused(logical.UpdateOperation, "login", map[string]any{"username": username, "password": password})
}

// aheadOf is the alias that Vault looks for before a login.
func (b *testBackend) aheadOf(username string) string {
	b.t.Helper()
	return b.ok(logical.AliasLookaheadOperation, "login", map[string]any{"username": username}).Auth.Alias.Name
}

func TestBareNameIsOfTheDefaultRealmAndItsSource(t *testing.T) {
	t.Parallel()
	for _, realm := range []string{"guest", "GUEST", "visitors"} {
		b, second := newSourcesBackend(t, map[string]any{"default_realm": realm}, nil)
		require.Equal(t, realm, b.ok(logical.ReadOperation, "config", nil).Data["default_realm"])
		b.ok(logical.UpdateOperation, "users/alice", map[string]any{"policies": "dev"})
		require.NotEmpty(t, b.stored("user/alice@guest"), "%s: by the source's first realm", realm)
		require.Empty(t, b.stored("user/alice"))
		for _, typed := range []string{"alice", "alice@guest", `GUEST\alice`, "alice@visitors", "alice@guest@guest"} {
			auth := b.loginAs(typed, "guest-password")
			require.Equal(t, "guests", auth.Metadata["extauth"], typed)
			require.Equal(t, []string{"dev"}, auth.Policies, typed)
			for _, name := range []string{auth.Alias.Name, auth.Metadata["username"], auth.DisplayName, b.aheadOf(typed)} {
				require.Equal(t, "alice@guest", name, typed)
			}
			b.renewOK(auth)
		}
		require.Empty(t, b.server.Requests(), "the config's servers are not asked any more")
		require.Equal(t, "alice@guest", second.Requests()[0].Username())
		require.Equal(t, login.DeniedText, b.refusedAs("alice", "alice-password"))

		b.ok(logical.UpdateOperation, "freeradius/config", map[string]any{"use_radius_sources": true})
		require.Contains(t, b.authorized(map[string]any{"username": "alice", "password": "guest-password"}), acceptJSON)
		b.ok(logical.PatchOperation, "users/alice", map[string]any{"enabled": false})
		for _, typed := range []string{"alice", `visitors\alice`} {
			require.Equal(t, login.DeniedText, b.refusedAs(typed, "guest-password"))
			status, _ := b.asFreeRADIUS("authorize", map[string]any{"username": typed, "password": "guest-password"})
			require.Equal(t, http.StatusNoContent, status, typed)
		}
	}
}

func TestRealmThatIsNotTheDefaultGoesWhereItWent(t *testing.T) {
	t.Parallel()
	b, second := newSourcesBackend(t, map[string]any{"default_realm": "guest"}, nil)
	require.Equal(t, login.DeniedText, b.refusedAs("alice@corp", "alice-password"))
	require.Equal(t, "alice@corp", b.server.Requests()[0].Username())
	require.Empty(t, second.Requests())
	require.Equal(t, "alice@corp", b.aheadOf("alice@corp"))
}

func TestDefaultRealmWithoutASourceIsTheConfigsServers(t *testing.T) {
	t.Parallel()
	for strip, sent := range map[bool]string{false: "alice@Corp", true: "alice"} {
		b := accepting(t, map[string]any{"default_realm": "Corp", "strip_realm": strip})
		for _, typed := range []string{"alice", "alice@corp", `CORP\alice`} {
			require.Equal(t, "alice@Corp", b.loginAs(typed, "p").Alias.Name, typed)
		}
		for _, request := range b.server.Requests() {
			require.Equal(t, sent, request.Username())
		}
	}
}

// The realm is the config's, for names in Vault: a directory without realms knows none.
func TestDirectoryWithoutRealmsIsAskedAboutTheBareName(t *testing.T) {
	t.Parallel()
	b, s := newDirectoryBackend(t, inDirectory, nil)
	b.ok(logical.UpdateOperation, "config", map[string]any{"default_realm": "corp", "renewal": "reauthenticate"})
	b.ok(logical.UpdateOperation, "users/alice", map[string]any{"policies": "dev"})
	for _, typed := range []string{"alice", "alice@corp", `CORP\alice`} {
		auth := b.loginAs(typed, "alice-password")
		require.Equal(t, "alice@corp", auth.Alias.Name, typed)
		require.Equal(t, []string{"dev"}, auth.Policies, typed)
		b.renewOK(auth)
	}
	for _, request := range s.Requests() {
		if request.Bind {
			require.Equal(t, directorytest.PersonDN("alice"), request.DN)
		}
	}
	before := len(s.Requests())
	require.Equal(t, login.DeniedText, b.refusedAs("alice@elsewhere", "alice-password"))
	for _, request := range s.Requests()[before:] {
		require.NotEqual(t, directorytest.PersonDN("alice"), request.DN, "another realm's alice is another user")
	}
}

func TestRenewalFollowsTheDefaultRealm(t *testing.T) {
	t.Parallel()
	b, _ := newSourcesBackend(t, map[string]any{"renewal": "recheck"}, nil)
	of := b.loginAs("alice@guest", "guest-password")
	bare := b.loginAs("alice", "alice-password")
	b.ok(logical.UpdateOperation, "config", map[string]any{"default_realm": "guest"})
	b.renewOK(of)
	require.Contains(t, b.renewRefused(bare), "another source", "it was the config's servers that knew her")
}

func TestDefaultRealmThatCannotBeIsRefusedAndNothingChanges(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ before, then map[string]any }{
		"realm first":         {map[string]any{"realm": "corp"}, map[string]any{"default_realm": "corp"}},
		"default_realm first": {map[string]any{"default_realm": "corp"}, map[string]any{"realm": "other"}},
		"both at once":        {nil, map[string]any{"realm": "corp", "default_realm": "corp"}},
		"an @":                {nil, map[string]any{"default_realm": "@corp"}},
		"a backslash":         {nil, map[string]any{"default_realm": `corp\`}},
		"a slash":             {nil, map[string]any{"default_realm": "corp/x"}},
		"a blank":             {nil, map[string]any{"default_realm": "corp "}},
		"too long":            {nil, map[string]any{"default_realm": strings.Repeat("r", 254)}},
		"no text":             {nil, map[string]any{"default_realm": []any{map[string]any{}}}},
	}
	for name, test := range tests {
		b := newConfiguredBackend(t, test.before)
		before := b.everything()
		for _, operation := range []logical.Operation{logical.UpdateOperation, logical.PatchOperation} {
			require.Contains(t, b.refused(operation, "config", test.then), "default_realm", name)
		}
		require.Equal(t, before, b.everything(), name)
	}
	b := newConfiguredBackend(t, map[string]any{"realm": "corp"})
	b.ok(logical.UpdateOperation, "config", map[string]any{"realm": "", "default_realm": "corp"})
	b.ok(logical.PatchOperation, "config", map[string]any{"default_realm": nil})
	require.Empty(t, b.ok(logical.ReadOperation, "config", nil).Data["default_realm"])
	require.Equal(t, "alice", b.loginOK("alice", "alice-password").Alias.Name)
}

func TestDefaultRealmThatMakesTheNameTooLongIsRefused(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, map[string]any{"default_realm": "corp.example.com"})
	text := b.refused(logical.UpdateOperation, "login", map[string]any{"username": strings.Repeat("u", 250), "password": "p"})
	require.Contains(t, text, "username is longer than 253 octets")
	require.Empty(t, b.server.Requests())
}
