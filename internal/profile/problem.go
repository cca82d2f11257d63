package profile

import (
	"fmt"
	"strings"
)

// maxProblems is how many problems end a compilation: more are of no use, and each costs
// time.
const maxProblems = 100

// Problem is a problem with a field of a definition.
type Problem struct {
	Field string // such as check_attribute[3].value
	Text  string // the problem and its remedy; never holds a secret value
}

// Problems is the error of [Compile]: all problems, those of check items first.
type Problems []Problem

// Error returns the problems, separated by semicolons.
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

// place is where an item is in a definition.
type place struct {
	list  string
	index int
}

// field returns the name of a part of the item: attribute, op or value.
func (p place) field(part string) string {
	return fmt.Sprintf("%s[%d].%s", p.list, p.index, part)
}
