package radiusauth

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// docs/api.md has a row for every field: | `name` | type | `default` | meaning |
func TestDocsHaveEveryFieldWithItsDefault(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("docs/api.md")
	require.NoError(t, err)
	docs := string(text)

	required := map[string]bool{fieldHost: true, fieldSecret: true}
	for field, schema := range configFields() {
		if strings.HasPrefix(field, "token_") || field == fieldAliasMetadata {
			require.Contains(t, docs, "`"+field+"`")
			continue
		}
		row := row(t, docs, field)
		want := fmt.Sprintf("`%v`", schema.Default)
		switch {
		case required[field]:
			want = "required"
		case schema.Default == "":
			want = "`\"\"`"
		}
		require.Equal(t, want, row[3], "default of %s", field)
		for _, allowed := range schema.AllowedValues {
			require.Contains(t, docs, fmt.Sprintf("`%v`", allowed), field)
		}
	}
	for _, field := range []string{fieldPolicies, fieldUsername, fieldPassword} {
		row(t, docs, field)
	}
	for _, field := range []string{fieldAfter, fieldLimit, fieldDetailed} {
		require.Contains(t, docs, "`"+field+"`")
	}
}

// row gives the cells of a field's row, the empty ones outside included.
func row(t *testing.T, docs, field string) []string {
	t.Helper()
	for line := range strings.Lines(docs) {
		if strings.HasPrefix(line, "| `"+field+"` |") {
			cells := strings.Split(strings.TrimSpace(line), "|")
			for i := range cells {
				cells[i] = strings.TrimSpace(cells[i])
			}
			return cells
		}
	}
	t.Fatalf("docs/api.md has no row for %s", field)
	return nil
}

func TestDocsQuoteTheTextsThatPeopleSee(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("docs/api.md")
	require.NoError(t, err)
	for _, want := range []string{deniedText, noAnswerText, notConfiguredText} {
		require.Contains(t, string(text), "`"+want+"`")
	}
}
