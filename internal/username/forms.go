package username

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Fold returns the form by which two names are one: Vault's comparison of alias
// names, and then compatibility normalization and case folding, as many servers
// compare. White space is one blank.
func Fold(name string) string {
	// ToLower comes first: names that are one to Vault must have one fold, and
	// normalization in its place parts some that Vault does not.
	lower := strings.ToLower(name)
	if isASCII(lower) {
		return collapse(lower)
	}
	return collapse(norm.NFKC.String(strings.ToLower(norm.NFKC.String(lower))))
}

// Skeleton returns the form by which a server may take two names for one that ignores
// case, accents and invisible characters. The realm is part of it.
func Skeleton(name string) string {
	fold := Fold(name)
	if isASCII(fold) {
		return fold
	}
	var skeleton strings.Builder
	for _, r := range norm.NFKD.String(fold) {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf, unicode.Variation_Selector), isFiller(r):
		case r == 'ß':
			skeleton.WriteString("ss")
		case r == 'ı':
			skeleton.WriteByte('i')
		default:
			skeleton.WriteRune(r)
		}
	}
	return collapse(skeleton.String())
}

// isFiller reports whether a character is a letter of Hangul that is not seen.
func isFiller(r rune) bool { return r == '\u115f' || r == '\u1160' || r == '\u3164' || r == '\uffa0' }

func collapse(text string) string { return strings.Join(strings.Fields(text), " ") }

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
