package radiusauth

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/login"
	"vault-plugin-auth-radius/internal/radiustest"
)

func TestNamesThatNobodyHasAreRefusedBeforeAnybodyIsAsked(t *testing.T) {
	t.Parallel()
	b := accepting(t, nil)
	for name, text := range map[string]string{
		"alice ": "username begins or ends with white space", "alice @corp": "username begins or ends with white space",
		`corp\ alice`: "username begins or ends with white space",
		"al\u00adice": "username contains an invisible format character", "al\tice": "username contains a control character",
		"a//b": "username is not a clean path", "./a": "username is not a clean path", "al\xffice": "username is not valid UTF-8",
		strings.Repeat("\u00e4", 127): "username is longer than 253 octets", "\uff41lice": "username is not in its plain spelling",
		"a  b": "username is not in its plain spelling",
	} {
		require.Contains(t, b.refused(logical.UpdateOperation, "login", map[string]any{"username": name, "password": "p"}), text, "%+q", name)
		if resp, err := b.send(logical.UpdateOperation, "users/"+name, nil); err == nil && text != "username is not in its plain spelling" {
			require.True(t, resp.IsError(), "%+q", name)
			require.Contains(t, resp.Error().Error(), "name", "%+q", name)
		}
		_, err := b.send(logical.DeleteOperation, "users/"+name, nil)
		require.NoError(t, err, "%+q", name)
	}
	require.Empty(t, b.server.Requests())
	b.ok(logical.UpdateOperation, "users/\uff41lice", staff) // byte for byte
	require.Equal(t, []string{"staff"}, b.loginOK("\uff41lice", "p").Policies)
	b.denied("alice")
}

func TestAnotherSpellingOfARegisteredNameIsRefusedAndTheLogSaysWhatToDo(t *testing.T) {
	t.Parallel()
	b := acceptingStrangers(t)
	b.ok(logical.UpdateOperation, "users/jos\u00e9", map[string]any{"policies": "accent"})
	b.denied("jose")
	require.Contains(t, b.log.String(), "registered as jos\u00e9: type it like that, or register jose if it is somebody else")
	b.denied("JOS\u00c9")
	require.Empty(t, b.server.Requests())
	b.ok(logical.UpdateOperation, "users/jose", map[string]any{"policies": "plain"})
	require.Equal(t, []string{"accent"}, b.loginOK("jos\u00e9", "p").Policies)
	require.Equal(t, []string{"plain"}, b.loginOK("jose", "p").Policies)
	b.denied("jos\u00e8")
	b.ok(logical.DeleteOperation, "users/jose", nil)
	b.denied("jose")
	b.ok(logical.DeleteOperation, "users/jos\u00e9", nil)
	require.Equal(t, []string{"guest"}, b.loginOK("jose", "p").Policies)
}

func TestDisabledUserIsNotARealmFormOfTheName(t *testing.T) {
	t.Parallel()
	b := acceptingStrangers(t)
	b.startServer(radiustest.Options{})
	b.answers()
	b.source("radius", map[string]any{
		"name": "people", "realms": "people", "strip_realm": true, "host": b.server.Host(),
		"port": b.server.Port(), "secret": testSecret,
	})
	off := map[string]any{"enabled": false}
	b.ok(logical.UpdateOperation, "users/alice", off)
	for _, name := range []string{"alice", "alice@guest", `GUEST\alice`, "alice@a@b", `a\alice@b`, "\u00e1lice@guest", "Alice@guest"} {
		require.Equal(t, login.DeniedText, b.refused(logical.UpdateOperation, "login", map[string]any{"username": name, "password": "p"}), name)
	}
	require.Equal(t, []string{"guest"}, b.loginOK("alice@people", "p").Policies, "another source, another person")
	b.ok(logical.UpdateOperation, "users/alice@guest", staff)
	require.Equal(t, []string{"staff"}, b.loginOK("alice@guest", "p").Policies, "registered itself")
	b.denied("alice@guest2")

	b.ok(logical.UpdateOperation, "users/bob@people", off)
	b.denied("bob@x@people")
	b.denied(`x\bob@people`)
	require.Equal(t, []string{"guest"}, b.loginOK("bob", "p").Policies)
	b.ok(logical.UpdateOperation, "users/alice", map[string]any{"enabled": false, "extauth": "local"})
	require.Equal(t, []string{"guest"}, b.loginOK("alice@guest2", "p").Policies, "its source does not know the other")

	// Both users of a skeleton count.
	b.ok(logical.UpdateOperation, "users/jose", nil)
	b.ok(logical.UpdateOperation, "users/jos\u00e9", off)
	b.denied("j\u00f3s\u00e9@guest")
	require.Equal(t, []string{"guest"}, b.loginOK("jose@guest", "p").Policies)
}

