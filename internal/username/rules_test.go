package username

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// corpAndBranch are the realms of two sources: corp and CorpOld of one, branch of another.
func corpAndBranch() Realms {
	return NewRealms([][]string{{"Corp", "CorpOld"}, {"branch"}, {}})
}

func TestCanonicalNames(t *testing.T) {
	t.Parallel()
	for about, test := range map[string]struct {
		rules Rules
		want  map[string]string // by what is typed
	}{
		"nothing set": {Rules{}, map[string]string{
			"alice": "alice", "Alice": "Alice", "alice@g": "alice@g", `G\alice`: `G\alice`, "alice@g@h": "alice@g@h", "a b": "a b", "@g": "@g",
			"": "",
		}},
		"case": {Rules{FoldCase: true}, map[string]string{
			"ALICE": "alice", "Alice@G": "alice@g", `CORP\Alice`: `corp\alice`, "\u0130": "i", "\u212a": "k",
		}},
		"strip_realm": {Rules{StripRealm: true}, map[string]string{
			"alice@g": "alice", `G\alice`: "alice", "alice@g@h": "alice", `G\alice@h`: "alice", "Alice@g": "Alice", "@g": "@g",
			"alice@a b": "alice@a b",
		}},
		"realm": {Rules{Realm: "corp"}, map[string]string{
			"alice": "alice", "alice@corp": "alice", "alice@CORP": "alice", `Corp\alice`: "alice", "alice@corp@corp": "alice",
			"alice@g": "alice@g", "alice@g@corp": "alice@g", "alice@corp@g": "alice@corp@g",
		}},
		"realm, stripped": {Rules{Realm: "corp", StripRealm: true}, map[string]string{
			"alice": "alice", "alice@corp": "alice", "alice@g": "alice", "alice@corp@g": "alice",
		}},
		"default_realm": {Rules{DefaultRealm: "corp"}, map[string]string{
			"alice": "alice@corp", "alice@CORP": "alice@corp", `corp\alice`: "alice@corp", "alice@corp@corp": "alice@corp", "alice@g": "alice@g",
			"@g": "@g@corp",
		}},
		"default_realm, stripped": {Rules{DefaultRealm: "Corp", StripRealm: true}, map[string]string{
			"alice": "alice@Corp", "alice@g": "alice@Corp", "alice@corp": "alice@Corp",
		}},
		"default_realm and case": {Rules{DefaultRealm: "Corp", FoldCase: true}, map[string]string{
			"Alice": "alice@corp", `CORP\Alice`: "alice@corp",
		}},
		"sources": {Rules{Realms: corpAndBranch()}, map[string]string{
			"alice": "alice", "alice@corp": "alice@Corp", "alice@CORPOLD": "alice@Corp", `corpold\alice`: "alice@Corp",
			`CORP\alice@corpold`:   "alice@Corp",
			"alice@corp@corp@CORP": "alice@Corp", "alice@branch": "alice@branch", `corp\alice@branch`: `corp\alice@branch`,
			"alice@branch@corp": "alice@branch@Corp", "alice@g": "alice@g", "alice@corp@g": "alice@corp@g",
		}},
		"sources and case": {Rules{Realms: corpAndBranch(), FoldCase: true}, map[string]string{
			"Alice@CorpOld": "alice@corp", `CORP\Alice`: "alice@corp",
		}},
		"sources stay, whatever is stripped": {Rules{Realms: corpAndBranch(), StripRealm: true}, map[string]string{
			"alice": "alice", "alice@corp": "alice@Corp", "alice@g": "alice", "alice@corp@g": "alice@Corp", `G\alice@corp`: `G\alice@Corp`,
		}},
		"sources and realm": {Rules{Realms: corpAndBranch(), Realm: "g"}, map[string]string{
			"alice@g": "alice", "alice@corp@g": "alice@Corp", "alice@g@corp": "alice@g@Corp",
		}},
		"the realm of a source is the config's": {Rules{Realms: corpAndBranch(), Realm: "corp"}, map[string]string{
			"alice": "alice", "alice@corp": "alice@Corp",
		}},
		"default_realm of a source": {Rules{Realms: corpAndBranch(), DefaultRealm: "corpold"}, map[string]string{
			"alice": "alice@Corp", "alice@corpold": "alice@Corp", "alice@g": "alice@g",
		}},
	} {
		for typed, want := range test.want {
			require.Equal(t, want, test.rules.Canonical(typed), "%s: %q", about, typed)
		}
	}
}

