package dictionary

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func names(attributes []*Attribute) []string {
	var all []string
	for _, a := range attributes {
		all = append(all, a.Name)
	}
	return all
}

func TestSearchFindsPartsOfNames(t *testing.T) {
	t.Parallel()
	require.Equal(t,
		[]string{"NAS-Port", "NAS-Port-Id", "NAS-Port-Type", "3GPP2-Number-Active-Sessions"}[:3],
		names(Standard().Search("nas-PORT", 3)),
	)
	require.Equal(t, []string{"Huntgroup-Name"}, names(Standard().Search("huntgroup", 10)))
	require.Empty(t, Standard().Search("no such name", 10))
	require.Empty(t, Standard().Search("nas", 0))
	require.Empty(t, Standard().Search("nas", -1))
}

func TestSearchHasTheIETFsAttributesFirst(t *testing.T) {
	t.Parallel()
	found := Standard().Search("port", 1000)
	ietf := 0
	for ietf < len(found) && found[ietf].Vendor == 0 && !found[ietf].Internal {
		ietf++
	}
	require.Greater(t, ietf, 5)
	require.Greater(t, len(found), ietf)
	for i, a := range found[ietf:] {
		require.True(t, a.Vendor != 0 || a.Internal, a.Name)
		if i > 0 {
			require.Less(t, strings.ToLower(found[ietf+i-1].Name), strings.ToLower(a.Name))
		}
	}
}

func TestMistypedNamesGetSuggestions(t *testing.T) {
	t.Parallel()
	for mistyped, want := range map[string]string{
		"User-Nane":         "User-Name",
		"username":          "User-Name",
		"NAS-Prot-Type":     "NAS-Port-Type", // swapped
		"nas-port-typ":      "NAS-Port-Type",
		"Calling-StationId": "Calling-Station-Id",
		"Huntgroup-Nam":     "Huntgroup-Name",
		"Cisco-AV-Pair":     "Cisco-AVPair",
		"Clas":              "Class",
	} {
		suggestions := Standard().Suggest(mistyped)
		require.NotEmpty(t, suggestions, mistyped)
		require.Equal(t, want, suggestions[0], mistyped)
		require.LessOrEqual(t, len(suggestions), 3)
	}
	require.Equal(t, []string{"NAS-Port"}, Standard().Suggest("NAS-Port")[:1], "the name itself is nearest")
	for _, far := range []string{"", "qqqqqqqqqqqq", strings.Repeat("a", 100)} {
		require.Empty(t, Standard().Suggest(far), far)
	}
}

// The distances are those of the definition: optimal string alignment.
func TestDistance(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		a, b       string
		most, want int
	}{
		{"", "", 3, 0},
		{"abc", "abc", 3, 0},
		{"abc", "abd", 3, 1},
		{"abc", "ab", 3, 1},
		{"ab", "abc", 3, 1},
		{"abc", "acb", 3, 1},
		{"ca", "abc", 3, 3},
		{"kitten", "sitting", 3, 3},
		{"kitten", "sitting", 2, 3}, // more than most
		{"abc", "xyz", 1, 2},        // more than most
		{"a", "abcdef", 2, 3},       // more than most
	} {
		require.Equal(t, test.want, distance(test.a, test.b, test.most), "%s %s", test.a, test.b)
	}
}

func BenchmarkSuggest(b *testing.B) {
	for b.Loop() {
		Standard().Suggest("Calling-StationId")
	}
}
