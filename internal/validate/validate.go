// Package validate holds the rules for values of fields that several paths share: hosts,
// texts, values out of a list, ends of access, names of policies. It knows nothing of
// Vault, and its functions are pure.
//
// An error or a text says what is wrong in words that follow the field's name.
package validate

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxTimeout is the longest timeout in seconds. Vault itself ends a request after 90,
// unless its listener says otherwise.
const MaxTimeout = 3600

// MaxText is the longest text that is kept of a user, in octets.
const MaxText = 253

// IsHost reports whether the text is one IP address or host name. Underscores are in use
// in host names, whatever RFC 1123 says.
func IsHost(text string) bool {
	if _, err := netip.ParseAddr(text); err == nil {
		return true
	}
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789-_"
	if len(text) > 253 {
		return false
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(text, "."), ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, letters) != "" {
			return false
		}
	}
	return true
}

// CheckEnum returns a text, with the field's name, if the value is not one of the
// allowed ones; "" if it is.
func CheckEnum[T ~string](field string, value T, allowed []T) string {
	if slices.Contains(allowed, value) {
		return ""
	}
	var names []string
	for _, value := range allowed {
		names = append(names, string(value))
	}
	return fmt.Sprintf("`%s` is not one of %s", field, strings.Join(names, ", "))
}

// CheckText returns an error if a text about a user cannot be kept: it is too long, not
// UTF-8, or has control characters.
func CheckText(text string) error {
	switch {
	case len(text) > MaxText:
		return fmt.Errorf("is longer than %d octets", MaxText)
	case !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl):
		return errors.New("must be UTF-8 without control characters")
	}
	return nil
}

// CheckLineEnd returns an error if there is a line end after a secret. It comes from a
// file or from a terminal, and no user types it at login.
func CheckLineEnd(secret string) error {
	if strings.HasSuffix(secret, "\n") || strings.HasSuffix(secret, "\r") {
		return errors.New("ends in a line end: give it without, as printf %s does")
	}
	return nil
}
