package radiusauth

import (
	"encoding/csv"
	"strings"
	"testing"
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

// Whatever names a batch has, no cell of its vouchers begins a formula, and taking the
// apostrophes away gives the names.
func FuzzVoucherCells(f *testing.F) {
	for _, text := range []string{"=1", " ＝1", "\u200b;\ufe0f－x", "a;=1", "\"=1\"", "\t", "'", "'=1", "=\u0338"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		list, err := voucherCSV([]batchRow{{username: text, password: "k7Rz0Qw9LmX2", generated: true, email: text, firstName: text, lastName: text}})
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
