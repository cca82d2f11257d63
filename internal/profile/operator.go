package profile

import "fmt"

// order is how one value stands to another. Operators accept a set of them.
type order uint8

const (
	less    order = 1 << iota
	equal         // or within a network
	greater       // or containing
	apart         // neither equal nor in any order, as two disjoint networks
)

// incomparable values satisfy no operator, not even !=.
const incomparable order = 0

// test is how a check item decides.
type test uint8

const (
	compares test = iota
	matches       // some value matches the pattern
	differs       // some value does not match the pattern
	present
	absent
	assigns // of operators: nothing is compared
	always  // of what an earlier version has stored
)

// checkOperator is what an operator of a check item means.
type checkOperator struct {
	test    test
	accepts order // of compares
}

var checkOperators = map[string]checkOperator{
	// As FreeRADIUS does: = compares, := and += set control attributes, of which some
	// limit logins here, too.
	"=":  {compares, equal},
	":=": {test: assigns},
	"+=": {test: assigns},
	"==": {compares, equal},
	"!=": {compares, less | greater | apart},
	">":  {compares, greater},
	">=": {compares, greater | equal},
	"<":  {compares, less},
	"<=": {compares, less | equal},
	"=~": {test: matches},
	"!~": {test: differs},
	// FreeRADIUS ignores the value of these two. Here it may be a pattern, since
	// a pattern that is ignored would let every user in.
	"=*": {test: present},
	"!*": {test: absent},
}

const (
	checkOperatorNames = "= := += == != > >= < <= =~ !~ =* !*"
	replyOperatorNames = "= := +="
)

// asksForPresence reports whether =* and !* keep their plain meaning with a value:
// FreeRADIUS prints ANY there.
func asksForPresence(value string) bool { return value == "" || value == "ANY" }

func checkOperatorOf(item Item) (checkOperator, error) {
	operator, found := checkOperators[item.Operator]
	if !found {
		return operator, unknownOperator(item.Operator, checkOperatorNames)
	}
	if !asksForPresence(item.Value) {
		switch operator.test {
		case present:
			operator.test = matches
		case absent:
			operator.test = differs
		}
	}
	return operator, nil
}

func unknownOperator(text, names string) error {
	if text == "" {
		return fmt.Errorf("is missing: use one of %s", names)
	}
	return fmt.Errorf("unknown operator %.10q: use one of %s", text, names)
}

// replyOperator is how a reply item changes the reply.
type replyOperator uint8

const (
	appendIfAbsent replyOperator = iota // =
	overwrite                           // :=
	appendAlways                        // +=
)

var replyOperators = map[string]replyOperator{"=": appendIfAbsent, ":=": overwrite, "+=": appendAlways}

func replyOperatorOf(item Item) (replyOperator, error) {
	operator, found := replyOperators[item.Operator]
	if found {
		return operator, nil
	}
	if _, known := checkOperators[item.Operator]; known {
		return 0, fmt.Errorf("%s compares and sets nothing: reply attributes take one of %s", item.Operator, replyOperatorNames)
	}
	return 0, unknownOperator(item.Operator, replyOperatorNames)
}