// Some servers take both notations of a realm for one, and cut a realm that is empty.
func TestDisabledUserIsNotTheNameInAnotherNotation(t *testing.T) {
	t.Parallel()
	b := acceptingStrangers(t)
	off := map[string]any{"enabled": false}
	for name, others := range map[string][]string{
		"alice@corp": {`corp\alice`, `CORP\alice`, "alice@corp@", `corp\alice@guest`},
		`corp\bob`:   {"bob@corp", "bob@Corp", "bob@corp@guest"},
		"carol":      {"carol@", "carol@@", `\carol`, "carol@@guest", `guest\\carol`},
	} {
		b.ok(logical.UpdateOperation, "users/"+name, off)
		for _, other := range others {
			require.Equal(t, login.DeniedText, b.refusedAs(other, "p"), other)
		}
	}
	require.Empty(t, b.server.Requests())
	require.Equal(t, []string{"guest"}, b.loginAs("alice", "p").Policies, "without the realm it is another name")
	b.ok(logical.UpdateOperation, `users/corp\alice`, staff)
	require.Equal(t, []string{"staff"}, b.loginAs(`corp\alice`, "p").Policies, "registered itself")
}

func TestOnlyRegisteredUsersLogInIfSoConfigured(t *testing.T) {
	t.Parallel()
	b := accepting(t, map[string]any{"registered_only": true})
	b.ok(logical.UpdateOperation, "users/alice", staff)
	require.Equal(t, []string{"staff"}, b.loginOK("alice", "p").Policies)
	for _, name := range []string{"bob", "alice@corp", "Alice"} {
		b.denied(name)
	}
	require.Contains(t, b.log.String(), "not under users/")
	require.Contains(t, b.refused(logical.UpdateOperation, "config", map[string]any{"unregistered_user_policies": "guest"}),
		"exclude each other")
}

func TestConfigThatWouldHideUsersIsRefused(t *testing.T) {
	t.Parallel()
	b := accepting(t, nil)
	for _, name := range []string{"Alice", "bob@corp", `CORP\carol`, "dave"} {
		b.ok(logical.UpdateOperation, "users/"+name, nil)
	}
	for text, config := range map[string]map[string]any{
		`"Alice" would be "alice"`:     {"case_insensitive_usernames": true},
		`"bob@corp" would be "bob"`:    {"strip_realm": true},
		`carol" would be "carol"`:      {"realm": "corp"},
		`"dave" would be "dave@guest"`: {"default_realm": "guest"},
	} {
		require.Contains(t, b.coded(http.StatusConflict, logical.PatchOperation, "config", config), text)
	}
	require.Contains(t, b.coded(http.StatusConflict, logical.UpdateOperation, "extauth", with("radius", map[string]any{"realms": "corp"})),
		`carol" would be "carol@corp"`)
	b.source("radius", map[string]any{"realms": "other"})
	b.ok(logical.PatchOperation, "config", map[string]any{"realm": "unused"})
	for _, name := range []string{"Alice", "bob@corp", `CORP\carol`, "dave"} {
		require.NotNil(t, b.ok(logical.UpdateOperation, "login", map[string]any{"username": name, "password": "p"}).Auth, "nothing was changed")
	}
}

func TestHiddenUserIsNotPassedByInAnySpelling(t *testing.T) {
	t.Parallel()
	b := acceptingStrangers(t)
	b.store("user/Bob", `{"Policies":["staff"],"disabled":true}`)
	config, err := loadConfig(t.Context(), vaultStorage{b.storage})
	require.NoError(t, err)
	config.setFoldCase(true) // as a version could that let such users be hidden
	require.NoError(t, saveConfig(t.Context(), vaultStorage{b.storage}, config))
	b.InvalidateKey(t.Context(), configKey)

	for _, name := range []string{"bob", "Bob", "BOB", "b\u00f6b", "bob@guest", `GUEST\Bob`, "b\u00f6b@guest"} {
		b.denied(name)
	}
	require.Empty(t, b.server.Requests())
	b.ok(logical.UpdateOperation, "users/b\u00f6b", nil)
	b.loginOK("b\u00f6b", "p")
	b.denied("bob")
	b.ok(logical.DeleteOperation, "users/Bob", nil)
	b.ok(logical.UpdateOperation, "users/bob", nil)
	b.loginOK("Bob", "p")
	b.loginOK("bob@guest", "p")
}
