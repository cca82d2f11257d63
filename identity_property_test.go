package radiusauth

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
	"layeh.com/radius"

	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
	"vault-plugin-auth-radius/internal/username"
)

// acceptAll is a source that accepts everybody, without a network.
type acceptAll struct{ source.Checker }

func (acceptAll) Check(context.Context, source.Query) (source.Answer, error) {
	return source.Answer{Verdict: radclient.Verdict{Outcome: radclient.Accept, Server: "all"}}, nil
}

func (acceptAll) Describe(nas radius.Attributes, _ radclient.Credentials) radius.Attributes {
	return nas
}

// acceptsAll has all sources accept everybody, until the config or a source is written.
func (b *testBackend) acceptsAll() {
	b.t.Helper()
	settings, err := b.settings.get(b.t.Context(), vaultStorage{b.storage})
	require.NoError(b.t, err)
	settings.login.Source.Checker = acceptAll{settings.login.Source.Checker}
	sources, err := b.sources.Get(b.t.Context(), vaultStorage{b.storage})
	require.NoError(b.t, err)
	for _, source := range sources.Ordered {
		source.Checker = acceptAll{source.Checker}
	}
}

// spellings are texts that are one to some servers, by what a mutation does of one text:
// letters, marks, width forms, blanks, invisible characters, realms.
var spellings = [][]string{
	{"a", "A", "\uff41", "\u00e1", "a\u0301", "\u00c1", "\u1d43", "\u24d0"},
	{"i", "I", "\u0130", "\u0131", "i\u0307", "\u00ec"},
	{"ss", "\u00df", "\u1e9e", "SS", "s\u017f"},
	{"k", "K", "\u212a"},
	{"o", "\u00f8", "\u00d6", "o\u0308"},
	{"7", "\uff17", "\u0667", "\u2466"},
	{"\u03c3", "\u03c2", "\u03a3"},
	{" ", "  ", "\u00a0", "\u3000", "\t"},
	{"", "\u00ad", "\u200b", "\u3164", "\ufe0f", "\u0301", "\u115f"},
	{"", "@corp", "@CORP", "@corpold", "@guest", "@branch", "@corp@corp", "@c\u00f6rp"},
	{"", "@guest", "@GUEST", "@corp", "@ corp", "@"},
	{"-", "_"},
	{"/", "//"},
}

