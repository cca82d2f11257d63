package radiusauth

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// docs/architecture.md answers where to change what with files that exist.
func TestDocsSayWhereToChangeWhat(t *testing.T) {
	t.Parallel()
	questions := 0
	for line := range strings.Lines(section(t, readDocument(t, "docs/architecture.md"), "## Where do I change …?")) {
		cells := strings.Split(line, "|")
		if len(cells) < 5 || !strings.Contains(cells[2], "`") {
			continue
		}
		questions++
		require.Len(t, inCode.FindAllString(cells[2], -1), 1, "one file to begin with: %s", line)
		for _, code := range inCode.FindAllStringSubmatch(cells[2]+cells[3], -1) {
			if file := code[1]; strings.HasSuffix(file, ".go") && !strings.Contains(file, "<") || strings.HasSuffix(file, ".md") {
				require.FileExists(t, file, line)
			}
		}
	}
	require.Equal(t, 10, questions)
}
