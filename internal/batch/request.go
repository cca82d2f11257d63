package batch

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"vault-plugin-auth-radius/internal/username"
)

// MaxUsers is the largest number of users in a batch: Vault limits the time of a request.
const MaxUsers = 20000

// The strategies of a batch: where its names come from.
const (
	StrategyCSV    = "csv"
	StrategyPrefix = "prefix"
)

// The formats of the answer to a new batch.
const (
	FormatJSON = "json"
	FormatCSV  = "csv"
	FormatHTML = "html"
)

var formats = []string{FormatJSON, FormatCSV, FormatHTML}

// Names of fields.
const (
	nameField           = "name"
	strategyField       = "strategy"
	csvFileField        = "csvfile"
	prefixField         = "prefix"
	numberOfUsersField  = "number_of_users"
	passwordLengthField = "password_length"
	formatField         = "format"
)

var (
	validName   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 _@+:-]{0,127}$`)
	validPrefix = regexp.MustCompile(`^[A-Za-z0-9@.+_-]{1,20}$`)
)

// Request is a request for a new batch.
type Request struct {
	Name           string
	Strategy       string
	CSV            string // the file's text
	Prefix         string
	Users          int // to generate from the prefix
	PasswordLength int
	Format         string
}

// FieldError is the problem with a field of a request; it shows no secret.
type FieldError struct {
	Field string // empty: the error names it
	Err   error
}

// Error implements error.
func (e *FieldError) Error() string {
	if e.Field == "" {
		return e.Err.Error()
	}
	return fmt.Sprintf("%s: %s", e.Field, e.Err)
}

// Unwrap returns the problem.
func (e *FieldError) Unwrap() error { return e.Err }

// Check returns the problem of the request that does not depend on stored users. The error is a
// *FieldError.
func (r Request) Check() error {
	switch {
	case !validName.MatchString(r.Name):
		return &FieldError{
			nameField,
			errors.New("give 1 to 128 letters, digits, spaces and _ @ + : -, beginning with a letter or digit"),
		}
	case r.PasswordLength < MinPasswordLength || r.PasswordLength > MaxPasswordLength:
		return &FieldError{
			passwordLengthField,
			fmt.Errorf("is %d; use %d to %d", r.PasswordLength, MinPasswordLength, MaxPasswordLength),
		}
	case !slices.Contains(formats, r.Format):
		return &FieldError{formatField, fmt.Errorf("is not one of %s", strings.Join(formats, ", "))}
	}
	return nil
}

// Checks holds the rules for values of users, in batches and elsewhere. Each returns why a user
// cannot have the value.
type Checks struct {
	Name     func(given, canonical string) error
	Text     func(text string) error // the email, first and last name
	Password func(password string) error
}

// Maker returns the rows of a new batch, with names that are not taken.
type Maker struct {
	rules  username.Rules
	checks Checks
	taken  takenNames
}

// NewMaker returns a Maker that leaves out the taken names. The rules define the canonical form
// of a name.
func NewMaker(rules username.Rules, checks Checks, taken []string) *Maker {
	return &Maker{rules: rules, checks: checks, taken: newTakenNames(taken)}
}

// Prefix returns the prefix of a request in the case that the names have.
func (m *Maker) Prefix(request Request) string {
	if m.rules.FoldCase {
		return strings.ToLower(request.Prefix)
	}
	return request.Prefix
}

// Rows returns the users of the request. The error is a *FieldError, or wraps a
// *SpellingTakenError.
func (m *Maker) Rows(request Request) ([]Row, error) {
	switch request.Strategy {
	case StrategyPrefix:
		return m.prefixRows(request)
	case StrategyCSV:
		return m.csvRows(request)
	}
	return nil, &FieldError{strategyField, errors.New("is not one of csv, prefix")}
}

func (m *Maker) prefixRows(request Request) ([]Row, error) {
	count := request.Users
	switch {
	case request.CSV != "":
		return nil, &FieldError{csvFileField, errors.New("belongs to the strategy csv: leave it out")}
	case !validPrefix.MatchString(request.Prefix) || strings.Contains(request.Prefix, ".."):
		return nil, &FieldError{prefixField, errors.New("give 1 to 20 letters, digits and @ . + _ -")}
	case count < 1 || count > MaxUsers:
		return nil, &FieldError{numberOfUsersField, fmt.Errorf("is %d; use 1 to %d", count, MaxUsers)}
	}
	rows, err := m.numbered(m.Prefix(request), count, request.PasswordLength)
	if err != nil {
		return nil, &FieldError{prefixField, err}
	}
	return rows, nil
}

func (m *Maker) csvRows(request Request) ([]Row, error) {
	switch {
	case request.Prefix != "" || request.Users != 0:
		return nil, &FieldError{
			prefixField,
			errors.New("prefix and number_of_users belong to the strategy prefix: leave them out"),
		}
	case request.CSV == "":
		return nil, &FieldError{csvFileField, errors.New("is missing: in a line for each user, " + csvAdvice)}
	}
	rows, err := m.readRows(request.CSV, request.PasswordLength)
	if err != nil {
		return nil, &FieldError{"", err}
	}
	return rows, nil
}
