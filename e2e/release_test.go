package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A release is verified and registered with the commands of docs/install.md, which print what it
// shows; a user logs in. One with a flipped bit is refused: by the script, and by Vault.
func TestReleaseIsVerifiedAndRegisteredAsTheDocumentSays(t *testing.T) {
	t.Parallel()
	dist := makeRelease(t)
	v := startVault(t)
	environment := append(os.Environ(), "HOME="+v.home, "VAULT_ADDR="+v.Client.Address(), "VAULT_TOKEN="+rootToken, "PATH="+vaultOnPath(t))
	run := func(folder string, step sessionStep) (string, error) {
		ctx, cancel := context.WithTimeout(t.Context(), readyWithin)
		defer cancel()
		command := exec.CommandContext(ctx, "bash", "-c", step.command)
		command.Dir, command.Env = folder, environment
		printed, err := command.CombinedOutput()
		return string(printed), err
	}
	replace := strings.NewReplacer("/etc/vault/plugins", filepath.Join(v.home, "plugins"),
		"scripts/verify-release.sh", filepath.Join(repositoryFolder(t), "scripts", "verify-release.sh"), "linux_amd64", "linux_"+runtime.GOARCH)
	text, err := os.ReadFile("../docs/install.md")
	require.NoError(t, err)
	verify := markedSession(t, replace.Replace(string(text)), "verify")
	install := markedSession(t, replace.Replace(string(text)), "install")
	register := markedSession(t, replace.Replace(string(text)), "register")

	archive := filepath.Join(dist, "vault-plugin-auth-radius_v0.1.0_linux_"+runtime.GOARCH+".tar.gz")
	damaged := t.TempDir()
	copyFile(t, filepath.Join(dist, "SHA256SUMS"), filepath.Join(damaged, "SHA256SUMS"))
	copyFlipped(t, archive, filepath.Join(damaged, filepath.Base(archive)))
	printed, err := run(damaged, verify[0])
	require.Error(t, err, printed)
	require.Contains(t, printed, "is damaged, or another file")

	for _, step := range slices.Concat(verify, install) {
		printed, err := run(dist, step)
		require.NoError(t, err, "%s\n%s", step.command, printed)
		requireShown(t, step, printed)
	}
	installed := filepath.Join(v.home, "plugins", "vault-plugin-auth-radius")
	copyFlipped(t, filepath.Join(dist, "linux_"+runtime.GOARCH, "vault-plugin-auth-radius"), installed)
	last := ""
	for _, step := range register {
		last, err = run(dist, step)
	}
	require.Error(t, err, "Vault has enabled a binary that is not the registered one")
	require.Contains(t, last, "checksum")

	for _, step := range slices.Concat(install, register) {
		printed, err := run(dist, step)
		require.NoError(t, err, "%s\n%s", step.command, printed)
		requireShown(t, step, printed)
	}
	v.write("auth/radius/config", map[string]any{"extauth": "local"})
	v.write("auth/radius/users/bob", map[string]any{"password": "bob-password", "policies": "dev"})
	require.ElementsMatch(t, []string{"default", "dev"}, v.login("auth/radius", "bob", "bob-password").Policies)
}

// makeRelease makes a release of this machine's platform, and returns its folder.
func makeRelease(t *testing.T) string {
	t.Helper()
	dist := filepath.Join(t.TempDir(), "dist")
	command := exec.CommandContext(t.Context(), "make", "-C", "..", "--no-print-directory", "release",
		"VERSION=v0.1.0", "RELEASE_PLATFORMS=linux/"+runtime.GOARCH, "DIST="+dist)
	command.Env = slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return strings.HasPrefix(name, "MAKE") || slices.Contains([]string{"MFLAGS", "GPG_KEY", "COSIGN_KEY"}, name)
	})
	out, err := command.CombinedOutput()
	require.NoError(t, err, string(out))
	return dist
}

func repositoryFolder(t *testing.T) string {
	t.Helper()
	folder, err := filepath.Abs("..")
	require.NoError(t, err)
	return folder
}

// copyFlipped copies a file with a bit flipped in its middle.
func copyFlipped(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	require.NoError(t, err)
	content[len(content)/2] ^= 1
	require.NoError(t, os.WriteFile(to, content, 0o755))
}

// markedSession returns the commands of the block after a comment such as <!-- test: verify -->, with
// what they are said to print.
func markedSession(t *testing.T, text, name string) []sessionStep {
	t.Helper()
	_, after, found := strings.Cut(text, "<!-- test: "+name+" -->\n```console\n")
	require.True(t, found, name)
	block, _, found := strings.Cut(after, "\n```")
	require.True(t, found, name)
	var session []sessionStep
	continued := false
	for line := range strings.SplitSeq(block, "\n") {
		command, isCommand := strings.CutPrefix(line, "$ ")
		switch {
		case isCommand:
			session = append(session, sessionStep{command: command})
		case continued:
			session[len(session)-1].command += "\n" + line
		default:
			session[len(session)-1].output = append(session[len(session)-1].output, line)
		}
		continued = strings.HasSuffix(line, `\`) && (isCommand || continued)
	}
	return session
}

// anySum is a SHA-256 in hexadecimal.
var anySum = regexp.MustCompile(`[0-9a-f]{64}`)

// requireShown fails unless a command has printed what the document shows, but for sums.
func requireShown(t *testing.T, step sessionStep, printed string) {
	t.Helper()
	shown := anySum.ReplaceAllString(strings.Join(step.output, "\n"), "SUM")
	require.Equal(t, shown, anySum.ReplaceAllString(strings.TrimSpace(printed), "SUM"), "docs/install.md: what %q prints", step.command)
}
