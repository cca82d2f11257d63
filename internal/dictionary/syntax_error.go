package dictionary

import "fmt"

// SyntaxError says what is wrong with a line of a dictionary's text.
type SyntaxError struct {
	Line int // from 1
	Text string
}

// Error gives the line and what is wrong with it.
func (e *SyntaxError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Text) }
