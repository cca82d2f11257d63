package daemontest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestProgramRunsItselfInAnEmulatorIfThereIsOne(t *testing.T) {
	t.Setenv(emulatorVariable, "")
	direct, err := Self(t.Context(), "-test.list=^$")
	require.NoError(t, err)
	t.Setenv(emulatorVariable, "/usr/bin/emulator")
	emulated, err := Self(t.Context(), "-test.list=^$")
	require.NoError(t, err)
	require.Equal(t, append([]string{"/usr/bin/emulator"}, direct.Args...), emulated.Args)
	require.Equal(t, "-test.list=^$", direct.Args[1])
}
