package profile

import (
	"fmt"
	"strings"
)

// maxProblems ends a compilation: nobody reads more, and each costs time.
const maxProblems = 100

// Problem is what is wrong with one field of a definition.
type Problem struct {
	Field string // such as check_attribute[3].value
	Text  string // what is wrong and what to do; never holds a secret value
}

// Problems is the error of [Compile]: everything that is wrong, check items
// first.
type Problems []Problem

// Error lists the problems.
func (p Problems) Error() string {
	texts := make([]string, len(p))
	for i, problem := range p {
		texts[i] = problem.Field + ": " + problem.Text
	}
	return strings.Join(texts, "; ")
}

// The lists of a definition, as problems and warnings call them.
const (
	checkField = "check_attribute"
	replyField = "reply_attribute"
)

// place is one item of a definition.
type place struct {
	list  string
	index int
}

// field names a part of the item: attribute, op or value.
func (p place) field(part string) string {
	return fmt.Sprintf("%s[%d].%s", p.list, p.index, part)
}
