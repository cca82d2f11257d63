package radiusauth

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/login"
)

func TestDocsQuoteTheTextsThatClientsSee(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("docs/api.md")
	require.NoError(t, err)
	for _, want := range []string{login.DeniedText, login.NoAnswerText, login.NotConfiguredText} {
		require.Contains(t, string(text), "`"+want+"`")
	}
}
