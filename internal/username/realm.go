package username

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// IsRealm reports whether the text can be a realm: letters, digits, '.', '-' and
// '_'. A name with anything else in that place has no realm.
func IsRealm(text string) bool {
	if text == "" {
		return false
	}
	return !strings.ContainsFunc(text, func(r rune) bool {
		return r == unicode.ReplacementChar || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(".-_", r)
	})
}

// maxSourceRealm is the length of the longest realm of a source. The expression does not count: one that did
// took a sixth of what the process initializes.
const maxSourceRealm = 253

var sourceRealm = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`)

// IsSourceRealm reports whether the text can be a realm of a source: a realm in ASCII, of
// 253 octets at most, that begins and ends in a letter or digit.
func IsSourceRealm(text string) bool {
	return len(text) <= maxSourceRealm && sourceRealm.MatchString(text)
}

// Split parts a name into the user and the outermost realm, of user@realm or
// REALM\user; the realm of a name without one is empty. A name may have several
// realms: the user of alice@inner@outer is alice@inner.
func Split(name string) (user, realm string) {
	if at := strings.LastIndexByte(name, '@'); at > 0 && IsRealm(name[at+1:]) {
		return name[:at], name[at+1:]
	}
	if realm, user, found := strings.Cut(name, `\`); found && user != "" && IsRealm(realm) {
		return user, realm
	}
	return name, ""
}

// Bare cuts all realms off a name.
func Bare(name string) string {
	for {
		user, realm := Split(name)
		if realm == "" {
			return name
		}
		name = user
	}
}

// WithRealm returns the name in the realm, after an @, unless it has a realm of its own.
// An empty realm changes nothing.
func WithRealm(name, realm string) string {
	if _, own := Split(name); own == "" && realm != "" {
		return name + "@" + realm
	}
	return name
}

// Numbered returns the name with the number at the end of the user's part.
func Numbered(name string, number int) string {
	user, realm := Split(name)
	if realm != "" && strings.HasPrefix(name, user+"@") {
		return user + strconv.Itoa(number) + name[len(user):]
	}
	return name + strconv.Itoa(number)
}

// RealmForms returns a name, and what is left of it as its realms are cut one after
// another, the outermost first: which of them a server takes for the account is not known.
// Each has its realms after an @, whatever the notation.
func RealmForms(name string) []string {
	forms := []string{realmsBehind(name)}
	for inner := cutRealm(name); inner != name; inner = cutRealm(name) {
		name = inner
		forms = append(forms, realmsBehind(name))
	}
	return forms
}

// realmsBehind returns the name with each realm after an @.
func realmsBehind(name string) string {
	user, realm := Split(name)
	if realm == "" {
		return name
	}
	return realmsBehind(user) + "@" + realm
}

// FoldRealm returns the form in which realms are compared: servers ignore their
// case (RFC 7542 section 2.4).
func FoldRealm(realm string) string { return strings.ToLower(realm) }

// SameRealm reports whether two texts are one realm. Empty ones are none.
func SameRealm(a, b string) bool { return a != "" && FoldRealm(a) == FoldRealm(b) }
