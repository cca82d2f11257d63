package dictionary

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// Text returns the value for a reader: octets that are text, as servers put names into a
// Class, are shown as text.
func (i Item) Text() string {
	if i.Attribute.Type == Octets && utf8.Valid(i.Value) && !bytes.ContainsFunc(i.Value, unicode.IsControl) {
		return string(i.Value)
	}
	return i.Attribute.PrintValue(i.Value)
}
