package batch

import (
	"errors"
	"fmt"
	"net/mail"
	"slices"
	"strconv"
	"strings"

	"vault-plugin-auth-radius/internal/passwd"
)

// Row is a user to be created.
type Row struct {
	Username  string
	Password  string // in clear text, to be hashed; empty: there is a hash
	Generated bool   // the password was generated
	Hash      passwd.Hash
	Email     string
	FirstName string
	LastName  string

	line  int  // of the csv, from 1; 0: there is none
	named bool // the csv has the username
}

// clearPrefix marks a password that is not a hash in a csv.
const clearPrefix = "cleartext$"

// readRows returns the users of a csv, one for each row. Without a username it is the part of the
// email before the @; a name that is taken gets a number.
func (m *Maker) readRows(text string, passwordLength int) ([]Row, error) {
	file, err := readCSV(text, MaxUsers)
	if err != nil {
		return nil, err
	}
	if len(file.rows) == 0 {
		return nil, errors.New("csvfile: it has no users: in a line for each, " + csvAdvice)
	}
	rows := make([]Row, 0, len(file.rows))
	for _, columns := range file.rows {
		if file.header {
			columns = columns.unmarked()
		}
		row, err := m.readRow(columns, file.header, passwordLength)
		if err == nil {
			row.Username, err = m.available(row)
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

// readRow returns the user of a row. White space around columns is ignored, except in passwords.
// In a file with a header a password may be the output of format=csv. The error is a *rowError.
func (m *Maker) readRow(columns csvRow, header bool, passwordLength int) (Row, error) {
	trimmed := func(i int) string { return strings.TrimSpace(columns.columns[i]) }
	row := Row{
		line: columns.lines[0], Username: trimmed(0), named: trimmed(0) != "",
		Email: trimmed(2), FirstName: trimmed(3), LastName: trimmed(4),
	}
	if err := m.readPassword(&row, columns.columns[1], header, passwordLength); err != nil {
		return row, &rowError{columns.lines[1], err}
	}
	for i, text := range columns.columns {
		if strings.ContainsAny(text, "\r\n") {
			err := fmt.Errorf("the %s has a line break: is a quote too many, or missing?", csvColumns[i])
			return row, &rowError{columns.lines[i], err}
		}
	}
	if !row.named && row.Email == "" {
		return row, &rowError{row.line, errors.New("username and email are empty: give one of them")}
	}
	if address, err := mail.ParseAddress(row.Email); row.Email != "" && (err != nil || address.Address != row.Email) {
		return row, &rowError{columns.lines[2], errors.New("the email is not an address such as alice@example.com")}
	}
	for i := 2; i < len(csvColumns); i++ {
		if err := m.checks.Text(trimmed(i)); err != nil {
			return row, &rowError{columns.lines[i], fmt.Errorf("the %s %w", csvColumns[i], err)}
		}
	}
	if !row.named {
		row.Username, _, _ = strings.Cut(row.Email, "@")
	}
	return row, nil
}

// readPassword sets the password or the hash of a row.
func (m *Maker) readPassword(row *Row, text string, header bool, length int) error {
	word, isClear := strings.CutPrefix(text, clearPrefix)
	switch {
	case text == "":
		row.Password, row.Generated = generatePassword(length), true
		return nil
	case isClear:
		row.Password = word
		if err := m.checks.Password(word); err != nil {
			return fmt.Errorf("the password after %s: %w", clearPrefix, err)
		}
		return nil
	case header && isGenerated(text):
		row.Password = text
		return nil
	}
	hash, err := passwd.Parse(text)
	if err != nil {
		return fmt.Errorf("the password is neither empty, nor %s and the password, nor a hash that is known: %w",
			clearPrefix, err)
	}
	if err := hash.CheckFIPS(); err != nil {
		return fmt.Errorf("the password: %w", err)
	}
	row.Hash = hash
	return nil
}

// numbered returns users with a number after the prefix. Taken names are left out.
func (m *Maker) numbered(prefix string, count, passwordLength int) ([]Row, error) {
	if m.rules.Canonical(prefix+"1") == m.rules.Canonical(prefix+"2") {
		return nil, errors.New("the number would be a realm, which is no part of a name here: leave the @ out")
	}
	rows := make([]Row, 0, count)
	for number := 1; len(rows) < count; number++ {
		name := m.rules.Canonical(prefix + strconv.Itoa(number))
		if err := m.checks.Name(name, name); err != nil {
			return nil, err
		}
		if m.taken.take(takenName{name: name}) {
			rows = append(rows, Row{Username: name, Password: generatePassword(passwordLength), Generated: true})
		}
	}
	return rows, nil
}
