package acct

import (
	"strings"
	"unicode/utf8"
)

// maxTextLen is the longest text in octets: that of a RADIUS attribute's value
// (RFC 2865 section 5).
const maxTextLen = 253

// replacement stands for what cannot be stored.
const replacement = "\uFFFD"

// cleanText makes text that both stores can hold: PostgreSQL refuses NUL and
// octets that are no UTF-8, and no record may be lost for them. Longer ones than
// RADIUS knows are cut.
func cleanText(text string) string {
	text = strings.ToValidUTF8(text, replacement)
	return cutText(strings.ReplaceAll(text, "\x00", replacement), maxTextLen)
}

// cutText returns the longest start of a text that has no more octets than given
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
