package dictionary

import (
	"errors"
	"fmt"
	"strings"
)

// MaxTextLen is the longest text of a custom dictionary in octets.
const MaxTextLen = 512 << 10

// Extend returns a dictionary that has the definitions of a text in FreeRADIUS's
// format too, dictionary(5). A text may name the values of attributes that are
// there, and define a second name of an attribute, which is then the one that Decode
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

// SyntaxError is a problem with a line of a dictionary's text.
type SyntaxError struct {
	Line int // from 1
	Text string
}

// Error returns the line's number and its problem.
func (e *SyntaxError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Text) }

// parser reads FreeRADIUS's text format, dictionary(5), into a dictionary.
type parser struct {
	dictionary *Dictionary

	// replace lets a later definition take the place of an earlier one, as in
	// FreeRADIUS, whose own dictionaries need that. Otherwise it is an error.
	replace bool

	// valuesLast makes all VALUEs wait until all text is read.
	valuesLast bool

	// shared are the names, in lower case, of the attributes by their table of
	// values, where that is of another dictionary; nil until needed.
	shared map[*valueTable][]string

	block   *vendor          // of the open BEGIN-VENDOR; nil outside
	within  []place          // what the open BEGIN-VENDOR and BEGIN-TLVs stand for
	forward []valueStatement // VALUEs that wait until all text is read
}

// parse reads a whole text. Its errors are of type *SyntaxError.
func (r *parser) parse(text string) error {
	if err := r.read(text); err != nil {
		return err
	}
	return r.resolveForward()
}

// read reads a text, but for what has to wait until all text is read.
func (r *parser) read(text string) error {
	var buffer [maxFields]string
	line := 0
	for more := true; more; {
		var statement string
		statement, text, more = strings.Cut(text, "\n")
		line++
		if err := r.statement(split(statement, &buffer)); err != nil {
			return &SyntaxError{Line: line, Text: err.Error()}
		}
	}
	switch {
	case r.block != nil:
		return &SyntaxError{Line: line, Text: fmt.Sprintf("END-VENDOR %s is missing", r.block.name)}
	case len(r.within) > 0:
		return &SyntaxError{Line: line, Text: "END-TLV is missing"}
	}
	return nil
}

// maxFields is one more than the longest statement has.
const maxFields = 6

// split returns the fields of a line, without its comment. The last field of the buffer
// holds all the rest.
func split(line string, buffer *[maxFields]string) []string {
	if comment := strings.IndexByte(line, '#'); comment >= 0 {
		line = line[:comment]
	}
	count := 0
	for {
		for line != "" && isSpace(line[0]) {
			line = line[1:]
		}
		if line == "" {
			return buffer[:count]
		}
		end := 0
		for end < len(line) && !isSpace(line[end]) {
			end++
		}
		if count == maxFields-1 {
			end = len(line)
		}
		buffer[count], line = line[:end], line[end:]
		count++
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' }

// statements are the kinds of lines, by how often they are met.
var statements = []struct {
	keyword  string
	min, max int // fields after the keyword
	usage    string
	read     func(*parser, []string) error
}{
	{"VALUE", 3, 3, "attribute name number", (*parser).value},
	{"ATTRIBUTE", 3, 4, "name number type [flags]", (*parser).attribute},
	{"VENDOR", 2, 3, "name number [format=type,length]", (*parser).vendor},
	{"BEGIN-VENDOR", 1, 2, "name [format=Extended-Vendor-Specific-N]", (*parser).beginVendor},
	{"END-VENDOR", 1, 1, "name", (*parser).endVendor},
	{"BEGIN-TLV", 1, 1, "name", (*parser).beginTLV},
	{"END-TLV", 1, 1, "name", (*parser).endTLV},
}

// statement reads the fields of a line.
func (r *parser) statement(fields []string) error {
	if len(fields) == 0 {
		return nil
	}
	for _, s := range statements {
		if !strings.EqualFold(fields[0], s.keyword) {
			continue
		}
		if given := fields[1:]; len(given) >= s.min && len(given) <= s.max {
			return s.read(r, given)
		}
		return fmt.Errorf("write %s %s", s.keyword, s.usage)
	}
	if strings.EqualFold(fields[0], "$INCLUDE") {
		return errors.New("$INCLUDE is not possible here: put the text of that file in its place")
	}
	return fmt.Errorf("%s is not a statement: use ATTRIBUTE, VALUE, VENDOR, BEGIN-VENDOR, END-VENDOR, BEGIN-TLV or END-TLV", quote(fields[0]))
}

// quote returns a part of the text for an error, cut to a length that is fit to read.
func quote(text string) string {
	const limit = 64
	if len(text) > limit {
		text = text[:limit] + "…"
	}
	return fmt.Sprintf("%q", text)
}
