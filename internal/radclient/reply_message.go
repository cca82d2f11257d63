package radclient

import (
	"encoding/hex"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
)

const (
	// maxReplyMessage bounds in octets what is kept of the texts of a reject.
	maxReplyMessage = 512

	// withheldMessage stands for texts that repeat what was sent.
	withheldMessage = "[withheld: it repeats the password, the code or the shared secret]"

	// minLetters is how many letters and digits of a secret are searched whatever is
	// between them. Fewer are in any text.
	minLetters = 4
)

// rejectMessage returns the texts of a reject (Reply-Message, RFC 2865 section 5.18) on
// one line that a log or a terminal takes as it is. If they repeat one of the secrets,
// nothing of them is left: a mask in place of a short one would show where it was.
func rejectMessage(attributes radius.Attributes, secrets []string) string {
	var octets, text strings.Builder
	for _, attribute := range attributes {
		if attribute.Type != rfc2865.ReplyMessage_Type {
			continue
		}
		octets.Write(attribute.Attribute)
		text.Write(attribute.Attribute)
		if len(attribute.Attribute) < MaxValueLen {
			text.WriteByte(' ') // a full attribute goes on in the next one
		}
	}
	for _, secret := range secrets {
		if repeats(octets.String(), secret) {
			return withheldMessage
		}
	}
	return cutText(oneLine(text.String()), maxReplyMessage)
}

// oneLine replaces all that is not printable UTF-8, and joins lines and columns by blanks.
func oneLine(text string) string {
	printable := strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, strings.ToValidUTF8(text, string(utf8.RuneError)))
	return strings.Join(strings.Fields(printable), " ")
}

// cutText shortens a text to a number of octets, between characters.
func cutText(text string, limit int) string {
	const more = "…"
	if len(text) <= limit {
		return text
	}
	at := limit - len(more)
	for !utf8.RuneStart(text[at]) {
		at--
	}
	return text[:at] + more
}

// repeats reports whether the text has the secret in it: as it is or, if it is long
// enough, in another case, escaped, in hexadecimal or with other characters in between.
func repeats(text, secret string) bool {
	if secret == "" {
		return false
	}
	wanted, inHex := lettersOf(secret), hex.EncodeToString([]byte(secret))
	for _, form := range []string{text, unescaped(text, octalEscapes, 8), unescaped(text, hexEscapes, 16)} {
		if strings.Contains(form, secret) {
			return true
		}
		letters := lettersOf(form)
		if len(wanted) >= minLetters && (strings.Contains(letters, wanted) || strings.Contains(letters, inHex)) {
			return true
		}
	}
	return false
}

// lettersOf returns the letters and digits of a text, in lower case.
func lettersOf(text string) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, text))
}

// The escapes that servers write for octets that they do not print: \ooo; or \xXX, \XX,
// %XX and =XX. Both write \\ and \".
var (
	octalEscapes = regexp.MustCompile(`\\[0-3][0-7]{2}|\\[\\"']`)
	hexEscapes   = regexp.MustCompile(`(?:\\x|[\\%=])[0-9a-fA-F]{2}|\\[\\"']`)
)

// unescaped replaces the escapes of a text, digits to a base, by what they stand for.
func unescaped(text string, escapes *regexp.Regexp, base int) string {
	return escapes.ReplaceAllStringFunc(text, func(escape string) string {
		digits := strings.TrimLeft(escape, `\x%=`)
		octet, err := strconv.ParseUint(digits, base, 8)
		if err != nil {
			return escape[1:] // a backslash before a quote or another one
		}
		return string([]byte{byte(octet)})
	})
}
