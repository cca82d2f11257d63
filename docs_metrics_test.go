package radiusauth

//go:generate go test -count=1 -run ^TestTableOfMetricsIsThatOfTheDefinitions$ . -update

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/decision"
	"vault-plugin-auth-radius/internal/metrics"
)

const metricsDocument = "docs/monitoring/metrics.md"

// The table of docs/monitoring/metrics.md is up to date. `go generate .` writes it anew.
func TestTableOfMetricsIsThatOfTheDefinitions(t *testing.T) {
	t.Parallel()
	written, err := os.ReadFile(metricsDocument)
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(written), "<!-- metrics -->\n")
	require.True(t, found)
	table, after, found := strings.Cut(rest, tableEnds)
	require.True(t, found)
	generated := "\n" + strings.Join(metrics.Table(), "\n") + "\n\n"
	if *update {
		require.NoError(t, os.WriteFile(metricsDocument, []byte(before+"<!-- metrics -->\n"+generated+tableEnds+after), 0o600))
		return
	}
	require.Equal(t, generated, table, "go generate . writes the table anew")
}

// All kinds of reasons, and what else bounds the labels, are explained there.
func TestLabelsOfMetricsAreExplained(t *testing.T) {
	t.Parallel()
	text := readDocument(t, metricsDocument)
	for _, class := range decision.Classes {
		require.Contains(t, text, "\n| `"+string(class)+"` | ")
	}
	for _, outcome := range decision.Outcomes {
		require.Contains(t, text, "`"+string(outcome)+"`")
	}
	for _, use := range decision.Uses {
		require.Contains(t, text, "`"+string(use)+"`")
	}
}
