package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestVersionSaysWhetherFIPSModeIsOn(t *testing.T) {
	t.Parallel()
	require.Equal(t, "v1.2.3", describeVersion("v1.2.3", false, "latest"))
	require.Equal(t, "v1.2.3 (FIPS 140-3 mode, Go Cryptographic Module v1.0.0)", describeVersion("v1.2.3", true, "v1.0.0"))
}

// A binary that was downloaded says what it is, to those who run it by hand.
func TestBinarySaysWhatItIs(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "plugin")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", binary, ".").CombinedOutput()
	require.NoError(t, err, string(out))
	for _, argument := range []string{"-h", "--help"} {
		command := exec.CommandContext(t.Context(), binary, argument)
		stderr := &strings.Builder{}
		command.Stderr = stderr
		stdout, err := command.Output()
		require.NoError(t, err, "asking for help is no error: %s", stderr)
		require.Contains(t, string(stdout), "vault plugin register")
		require.Contains(t, string(stdout), "-version")
	}
	command := exec.CommandContext(t.Context(), binary, "--version")
	command.Env = append(command.Environ(), "GODEBUG=fips140=on")
	stdout, err := command.Output()
	require.NoError(t, err)
	require.Contains(t, string(stdout), "FIPS 140-3 mode")

	out, err = exec.CommandContext(t.Context(), binary, "-nonsense").CombinedOutput()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, 2, exit.ExitCode())
	require.Contains(t, string(out), "nonsense")
}
