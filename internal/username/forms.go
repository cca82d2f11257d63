package username

import (
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/collate"
	"golang.org/x/text/language"
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
// case, accents, invisible characters and what tells variants of a letter or digit apart.
// The realm is part of it. It is for comparing: it is not text.
func Skeleton(name string) string {
	return primaryKey(collapse(strings.Map(bare, norm.NFKD.String(Fold(name)))))
}

// SameAccount returns a function that reports whether a directory's spelling is the name
// that it was asked about; nil if only the very same spelling is. A registered name is
// one user whatever the directory's spelling: no other name with the fold logs in. Of a
// name that is not registered each spelling would be another user, but for upper and
// lower case on a mount that folds them.
func SameAccount(name string, registered, foldCase bool) func(spelled string) bool {
	switch {
	case registered:
		return func(spelled string) bool { return Fold(spelled) == Fold(name) }
	case foldCase:
		return func(spelled string) bool { return strings.ToLower(spelled) == name }
	}
	return nil
}

// bare returns what a server that ignores marks makes of a character, -1 for nothing.
func bare(r rune) rune {
	switch {
	case unicode.In(r, unicode.M, unicode.Cf, unicode.Variation_Selector) || isFiller(r):
		return -1
	case r == 'ı':
		return 'i'
	case r > unicode.MaxASCII && unicode.Is(unicode.Nd, r):
		return decimal(r)
	}
	return r
}

// decimal returns the ASCII digit of a decimal digit in any script: Unicode has them in
// rows of ten, in order.
func decimal(r rune) rune {
	zero := r
	for unicode.Is(unicode.Nd, zero-1) {
		zero--
	}
	return '0' + (r-zero)%10
}

// keyMaker makes keys of the Unicode Collation Algorithm's first level, as databases
// compare names: ß is ss, ø is o, æ is ae. It serves one caller at a time.
type keyMaker struct {
	collator *collate.Collator
	buffer   collate.Buffer
}

var keyMakers = sync.Pool{New: func() any { return &keyMaker{collator: collate.New(language.Und, collate.Loose)} }}

func primaryKey(text string) string {
	maker := keyMakers.Get().(*keyMaker)
	defer keyMakers.Put(maker)
	maker.buffer.Reset()
	return string(maker.collator.KeyFromString(&maker.buffer, text))
}

// isFiller reports whether a letter only takes place: Hangul's that are not seen, and
// Arabic's tatweel.
func isFiller(r rune) bool {
	return r == '\u115f' || r == '\u1160' || r == '\u3164' || r == '\uffa0' || r == '\u0640'
}

func collapse(text string) string { return strings.Join(strings.Fields(text), " ") }

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
