package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// serverScript runs scripts/vault.sh with a cache folder and a PATH of its own.
type serverScript struct {
	t     *testing.T
	cache string // the folder of the Vault that e2e/vault pins
	path  string // a folder on PATH
	tools string // another one, with what the script needs
}

func newServerScript(t *testing.T) serverScript {
	t.Helper()
	cached := sha256.New()
	for _, name := range []string{"go.mod", "go.sum", "main.go"} {
		content, err := os.ReadFile(filepath.Join("vault", name))
		require.NoError(t, err)
		cached.Write(content)
	}
	s := serverScript{t: t, path: t.TempDir(), tools: t.TempDir()}
	for _, tool := range []string{"bash", "sh", "dirname", "basename", "awk", "cut", "sha256sum", "shasum", "cat", "head", "mkdir", "mktemp", "rm", "flock"} {
		if path, err := exec.LookPath(tool); err == nil {
			require.NoError(t, os.Symlink(path, filepath.Join(s.tools, tool)))
		}
	}
	s.put(filepath.Join(s.tools, "go"), "go1.25.0") // too old: nothing is built
	folder := "vault-" + hex.EncodeToString(cached.Sum(nil))[:16]
	s.cache = filepath.Join(t.TempDir(), "vault-plugin-auth-radius", folder)
	return s
}

// put writes a program that prints a version and returns its path.
func (s serverScript) put(path, version string) string {
	s.t.Helper()
	require.NoError(s.t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(s.t, os.WriteFile(path, []byte("#!/bin/sh\necho '"+version+"'\n"), 0o700))
	return path
}

// run returns what the script prints.
func (s serverScript) run(argument string, environment ...string) (path, message string, err error) {
	s.t.Helper()
	command := exec.CommandContext(s.t.Context(), "bash", append([]string{"../scripts/vault.sh"}, strings.Fields(argument)...)...)
	command.Env = append([]string{
		"XDG_CACHE_HOME=" + filepath.Dir(filepath.Dir(s.cache)), "PATH=" + s.path + string(os.PathListSeparator) + s.tools,
	}, environment...)
	var problems strings.Builder
	command.Stderr = &problems
	printed, err := command.Output()
	return strings.TrimSpace(string(printed)), problems.String(), err
}

func TestServerIsTheOneThatIsNamedElseTheFullestThatIsThere(t *testing.T) {
	t.Parallel()
	s := newServerScript(t)
	mustRun := func(argument string, environment ...string) string {
		t.Helper()
		path, message, err := s.run(argument, environment...)
		require.NoError(t, err, message)
		return path
	}
	elsewhere := t.TempDir()
	bao := s.put(filepath.Join(elsewhere, "bao"), "OpenBao v2.6.2 (abc), built 2026-08-01")
	vault := s.put(filepath.Join(elsewhere, "vault-1.22"), "Vault v1.22.0")

	for _, argument := range []string{"", "--any"} {
		_, message, err := s.run(argument)
		require.Error(t, err)
		require.Contains(t, message, "Go 1.26 or newer is needed; this is go1.25.0", "nothing is there")
	}
	minimal := s.put(filepath.Join(s.cache, "minimal", "vault"), "Vault v1.21.1")
	require.Equal(t, minimal, mustRun("--any"))
	_, message, err := s.run("")
	require.Error(t, err, "tests need the full one: %s", message)

	onPath := s.put(filepath.Join(s.path, "bao"), "OpenBao v2.6.2")
	require.Equal(t, onPath, mustRun("--any"))
	onPath = s.put(filepath.Join(s.path, "vault"), "Vault v2.0.3")
	require.Equal(t, onPath, mustRun("--any"))

	full := s.put(filepath.Join(s.cache, "vault"), "Vault v1.21.1")
	for _, argument := range []string{"", "--any"} {
		require.Equal(t, full, mustRun(argument))
		require.Equal(t, full, mustRun(argument, "VAULT_BIN=", "BAO_BIN="))
		require.Equal(t, vault, mustRun(argument, "VAULT_BIN="+vault))
		require.Equal(t, bao, mustRun(argument, "BAO_BIN="+bao))
		require.Equal(t, bao, mustRun(argument, "VAULT_BIN="+bao), "the tests ask it what it is")
		require.Equal(t, onPath, mustRun(argument, "VAULT_BIN=vault"), "a name on PATH")
	}
	relative, err := filepath.Rel(mustAbsolute(t, "."), vault)
	require.NoError(t, err)
	require.Equal(t, vault, mustRun("", "VAULT_BIN="+relative))
	require.Equal(t, vault, mustRun("", "VAULT_BIN="+relative, "CDPATH=.:/"))
	spaced := s.put(filepath.Join(t.TempDir(), "a folder", "my vault"), "Vault v2.0.3")
	require.Equal(t, spaced, mustRun("", "VAULT_BIN="+spaced))
}

func TestServerThatCannotBeUsedIsRefused(t *testing.T) {
	t.Parallel()
	s := newServerScript(t)
	s.put(filepath.Join(s.cache, "vault"), "Vault v1.21.1")
	broken := filepath.Join(t.TempDir(), "vault")
	require.NoError(t, os.WriteFile(broken, []byte("#!/bin/sh\nexit 1\n"), 0o700))
	other := s.put(filepath.Join(t.TempDir(), "terraform"), "Terraform v1.12.0")
	for name, refused := range map[string]struct {
		environment []string
		message     string
	}{
		"missing":       {[]string{"VAULT_BIN=/no/such/vault"}, "VAULT_BIN is /no/such/vault, which is no program"},
		"broken":        {[]string{"BAO_BIN=" + broken}, "BAO_BIN is " + broken + ", and `" + broken + " version` shows none"},
		"another":       {[]string{"VAULT_BIN=" + other}, "VAULT_BIN is " + other + ", and `" + other + " version` shows none"},
		"both":          {[]string{"VAULT_BIN=" + broken, "BAO_BIN=" + broken}, "both set"},
		"not a program": {[]string{"VAULT_BIN=" + s.cache}, "which is no program"},
	} {
		path, message, err := s.run("--any", refused.environment...)
		require.Error(t, err, name)
		require.Empty(t, path, name)
		require.Contains(t, message, refused.message, name)
	}
}

func mustAbsolute(t *testing.T, path string) string {
	t.Helper()
	absolute, err := filepath.Abs(path)
	require.NoError(t, err)
	return absolute
}
