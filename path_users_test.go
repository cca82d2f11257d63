package radiusauth

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/radiustest"
)

func TestUserIsStoredAsTheBuiltInStoresIt(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	require.Nil(t, b.ok(logical.ReadOperation, "users/bob", nil))
	require.Nil(t, b.ok(logical.UpdateOperation, "users/bob", map[string]any{"policies": "Dev, staging,dev"}))
	require.JSONEq(t, `{"Policies":["dev","staging"]}`, b.stored("user/bob"))
	require.Equal(t, []string{"dev", "staging"}, b.ok(logical.ReadOperation, "users/bob", nil).Data["policies"])

	b.ok(logical.UpdateOperation, "users/bob", nil)
	require.JSONEq(t, `{"Policies":[]}`, b.stored("user/bob"), "a write without policies empties them, as the built-in does")

	require.Nil(t, b.ok(logical.DeleteOperation, "users/bob", nil))
	require.Empty(t, b.stored("user/bob"))
}

func TestUserIsReadInBothSpellings(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.store("user/bob", `{"Policies":["dev"]}`)
	b.store("user/eve", `{"policies":["ops"]}`)
	require.Equal(t, []string{"dev"}, b.ok(logical.ReadOperation, "users/bob", nil).Data["policies"])
	require.Equal(t, []string{"ops"}, b.ok(logical.ReadOperation, "users/eve", nil).Data["policies"])
}

func TestUserPatchChangesWhatIsGiven(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	_, err := b.do(logical.PatchOperation, "users/bob", map[string]any{"policies": "dev"})
	var coded logical.HTTPCodedError
	require.ErrorAs(t, err, &coded)
	require.Equal(t, http.StatusNotFound, coded.Code())

	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"policies": "dev"})
	b.ok(logical.PatchOperation, "users/bob", map[string]any{})
	require.Equal(t, []string{"dev"}, b.ok(logical.ReadOperation, "users/bob", nil).Data["policies"])
	b.ok(logical.PatchOperation, "users/bob", map[string]any{"policies": []string{"ops"}})
	require.Equal(t, []string{"ops"}, b.ok(logical.ReadOperation, "users/bob", nil).Data["policies"])
	b.ok(logical.PatchOperation, "users/bob", map[string]any{"policies": nil})
	require.Equal(t, []string{}, b.ok(logical.ReadOperation, "users/bob", nil).Data["policies"])
}

func TestUserRefusesBadInputAndStaysAsItWas(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		name string
		data map[string]any
		want string
	}{
		"root policy":             {"bob", map[string]any{"policies": "dev,root"}, "root policy cannot be granted by an auth method"},
		"root, spelled otherwise": {"bob", map[string]any{"policies": []string{" ROOT"}}, "root policy cannot be granted by an auth method"},
		"policies not a list":     {"bob", map[string]any{"policies": map[string]any{"a": 1}}, "policies"},
		"name of 254 octets":      {strings.Repeat("b", 254), map[string]any{"policies": "dev"}, "name: username is longer than 253 octets"},
		"name with two dots":      {"a..b", map[string]any{"policies": "dev"}, "name: a name with two dots in a row cannot be stored by Vault"},
		"name with NUL":           {"bo\x00b", map[string]any{"policies": "dev"}, "name: username contains a control character"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newTestBackend(t)
			b.ok(logical.UpdateOperation, "users/bob", map[string]any{"policies": "before"})
			require.Contains(t, b.refused(logical.UpdateOperation, "users/"+test.name, test.data), test.want)
			require.JSONEq(t, `{"Policies":["before"]}`, b.stored("user/bob"))
			require.Equal(t, []string{"bob"}, b.ok(logical.ListOperation, "users/", nil).Data["keys"])
		})
	}
}

func TestUserNameMayHoldWhatVaultLetsThrough(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	names := []string{`DOMAIN\user`, "Zoë", "a/b", "b b", "user@realm", "x%41"}
	for _, name := range names {
		b.ok(logical.UpdateOperation, "users/"+name, map[string]any{"policies": "dev"})
		require.Equal(t, []string{"dev"}, b.ok(logical.ReadOperation, "users/"+name, nil).Data["policies"], name)
	}
	require.ElementsMatch(t, names, b.ok(logical.ListOperation, "users/", nil).Data["keys"])
}

