package main

import (
	"bytes"
	"cmp"
	"go/format"
	"go/parser"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

// renaming is how a module path becomes another one in a text.
type renaming struct {
	old, path string
	follows   *regexp.Regexp // what has to stand behind the old path
}

// precedes is what has to stand before a module path: no part of a longer path, but a URL's
// scheme may.
var precedes = regexp.MustCompile(`^$|://$|[^\w./@~-]$`)

// newRenaming returns the renaming for a repository with these files.
//
// A path with a domain is the module's wherever it stands. One without may also be the plugin's
// name: it is the module's only before the folder of a package or of a nested module, and as the
// package of the linker's flag -X.
func newRenaming(old, path string, files []string) renaming {
	follows := `^(?:[^\w-]|$)`
	if first, _, _ := strings.Cut(old, "/"); !strings.Contains(first, ".") {
		follows = `^(?:\.version\b|/(?:` + strings.Join(packageFolders(files), "|") + `)(?:[^\w-]|$))`
	}
	return renaming{old, path, regexp.MustCompile(follows)}
}

// packageFolders returns the topmost folders that have Go code somewhere, quoted for a regexp.
func packageFolders(files []string) (folders []string) {
	for _, file := range files {
		folder, _, nested := strings.Cut(file, "/")
		if nested && (path.Ext(file) == ".go" || path.Base(file) == "go.mod") {
			folders = append(folders, regexp.QuoteMeta(folder))
		}
	}
	slices.Sort(folders)
	return slices.Compact(folders)
}

// file returns the text of a file with the new path.
func (r renaming) file(name string, text []byte) ([]byte, error) {
	switch {
	case !bytes.Contains(text, []byte(r.old)) || !utf8.Valid(text):
		return text, nil
	case path.Base(name) == "go.mod":
		return r.goMod(name, text)
	case path.Ext(name) == ".go":
		return r.goFile(name, text)
	default:
		return r.text(text), nil
	}
}

// text changes the path wherever the rule for words finds it.
func (r renaming) text(text []byte) []byte {
	var out bytes.Buffer
	from := 0
	for {
		at := bytes.Index(text[from:], []byte(r.old))
		if at < 0 {
			out.Write(text[from:])
			return out.Bytes()
		}
		begin, end := from+at, from+at+len(r.old)
		out.Write(text[from:begin])
		if precedes.Match(text[max(0, begin-len("://")):begin]) && r.follows.Match(text[end:]) {
			out.WriteString(r.path)
		} else {
			out.WriteString(r.old)
		}
		from = end
	}
}

// renamed returns what an import path, or a module's, is renamed to.
func (r renaming) renamed(name string) string {
	if rest, found := strings.CutPrefix(name, r.old); found && (rest == "" || rest[0] == '/') {
		return r.path + rest
	}
	return name
}

// version returns a version that fits the new path: one of /v2 is v2. The modules here name each
// other with versions that stand for a folder (replace), so that any will do.
func (r renaming) version(version string) string {
	_, major, _ := module.SplitPathVersion(r.path)
	if module.MatchPathMajor(version, major) {
		return version
	}
	return cmp.Or(module.PathMajorPrefix(major), "v0") + ".0.0"
}

// goMod changes the directives of a go.mod: the module's own, and those about it.
func (r renaming) goMod(name string, text []byte) ([]byte, error) {
	parsed, err := modfile.Parse(name, text, nil)
	if err != nil {
		return nil, err
	}
	rename := func(line *modfile.Line) {
		for i, word := range line.Token {
			line.Token[i] = r.renamed(word)
			if i > 0 && line.Token[i-1] == r.path && semver.IsValid(word) {
				line.Token[i] = r.version(word)
			}
		}
	}
	for _, statement := range parsed.Syntax.Stmt {
		switch statement := statement.(type) {
		case *modfile.Line:
			rename(statement)
		case *modfile.LineBlock:
			for _, line := range statement.Line {
				rename(line)
			}
		}
	}
	return modfile.Format(parsed.Syntax), nil
}

// goFile changes the imports of a Go file by what they are, and its comments and strings by the
// rule for words.
func (r renaming) goFile(name string, text []byte) ([]byte, error) {
	positions := token.NewFileSet()
	parsed, err := parser.ParseFile(positions, name, text, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	from := 0
	for _, each := range parsed.Imports {
		imported, err := strconv.Unquote(each.Path.Value)
		if err != nil {
			return nil, err
		}
		begin, end := positions.Position(each.Path.Pos()).Offset, positions.Position(each.Path.End()).Offset
		out.Write(r.text(text[from:begin]))
		out.WriteString(strconv.Quote(r.renamed(imported)))
		from = end
	}
	out.Write(r.text(text[from:]))
	if bytes.Equal(out.Bytes(), text) {
		return text, nil
	}
	return format.Source(out.Bytes()) // which puts the imports in order again
}
