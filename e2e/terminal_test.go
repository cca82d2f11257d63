package e2e

import (
	"io"
	"os"
	"os/exec"
	"regexp"
	"testing"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"
)

// terminal is a program that runs in a pseudo-terminal.
type terminal struct {
	*serverLog // what its screen shows
	t          *testing.T
	keyboard   *os.File
	command    *exec.Cmd
	read       chan struct{} // closed when all of the screen was read
	from       int           // what was answered ends there
}

// terminal runs the vault command in a terminal, as a person would who is not logged in.
func (v *vaultServer) terminal(t *testing.T, home string, arguments ...string) *terminal {
	t.Helper()
	return v.terminalOf(t, home, vaultBinary(t), arguments...)
}

// terminalOf is terminal with another program that knows VAULT_ADDR.
func (v *vaultServer) terminalOf(t *testing.T, home, program string, arguments ...string) *terminal {
	t.Helper()
	command := exec.CommandContext(t.Context(), program, arguments...)
	command.Env = append(clientEnvironment(home, v.Client.Address()), "TERM=dumb")
	keyboard, err := pty.StartWithSize(command, &pty.Winsize{Rows: 50, Cols: 200})
	require.NoError(t, err)
	s := &terminal{serverLog: newServerLog(), t: t, keyboard: keyboard, command: command, read: make(chan struct{})}
	go func() {
		defer close(s.read)
		_, _ = io.Copy(s.serverLog, keyboard) // until the program has ended: EIO
	}()
	t.Cleanup(func() {
		_ = keyboard.Close()
		<-s.read
	})
	return s
}

// answer waits for a prompt that was not answered yet, and types a line.
func (s *terminal) answer(prompt, line string) {
	s.t.Helper()
	s.awaitMatch(s.t, s.from, regexp.MustCompile(regexp.QuoteMeta(prompt)))
	s.from = s.length()
	_, err := s.keyboard.WriteString(line + "\n")
	require.NoError(s.t, err)
}

// wait waits for the program's end, and returns an error if it has failed.
func (s *terminal) wait() error {
	err := s.command.Wait()
	<-s.read
	if err != nil {
		s.t.Logf("the screen:\n%s", s)
	}
	return err
}
