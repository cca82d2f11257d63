package username

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
)

// Vault compares the names of aliases in lower case: names that are one to it must have
// one fold, whatever stands beside a character.
func TestNamesThatAreOneToVaultHaveOneFold(t *testing.T) {
	t.Parallel()
	check := func(name string) {
		lower := strings.ToLower(name)
		fold := Fold(name)
		if fold != Fold(lower) || strings.ToLower(lower) != lower {
			t.Errorf("%+q and %+q are one to Vault, and have two folds", name, lower)
		}
		if fold != Fold(fold) {
			t.Errorf("the fold of %+q has another fold", name)
		}
		if fold != lower && Skeleton(name) != Skeleton(fold) {
			t.Errorf("%+q and its fold have two skeletons", name)
		}
	}
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if !unicode.IsGraphic(r) && !unicode.Is(unicode.Cf, r) {
			continue // not a character, or refused
		}
		check(string(r))
		if unicode.ToLower(r) == r {
			continue // lower case changes nothing
		}
		for mark := rune(0x300); mark <= 0x36f; mark++ {
			check(string([]rune{r, mark}))
		}
	}
}

func TestSkeletonsAreWhatServersMayTakeForOne(t *testing.T) {
	t.Parallel()
	for _, same := range [][]string{
		{"alice", "ALICE", "\uff41lice", "\u00e1lice", "a\u0301lice", "al\u00adice", "al\u200bice", "alice\ufe0f", "al\u0130ce", "al\u0131ce", "alice\u3164", "alice\u115f"},
		{"stra\u00dfe", "STRASSE", "stra\u1e9ee"},
		{"dora", "d\u00f8ra", "D\u00d3RA"},
		{"\u0645\u062d\u0645\u062f", "\u0645\u062d\u0640\u0645\u062f"},
		{"aether", "\u00e6ther"},
		{"guest7", "guest\u0667", "guest\uff17", "guest\U0001d7d5"},
		{"jose@corp", "jos\u00e9@Corp"},
		{"a b", "a\u3000b", "a  b"},
	} {
		for _, other := range same[1:] {
			require.Equal(t, Skeleton(same[0]), Skeleton(other), "%q and %+q", same[0], other)
		}
	}
	apart := []string{"alice", "alice1", "a.b", "ab", "a-b", "a_b", "alice@a", "alice@b", "\u0438van", "\u044bvan", "\u4f50\u6728", "\u4f50\u3005\u6728", "bob", `corp\alice`, "alice@corp"}
	for i, name := range apart {
		for _, other := range apart[:i] {
			require.NotEqual(t, Skeleton(name), Skeleton(other), "%q and %q", name, other)
		}
	}
}

func TestNamesWithOneFoldHaveOneSkeleton(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4)) // #nosec G404 -- a test that can be repeated
	byFold := map[string]string{}
	for range 20_000 {
		name := randomName(random)
		before, known := byFold[Fold(name)]
		if !known {
			byFold[Fold(name)] = name
			continue
		}
		require.Equal(t, Skeleton(before), Skeleton(name), "%+q and %+q", before, name)
	}
}

func TestSpellingsOfADirectoryAreTheNameIfNoOtherUserHasThem(t *testing.T) {
	t.Parallel()
	registered, folding := SameAccount("jos\u00e9", true, false), SameAccount("jos\u00e9", false, true)
	for spelled, want := range map[string][2]bool{
		"jos\u00e9": {true, true}, "JOS\u00c9": {true, true}, "jose\u0301": {true, false}, "jose": {false, false}, "": {false, false},
	} {
		require.Equal(t, want, [2]bool{registered(spelled), folding(spelled)}, "%+q", spelled)
	}
	require.Nil(t, SameAccount("alice", false, false), "each spelling is a user")
}
