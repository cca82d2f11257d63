package radiusauth

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#{1,6} (.+)$`)
	code    = regexp.MustCompile("(?s)\n```.*?\n```")
	dropped = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// Links between documents lead to files and headings that exist.
func TestDocumentsLinkToWhatExists(t *testing.T) {
	t.Parallel()
	checked := 0
	for _, document := range documents(t) {
		for _, found := range link.FindAllStringSubmatch(code.ReplaceAllString(readDocument(t, document), ""), -1) {
			if strings.Contains(found[1], "://") {
				continue
			}
			file, anchor, _ := strings.Cut(found[1], "#")
			target := document
			if file != "" {
				target = filepath.Join(filepath.Dir(document), file)
			}
			require.FileExists(t, target, "%s links to %s", document, found[1])
			if anchor != "" {
				require.Contains(t, anchors(readDocument(t, target)), anchor, "%s links to %s", document, found[1])
			}
			checked++
		}
	}
	require.Greater(t, checked, 100)
}

// anchors returns the anchors of a document's headings, as GitHub makes them.
func anchors(text string) []string {
	var all []string
	for _, found := range heading.FindAllStringSubmatch(code.ReplaceAllString(text, ""), -1) {
		all = append(all, strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(found[1]), ""), " ", "-"))
	}
	return all
}

// readDocument returns a document of this repository.
func readDocument(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

// documents returns the paths of all documents of this repository.
func documents(t *testing.T) []string {
	t.Helper()
	top, err := filepath.Glob("*.md")
	require.NoError(t, err)
	below, err := filepath.Glob("docs/*.md")
	require.NoError(t, err)
	require.NotEmpty(t, below)
	deeper, err := filepath.Glob("docs/*/*.md")
	require.NoError(t, err)
	return slices.Concat(top, below, deeper)
}

// section returns what stands under a heading, up to the next one of its level.
func section(t *testing.T, text, heading string) string {
	t.Helper()
	_, after, found := strings.Cut(text, "\n"+heading+"\n")
	require.True(t, found, "no heading %q", heading)
	level, _, _ := strings.Cut(heading, " ")
	before, _, _ := strings.Cut(after, "\n"+level+" ")
	return before
}
