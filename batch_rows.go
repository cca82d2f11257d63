package radiusauth

import (
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"net/mail"
	"slices"
	"strconv"
	"strings"

	"vault-plugin-auth-radius/internal/passwd"
	"vault-plugin-auth-radius/internal/username"
	"vault-plugin-auth-radius/internal/validate"
)

// batchRow is a user to be created.
type batchRow struct {
	line      int // of the csv, from 1; 0: there is none
	username  string
	named     bool   // the csv has the username
	password  string // in clear text, to be hashed; empty: there is a hash
	generated bool   // the password is a machine's
	hash      passwd.Hash
	email     string
	firstName string
	lastName  string
}

// clearPrefix marks a password that is not a hash in a csv.
const clearPrefix = "cleartext$"

// readBatchCSV reads users, one in a row. Without a username it is the part of the email
// before the @; a name that is taken gets a number.
func readBatchCSV(text string, taken takenNames, rules username.Rules, passwordLength int) ([]batchRow, error) {
	file, err := readCSV(text, maxBatch)
	if err != nil {
		return nil, err
	}
	if len(file.rows) == 0 {
		return nil, errors.New("csvfile: it has no users: in a line for each, " + csvAdvice)
	}
	rows := make([]batchRow, 0, len(file.rows))
	for _, columns := range file.rows {
		if file.header {
			columns = columns.unmarked()
		}
		row, err := readBatchRow(columns, file.header, passwordLength)
		if err == nil {
			row.username, err = taken.available(rules, row)
		}
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// unmarked returns the row without the apostrophes that format=csv prints.
func (r csvRow) unmarked() csvRow {
	columns := slices.Clone(r.columns)
	for i := range columns {
		if csvColumns[i] != "password" {
			columns[i] = unmarkedCell(columns[i])
		}
	}
	return csvRow{columns, r.lines}
}

// readBatchRow reads a user. White space around columns is none of theirs, but for
// passwords. The password of a file with a header may be one that format=csv has printed.
// The error is a *rowError.
func readBatchRow(columns csvRow, header bool, passwordLength int) (batchRow, error) {
	trimmed := func(i int) string { return strings.TrimSpace(columns.columns[i]) }
	row := batchRow{
		line: columns.lines[0], username: trimmed(0), named: trimmed(0) != "",
		email: trimmed(2), firstName: trimmed(3), lastName: trimmed(4),
	}
	var err error
	row.password, row.generated, row.hash, err = readBatchPassword(columns.columns[1], header, passwordLength)
	if err != nil {
		return row, &rowError{columns.lines[1], err}
	}
	for i, text := range columns.columns {
		if strings.ContainsAny(text, "\r\n") {
			err := fmt.Errorf("the %s has a line break: is a quote too many, or missing?", csvColumns[i])
			return row, &rowError{columns.lines[i], err}
		}
	}
	if !row.named && row.email == "" {
		return row, &rowError{row.line, errors.New("username and email are empty: give one of them")}
	}
	if address, err := mail.ParseAddress(row.email); row.email != "" && (err != nil || address.Address != row.email) {
		return row, &rowError{columns.lines[2], errors.New("the email is not an address such as alice@example.com")}
	}
	for i := 2; i < len(csvColumns); i++ {
		if err := validate.CheckText(trimmed(i)); err != nil {
			return row, &rowError{columns.lines[i], fmt.Errorf("the %s %w", csvColumns[i], err)}
		}
	}
	if !row.named {
		row.username, _, _ = strings.Cut(row.email, "@")
	}
	return row, nil
}

// readBatchPassword reads the password of a row.
func readBatchPassword(text string, header bool, length int) (password string, generated bool, hash passwd.Hash, err error) {
	word, isClear := strings.CutPrefix(text, clearPrefix)
	switch {
	case text == "":
		return generatePassword(length), true, hash, nil
	case isClear:
		return word, false, hash, checkClearPassword(word)
	case header && isGenerated(text):
		return text, false, hash, nil
	}
	if hash, err = passwd.Parse(text); err != nil {
		err = fmt.Errorf("the password is neither empty, nor %s and the password, nor a hash that is known: %w",
			clearPrefix, err)
	}
	return "", false, hash, err
}

// isGenerated reports whether a password looks like a generated one, and like no hash.
func isGenerated(text string) bool {
	const hexDigits, shortestHash = "0123456789abcdefABCDEF", 32
	isHash := len(text) >= shortestHash && strings.Trim(text, hexDigits) == ""
	return len(text) >= minGenerated && len(text) <= maxGenerated && !isHash && strings.Trim(text, passwordLetters) == ""
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
		if err := username.CheckNew(name, name); err != nil {
			return nil, err
		}
		if taken.take(takenName{name: name}) {
			rows = append(rows, batchRow{username: name, password: generatePassword(passwordLength), generated: true})
		}
	}
	return rows, nil
}

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

// take takes the name; false if it is taken.
func (t takenNames) take(name takenName) bool {
	fold := username.Fold(name.name)
	if _, taken := t[fold]; taken {
		return false
	}
	t[fold] = name
	return true
}

// available takes the canonical form of the row's name, with a number if it is taken.
// Another spelling of a taken name is refused, unless it is an email's: two users would
// be one account. The error is a *rowError, and says why there is no such user.
func (t takenNames) available(rules username.Rules, row batchRow) (string, error) {
	name := rules.Canonical(row.username)
	if err := username.CheckNew(row.username, name); err != nil {
		return "", &rowError{row.line, err}
	}
	spelled := spelling(rules, row.username)
	other, taken := t[username.Fold(name)]
	if taken && row.named && other.name != spelled && other.name != row.username {
		return "", &rowError{row.line, other.alike(spelled)}
	}
	free := name
	for number := 1; !t.take(takenName{spelled, row.line}); number++ {
		free = username.Numbered(name, number)
		spelled = free
		if rules.Canonical(free) != free || username.CheckNew(free, free) != nil {
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

// alike tells that another name is one with this one.
func (n takenName) alike(other string) error {
	if n.line == 0 {
		return &spellingTakenError{other, n.name}
	}
	return fmt.Errorf("username %q is one name with %q of line %d: one account is one user", other, n.name, n.line)
}

// spellingTakenError means that a name of a csv is another spelling of a registered one.
type spellingTakenError struct{ name, registered string }

func (e *spellingTakenError) Error() string {
	return fmt.Sprintf("username %q is one name with the registered user %q: one account is one user", e.name, e.registered)
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
