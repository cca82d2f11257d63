package radiusauth

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
	"layeh.com/radius/rfc2865"

	"vault-plugin-auth-radius/internal/dictionary"
	"vault-plugin-auth-radius/internal/radiustest"
)

// turnstile is a dictionary in FreeRADIUS's format, dictionary(5).
const turnstile = `# Turnstile's gates
VENDOR		Turnstile		64999
BEGIN-VENDOR	Turnstile
ATTRIBUTE	Turnstile-Role	1	string
ATTRIBUTE	Turnstile-Level	2	integer
VALUE	Turnstile-Level	Boss	15
END-VENDOR	Turnstile
`

// turnstileRole is Turnstile-Role on the wire (RFC 2865 section 5.26).
func turnstileRole(role string) radiustest.Attribute {
	value := append([]byte{0, 0, 0xfd, 0xe7, 1, byte(2 + len(role))}, role...)
	return radiustest.Attribute{Type: rfc2865.VendorSpecific_Type, Value: value}
}

func (b *testBackend) dictionary(name, text string) {
	b.t.Helper()
	require.Nil(b.t, b.ok(logical.UpdateOperation, "dictionary/custom/"+name, map[string]any{"text": text}))
}

func TestCustomDictionaryIsWrittenReadListedAndDeleted(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	require.Nil(t, b.ok(logical.ReadOperation, "dictionary/custom/turnstile", nil))
	require.Empty(t, b.ok(logical.ListOperation, "dictionary/custom", nil).Data["keys"])
	b.dictionary("turnstile", turnstile)
	b.dictionary("Zebra-2.0", "ATTRIBUTE Zebra 105 string")
	require.Equal(t, turnstile, b.ok(logical.ReadOperation, "dictionary/custom/turnstile", nil).Data["text"])
	require.Equal(t, []string{"Zebra-2.0", "turnstile"}, b.ok(logical.ListOperation, "dictionary/custom/", nil).Data["keys"])

	b.dictionary("turnstile", strings.ReplaceAll(turnstile, "Turnstile-Role", "Turnstile-Job"))
	require.Nil(t, b.ok(logical.ReadOperation, "dictionary/attributes/Turnstile-Role", nil), "replaced")
	require.NotNil(t, b.ok(logical.ReadOperation, "dictionary/attributes/Turnstile-Job", nil))
	require.NotNil(t, b.ok(logical.ReadOperation, "dictionary/attributes/Zebra", nil))

	require.Nil(t, b.ok(logical.DeleteOperation, "dictionary/custom/turnstile", nil))
	require.Nil(t, b.ok(logical.ReadOperation, "dictionary/custom/turnstile", nil))
	require.Nil(t, b.ok(logical.ReadOperation, "dictionary/attributes/Turnstile-Job", nil))
	require.Nil(t, b.ok(logical.DeleteOperation, "dictionary/custom/turnstile", nil))
}

func TestBadCustomDictionaryIsRefusedAndNothingChanges(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.dictionary("turnstile", turnstile)
	before := b.everything()
	b.storage.writes.Store(0)
	for name, test := range map[string]struct{ path, text, want string }{
		"syntax error":       {"new", "\n\nATTRIBUTE Too-Short\n", "line 3"},
		"no statement":       {"new", "# fine\nHELLO world\n", "line 2"},
		"$INCLUDE":           {"new", "$INCLUDE /etc/passwd", "$INCLUDE is not possible"},
		"empty":              {"new", "", "text cannot be empty"},
		"too large":          {"new", strings.Repeat("#", dictionary.MaxTextLen+1), "text has 524289 octets; 524288 is the most"},
		"of a standard name": {"new", "ATTRIBUTE User-Name 105 string", "line 1"},
		"of another's name":  {"upstairs", "ATTRIBUTE Turnstile-Role 105 string", `custom dictionary "upstairs": line 1`},
		"replaced wrongly":   {"turnstile", "ATTRIBUTE", "line 1"},
		"two dots":           {"a..b", "ATTRIBUTE X 105 string", "two dots"},
	} {
		require.Contains(t, b.refused(logical.UpdateOperation, "dictionary/custom/"+test.path, map[string]any{"text": test.text}), test.want, name)
	}
	require.Contains(t, b.refused(logical.UpdateOperation, "dictionary/custom/new", map[string]any{"text": map[string]any{}}), "text")
	require.Zero(t, b.storage.writes.Load())
	require.Equal(t, before, b.everything())
	require.NotNil(t, b.ok(logical.ReadOperation, "dictionary/attributes/Turnstile-Role", nil))
	require.Nil(t, b.ok(logical.ReadOperation, "dictionary/custom/a..b", nil))
	require.Nil(t, b.ok(logical.DeleteOperation, "dictionary/custom/a..b", nil))

	b.dictionary("largest", strings.Repeat("#", dictionary.MaxTextLen))
}

