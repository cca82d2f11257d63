package acct

import (
	"strings"
	"unicode/utf8"
)

// maxTextLen is the longest text in octets: that of a RADIUS attribute's value
// (RFC 2865 section 5).
const maxTextLen = 253

// replacement stands for octets that cannot be stored.
const replacement = "\uFFFD"

// cleanText returns text that both stores can hold: PostgreSQL refuses NUL and octets that
// are not UTF-8, and no record may be lost for them. Text that is longer than RADIUS allows
// is cut.
func cleanText(text string) string {
	text = strings.ToValidUTF8(text, replacement)
	return cutText(strings.ReplaceAll(text, "\x00", replacement), maxTextLen)
}

// maxClassLen is the longest Class, in octets of text: FreeRADIUS writes each of its
// octets as two digits.
const maxClassLen = len(hexPrefix) + 2*maxTextLen

// hexPrefix begins octets that FreeRADIUS has written as digits.
const hexPrefix = "0x"

// cleanClass does as cleanText, for a Class, which may be octets written as digits: all that
// RADIUS allows are kept.
func cleanClass(class string) string {
	if isHex(class) {
		return cutHex(class, maxClassLen)
	}
	return cleanText(class)
}

// isHex reports whether a text is octets written as hexadecimal digits.
func isHex(text string) bool {
	digits, ok := strings.CutPrefix(text, hexPrefix)
	return ok && strings.Trim(digits, "0123456789abcdefABCDEF") == ""
}

// cutHex returns the longest start of octets written as digits that has no more
// characters than that, and no half octet.
func cutHex(text string, characters int) string {
	if len(text) <= characters {
		return text
	}
	return text[:max(0, characters)&^1]
}

// cutText returns the longest start of a text that has no more octets than that,
// and no half character.
func cutText(text string, octets int) string {
	if len(text) <= octets {
		return text
	}
	for !utf8.RuneStart(text[octets]) {
		octets--
	}
	return text[:octets]
}
