package radiusauth

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDocsQuoteTheTextsThatClientsSee(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("docs/api.md")
	require.NoError(t, err)
	for _, want := range []string{deniedText, noAnswerText, notConfiguredText} {
		require.Contains(t, string(text), "`"+want+"`")
	}
}