// Vault's storage refuses such names with an error, which would become a 500.
func TestNameThatVaultCannotStoreIsNobodysWithoutAskingStorage(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.startServer(radiustest.Options{Handler: func(r *radiustest.Request) []radiustest.Answer {
		return []radiustest.Answer{r.Accept()}
	}})
	b.configure(map[string]any{"unregistered_user_policies": "guest"})
	b.ok(logical.ReadOperation, "config", nil) // caches it
	b.storage.failGets.Store(true)
	require.Nil(t, b.ok(logical.ReadOperation, "users/a..b", nil))
	require.Nil(t, b.ok(logical.DeleteOperation, "users/a..b", nil))
	auth := b.ok(logical.UpdateOperation, "login", map[string]any{"username": "a..b", "password": "p"}).Auth
	require.Equal(t, []string{"guest"}, auth.Policies)
}

func TestUsersAreListedInPages(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	for i := range 5 {
		b.ok(logical.UpdateOperation, fmt.Sprintf("users/user-%d", i), map[string]any{"policies": fmt.Sprintf("p%d", i)})
	}
	tests := map[string]struct {
		data map[string]any
		want []string
	}{
		"all":                  {nil, []string{"user-0", "user-1", "user-2", "user-3", "user-4"}},
		"first page":           {map[string]any{"limit": "2"}, []string{"user-0", "user-1"}},
		"next page":            {map[string]any{"limit": "2", "after": "user-1"}, []string{"user-2", "user-3"}},
		"last page":            {map[string]any{"limit": "2", "after": "user-3"}, []string{"user-4"}},
		"after one long gone":  {map[string]any{"after": "user-2x"}, []string{"user-3", "user-4"}},
		"limit beyond the end": {map[string]any{"limit": 100}, []string{"user-0", "user-1", "user-2", "user-3", "user-4"}},
	}
	for name, test := range tests {
		require.Equal(t, test.want, b.ok(logical.ListOperation, "users/", test.data).Data["keys"], name)
	}
	require.Empty(t, b.ok(logical.ListOperation, "users", map[string]any{"after": "user-4"}).Data["keys"])
	require.Contains(t, b.refused(logical.ListOperation, "users/", map[string]any{"limit": -1}), "limit is -1")
	require.Contains(t, b.refused(logical.ListOperation, "users/", map[string]any{"limit": "x"}), "limit")
}

func TestDetailedListReadsNoMoreThanItsPage(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	for i := range 5 {
		b.ok(logical.UpdateOperation, fmt.Sprintf("users/user-%d", i), map[string]any{"policies": fmt.Sprintf("p%d", i)})
	}
	want := map[string]any{}
	for _, name := range []string{"user-1", "user-2"} {
		want[name] = b.ok(logical.ReadOperation, "users/"+name, nil).Data
	}
	b.storage.reads.Store(0)
	data := b.ok(logical.ListOperation, "users/", map[string]any{"detailed": "true", "limit": "2", "after": "user-0"}).Data
	require.Equal(t, want, data["key_info"])
	require.EqualValues(t, 2, b.storage.reads.Load(), "two entries: the names are in memory")
}

// Tokens of logins that gave the name in the body have no lease with the name.
func TestHelpSaysHowToShutAUserOut(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	resp, err := b.HandleRequest(t.Context(), &logical.Request{Operation: logical.HelpOperation, Path: "users/alice", Storage: b.storage})
	require.NoError(t, err)
	help := resp.Data["help"].(string)
	docs, err := os.ReadFile("docs/api.md")
	require.NoError(t, err)
	for _, text := range []string{help, string(docs)} {
		require.NotContains(t, text, "lease revoke")
		require.Contains(t, text, "auth/radius/users/alice enabled=false")
		require.Contains(t, text, "identity/lookup/entity alias_name=alice")
		require.Contains(t, text, "identity/entity/id/$id disabled=true")
	}
}
