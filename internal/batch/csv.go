package batch

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// csvColumns are the columns of a csv, in their order.
var csvColumns = []string{"username", "password", "email", "firstname", "lastname"}

// csvAdvice describes a valid csv, for errors.
const csvAdvice = "give username, password, email, firstname, lastname, separated by commas, semicolons or tabs"

// csvFile holds the rows of a csv that are not empty.
type csvFile struct {
	header bool // its first line has the names of the columns, as the answer with format=csv
	rows   []csvRow
}

// csvRow holds a row, and the line of the file on which each of its columns begins.
type csvRow struct {
	columns []string
	lines   []int
}

// rowError is the problem with a line of a csv.
type rowError struct {
	line int
	err  error
}

func (e *rowError) Error() string { return fmt.Sprintf("csvfile: line %d: %s", e.line, e.err) }

func (e *rowError) Unwrap() error { return e.err }

// readCSV returns the rows of a csv, at most limit, as a program or a spreadsheet writes it: the
// first row shows what separates columns; empty rows are left out, and so are empty columns at
// the end.
func readCSV(text string, limit int) (csvFile, error) {
	if err := checkCSVText(text); err != nil {
		return csvFile{}, err
	}
	text = strings.TrimPrefix(text, byteOrderMark)
	if !strings.Contains(text, "\n") {
		text = strings.ReplaceAll(text, "\r", "\n") // as spreadsheets for the Mac write it
	}
	text, separator, above := cutSeparatorLine(text)
	if separator == 0 {
		separator = findSeparator(text)
	}
	var file csvFile
	reader := newCSVReader(text, separator)
	for {
		row, err := readCSVRow(reader, above)
		switch {
		case errors.Is(err, io.EOF):
			return file, nil
		case err != nil:
			return csvFile{}, err
		case len(file.rows) == 0 && !file.header && isHeader(row.columns):
			file.header = true
			continue
		case len(file.rows) == limit:
			return csvFile{}, fmt.Errorf("csvfile: it has more than %d users: make several batches", limit)
		case len(row.columns) != len(csvColumns):
			return csvFile{}, &rowError{row.lines[0], countProblem(len(row.columns), separatorName(separator))}
		}
		file.rows = append(file.rows, row)
	}
}

// byteOrderMark begins texts that programs on Windows write.
const byteOrderMark = "\ufeff"

// readAsLatin1 is a byte order mark in a text that was read as Latin-1.
const readAsLatin1 = "\u00ef\u00bb\u00bf"

// checkCSVText returns an error for a text that was read in the wrong encoding.
func checkCSVText(text string) error {
	if strings.HasPrefix(text, readAsLatin1) {
		return &rowError{1, errors.New("the file is UTF-8, and was read as Latin-1: read it as UTF-8")}
	}
	at := strings.IndexFunc(text, func(r rune) bool { return r == 0 || r == utf8.RuneError })
	if at < 0 {
		return nil
	}
	line := 1 + strings.Count(text[:at], "\n")
	problem := "it is not UTF-8"
	switch r, length := utf8.DecodeRuneInString(text[at:]); {
	case r == 0:
		problem = "it has a NUL, as UTF-16 has when it is read as something else"
	case length > 1:
		problem = "it has the character U+FFFD, which programs write for what is not UTF-8"
	}
	return &rowError{line, errors.New(problem + ": save the file as UTF-8")}
}

// separators may be between columns. The first is preferred.
var separators = []rune{',', ';', '\t'}

func separatorName(separator rune) string {
	return map[rune]string{',': "commas", ';': "semicolons", '\t': "tabs"}[separator]
}

// cutSeparatorLine returns the text without a first line that names the separator for
// spreadsheets, and that separator; above is the number of lines cut off.
func cutSeparatorLine(text string) (rest string, separator rune, above int) {
	line, rest, _ := strings.Cut(text, "\n")
	for _, separator := range separators {
		if strings.EqualFold(strings.TrimRight(line, "\r"), "sep="+string(separator)) {
			return rest, separator, 1
		}
	}
	return text, 0, 0
}

// findSeparator returns the separator with which the first row has the right number of columns,
// or else the separator with which it has the most.
func findSeparator(text string) rune {
	found, columnCount := separators[0], 0
	for _, separator := range separators {
		row, err := readCSVRow(newCSVReader(text, separator), 0)
		switch {
		case errors.Is(err, io.EOF): // all rows are empty
			return separator
		case err != nil:
			continue
		case len(row.columns) == len(csvColumns):
			return separator
		case len(row.columns) > columnCount:
			found, columnCount = separator, len(row.columns)
		}
	}
	return found
}

func newCSVReader(text string, separator rune) *csv.Reader {
	reader := csv.NewReader(strings.NewReader(text))
	reader.Comma = separator
	reader.FieldsPerRecord = -1 // readCSV checks it
	return reader
}

// readCSVRow returns the next row that is not empty. The error is io.EOF after the last row, or
// says what is wrong with the line; above is the number of lines before the reader's.
func readCSVRow(reader *csv.Reader, above int) (csvRow, error) {
	for {
		columns, err := reader.Read()
		var syntax *csv.ParseError
		switch {
		case errors.As(err, &syntax):
			return csvRow{}, &rowError{above + syntax.StartLine, quoteProblem(syntax, above)}
		case err != nil:
			return csvRow{}, err
		case !slices.ContainsFunc(columns, isFilled):
			continue
		}
		for len(columns) > len(csvColumns) && !isFilled(columns[len(columns)-1]) {
			columns = columns[:len(columns)-1]
		}
		row := csvRow{columns: columns}
		for i := range columns {
			line, _ := reader.FieldPos(i)
			row.lines = append(row.lines, above+line)
		}
		return row, nil
	}
}

func isFilled(column string) bool { return strings.TrimSpace(column) != "" }

// quoteProblem returns an error that says where a quote is, and how to write it.
func quoteProblem(syntax *csv.ParseError, above int) error {
	switch {
	case errors.Is(syntax.Err, csv.ErrBareQuote):
		return fmt.Errorf("it has a quote inside a column, at octet %d: put the column between quotes, and write the quote twice",
			syntax.Column)
	case syntax.Line > syntax.StartLine:
		return fmt.Errorf("a quote is not closed: the column ends on line %d", above+syntax.Line)
	}
	return fmt.Errorf("a quote is not closed, or something follows it, at octet %d: write quotes between quotes twice",
		syntax.Column)
}

// countProblem returns an error about the number of columns.
func countProblem(count int, separators string) error {
	if count > len(csvColumns) {
		return fmt.Errorf("it has %d columns, separated by %s: %s; a column with %s inside goes between quotes",
			count, separators, csvAdvice, separators)
	}
	return fmt.Errorf("it has %d columns, separated by %s: %s", count, separators, csvAdvice)
}

// isHeader reports whether a row holds the names of the columns.
func isHeader(columns []string) bool {
	return slices.EqualFunc(columns, csvColumns, func(column, name string) bool { return columnName(column) == name })
}

// columnName returns the name of a column as csvColumns have it.
func columnName(text string) string {
	return strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(strings.TrimSpace(text)))
}
