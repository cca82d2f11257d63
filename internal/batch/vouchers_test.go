package batch

import (
	"encoding/csv"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"
)

func TestCellsAreNoFormulas(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"=1", "+1", "-1", "@A1", " =1", "  \u00a0=1", "\u3000=1", "\u2003=1", "\t1", "\r1", "\n1",
		"＝1", "＋1", "－1", "＠A1", "﹦1", "﹢1", "﹣1", "﹫1", "⁼1", "₊1", "\u22121", "\u20131", "\u20101", " ＝1", "\u3000＠1",
		"\u200b=1", "\u00ad=1", "\ufeff=1", "\u2060=1", "\u200e=1", "\u202e=1", "\u0301=1", "\ufe0f=1", "\u115f=1", "\u3164=1", "\uffa0=1", "\u2800=1",
		"\u034f=1", "\u180e=1", "\u0085=1", "\u2028=1", "\x00=1", "\U000e0001=1", "=\u03381", "\ufb291", "\xff=1",
	} {
		require.Equal(t, "'"+text, plainCell(text), "%+q", text)
	}
	for text, want := range map[string]string{
		"a;=1": "a;'=1", ";;=1": ";;'=1", "a; ＝1": "a;' ＝1", "a;b": "a;b", "\t=1": "'\t'=1", `";@x`: `";'@x`,
	} {
		require.Equal(t, want, plainCell(text), "a spreadsheet may begin a cell there")
	}
	for _, text := range []string{"", " ", "alice", "a=b", "Ann-Marie", "a@example.org", "1+1", " alice", "'=1", "élan", "ａlice", "李", "\u200b"} {
		require.Equal(t, text, plainCell(text))
	}
}

func TestGeneratedPasswordsAreNoFormulas(t *testing.T) {
	t.Parallel()
	for _, letter := range passwordLetters {
		require.True(t, letter < unicode.MaxASCII && (unicode.IsLetter(letter) || unicode.IsDigit(letter)), "%q", letter)
	}
}

func TestVoucherShowsTheEndAsItWasWritten(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ written, expires, want string }{
		{"2030-12-31", "2031-01-01T00:00:00Z", "31 Dec 2030"},
		{" 2030-12-31 ", "2031-01-01T00:00:00Z", "31 Dec 2030"},
		{"2030-12-31T23:59:59Z", "2030-12-31T23:59:59Z", "31 Dec 2030 23:59:59 UTC"},
		{"2030-12-31T18:00:00+01:00", "2030-12-31T17:00:00Z", "31 Dec 2030 18:00 +01:00"},
		{"2030-12-31T23:30:00-08:00", "2031-01-01T07:30:00Z", "31 Dec 2030 23:30 -08:00"},
		{"2030-12-31 18:00:00", "2030-12-31T18:00:00Z", "31 Dec 2030 18:00 UTC"},
		{"Dec 31 2030 18:00:00 GMT", "2030-12-31T18:00:00Z", "31 Dec 2030 18:00 UTC"},
		{"1924991999", "2030-12-31T23:59:59Z", "31 Dec 2030 23:59:59 UTC"},
		{"2031-01-01T00:00:00Z", "2031-01-01T00:00:00Z", "01 Jan 2031 00:00 UTC"},
		{"2030-12-31T18:00:00.25+05:30", "2030-12-31T12:30:00.25Z", "31 Dec 2030 18:00 +05:30"},
		{"9999-12-31", "9999-12-31T23:59:59Z", "31 Dec 9999"},
	} {
		expires, err := time.Parse(time.RFC3339, test.expires)
		require.NoError(t, err)
		require.Equal(t, test.want, ValidUntil(test.written, &expires), test.written)
	}
	require.Empty(t, ValidUntil("", nil))
}

// Whatever names a batch has, no cell of its vouchers begins a formula, and taking the
// apostrophes away gives the names.
func FuzzVoucherCells(f *testing.F) {
	for _, text := range []string{"=1", " ＝1", "\u200b;\ufe0f－x", "a;=1", "\"=1\"", "\t", "'", "'=1", "=\u0338"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		row := Row{Username: text, Password: "k7Rz0Qw9LmX2", Generated: true, Email: text, FirstName: text, LastName: text}
		list, err := voucherCSV([]Row{row})
		if err != nil {
			t.Fatal(err)
		}
		lines, err := csv.NewReader(strings.NewReader(list)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for i, cell := range lines[1] {
			if i == 1 {
				continue // the password
			}
			for _, part := range strings.FieldsFunc(cell, func(r rune) bool { return strings.ContainsRune(cellSeparators, r) }) {
				visible := strings.TrimLeftFunc(norm.NFKD.String(part), func(r rune) bool {
					return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Mn, unicode.Me, unicode.Zs)
				})
				if visible != "" && strings.ContainsAny(visible[:1], "=+-@") {
					t.Fatalf("%+q begins a formula in %+q", part, cell)
				}
			}
			if strings.ContainsAny(cell[:min(1, len(cell))], "=+-@\t\r\n") {
				t.Fatalf("%+q begins a formula", cell)
			}
			if strings.ReplaceAll(cell, "'", "") != strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "'", "") {
				t.Fatalf("%+q has become %+q", text, cell)
			}
		}
	})
}
