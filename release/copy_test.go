package main

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// repository is this one.
const repository = ".."

// copyRepository copies what git has, or would add, of this repository to a folder, and makes it
// a clone of one commit, which is the same each time.
func copyRepository(t *testing.T, folder string) {
	t.Helper()
	list, err := output(t.Context(), repository, nil, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	require.NoError(t, err)
	for _, name := range strings.FieldsFunc(list, func(r rune) bool { return r == 0 }) {
		copyFile(t, filepath.Join(repository, name), filepath.Join(folder, name))
	}
	for _, arguments := range [][]string{
		{"init", "--quiet", "--initial-branch=main"},
		{"add", "--all"},
		{"-c", "user.name=me", "-c", "user.email=me@example.org", "commit", "--quiet", "--no-verify", "--no-gpg-sign", "--message=all"},
		{"tag", "v0.1.0"},
	} {
		command := exec.CommandContext(t.Context(), "git", arguments...)
		command.Dir = folder
		command.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_SYSTEM="+os.DevNull,
			"GIT_AUTHOR_DATE=2026-01-02T03:04:05Z", "GIT_COMMITTER_DATE=2026-01-02T03:04:05Z")
		out, err := command.CombinedOutput()
		require.NoError(t, err, "git %s: %s", arguments, out)
	}
}

// copyFile copies a file with its permissions; one that was deleted and is not committed yet is left out.
func copyFile(t *testing.T, from, to string) {
	t.Helper()
	info, err := os.Stat(from)
	if os.IsNotExist(err) {
		return
	}
	require.NoError(t, err)
	content, err := os.ReadFile(from)
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Dir(to), 0o755))
	require.NoError(t, os.WriteFile(to, content, info.Mode().Perm()))
}

// makeRelease runs make release in a folder, with variables beside those of this process, and the umask
// that UMASK has.
func makeRelease(ctx context.Context, folder string, variables ...string) error {
	arguments := []string{"--no-print-directory", "release", "VERSION=v0.1.0"}
	environment := withoutMake(os.Environ())
	for _, variable := range variables {
		if strings.HasPrefix(variable, "RELEASE_") || strings.HasPrefix(variable, "DIST=") {
			arguments = append(arguments, variable)
		} else {
			environment = append(environment, variable)
		}
	}
	_, err := output(ctx, folder, environment, "sh", append([]string{"-c", `umask "${UMASK:-022}" && exec make "$@"`, "sh"}, arguments...)...)
	return err
}

// withoutMake returns an environment without what a make that runs these tests has put there.
func withoutMake(environment []string) []string {
	var out []string
	for _, variable := range environment {
		if !strings.HasPrefix(variable, "MAKE") && !strings.HasPrefix(variable, "MFLAGS=") {
			out = append(out, variable)
		}
	}
	return out
}

// contentOf returns the files below a folder, by path.
func contentOf(t *testing.T, folder string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	require.NoError(t, fs.WalkDir(os.DirFS(folder), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		all[path], err = os.ReadFile(filepath.Join(folder, path))
		return err
	}))
	return all
}
