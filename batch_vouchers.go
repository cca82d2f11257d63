package radiusauth

import (
	"encoding/csv"
	"fmt"
	"html/template"
	"strings"
	"time"
)

// voucherCSV is the users as a list, with the passwords that were generated.
func voucherCSV(rows []batchRow) (string, error) {
	var text strings.Builder
	writer := csv.NewWriter(&text)
	lines := [][]string{{"username", "password", "email", "firstname", "lastname"}}
	for _, row := range rows {
		lines = append(lines, []string{plainCell(row.username), row.shown(), plainCell(row.email), plainCell(row.firstName), plainCell(row.lastName)})
	}
	if err := writer.WriteAll(lines); err != nil {
		return "", fmt.Errorf("writing the vouchers: %w", err)
	}
	return text.String(), nil
}

// shown is the password, if somebody has to be told it.
func (r batchRow) shown() string {
	if r.generated {
		return r.password
	}
	return ""
}

// plainCell keeps a spreadsheet from taking a text for a formula.
func plainCell(text string) string {
	if text != "" && strings.ContainsAny(text[:1], "=+-@\t\r") {
		return "'" + text
	}
	return text
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

// voucherPage is the users as a page of vouchers.
func voucherPage(entry *batchEntry, rows []batchRow) (string, error) {
	type voucher struct{ Username, Password string }
	page := struct {
		Name, Expires string
		Rows          []voucher
	}{Name: entry.Name}
	if entry.ExpiresAt != nil {
		page.Expires = entry.ExpiresAt.Format(time.RFC1123)
	}
	for _, row := range rows {
		page.Rows = append(page.Rows, voucher{row.username, row.shown()})
	}
	var text strings.Builder
	if err := voucherTemplate.Execute(&text, page); err != nil {
		return "", fmt.Errorf("writing the vouchers: %w", err)
	}
	return text.String(), nil
}
