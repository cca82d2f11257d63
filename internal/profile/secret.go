package profile

import (
	"slices"
	"strings"

	"vault-plugin-auth-radius/internal/dictionary"
)

// redacted stands for a secret wherever one would be shown.
const redacted = "[redacted]"

// secretParts anywhere in a name, and secretWords between its dashes, mark a
// value that must not be shown. Too many are better than too few: redaction hides
// a line of an explanation, no more.
var (
	secretParts = []string{"password", "passwd", "passphrase", "passcode", "secret", "eap-message"}
	secretWords = []string{"chap", "chap2", "key", "keys", "otp", "pass", "pin", "pw", "token", "totp"}
)

func secretName(name string) bool {
	name = strings.ToLower(name)
	contains := func(part string) bool { return strings.Contains(name, part) }
	if slices.ContainsFunc(secretParts, contains) {
		return true
	}
	for word := range strings.FieldsFuncSeq(name, func(r rune) bool { return r == '-' || r == '_' }) {
		if slices.Contains(secretWords, word) {
			return true
		}
	}
	return false
}

// IsSecret reports whether values of the attribute are kept from
// explanations, errors and replies. What the wire hides is secret as well.
func IsSecret(attribute *dictionary.Attribute) bool {
	return attribute.Encrypt != 0 || secretName(attribute.Name)
}