// everyRules are the rules of all kinds of configs.
func everyRules() []Rules {
	var all []Rules
	for _, fold := range []bool{false, true} {
		for _, strip := range []bool{false, true} {
			for _, realm := range [][2]string{{}, {"g", ""}, {"Corp", ""}, {"", "G"}, {"", "corpold"}, {"", "k\u212a"}} {
				for _, realms := range []Realms{{}, corpAndBranch()} {
					all = append(all, Rules{FoldCase: fold, StripRealm: strip, Realm: realm[0], DefaultRealm: realm[1], Realms: realms})
				}
			}
		}
	}
	return all
}

var parts = strings.Fields(`a A alice Alice é e\u0301 İ ı ß ſ K ａ . / - @ @g @G @h @corp @CORP @corpold @branch @branch @@ g\ G\ h\ corp\ CorpOld\ branch\ \ \\`)

func randomName(random *rand.Rand) string {
	name := ""
	for range 1 + random.IntN(5) {
		part := parts[random.IntN(len(parts))]
		if random.IntN(12) == 0 {
			part = " "
		}
		name += strings.ReplaceAll(part, `e\u0301`, "e\u0301")
	}
	return name
}

func TestCanonicalFormOfACanonicalNameIsThatName(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2)) // #nosec G404 -- a test that can be repeated
	for _, rules := range everyRules() {
		for range 500 {
			name := randomName(random)
			canonical := rules.Canonical(name)
			require.Equal(t, canonical, rules.Canonical(canonical), "%+v: %+q", rules, name)
			for _, base := range rules.Bases(canonical) {
				require.Equal(t, base, rules.Canonical(base), "%+v: a base of %+q", rules, canonical)
				require.NotEqual(t, canonical, base, "%+v", rules)
			}
			other := rules.OtherNotation(canonical)
			require.Equal(t, other, rules.Canonical(other), "%+v: the other notation of %+q", rules, canonical)
		}
	}
}

func TestBasesAreTheNamesWithoutTheirRealms(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		rules Rules
		want  map[string][]string
	}{
		"plain": {Rules{}, map[string][]string{
			"alice": nil, "alice@g": {"alice"}, `g\alice@h`: {`g\alice`, "alice"},
			"alice@g@h": {"alice@g", "alice"},
		}},
		"empty realms": {Rules{}, map[string][]string{
			"alice@": {"alice"}, "alice@@g": {"alice@", "alice"}, `\alice`: {"alice"}, `g\\alice`: {`\alice`, "alice"}, "@": nil, `\`: nil,
		}},
		"default realm": {
			Rules{DefaultRealm: "g"},
			map[string][]string{"alice@g": nil, "alice@h": {"alice@g"}, "alice@i@h": {"alice@i", "alice@g"}},
		},
		"realm": {Rules{Realm: "g"}, map[string][]string{"alice": nil, "alice@h": {"alice"}}},
		"sources": {
			Rules{Realms: corpAndBranch()},
			map[string][]string{"alice@Corp": nil, "alice@g@Corp": {"alice@Corp"}, "alice@g": {"alice"}},
		},
		"of two sources": {Rules{Realms: corpAndBranch()}, map[string][]string{"alice@branch@Corp": {"alice@Corp"}}},
		"default and both": {
			Rules{Realms: corpAndBranch(), DefaultRealm: "g"},
			map[string][]string{"alice@h@Corp": {"alice@Corp"}, "alice@h": {"alice@g"}},
		},
	} {
		for canonical, want := range test.want {
			require.Equal(t, canonical, test.rules.Canonical(canonical), name)
			require.Equal(t, want, test.rules.Bases(canonical), "%s: %s", name, canonical)
		}
	}
}

func TestOtherNotationHasTheRealmOnTheOtherSide(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"alice": "alice", "alice@g": `g\alice`, `g\alice`: "alice@g", "alice@h@g": `g\alice@h`, "alice@Corp": "alice@Corp", "alice@": "alice@",
	} {
		require.Equal(t, want, Rules{Realms: corpAndBranch()}.OtherNotation(name), name)
	}
}

func TestRulesAreEqualIfTheyMakeTheSameOfEveryName(t *testing.T) {
	t.Parallel()
	all := everyRules()
	for i, rules := range all {
		for j, other := range all {
			require.Equal(t, i == j, rules.Equal(other), "%+v and %+v", rules, other)
		}
	}
	require.True(t, Rules{Realms: corpAndBranch()}.Equal(Rules{Realms: NewRealms([][]string{{"branch"}, {"Corp", "corpOLD"}})}))
	require.False(t, Rules{Realms: corpAndBranch()}.Equal(Rules{Realms: NewRealms([][]string{{"CorpOld", "Corp"}, {"branch"}})}),
		"another first one")
	require.True(t, Rules{}.Equal(Rules{Realms: NewRealms(nil)}))
}
