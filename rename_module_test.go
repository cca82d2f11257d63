package radiusauth

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/longtest"
)

// clone is a copy of this repository as it stands in the work tree, committed.
type clone struct {
	*testing.T
	folder string
}

func newClone(t *testing.T) clone {
	t.Helper()
	c := clone{t, t.TempDir()}
	listed, err := exec.CommandContext(t.Context(), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	require.NoError(t, err)
	for file := range strings.SplitSeq(strings.TrimRight(string(listed), "\x00"), "\x00") {
		info, err := os.Lstat(file)
		if os.IsNotExist(err) {
			continue
		}
		require.NoError(t, err)
		require.True(t, info.Mode().IsRegular(), file)
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		copied := filepath.Join(c.folder, file)
		require.NoError(t, os.MkdirAll(filepath.Dir(copied), 0o755))
		require.NoError(t, os.WriteFile(copied, text, info.Mode().Perm()))
	}
	c.run(".", "git", "init", "-q")
	c.commit()
	return c
}

// try runs a command in a folder of the clone, and returns what it printed.
func (c clone) try(folder, name string, arguments ...string) (string, error) {
	c.Helper()
	command := exec.CommandContext(c.Context(), name, arguments...)
	command.Dir = filepath.Join(c.folder, folder)
	command.Env = append(os.Environ(), "GOWORK=off", "CGO_ENABLED=0", "GOFLAGS=-trimpath -buildvcs=false", "MAKEFLAGS=")
	out, err := command.CombinedOutput()
	return string(out), err
}

func (c clone) run(folder, name string, arguments ...string) string {
	c.Helper()
	out, err := c.try(folder, name, arguments...)
	require.NoError(c, err, "%s %s: %s", name, arguments, out)
	return strings.TrimSpace(out)
}

func (c clone) commit() {
	c.Helper()
	c.run(".", "git", "add", "-A")
	c.run(".", "git", "-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false",
		"commit", "-q", "-m", "A clone")
}

// texts returns the files that git knows.
func (c clone) texts() map[string]string {
	c.Helper()
	texts := map[string]string{}
	for file := range strings.Lines(c.run(".", "git", "ls-files")) {
		file = strings.TrimSpace(file)
		texts[file] = readDocument(c.T, filepath.Join(c.folder, file))
	}
	return texts
}

// requireModules fails unless every module of the clone has its place below a path, but those that stand in
// for others, by their names.
func (c clone) requireModules(path string) {
	c.Helper()
	for _, folder := range modules(c.T) {
		if strings.HasPrefix(filepath.ToSlash(folder), "unlinked/") {
			continue
		}
		require.Equal(c, filepath.ToSlash(filepath.Join(path, folder)), c.run(folder, "go", "list", "-m"))
	}
}

// oldReference finds what names the module by the path that it has here, and not the plugin.
var oldReference = regexp.MustCompile(
	`(?m)(^|[^\w./@-])` + regexp.QuoteMeta(modulePath) + `(/(internal|radiuslogin|cmd|e2e|tools|release)\b|\.version)|` +
		`^(module|replace|import|\s+(\w+ )?")\s*` + regexp.QuoteMeta(modulePath) + `(["/ ]|$)`)

// Whoever publishes this gives it a path that can be fetched: everything builds and is found
// under that path then, and the plugin has its name still.
func TestRenamedModuleBuilds(t *testing.T) {
	t.Parallel()
	c := newClone(t)
	const path = "copy.example.org/you/vault-plugin-auth-radius"
	before := c.texts()
	require.Contains(t, c.run(".", "scripts/rename-module.sh", path), modulePath+" is now "+path)
	c.requireModules(path)
	for file, text := range c.texts() {
		require.NotRegexp(t, oldReference, text, file)
		if filepath.Ext(file) == ".md" || filepath.Ext(file) == ".sh" {
			require.Equal(t, before[file], strings.ReplaceAll(text, path, modulePath), file)
		}
	}
	require.Equal(t, before["README.md"], c.texts()["README.md"], "it names the plugin, not the module")

	c.run(".", "go", "list", "-test", "-deps", "./...") // fails where an import leads nowhere
	require.Contains(t, c.run(".", "make", "-n", "build", "VERSION=v7.8.9"), "-X "+path+".version=v7.8.9", "the linker's flag")
	c.importFrom(path)
	if longtest.Enabled() {
		c.run(".", "make", "-s", "build", "VERSION=v7.8.9")
		require.Equal(t, "v7.8.9", c.run(".", "bin/vault-plugin-auth-radius", "-version"))
		for _, folder := range modules(t) {
			if folder != "e2e/vault" { // all of Vault
				c.run(folder, "go", "vet", "./...")
			}
		}
		c.run(".", "go", "test", "-count=1", "-run", "Version|Linker|Internal|Rooms", ".")
		require.Empty(t, c.run(".", "go", "tool", "-modfile=tools/go.mod", "gofumpt", "-l", "."))
	}
}

// importFrom builds a program of another module that logs in with radiuslogin.
func (c clone) importFrom(path string) {
	c.Helper()
	program := filepath.Join(c.folder, ".program") // a folder that ./... leaves out
	require.NoError(c, os.MkdirAll(program, 0o755))
	for _, file := range []string{"go.mod", "go.sum"} {
		text := readDocument(c.T, filepath.Join(c.folder, file))
		require.NoError(c, os.WriteFile(filepath.Join(program, file), []byte(text), 0o600))
	}
	c.run(".program", "go", "mod", "edit", "-module=example.com/program", "-require="+path+"@v0.0.0", "-replace="+path+"=../")
	source := "package main\n\nimport \"" + path + "/radiuslogin\"\n\nfunc main() { println(radiuslogin.ErrInvalid.Error()) }\n"
	require.NoError(c, os.WriteFile(filepath.Join(program, "main.go"), []byte(source), 0o600))
	c.run(".program", "go", "build", "-o", "program", ".")
	c.run(".program", "./program")
	require.NoError(c, os.RemoveAll(program))
}

// A path with a domain names the module alone, so none of it may be left.
func TestModuleIsRenamedAgain(t *testing.T) {
	if !longtest.Enabled() {
		return // it reads all files of the repository often
	}
	t.Parallel()
	c := newClone(t)
	const first, second = "again.example.org/you/radius", "again.example.org/you/radius/v2"
	c.run(".", "scripts/rename-module.sh", first)
	c.commit()
	require.Contains(t, c.run(".", "scripts/rename-module.sh", first), "already")
	require.Empty(t, c.run(".", "git", "status", "--porcelain"))

	c.run(".", "scripts/rename-module.sh", second)
	c.requireModules(second)
	for file, text := range c.texts() {
		require.NotContains(t, strings.ReplaceAll(text, second, ""), first, file)
	}

	c.commit()
	c.run(".", "scripts/rename-module.sh", "example.net/other.auth")
	c.requireModules("example.net/other.auth")
	for file, text := range c.texts() {
		require.NotContains(t, text, first, file)
	}
	c.run(".", "go", "build", "-o", os.DevNull, "-ldflags", "-X example.net/other.auth.version=v1.0.0", "./radiuslogin", "./internal/longtest")
}

func TestModuleIsNotRenamedToWhatCannotBeFetched(t *testing.T) {
	t.Parallel()
	c := newClone(t)
	for _, path := range []string{
		"", "radius", "you/radius", "example.org/you/radius/v1", "https://example.org/you/radius", "example.org/you/ra dius",
		"example.org/../radius", "Example.org/you/radius",
	} {
		out, err := c.try(".", "scripts/rename-module.sh", path)
		require.Error(t, err, "%q: %s", path, out)
	}
	for _, arguments := range [][]string{{}, {"example.org/a", "example.org/b"}} {
		out, err := c.try(".", "scripts/rename-module.sh", arguments...)
		require.Error(t, err)
		require.Contains(t, out, "give one module path")
	}
	require.Empty(t, c.run(".", "git", "status", "--porcelain"))
}

func TestModuleIsNotRenamedOverChanges(t *testing.T) {
	t.Parallel()
	c := newClone(t)
	readme := filepath.Join(c.folder, "README.md")
	require.NoError(t, os.WriteFile(readme, []byte("changed\n"), 0o600))
	out, err := c.try(".", "scripts/rename-module.sh", "example.org/you/radius")
	require.Error(t, err)
	require.Contains(t, out, "not committed")
	require.Contains(t, out, "README.md")
	require.Equal(t, "M README.md", c.run(".", "git", "status", "--porcelain"))

	c.run(".", "scripts/rename-module.sh", "-force", "example.org/you/radius")
	c.requireModules("example.org/you/radius")
	require.Equal(t, "changed\n", readDocument(t, readme))
}
