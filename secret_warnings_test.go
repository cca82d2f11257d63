package radiusauth

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
	"layeh.com/radius/rfc2865"

	"vault-plugin-auth-radius/internal/radiustest"
)

// secretsThatWarn have at their ends what nobody means, and what a warning calls it.
var secretsThatWarn = map[string]string{
	"hush-hush-hush\n":         "ends in a line break",
	"hush-hush-hush\r\n":       "ends in a line break",
	"hush-hush-hush\r":         "ends in a line break",
	"hush-hush-hush \n\n":      "ends in a line break",
	"hush-hush-hush ":          "begins or ends with white space",
	"\thush-hush-hush":         "begins or ends with white space",
	"\nhush-hush-hush":         "begins or ends with white space",
	"hush-hush-hush\u00a0":     "begins or ends with white space",
	"\uFEFFhush-hush-hush":     "begins with a byte order mark",
	"\uFEFFhush-hush-hush\r\n": "ends in a line break",
}

// requireWarning demands one warning, about the place, that shows no secret.
func requireWarning(t *testing.T, warnings []string, place, what string) {
	t.Helper()
	require.Len(t, warnings, 1, "%s %s", place, what)
	require.Contains(t, warnings[0], place)
	require.Contains(t, warnings[0], what)
	require.NotContains(t, warnings[0], "hush")
}

func TestWriteOfTheConfigWarnsOfSecretsWithALineBreakAtTheEnd(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	for secret, what := range secretsThatWarn {
		for _, operation := range []logical.Operation{logical.UpdateOperation, logical.PatchOperation} {
			resp := b.ok(operation, "config", map[string]any{"host": "192.0.2.1", "secret": secret})
			requireWarning(t, resp.Warnings, "`secret`", what)
			require.Contains(t, b.stored("config"), string(must(json.Marshal(secret))), "stored as it was given")
		}
		require.Nil(t, b.ok(logical.UpdateOperation, "config", map[string]any{"read_timeout": 5}), "it was not given")
		hosts := []any{map[string]any{"host": "192.0.2.2"}, map[string]any{"host": "192.0.2.3", "port": 1813, "secret": secret}}
		for _, given := range []any{hosts, string(must(json.Marshal(hosts)))} {
			resp := b.ok(logical.UpdateOperation, "config", map[string]any{"hosts": given})
			requireWarning(t, resp.Warnings, "`hosts`: the secret of entry 2", what)
		}
		b.ok(logical.UpdateOperation, "config", map[string]any{"hosts": ""})
	}
	require.Nil(t, b.ok(logical.UpdateOperation, "config", map[string]any{"secret": "hush hush\thush-hush"}), "within it, it is meant")
	resp := b.ok(logical.UpdateOperation, "config", map[string]any{"secret": "hush-hush-hush\n", "hosts": `{"host": "192.0.2.2", "secret": "hush\n"}`, "no_such_field": 1})
	require.Len(t, resp.Warnings, 3)
}

func TestWriteOfASourceWarnsOfSecretsWithALineBreakAtTheEnd(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	search := map[string]any{"ldap_binddn": nil, "user_search_base": "dc=example", "search_binddn": "cn=search", "allow_cleartext": true}
	for secret, what := range secretsThatWarn {
		for kind, field := range map[string]string{"radius": "secret", "cerb": "secret", "ldap": "search_password"} {
			data := with(kind, map[string]any{field: secret})
			if kind == "ldap" {
				for name, value := range search {
					data[name] = value
				}
				delete(data, "ldap_binddn")
			}
			resp := b.ok(logical.UpdateOperation, "extauth", data)
			require.Equal(t, http.StatusCreated, resp.Data[logical.HTTPStatusCode])
			var created struct {
				Data     struct{ Name string }
				Warnings []string
			}
			require.NoError(t, json.Unmarshal([]byte(resp.Data[logical.HTTPRawBody].(string)), &created))
			requireWarning(t, created.Warnings, "`"+field+"`", what)

			path := "extauth/" + created.Data.Name
			require.Empty(t, b.ok(logical.UpdateOperation, path, map[string]any{"read_timeout": 5}).Warnings, "it was not given")
			for _, operation := range []logical.Operation{logical.UpdateOperation, logical.PatchOperation} {
				requireWarning(t, b.ok(operation, path, map[string]any{field: secret}).Warnings, "`"+field+"`", what)
			}
			require.Empty(t, b.ok(logical.UpdateOperation, path, map[string]any{field: "hush-hush"}).Warnings)
			b.ok(logical.DeleteOperation, path, nil)
		}
	}
}

func TestSecretIsUsedAsItWasGiven(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	server, err := radiustest.Start(radiustest.Options{Secret: testSecret + "\n", Handler: func(r *radiustest.Request) []radiustest.Answer {
		return []radiustest.Answer{r.Accept(radiustest.Attribute{Type: rfc2865.Class_Type, Value: []byte("c")})}
	}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	b.server = server
	b.configure(map[string]any{"secret": testSecret + "\n"})
	b.loginOK("bob", "bob-password")
}

// TestPasswordsOfUsersHaveNoLineBreakAtTheEnd: nobody types one at login, so that they
// are refused, not stored with a warning.
func TestPasswordsOfUsersHaveNoLineBreakAtTheEnd(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	for _, end := range []string{"\n", "\r\n", "\r"} {
		for field, secret := range map[string]string{
			"password":      "hush-hush-hush",
			"password_hash": "{SSHA}" + "5DWk8S4qk8zUd8yhWhBpnbQ7cTn0UZ1g4m8aZQ==",
		} {
			text := b.refused(logical.UpdateOperation, "users/bob", map[string]any{field: secret + end})
			require.Contains(t, text, field)
			require.NotContains(t, text, secret)
		}
	}
	require.Nil(t, b.ok(logical.ReadOperation, "users/bob", nil))
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