// Dictionaries are read in the order of their names, when they are written as
// when a server starts.
func TestCustomDictionaryIsCheckedWhereItWillStand(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	more := "BEGIN-VENDOR Turnstile\nATTRIBUTE Turnstile-More 3 string\nEND-VENDOR Turnstile\n"
	b.dictionary("b", turnstile)
	require.Contains(t, b.refused(logical.UpdateOperation, "dictionary/custom/a", map[string]any{"text": more}), `custom dictionary "a": line 1`)
	b.dictionary("c", more)
	require.Contains(t, b.refused(logical.UpdateOperation, "dictionary/custom/b", map[string]any{"text": "# empty"}), `custom dictionary "c": line 1`, "others need it")
	b.dictionary("b", turnstile+"# replaced\n")

	restarted := newTestBackend(t)
	restarted.storage.Storage = b.storage.Storage
	require.NotNil(t, restarted.ok(logical.ReadOperation, "dictionary/attributes/Turnstile-More", nil))
}

func TestOfDictionariesAtOnceThatContradictEachOtherOneIsTaken(t *testing.T) {
	t.Parallel()
	b := newPoliteBackend(t)
	numbers := []int{21, 54, 93, 103, 104, 105, 108, 109} // that no vendor has
	statuses := make(chan int, len(numbers))
	var running sync.WaitGroup
	for _, number := range numbers {
		running.Go(func() {
			text := map[string]any{"text": fmt.Sprintf("ATTRIBUTE Wanted %d string", number)}
			statuses <- status(b.send(logical.UpdateOperation, fmt.Sprintf("dictionary/custom/d%d", number), text))
		})
	}
	running.Wait()
	close(statuses)
	taken := 0
	for answer := range statuses {
		if answer == http.StatusOK {
			taken++
		}
	}
	require.Equal(t, 1, taken)
	require.Len(t, b.ok(logical.ListOperation, "dictionary/custom", nil).Data["keys"], 1)
	require.NotNil(t, b.ok(logical.ReadOperation, "dictionary/attributes/Wanted", nil))
}

func TestStorageThatFailsDoesNotBlameTheDictionary(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.dictionary("turnstile", turnstile)
	b.storage.failGets.Store(true)
	for _, operation := range []logical.Operation{logical.UpdateOperation, logical.ReadOperation} {
		_, err := b.do(operation, "dictionary/custom/turnstile", map[string]any{"text": turnstile})
		require.ErrorIs(t, err, errStorage)
	}
	_, err := b.do(logical.ReadOperation, "dictionary/attributes/Turnstile-Role", nil)
	require.ErrorIs(t, err, errStorage)
	b.storage.failGets.Store(false)
	require.NotNil(t, b.ok(logical.ReadOperation, "dictionary/attributes/Turnstile-Role", nil), "nothing wrong was remembered")
	b.storage.fault.Store(&fault{at: 1})
	_, err = b.do(logical.DeleteOperation, "dictionary/custom/turnstile", nil)
	require.ErrorIs(t, err, errStorage)
	b.storage.fault.Store(&fault{at: 1, applied: true})
	_, err = b.do(logical.DeleteOperation, "dictionary/custom/turnstile", nil)
	require.ErrorIs(t, err, errStorage)
	require.Nil(t, b.ok(logical.ReadOperation, "dictionary/attributes/Turnstile-Role", nil), "what is stored counts")
}

func TestProfilesUseCustomDictionaries(t *testing.T) {
	t.Parallel()
	b := accepting(t, nil, turnstileRole("chief"))
	data := map[string]any{
		"name": "Chiefs", "short_name": "chiefs", "policies": "chief",
		"check_attribute": []any{item("reply:turnstile-role", "==", "chief")}, "reply_attribute": []any{item("Turnstile-Level", ":=", "Boss")},
	}
	require.Contains(t, b.refused(logical.UpdateOperation, "profiles", data), "check_attribute[0].attribute")
	b.dictionary("turnstile", turnstile)
	b.ok(logical.UpdateOperation, "profiles", data)
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"policies": "own", "profiles": "chiefs"})
	b.ok(logical.UpdateOperation, "config", map[string]any{
		"group_attributes": "Turnstile-Role", "metadata_attributes": "Turnstile-Level",
		"request_attributes": []any{map[string]any{"attribute": "Turnstile-Role", "value": "asking"}},
	})
	auth := b.loginOK("bob", "p")
	require.Equal(t, []string{"own", "chief"}, auth.Policies)
	require.Equal(t, []string{"chief"}, groupNames(auth))
	require.Equal(t, "Boss", auth.Metadata["Turnstile-Level"])
	require.Equal(t, "asking", vendorSpecific(&b.server.Requests()[0], 64999, 1))

	// A dictionary that says something else counts from the next login on.
	b.dictionary("turnstile", strings.ReplaceAll(turnstile, "Boss	15", "Boss	15\nVALUE Turnstile-Level Chief 14"))
	require.Equal(t, "Boss", b.loginOK("bob", "p").Metadata["Turnstile-Level"])
	b.ok(logical.PatchOperation, "profiles/chiefs", replies(item("Turnstile-Level", ":=", "Chief")))
	require.Equal(t, "Chief", b.loginOK("bob", "p").Metadata["Turnstile-Level"])
}

