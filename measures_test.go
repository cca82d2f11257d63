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

// The measures of production code: lines of 140 columns, files of 400 lines, and no variable
// whose name says nothing.
func TestFilesAreShortAndNamesSaySomething(t *testing.T) {
	t.Parallel()
	var wrong []string
	for _, pattern := range []string{"*.go", "internal/*/*.go", "cmd/*/*.go", "bench/*.go"} {
		names, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			text, err := os.ReadFile(name)
			require.NoError(t, err)
			wrong = append(append(wrong, tooLong(name, string(text))...), emptyNames(t, name, text)...)
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
