package batch

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"vault-plugin-auth-radius/internal/username"
)

// takenNames are the names that are registered, or are going to be, by their fold.
type takenNames map[string]takenName

// takenName is a name, and the line of the csv that it is on; 0 if it is registered.
type takenName struct {
	name string
	line int
}

func newTakenNames(names []string) takenNames {
	taken := make(takenNames, len(names))
	for _, name := range names {
		taken.take(takenName{name: name})
	}
	return taken
}

// take takes the name, and reports whether it was free.
func (t takenNames) take(name takenName) bool {
	fold := username.Fold(name.name)
	if _, taken := t[fold]; taken {
		return false
	}
	t[fold] = name
	return true
}

// available takes and returns the canonical form of the row's name, with a number if it is
// taken. Another spelling of a taken name is refused, unless it comes from an email: two users
// would be one account. The error is a *rowError.
func (m *Maker) available(row Row) (string, error) {
	name := m.rules.Canonical(row.Username)
	if err := m.checks.Name(row.Username, name); err != nil {
		return "", &rowError{row.line, err}
	}
	spelled := spelling(m.rules, row.Username)
	other, taken := m.taken[username.Fold(name)]
	if taken && row.named && other.name != spelled && other.name != row.Username {
		return "", &rowError{row.line, other.alike(spelled)}
	}
	free := name
	for number := 1; !m.taken.take(takenName{spelled, row.line}); number++ {
		free = numberedName(name, number)
		spelled = free
		if m.rules.Canonical(free) != free || m.checks.Name(free, free) != nil {
			err := errors.New("the username is taken, and cannot have a number at its end: give another one")
			return "", &rowError{row.line, err}
		}
	}
	return free, nil
}

// spelling returns the canonical form of a name with its upper and lower case.
func spelling(rules username.Rules, name string) string {
	rules.FoldCase = false
	return rules.Canonical(name)
}

// alike returns the error about another name for the same account.
func (n takenName) alike(other string) error {
	if n.line == 0 {
		return &SpellingTakenError{other, n.name}
	}
	return fmt.Errorf("username %q is one name with %q of line %d: one account is one user", other, n.name, n.line)
}

// SpellingTakenError means that a name of a csv is another spelling of a registered name.
type SpellingTakenError struct{ name, registered string }

// Error implements error.
func (e *SpellingTakenError) Error() string {
	return fmt.Sprintf("username %q is one name with the registered user %q: one account is one user", e.name, e.registered)
}

// numberedName returns the name with the number at the end of the user's part.
func numberedName(name string, number int) string {
	user, realm := username.Split(name)
	if after, found := strings.CutPrefix(name, user+"@"); found && realm != "" {
		return user + strconv.Itoa(number) + "@" + after
	}
	return name + strconv.Itoa(number)
}
