package radiustest

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

func newShell(t *testing.T, script string, ready ...string) *daemon {
	t.Helper()
	d := &daemon{
		name: "shell", program: "/bin/sh", arguments: []string{"-c", script},
		ready: ready, log: &watchedLog{}, ctx: t.Context(),
	}
	t.Cleanup(func() { _ = d.Stop() })
	return d
}

func TestDaemonIsReadyWhenItHasSaidSo(t *testing.T) {
	t.Parallel()
	d := newShell(t, "echo second; echo first; exec sleep 1000", "first", "second")
	require.NoError(t, d.start())
	require.Contains(t, d.Log(), "first")
	require.Contains(t, d.Log(), "second")
}

func TestDaemonThatEndsExplainsItself(t *testing.T) {
	t.Parallel()
	err := newShell(t, "echo half ready; exit 3", "half ready", "ready at last").start()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, 3, exit.ExitCode())
	require.ErrorContains(t, err, "half ready")

	err = newShell(t, "echo bind: Address already in use", "listening").start()
	require.ErrorIs(t, err, errPortTaken)
}

func TestMissingProgramsNameThePackage(t *testing.T) {
	t.Parallel()
	_, err := findProgram("FreeRADIUS", "freeradius", []string{"no-such-program", t.TempDir() + "/radiusd"})
	require.ErrorContains(t, err, "install the package freeradius")
}
