package radiusauth

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Operators grep Vault's log for the patterns of docs/operating.md: each is in a text of the code,
// and each line that the code logs has a pattern.
func TestSymptomsCanBeFoundByGrep(t *testing.T) {
	t.Parallel()
	patterns := symptoms(t)
	require.Greater(t, len(patterns), 80)
	texts, logged := textsOfTheCode(t)
	for _, pattern := range patterns {
		if !slices.ContainsFunc(texts, findsIn(pattern)) {
			t.Errorf("docs/operating.md: no text of the code has %q", pattern)
		}
	}
	require.Greater(t, len(logged), 30)
	for _, text := range logged {
		if !slices.ContainsFunc(patterns, func(pattern string) bool { return findsIn(pattern)(text) }) {
			t.Errorf("docs/operating.md: no row of \"A login fails\" is about the log line %q", text)
		}
	}
}

var inCode = regexp.MustCompile("`([^`]+)`")

// symptoms returns the patterns in the first columns of the tables of symptoms.
func symptoms(t *testing.T) []string {
	t.Helper()
	return symptomsUnder(t, "## A login fails")
}

// symptomsUnder returns those of the section with the heading.
func symptomsUnder(t *testing.T, heading string) []string {
	t.Helper()
	var patterns []string
	for line := range strings.Lines(section(t, readDocument(t, "docs/operating.md"), heading)) {
		cells := strings.Split(line, "|")
		if len(cells) < 3 || strings.Contains(cells[1], "retransmit") {
			continue
		}
		for _, code := range inCode.FindAllStringSubmatch(cells[1], -1) {
			patterns = append(patterns, code[1])
		}
	}
	return patterns
}

// findsIn returns a function that reports whether a pattern, with ".*" for what varies, finds a text.
func findsIn(pattern string) func(text string) bool {
	expression := regexp.MustCompile(strings.ReplaceAll(regexp.QuoteMeta(pattern), `\.\*`, ".*"))
	return expression.MatchString
}

// textsOfTheCode returns the texts that the plugin's code is written with, with varies for what is
// put into them, and those of them that are messages of log lines, but for debugging.
func textsOfTheCode(t *testing.T) (texts, logged []string) {
	t.Helper()
	for _, file := range sourceFiles(t) {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		require.NoError(t, err)
		ast.Inspect(parsed, func(node ast.Node) bool {
			switch node := node.(type) {
			case *ast.CallExpr:
				if logs(node) {
					logged = append(logged, literalText(node.Args[0]))
				}
			case ast.Expr:
				if text := literalText(node); text != "" && text != varies {
					texts = append(texts, text)
				}
			}
			return true
		})
	}
	return texts, logged
}

// sourceFiles returns the files of the plugin's own code: no tests, nor what they need.
func sourceFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	require.NoError(t, filepath.WalkDir("internal", func(path string, entry fs.DirEntry, err error) error {
		if entry.IsDir() && strings.HasSuffix(path, "test") {
			return filepath.SkipDir
		}
		if strings.HasSuffix(path, ".go") {
			files = append(files, path)
		}
		return err
	}))
	return slices.DeleteFunc(files, func(file string) bool { return strings.HasSuffix(file, "_test.go") })
}

// varies stands for what is put into a text.
const varies = "\x00"

var verb = regexp.MustCompile(`%[-+#0-9.]*[a-z]`)

// literalText returns the text that an expression stands for, or varies.
func literalText(expression ast.Expr) string {
	switch expression := expression.(type) {
	case *ast.BasicLit:
		if text, err := strconv.Unquote(expression.Value); expression.Kind == token.STRING && err == nil {
			return verb.ReplaceAllString(text, varies)
		}
	case *ast.BinaryExpr:
		if expression.Op == token.ADD {
			return literalText(expression.X) + literalText(expression.Y)
		}
	}
	return varies
}

// logs reports whether a call writes a line at the level Info or above.
func logs(call *ast.CallExpr) bool {
	method, isMethod := call.Fun.(*ast.SelectorExpr)
	if !isMethod || !slices.Contains([]string{"Info", "Warn", "Error"}, method.Sel.Name) || len(call.Args) == 0 {
		return false
	}
	receiver := method.X
	if called, isCall := receiver.(*ast.CallExpr); isCall {
		receiver = called.Fun
	}
	name := ""
	switch receiver := receiver.(type) {
	case *ast.Ident:
		name = receiver.Name
	case *ast.SelectorExpr:
		name = receiver.Sel.Name
	}
	return slices.Contains([]string{"log", "logger"}, strings.ToLower(name))
}
