package radiusauth

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	link       = regexp.MustCompile(`\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)`)
	reference  = regexp.MustCompile(`\[[^\]\n]+\]\[([^\]\n]+)\]`)
	definition = regexp.MustCompile(`(?m)^ {0,3}\[([^\]\n]+)\]: +<?([^\s>]+)>?`)
	element    = regexp.MustCompile(`<(?:a|img)\s[^>]*(?:href|src)="([^"]+)"`)
	heading    = regexp.MustCompile(`(?m)^#{1,6} (.+)$`)
	code       = regexp.MustCompile("(?s)\n```.*?\n```")
	spanOfCode = regexp.MustCompile("`([^`\n]+)`")
	pathInCode = regexp.MustCompile(`^\.{0,2}/?[\w.-]+(/[\w.-]+)*\.(md|sh|hcl|yml|json|tf|csv|proto|mod)$`)
	dropped    = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// Links between documents lead to files and headings that exist.
func TestDocumentsLinkToWhatExists(t *testing.T) {
	t.Parallel()
	checked, headings := 0, map[string][]string{}
	for _, document := range documents(t) {
		headings[document] = anchors(readDocument(t, document))
	}
	for document := range headings {
		targets, undefined := linked(readDocument(t, document))
		require.Empty(t, undefined, "%s refers to what it does not define", document)
		for _, target := range targets {
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			requireTarget(t, headings, document, target)
			checked++
		}
	}
	require.Greater(t, checked, 100)
}

// requireTarget fails unless a link of a document leads to a file or folder of this
// repository, and to a heading of it if it names one.
func requireTarget(t *testing.T, headings map[string][]string, document, target string) {
	t.Helper()
	path, anchor, _ := strings.Cut(target, "#")
	file := document
	if path != "" {
		file = filepath.Join(filepath.Dir(document), path)
	}
	require.True(t, filepath.IsLocal(file), "%s links out of the repository: %s", document, target)
	_, err := os.Stat(file)
	require.NoError(t, err, "%s links to %s", document, target)
	if anchor != "" {
		require.Contains(t, headings[file], anchor, "%s links to %s", document, target)
	}
}

// linked returns what a document links to: inline, by reference, as an image or in HTML;
// and the references that it does not define.
func linked(text string) (targets, undefined []string) {
	text = spanOfCode.ReplaceAllString(code.ReplaceAllString("\n"+text, ""), "")
	defined := map[string]bool{}
	for _, found := range definition.FindAllStringSubmatch(text, -1) {
		defined[strings.ToLower(found[1])] = true
		targets = append(targets, found[2])
	}
	for _, pattern := range []*regexp.Regexp{link, element} {
		for _, found := range pattern.FindAllStringSubmatch(text, -1) {
			targets = append(targets, found[1])
		}
	}
	for _, found := range reference.FindAllStringSubmatch(text, -1) {
		if !defined[strings.ToLower(found[1])] {
			undefined = append(undefined, found[1])
		}
	}
	return targets, undefined
}

func TestLinksAreFoundInEveryForm(t *testing.T) {
	t.Parallel()
	targets, undefined := linked("[a](a.md) [b\nb](<b.md> \"title\") ![c](c.png) [![d](d.png)](d.md) `[x](x.md)` [e][E] [f][g]\n" +
		"<a href=\"h.md\"><img width=\"3\" src=\"i.png\"></a>\n\n[e]: e.md\n\n```\n[y](y.md)\n```\n")
	require.ElementsMatch(t, []string{"a.md", "b.md", "c.png", "d.png", "d.md", "e.md", "h.md", "i.png"}, targets)
	require.Equal(t, []string{"g"}, undefined)
}

// A path such as `docs/api.md` in a text is one of this repository, from its root or from
// the document.
func TestDocumentsNameFilesThatExist(t *testing.T) {
	t.Parallel()
	checked := 0
	for _, document := range documents(t) {
		for _, found := range spanOfCode.FindAllStringSubmatch(code.ReplaceAllString("\n"+readDocument(t, document), ""), -1) {
			path := found[1]
			if !pathInCode.MatchString(path) || !strings.Contains(path, "/") || strings.HasPrefix(path, "/") {
				continue
			}
			_, fromRoot := os.Stat(path)
			_, fromDocument := os.Stat(filepath.Join(filepath.Dir(document), path))
			require.True(t, fromRoot == nil || fromDocument == nil, "%s names %s", document, path)
			checked++
		}
	}
	require.Greater(t, checked, 10)
}

// anchors returns the anchors of a document's headings, as GitHub makes them: a second one
// of the same text is numbered.
func anchors(text string) []string {
	var all []string
	seen := map[string]int{}
	for _, found := range heading.FindAllStringSubmatch(code.ReplaceAllString("\n"+text, ""), -1) {
		anchor := strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(found[1]), ""), " ", "-")
		if count := seen[anchor]; count > 0 {
			all = append(all, fmt.Sprintf("%s-%d", anchor, count))
		} else {
			all = append(all, anchor)
		}
		seen[anchor]++
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
func documents(t *testing.T) (paths []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains([]string{".git", ".cache", "bin", "dist", "testdata"}, entry.Name()):
			return filepath.SkipDir
		case strings.HasSuffix(path, ".md"):
			paths = append(paths, path)
		}
		return nil
	}))
	require.Contains(t, paths, "SECURITY.md")
	return paths
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
