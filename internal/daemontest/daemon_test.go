package daemontest

import (
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func newShell(t *testing.T, script string, ready ...string) *Daemon {
	t.Helper()
	d := &Daemon{
		Name: "shell", Program: "/bin/sh", Arguments: []string{"-c", script},
		Ready: ready,
	}
	t.Cleanup(func() { _ = d.Stop() })
	return d
}

func TestDaemonIsReadyWhenItHasSaidSo(t *testing.T) {
	t.Parallel()
	d := newShell(t, "echo second; echo first; exec sleep 1000", "first", "second")
	require.NoError(t, d.Start(t.Context()))
	require.Contains(t, d.Log(), "first")
	require.Contains(t, d.Log(), "second")
}

func TestDaemonThatEndsExplainsItself(t *testing.T) {
	t.Parallel()
	err := newShell(t, "echo half ready; exit 3", "half ready", "ready at last").Start(t.Context())
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, 3, exit.ExitCode())
	require.ErrorContains(t, err, "half ready")

	err = newShell(t, "echo bind: Address already in use", "listening").Start(t.Context())
	require.ErrorIs(t, err, ErrPortTaken)
}

func TestMissingProgramsNameThePackage(t *testing.T) {
	t.Parallel()
	_, err := FindProgram("FreeRADIUS", "freeradius", []string{"no-such-program", t.TempDir() + "/radiusd"})
	require.ErrorContains(t, err, "install the package freeradius")
}

// TestStubbornProgramIsKilled uses a shell that ignores SIGTERM.
func TestStubbornProgramIsKilled(t *testing.T) {
	t.Parallel()
	d := newShell(t, "trap '' TERM; echo ready; while :; do sleep 1; done", "ready")
	d.EndsWithin = 100 * time.Millisecond
	require.NoError(t, d.Start(t.Context()))
	var exit *exec.ExitError
	require.True(t, errors.As(d.Stop(), &exit))
	require.Equal(t, syscall.SIGKILL, exit.Sys().(syscall.WaitStatus).Signal())
}

// TestCrashedServerStartsAgain uses a shell that ends well when it is asked to.
func TestCrashedServerStartsAgain(t *testing.T) {
	t.Parallel()
	var output strings.Builder
	d := newShell(t, "trap 'echo ended well; exit' TERM; echo ready with $WORD; while :; do sleep 0.01; done", "ready")
	d.Environment, d.Output = []string{"WORD=a variable"}, &output
	require.NoError(t, d.Start(t.Context()))
	require.NoError(t, d.Crash())
	require.Zero(t, d.PID())
	require.NotContains(t, d.Log(), "ended well")
	require.NoError(t, d.Crash(), "of a server that is stopped")

	require.NoError(t, d.Start(t.Context()))
	require.NoError(t, d.Stop())
	require.Equal(t, "ready with a variable\nready with a variable\nended well\n", d.Log())
	require.Equal(t, d.Log(), output.String())
}

// A server that logs for days must not fill the memory of what runs it.
func TestOnlyTheLatestOfALogIsKept(t *testing.T) {
	t.Parallel()
	l := watchedLog{keep: 100}
	early := l.watch("line 3\n")
	for n := range 1000 {
		_, err := fmt.Fprintf(&l, "line %d\n", n)
		require.NoError(t, err)
		require.LessOrEqual(t, len(l.String()), 200)
	}
	<-early
	require.True(t, strings.HasSuffix(l.String(), "line 998\nline 999\n"))
	require.GreaterOrEqual(t, len(l.String()), 100)

	logged := l.length()
	require.Equal(t, len("line 0\n")*10+len("line 10\n")*90+len("line 100\n")*900, logged)
	late := l.watch("line 7\n")
	require.Empty(t, l.since(logged))
	_, err := io.WriteString(&l, strings.Repeat("-", 150)+"line 7\n")
	require.NoError(t, err)
	<-late
	require.True(t, strings.HasSuffix(l.since(logged), "-line 7\n"))
	require.Equal(t, l.String(), l.since(0))
}
