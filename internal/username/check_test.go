package username

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNamesThatNobodyHasAreRefusedWithAReason(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"":                             "username cannot be empty",
		strings.Repeat("a", MaxLen+1):  "longer than 253 octets",
		strings.Repeat("\u00e4", 127):  "longer than 253 octets",
		"al\xffice":                    "not valid UTF-8",
		"alice\x00":                    "control character",
		"al\tice":                      "control character",
		"alice\n":                      "control character",
		"al\u0085ice":                  "control character",
		"al\u00adice":                  "invisible format character",
		"al\u200bice":                  "invisible format character",
		"\ufeffalice":                  "invisible format character",
		"al\u202eice":                  "invisible format character",
		"al\U000e0061ice":              "invisible format character",
		"al\u2028ice":                  "line separator",
		"al\u2029ice":                  "line separator",
		" alice":                       "begins or ends with white space",
		"alice ":                       "begins or ends with white space",
		"alice\u00a0":                  "begins or ends with white space",
		"\u3000alice":                  "begins or ends with white space",
		"alice @g":                     "begins or ends with white space",
		`g\ alice`:                     "begins or ends with white space",
		`g\alice @h`:                   "begins or ends with white space",
		`g\h\ alice@i`:                 "begins or ends with white space",
		"alice @g@h":                   "begins or ends with white space",
		"alice\u2003@g":                "begins or ends with white space",
		".":                            "clean path",
		"..":                           "clean path",
		"./alice":                      "clean path",
		"/alice":                       "clean path",
		"alice/":                       "clean path",
		"a//b":                         "clean path",
		"a/.":                          "clean path",
		"a/./b":                        "clean path",
		"a/../b":                       "clean path",
		"../alice":                     "clean path",
		strings.Repeat("s3cret/", 100): "longer than",
	} {
		err := Check(name)
		require.ErrorContains(t, err, want, "%+q", name)
		if len(name) > 4 {
			require.NotContains(t, err.Error(), name, "no part of the name is shown")
		}
	}
}

func TestOtherNamesAreTaken(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"a", "alice", "ALICE", "a b", "a.b", "a/b", "...", ".alice", "alice.", "a..b", "@", `\`, "@g", `g\`, "alice@", `\alice`,
		"alice@g", `g\alice`, "alice@a b", `a b\alice`, "alice @a/b", "josé", "jose\u0301", "\uff41lice", "名前", "👤",
		strings.Repeat("a", MaxLen), "alice\u3164", "\ufffd",
	} {
		require.NoError(t, Check(name), "%+q", name)
	}
}

// What one storage has in two places, another has in one.
func TestCleanNamesArePathsOfTheirOwn(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"alice": true, "a/b": true, "...": true, "a..b": true, ".a": true, "a.": true, "a/..b": true, " ": true,
		"": false, ".": false, "..": false, "/": false, "/a": false, "a/": false, "a//b": false, "a/.": false, "./a": false, "../a": false,
		"a/..": false,
	} {
		require.Equal(t, want, IsClean(name), "%q", name)
	}
}

func TestPlainNamesHaveOneSpellingPerCase(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"alice": true, "ALICE": true, "josé": true, "JOSÉ": true, "a b": true, "名前": true, "straße": true, "dotted\u0131": true,
		"\u0916\u093c": true,
		"jose\u0301":   false, "\uff41lice": false, "\ufb01n": false, "\u212bngstrom": false, "a  b": false, "a\u3000b": false, "a\u00a0b": false,
		"guest\u2460": false, "\u1e9b\u0323": false, " a": false,
	} {
		require.Equal(t, want, IsPlain(name), "%+q", name)
	}
	for _, name := range []string{"alice", "JOSÉ", "a b", "x\u0345y"} {
		if IsPlain(name) {
			require.Equal(t, strings.ToLower(name), Fold(name))
		}
	}
}

func TestNewNamesAreStoredUnderTheirOwnPath(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"alice": true, "a.b": true, "a/b": true, ".alice": true, "a..b": false, "...": false, "./alice": false, "../a": false, "": false, "a/": false,
	} {
		require.Equal(t, want, IsStorable(name), "%q", name)
	}
	require.NoError(t, CheckNew("ALICE", "alice"))
	require.EqualError(t, CheckNew("a..b", "a..b"), "a name with two dots in a row cannot be stored by Vault")
	require.ErrorContains(t, CheckNew(" alice", "alice"), "white space")
	require.EqualError(t, CheckNew("alice", ""), "username cannot be empty")
	require.ErrorContains(t, CheckNew("alice", "./alice"), "not a clean path")
}
