package dictionary

import "fmt"

// MaxTextLen is the longest text of a custom dictionary in octets.
const MaxTextLen = 512 << 10

// Extend makes a dictionary that has the definitions of a text in FreeRADIUS's
// format too, dictionary(5). A text may name the values of attributes that are
// there, and give an attribute a second name, which is then the one that Decode
// uses; definitions that contradict others are refused, and so is $INCLUDE.
// Errors are of type *SyntaxError.
func (d *Dictionary) Extend(text string) (*Dictionary, error) {
	if len(text) > MaxTextLen {
		return nil, &SyntaxError{Line: 1, Text: fmt.Sprintf("the text has %d octets: at most %d are possible", len(text), MaxTextLen)}
	}
	extended := d.clone()
	r := parser{dictionary: extended}
	if err := r.parse(text); err != nil {
		return nil, err
	}
	return extended, nil
}
