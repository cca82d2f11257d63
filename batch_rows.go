package radiusauth

import (
	"crypto/rand"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/mail"
	"strconv"
	"strings"
	"unicode/utf8"

	"vault-plugin-auth-radius/internal/passwd"
	"vault-plugin-auth-radius/internal/username"
)

// batchRow is a user to be created.
type batchRow struct {
	line      int // of the csv, from 1; 0: there is none
	username  string
	password  string // in clear text, to be hashed; empty: there is a hash
	generated bool   // the password is a machine's
	hash      passwd.Hash
	email     string
	firstName string
	lastName  string
}

// rowError is what is wrong with a line of a csv.
type rowError struct {
	line int
	err  error
}

func (e *rowError) Error() string { return fmt.Sprintf("csvfile: line %d: %s", e.line, e.err) }

func (e *rowError) Unwrap() error { return e.err }

// csvColumns are those of a csv, in their order. There is no line with their names.
const csvColumns = "username, password, email, firstname, lastname"

// clearPrefix marks a password that is not a hash in a csv.
const clearPrefix = "cleartext$"

// readBatchCSV reads users, one in a line. Without a username it is the part of
// the email before the @; a name that is taken gets a number.
func readBatchCSV(text string, taken takenNames, rules username.Rules, passwordLength int) ([]batchRow, error) {
	if !utf8.ValidString(text) {
		return nil, errors.New("csvfile: it is not UTF-8")
	}
	text = strings.TrimPrefix(text, "\ufeff") // spreadsheets begin files with it
	reader := csv.NewReader(strings.NewReader(text))
	reader.FieldsPerRecord = -1 // told below, with the line
	var rows []batchRow
	for {
		columns, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		var syntax *csv.ParseError
		if errors.As(err, &syntax) {
			return nil, &rowError{syntax.Line, syntax.Err}
		}
		if err != nil {
			return nil, fmt.Errorf("csvfile: %w", err)
		}
		line, _ := reader.FieldPos(0)
		row, err := readBatchRow(columns, passwordLength)
		if err == nil {
			row.line = line
			row.username, err = taken.available(rules, row.username)
		}
		if err != nil {
			return nil, &rowError{line, err}
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		return nil, errors.New("csvfile: it has no users: give a line for each: " + csvColumns)
	}
	return rows, nil
}

func readBatchRow(columns []string, passwordLength int) (batchRow, error) {
	if len(columns) != 5 {
		return batchRow{}, fmt.Errorf("it has %d columns: give %s", len(columns), csvColumns)
	}
	row := batchRow{username: columns[0], email: columns[2], firstName: columns[3], lastName: columns[4]}
	if address, err := mail.ParseAddress(row.email); err != nil || address.Address != row.email {
		return row, errors.New("the email is not an address such as alice@example.com")
	}
	for _, text := range []string{row.email, row.firstName, row.lastName} {
		if err := checkUserText(text); err != nil {
			return row, fmt.Errorf("email, firstname or lastname %w", err)
		}
	}
	if row.username == "" {
		row.username, _, _ = strings.Cut(row.email, "@")
	}
	word, isClear := strings.CutPrefix(columns[1], clearPrefix)
	switch {
	case columns[1] == "":
		row.password, row.generated = generatePassword(passwordLength), true
		return row, nil
	case isClear:
		row.password = word
		return row, checkClearPassword(word)
	}
	var err error
	if row.hash, err = passwd.Parse(columns[1]); err != nil {
		return row, fmt.Errorf("the password is neither empty, nor %s and the password, nor a hash that is known: %w", clearPrefix, err)
	}
	return row, nil
}

// checkClearPassword is checkNewPassword for a line of a csv.
func checkClearPassword(password string) error {
	if err := checkNewPassword(password); err != nil {
		return fmt.Errorf("the password after %s: %w", clearPrefix, err)
	}
	return nil
}

// prefixRows makes users with a number after the prefix, and leaves out the names
// that are taken.
func prefixRows(prefix string, count int, taken takenNames, rules username.Rules, passwordLength int) ([]batchRow, error) {
	if rules.Canonical(prefix+"1") == rules.Canonical(prefix+"2") {
		return nil, errors.New("the number would be a realm, which is no part of a name here: leave the @ out")
	}
	rows := make([]batchRow, 0, count)
	for number := 1; len(rows) < count; number++ {
		name := rules.Canonical(prefix + strconv.Itoa(number))
		if err := checkUserName(name, name); err != nil {
			return nil, err
		}
		if taken.take(name) {
			rows = append(rows, batchRow{username: name, password: generatePassword(passwordLength), generated: true})
		}
	}
	return rows, nil
}

// takenNames are the folds of the names that are registered, or are going to be.
type takenNames map[string]bool

func newTakenNames(names []string) takenNames {
	taken := make(takenNames, len(names))
	for _, name := range names {
		taken.take(name)
	}
	return taken
}

// take takes the name; false if it is taken.
func (t takenNames) take(name string) bool {
	fold := username.Fold(name)
	if t[fold] {
		return false
	}
	t[fold] = true
	return true
}

// available takes the canonical form of the name, with a number if it is taken. The
// error says why there is no such user.
func (t takenNames) available(rules username.Rules, given string) (string, error) {
	name := rules.Canonical(given)
	if err := checkUserName(given, name); err != nil {
		return "", err
	}
	free := name
	for number := 1; !t.take(free); number++ {
		free = numberedName(name, number)
		if rules.Canonical(free) != free || checkUserName(free, free) != nil {
			return "", errors.New("the username is taken, and cannot have a number at its end: give another one")
		}
	}
	return free, nil
}

// numberedName puts the number at the end of the user's part of the name.
func numberedName(name string, number int) string {
	user, realm := username.Split(name)
	if after, found := strings.CutPrefix(name, user+"@"); found && realm != "" {
		return user + strconv.Itoa(number) + "@" + after
	}
	return name + strconv.Itoa(number)
}

// passwordLetters are those of generated passwords: none looks like another. 12 of
// them are 69 bits.
const passwordLetters = "23456789abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"

// The lengths of generated passwords. 64 bits take 12 letters.
const (
	minGenerated = 12
	maxGenerated = 64
)

// generatePassword makes a password of random letters, each as likely as others.
func generatePassword(length int) string {
	most := big.NewInt(int64(len(passwordLetters)))
	letters := make([]byte, length)
	for i := range letters {
		index, err := rand.Int(rand.Reader, most)
		if err != nil {
			panic(err) // never: reading random octets ends the process if it fails
		}
		letters[i] = passwordLetters[index.Int64()]
	}
	return string(letters)
}
