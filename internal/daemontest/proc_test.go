package daemontest

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTimesOfProcessorsAreRead(t *testing.T) {
	t.Parallel()
	used, err := parseStat([]byte("42 (a) b) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0 12 0"))
	require.NoError(t, err)
	require.Equal(t, 3*time.Second, used)
	_, err = parseStat([]byte("42 (a) S 1 2"))
	require.ErrorContains(t, err, "too short")
	_, err = ProcessorTime(os.Getpid())
	require.NoError(t, err)
}

func TestProcessesAreFoundByTheirProgram(t *testing.T) {
	t.Parallel()
	program, err := os.Executable()
	require.NoError(t, err)
	found, err := ProcessesOf(program)
	require.NoError(t, err)
	require.Contains(t, found, os.Getpid())
}