func TestProfileWithoutItsDictionaryMatchesNobody(t *testing.T) {
	t.Parallel()
	b := accepting(t, nil, turnstileRole("chief"))
	b.dictionary("turnstile", turnstile)
	b.profile("chiefs", map[string]any{"policies": "chief", "reply_attribute": []any{item("Turnstile-Level", ":=", "Boss")}})
	b.profile("all", nil)
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"profiles": "chiefs"})
	b.ok(logical.UpdateOperation, "users/alice", map[string]any{"profiles": "chiefs,all"})
	require.Equal(t, []string{"chief"}, b.loginOK("alice", "p").Policies)

	b.ok(logical.DeleteOperation, "dictionary/custom/turnstile", nil)
	b.denied("bob")
	require.Contains(t, b.log.String(), "profile matches no user: write it again: profile=chiefs")
	require.Contains(t, b.log.String(), "Turnstile-Level")
	require.Empty(t, b.loginOK("alice", "p").Policies, "others still match")
	require.Equal(t, "all", b.loginOK("alice", "p").Metadata["profiles"])
	require.NotContains(t, b.log.String(), "panicked")

	require.Equal(t, []any{item("Turnstile-Level", ":=", "Boss")}, b.ok(logical.ReadOperation, "profiles/chiefs", nil).Data["reply_attribute"], "it can be read")
	require.Contains(t, b.refused(logical.UpdateOperation, "profiles/chiefs/test", nil), "matches no user until it is written anew: reply_attribute[0].attribute")
	require.Contains(t, b.refused(logical.PatchOperation, "profiles/chiefs", map[string]any{"name": "x"}), "reply_attribute[0].attribute")
	b.dictionary("turnstile", turnstile)
	require.Equal(t, []string{"chief"}, b.loginOK("bob", "p").Policies)
}

func TestConfigWithoutItsDictionaryLetsNobodyInAndSaysWhy(t *testing.T) {
	t.Parallel()
	b := accepting(t, nil)
	b.dictionary("turnstile", turnstile)
	b.ok(logical.UpdateOperation, "config", map[string]any{
		"request_attributes": []any{map[string]any{"attribute": "Turnstile-Role", "value": "asking"}}, "group_attributes": "Turnstile-Role",
	})
	b.loginOK("bob", "p")
	b.ok(logical.DeleteOperation, "dictionary/custom/turnstile", nil)
	require.Equal(t, "radius backend not configured", b.refused(logical.UpdateOperation, "login/bob", map[string]any{"password": "p"}))
	require.Contains(t, b.log.String(), "Turnstile-Role")
	require.Contains(t, b.refused(logical.UpdateOperation, "config", map[string]any{"port": 1812}), "request_attributes")
	b.ok(logical.UpdateOperation, "config", map[string]any{"request_attributes": []any{}, "group_attributes": ""})
	b.loginOK("bob", "p")
}

// A dictionary that needs one that was deleted, or that a new version of the
// plugin contradicts, must not keep people out who have nothing to do with it.
func TestStoredDictionaryThatDoesNotFitIsLeftOut(t *testing.T) {
	t.Parallel()
	b := accepting(t, nil)
	b.dictionary("turnstile", turnstile)
	b.dictionary("upstairs", "BEGIN-VENDOR Turnstile\nATTRIBUTE Turnstile-More 3 string\nEND-VENDOR Turnstile\n")
	b.profile("more", checks(item("reply:Turnstile-More", "!*", "ANY")))
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"profiles": "more"})
	b.loginOK("bob", "p")
	b.ok(logical.DeleteOperation, "dictionary/custom/turnstile", nil)
	b.loginOK("eve", "p")
	b.denied("bob")
	require.Contains(t, b.log.String(), `custom dictionary \"upstairs\": line 1`)
	b.dictionary("turnstile", turnstile)
	b.loginOK("bob", "p")
}

