package rlmrest

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Print returns the text of a value that need not be UTF-8, as FreeRADIUS prints it between
// quotes: octets that are not part of a character become a backslash and three octal digits. A
// value that is UTF-8 stays as it is.
func Print(octets string) string {
	if utf8.ValidString(octets) {
		return octets
	}
	var text strings.Builder
	for i := 0; i < len(octets); {
		character, width := utf8.DecodeRuneInString(octets[i:])
		switch {
		case escapes[character] != "":
			text.WriteString(escapes[character])
		case character == utf8.RuneError && width == 1 || character < ' ' || character == '\x7f':
			fmt.Fprintf(&text, `\%03o`, octets[i])
		default:
			text.WriteString(octets[i : i+width])
		}
		i += width
	}
	return text.String()
}

// escapes are the characters for which FreeRADIUS has an escape of its own.
var escapes = map[rune]string{'\\': `\\`, '"': `\"`, '\n': `\n`, '\r': `\r`, '\t': `\t`}

// readable returns the text of an attribute. FreeRADIUS writes each octet above 127 as a
// character of its own, as if the text were Latin-1.
func readable(text string) string {
	octets := make([]byte, 0, len(text))
	for _, r := range text {
		if r > 0xff {
			return text // it was not written like that
		}
		octets = append(octets, byte(r)) // #nosec G115 -- checked
	}
	if !utf8.Valid(octets) {
		return text
	}
	return string(octets)
}