// prefixes are realms in the other notation.
var prefixes = []string{"", "", "", "", `CORP\`, `corp\`, `guest\`, `Guest\`, `branch\`, `corp\guest\`, `\`}

// spelled is a name as the indexes of its parts, and how each is spelled.
type spelled struct {
	prefix       int
	parts, forms []int
}

func (s spelled) String() string {
	text := prefixes[s.prefix]
	for i, part := range s.parts {
		text += spellings[part][s.forms[i]]
	}
	return text
}

// randomSpelled has mostly plain letters, and a realm at the end.
func randomSpelled(random *rand.Rand) spelled {
	name := spelled{prefix: random.IntN(len(prefixes))}
	for range 1 + random.IntN(2) {
		name.parts = append(name.parts, random.IntN(len(spellings)))
	}
	name.parts = append(name.parts, random.IntN(7), 9+random.IntN(2))
	for _, part := range name.parts {
		form := 0
		if random.IntN(3) == 0 {
			form = random.IntN(len(spellings[part]))
		}
		name.forms = append(name.forms, form)
	}
	return name
}

// respelled has one or two parts in another form.
func (s spelled) respelled(random *rand.Rand) spelled {
	other := spelled{prefix: s.prefix, parts: s.parts, forms: append([]int(nil), s.forms...)}
	if random.IntN(4) == 0 {
		other.prefix = random.IntN(len(prefixes))
	}
	for range 1 + random.IntN(2) {
		i := random.IntN(len(other.forms))
		other.forms[i] = random.IntN(len(spellings[other.parts[i]]))
	}
	return other
}

// entered is who a login has made of a typed name.
type entered struct {
	typed, alias string
	source, wire string // who is asked, and about whom
	entry        string // of the registered user, or else what Vault compares of the alias
	registered   bool
}

// enters logs a name in; false if it is refused.
func (b *testBackend) enters(typed string) (entered, bool) {
	b.t.Helper()
	data := map[string]any{"username": typed, "password": "p"}
	resp, err := b.send(logical.UpdateOperation, "login", data)
	require.NoError(b.t, err)
	if resp.IsError() {
		return entered{}, false
	}
	who := entered{typed: typed, alias: resp.Auth.Alias.Name}
	settings, err := b.settings.get(b.t.Context(), vaultStorage{b.storage})
	require.NoError(b.t, err)
	sources, err := b.sources.Get(b.t.Context(), vaultStorage{b.storage})
	require.NoError(b.t, err)
	source := b.logins.Route(settings.login, sources, nil, who.alias)
	who.source, who.wire = source.Key(), settings.config.NameAsked(source, who.alias)
	who.entry = "unregistered " + strings.ToLower(who.alias)
	if policies := resp.Auth.Policies; len(policies) > 0 {
		who.entry, who.registered = policies[0], true
	}
	ahead, err := b.send(logical.AliasLookaheadOperation, "login", data)
	require.NoError(b.t, err)
	require.Equal(b.t, who.alias, ahead.Auth.Alias.Name, "%+q", typed)
	return who, true
}

// holds checks two names that have logged in.
func (a entered) holds(t *testing.T, b entered) {
	t.Helper()
	same := a.entry == b.entry
	aliases := []string{strings.ToLower(a.alias), strings.ToLower(b.alias)} // as Vault compares them
	require.Equal(t, same, aliases[0] == aliases[1], "one entity is one user: %+q and %+q", a, b)
	if username.Fold(a.alias) == username.Fold(b.alias) {
		require.True(t, same, "one fold: %+q and %+q", a, b)
	}
	if a.source == b.source && username.Fold(a.wire) == username.Fold(b.wire) {
		require.True(t, same, "the source is asked about one name: %+q and %+q", a, b)
	}
	if a.registered != b.registered && username.Skeleton(a.alias) == username.Skeleton(b.alias) {
		require.True(t, same, "one skeleton: %+q and %+q", a, b)
	}
}

// If two typed names log in, they are one user exactly if they are one entity to Vault,
// and spellings that a server may take for one are one user.
func TestOneAccountIsOneUserHoweverItIsTyped(t *testing.T) {
	t.Parallel()
	pairs := 4_000
	if os.Getenv("LONG") != "" {
		pairs = 100_000
	}
	mounts := []map[string]any{
		{},
		{"case_insensitive_usernames": true},
		{"strip_realm": true},
		{"realm": "corp"},
		{"default_realm": "corp"},
		{"source": true},
		{"source": true, "strip_realm": true, "case_insensitive_usernames": true},
		{"source": true, "default_realm": "corpold"},
	}
	for number, mount := range mounts {
		t.Run(fmt.Sprint(mount), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(7, uint64(number))) // #nosec G404 -- a test that can be repeated
			b := newTestBackend(t)
			config := maps.Clone(mount)
			if delete(config, "source"); mount["source"] != nil {
				b.source("radius", map[string]any{"name": "corp", "realms": "corp,corpold", "strip_realm": true})
				b.source("radius", map[string]any{"name": "branch", "realms": "branch"})
			}
			maps.Copy(config, minimalConfig())
			b.ok(logical.UpdateOperation, "config", config)
			t.Cleanup(func() { b.Cleanup(context.WithoutCancel(t.Context())) })
			registered := b.registerSome(random)
			b.acceptsAll()
			both := 0
			for range pairs / len(mounts) {
				name := randomSpelled(random)
				if random.IntN(2) == 0 {
					name = registered[random.IntN(len(registered))]
				}
				first, in := b.enters(name.String())
				second, alsoIn := b.enters(name.respelled(random).String())
				if in && alsoIn {
					both++
					first.holds(t, second)
				}
			}
			require.Greater(t, both, pairs/len(mounts)/10)
		})
	}
}

// registerSome registers names, each with a policy of its own.
func (b *testBackend) registerSome(random *rand.Rand) []spelled {
	b.t.Helper()
	var registered []spelled
	for i := range 300 {
		name := randomSpelled(random)
		resp, err := b.send(logical.CreateOperation, "users/"+name.String(), map[string]any{"policies": fmt.Sprintf("user-%d", i)})
		if unlessCoded(err) != nil {
			b.t.Fatal(err)
		}
		if err == nil && !resp.IsError() {
			registered = append(registered, name)
		}
	}
	require.Greater(b.t, len(registered), 50)
	return registered
}