func TestAttributesAreSearched(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	search := func(text any) []any {
		return b.ok(logical.ReadOperation, "dictionary/attributes", map[string]any{"search": text}).Data["attributes"].([]any)
	}
	require.Equal(t, []any{
		map[string]any{"name": "Tunnel-Medium-Type", "type": "integer", "vendor": int64(0), "number": int64(65)},
	}, search("tunnel-MEDIUM"))
	require.Empty(t, search("no-attribute-like-this"))
	require.Len(t, search(""), 100)
	b.dictionary("turnstile", turnstile)
	require.Equal(t, []any{
		map[string]any{"name": "Turnstile-Level", "type": "integer", "vendor": int64(64999), "number": int64(2)},
		map[string]any{"name": "Turnstile-Role", "type": "string", "vendor": int64(64999), "number": int64(1)},
	}, search("Turnstile-"))
}

func TestAttributeIsLookedUp(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	data := b.ok(logical.ReadOperation, "dictionary/attributes/tunnel-type", nil).Data
	require.Equal(t, "Tunnel-Type", data["name"])
	require.Equal(t, int64(64), data["number"])
	require.Equal(t, true, data["tagged"])
	require.Equal(t, false, data["internal"])
	require.EqualValues(t, 13, data["values"].(map[string]any)["VLAN"], "RFC 3580 section 3.31")
	require.Equal(t, true, b.ok(logical.ReadOperation, "dictionary/attributes/Auth-Type", nil).Data["internal"])
	require.EqualValues(t, 9, b.ok(logical.ReadOperation, "dictionary/attributes/Cisco-AVPair", nil).Data["vendor"])
	require.Nil(t, b.ok(logical.ReadOperation, "dictionary/attributes/Nope", nil))
}

func TestInvalidateDropsProfilesAndDictionariesOfAnotherNode(t *testing.T) {
	t.Parallel()
	b := accepting(t, map[string]any{"metadata_attributes": "Filter-Id"}, filterID("staff"))
	other := newTestBackend(t) // another node, on the same storage
	other.storage.Storage = b.storage.Storage
	b.profile("one", map[string]any{"policies": "first"})
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"profiles": "one"})
	require.Equal(t, []string{"first"}, b.loginOK("bob", "p").Policies)

	other.ok(logical.PatchOperation, "profiles/one", map[string]any{"policies": "second"})
	require.Equal(t, []string{"first"}, b.loginOK("bob", "p").Policies, "cached")
	b.InvalidateKey(t.Context(), "profile/1")
	require.Equal(t, []string{"second"}, b.loginOK("bob", "p").Policies)

	other.profile("two", map[string]any{"policies": "third"})
	other.ok(logical.PatchOperation, "users/bob", map[string]any{"profiles": "two"})
	require.Equal(t, []string{"second"}, b.loginOK("bob", "p").Policies, "cached")
	for _, key := range []string{"profile/2", "profile-name/two", "profile-user/2/bob", "user/bob", "sequence/profile"} {
		b.InvalidateKey(t.Context(), key)
	}
	require.Equal(t, []string{"third"}, b.loginOK("bob", "p").Policies)

	other.dictionary("turnstile", "ATTRIBUTE Turnstile-Role 11 string") // Filter-Id's number
	require.Nil(t, b.ok(logical.ReadOperation, "dictionary/attributes/Turnstile-Role", nil), "cached")
	b.InvalidateKey(t.Context(), "dictionary/turnstile")
	require.NotNil(t, b.ok(logical.ReadOperation, "dictionary/attributes/Turnstile-Role", nil))
	other.ok(logical.PatchOperation, "profiles/two", checks(item("reply:Turnstile-Role", "==", "staff")))
	b.InvalidateKey(t.Context(), "profile/2")
	require.Equal(t, "staff", b.loginOK("bob", "p").Metadata["Filter-Id"])
	other.ok(logical.DeleteOperation, "dictionary/custom/turnstile", nil)
	b.loginOK("bob", "p")
	b.InvalidateKey(t.Context(), "dictionary/turnstile")
	b.denied("bob")
}

// A profile that this node remembers not to exist may be made by another.
func TestInvalidateDropsWhatWasNotThere(t *testing.T) {
	t.Parallel()
	b := accepting(t, nil)
	b.store("user/bob", `{"Policies":[],"profiles":[1]}`)
	b.denied("bob")
	other := newTestBackend(t)
	other.storage.Storage = b.storage.Storage
	other.profile("one", map[string]any{"policies": "first"})
	b.InvalidateKey(t.Context(), "profile/1")
	require.Equal(t, []string{"first"}, b.loginOK("bob", "p").Policies)
}
