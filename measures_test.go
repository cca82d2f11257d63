package radiusauth

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// No variable has a name that says nothing; production code has lines of 140 columns at most,
// and files of 400 lines.
func TestFilesAreShortAndNamesSaySomething(t *testing.T) {
	t.Parallel()
	var wrong []string
	for _, pattern := range []string{"*.go", "internal/*/*.go", "cmd/*/*.go", "radiuslogin/*.go", "bench/*.go", "e2e/*.go"} {
		names, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, name := range names {
			text, err := os.ReadFile(name)
			require.NoError(t, err)
			wrong = append(wrong, emptyNames(t, name, text)...)
			if !strings.HasSuffix(name, "_test.go") {
				wrong = append(wrong, tooLong(name, string(text))...)
			}
		}
	}
	require.Empty(t, wrong)
}

// emptyNames returns where a file has a name that says nothing.
func emptyNames(t *testing.T, name string, text []byte) (wrong []string) {
	t.Helper()
	positions := token.NewFileSet()
	file, err := parser.ParseFile(positions, name, text, parser.SkipObjectResolution)
	require.NoError(t, err)
	ast.Inspect(file, func(node ast.Node) bool {
		if identifier, ok := node.(*ast.Ident); ok && slices.Contains([]string{"one", "asked", "got"}, identifier.Name) {
			wrong = append(wrong, fmt.Sprintf("%s: %s", positions.Position(identifier.Pos()), identifier.Name))
		}
		return true
	})
	return wrong
}

// tooLong returns the lines of a file that are too long, and the file if it is.
func tooLong(name, text string) (wrong []string) {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if len(line) > 140 {
			wrong = append(wrong, fmt.Sprintf("%s:%d", name, i+1))
		}
	}
	if len(lines) > 401 {
		wrong = append(wrong, name)
	}
	return wrong
}
