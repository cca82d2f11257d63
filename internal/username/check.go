package username

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// MaxLen is the longest name in octets: the most that a User-Name can carry (RFC 2865
// section 5.1).
const MaxLen = 253

// Check returns why no user logs in with a name, or is registered under it: it has
// outer white space, which servers trim, or control, format or separating
// characters, which they drop, or it is not UTF-8, or too long, or no place in
// storage. The error advises and shows no part of the name.
func Check(name string) error {
	switch {
	case name == "":
		return errors.New("username cannot be empty")
	case len(name) > MaxLen:
		return fmt.Errorf("username is longer than %d octets, the most that RADIUS can carry", MaxLen)
	case !utf8.ValidString(name):
		return errors.New("username is not valid UTF-8")
	case strings.ContainsFunc(name, unicode.IsControl):
		return errors.New("username contains a control character")
	case strings.ContainsFunc(name, isFormat):
		return errors.New("username contains an invisible format character or a line separator: type it without")
	case hasOuterSpace(name):
		return errors.New("username begins or ends with white space: type it without")
	case !IsClean(name):
		return errors.New("username is not a clean path: it has an empty part, or one that is a dot, between slashes")
	}
	return nil
}

// isFormat reports whether a character is neither seen nor part of a name: format
// characters, line and paragraph separators.
func isFormat(r rune) bool { return unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) }

// hasOuterSpace reports whether white space is at an end of the name, or of what is
// left of it without its realms, which is what a source is asked about.
func hasOuterSpace(name string) bool {
	for {
		if strings.TrimSpace(name) != name {
			return true
		}
		user, realm := Split(name)
		if realm == "" {
			return false
		}
		name = user
	}
}

// IsClean reports whether the name is the same path in every storage: some take
// "./alice" for "alice".
func IsClean(name string) bool {
	return name != "" && name != "." && name != ".." && !strings.HasPrefix(name, "/") &&
		!strings.HasPrefix(name, "../") && path.Clean(name) == name
}

// IsStorable reports whether every storage of Vault takes the name, and for this name
// only: a file system has ./alice and alice in one place.
func IsStorable(name string) bool { return IsClean(name) && !strings.Contains(name, "..") }

// CheckNew returns why no user can be registered under a name, as it was typed and in its
// canonical form; nil if one can.
func CheckNew(typed, canonical string) error {
	for _, err := range []error{Check(typed), Check(canonical)} {
		if err != nil {
			return err
		}
	}
	if !IsStorable(canonical) {
		return errors.New("a name with two dots in a row cannot be stored by Vault")
	}
	return nil
}

// IsPlain reports whether a name that is not registered may be anybody's: it is its
// own NFKC form, and its fold is no more than its lower case. Of other names there
// are several that servers take for one, and Vault for two.
func IsPlain(name string) bool {
	return norm.NFKC.IsNormalString(name) && Fold(name) == strings.ToLower(name)
}
