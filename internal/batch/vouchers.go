package batch

import (
	"encoding/csv"
	"fmt"
	"html/template"
	"iter"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"vault-plugin-auth-radius/internal/acct"
)

// voucherCSV returns the users as a list, with the passwords that were generated.
func voucherCSV(rows []Row) (string, error) {
	var text strings.Builder
	writer := csv.NewWriter(&text)
	lines := [][]string{csvColumns}
	for _, row := range rows {
		lines = append(lines, []string{
			plainCell(row.Username), row.shown(), plainCell(row.Email), plainCell(row.FirstName), plainCell(row.LastName),
		})
	}
	if err := writer.WriteAll(lines); err != nil {
		return "", fmt.Errorf("writing the vouchers: %w", err)
	}
	return text.String(), nil
}

// shown returns the password, if it was generated: the client knows others.
func (r Row) shown() string {
	if r.Generated {
		return r.Password
	}
	return ""
}

// cellSeparators begin a new cell in spreadsheets that separate cells by other characters than
// the comma.
const cellSeparators = ";\t\r\n"

// plainCell returns a text that spreadsheets do not take for a formula, nor parts of it that
// they put into a cell: an apostrophe marks a text.
func plainCell(text string) string {
	var plain strings.Builder
	for part := range splitAfterAny(text, cellSeparators) {
		if isFormula(part) {
			plain.WriteByte('\'')
		}
		plain.WriteString(part)
	}
	return plain.String()
}

// unmarkedCell returns the text from which plainCell made the cell.
func unmarkedCell(cell string) string {
	var text strings.Builder
	for part := range splitAfterAny(cell, cellSeparators) {
		if unmarked, marked := strings.CutPrefix(part, "'"); marked && isFormula(unmarked) {
			part = unmarked
		}
		text.WriteString(part)
	}
	return text.String()
}

// splitAfterAny returns the parts of a text, each with the separator at its end.
func splitAfterAny(text, separators string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for text != "" {
			end := strings.IndexAny(text, separators) + 1
			if end == 0 {
				end = len(text)
			}
			if !yield(text[:end]) {
				return
			}
			text = text[end:]
		}
	}
}

// isFormula reports whether a spreadsheet may take the text for a formula: its first
// visible character begins formulas, in any width, or a tab or line break comes before it.
// Characters are compared decomposed and without their marks: = with a mark can be another
// character.
func isFormula(text string) bool {
	if text != "" && strings.ContainsAny(text[:1], "\t\r\n") {
		return true
	}
	for _, r := range norm.NFKD.String(text) {
		if isInvisible(r) {
			continue
		}
		return strings.ContainsRune("=+-@\u2212", r) || unicode.Is(unicode.Pd, r) // dashes are taken for a minus
	}
	return false
}

// isInvisible reports whether a character shows nothing of its own: white space,
// control and format characters, marks and fillers.
func isInvisible(r rune) bool {
	const brailleBlank = '\u2800'
	return !unicode.IsPrint(r) || r == ' ' || r == brailleBlank || r == utf8.RuneError ||
		unicode.In(r, unicode.Mn, unicode.Me, unicode.Other_Default_Ignorable_Code_Point)
}

// voucherTemplate is a page to print: it loads nothing.
var voucherTemplate = template.Must(template.New("vouchers").Parse(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{{.Name}}</title>
<style>
body { font-family: sans-serif; }
.voucher { display: inline-block; width: 14em; margin: .4em; padding: .8em; border: 1px dashed #888; break-inside: avoid; }
code { font-size: 1.2em; }
</style>
</head>
<body>
<h1>{{.Name}}</h1>
{{range .Rows}}<div class="voucher">
User name<br><code>{{.Username}}</code><br>
{{if .Password}}Password<br><code>{{.Password}}</code><br>{{end}}
{{if $.Expires}}Valid until {{$.Expires}}{{end}}
</div>
{{end}}</body>
</html>
`))

// ValidUntil returns the end of access as a voucher shows it: as the client has written it, in
// its zone, so that a day is that day.
func ValidUntil(written string, expires *time.Time) string {
	const day, minute, second = "02 Jan 2006", "02 Jan 2006 15:04", "02 Jan 2006 15:04:05"
	if expires == nil {
		return ""
	}
	if at, err := time.Parse(time.DateOnly, strings.TrimSpace(written)); err == nil {
		return at.Format(day)
	}
	at, err := acct.ParseTime(written)
	if err != nil {
		at = expires.UTC()
	}
	layout := minute
	if at.Second() != 0 {
		layout = second
	}
	_, offset := at.Zone()
	switch {
	case !at.Equal(*expires): // it was written without a zone, and is in that of the config
	case offset == 0:
		layout += " UTC"
	default:
		layout += " -07:00"
	}
	return at.Format(layout)
}

// voucherPage returns the users as a page of vouchers; until is the end of their access.
func voucherPage(name, until string, rows []Row) (string, error) {
	type voucher struct{ Username, Password string }
	page := struct {
		Name, Expires string
		Rows          []voucher
	}{Name: name, Expires: until}
	for _, row := range rows {
		page.Rows = append(page.Rows, voucher{row.Username, row.shown()})
	}
	var text strings.Builder
	if err := voucherTemplate.Execute(&text, page); err != nil {
		return "", fmt.Errorf("writing the vouchers: %w", err)
	}
	return text.String(), nil
}
