//go:build !windows

package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestThreeRoundsAtATerminal(t *testing.T) {
	t.Parallel()
	vault := startFakeVault(t, challenges("1", "Enter your one-time code", false), challenges("2", "Your colour", true),
		challenges("3", "Confirm on your phone, then press Enter", false), accepts())
	s := atTerminal(t, vault)
	s.await("Username: ")
	s.types("carol\n")
	s.await("Password (will be hidden): ")
	s.types("hush-password\n")
	s.await("Enter your one-time code\r\nAnswer (will be hidden): ")
	s.types("987654\n")
	s.await("Your colour\r\nAnswer: ")
	s.types("turquoise\n")
	s.await("Confirm on your phone, then press Enter")
	cmdline, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(s.command.Process.Pid), "cmdline"))
	require.NoError(t, err)
	s.types("\n")
	s.ends(exitOK)

	require.Equal(t, 1, strings.Count(s.shown(), "turquoise"))
	for _, secret := range []string{"hush-password", "987654"} {
		require.NotContains(t, s.shown(), secret)
		require.NotContains(t, string(cmdline), secret)
	}
	require.Equal(t, "hvs.fake", s.tokenFile())
	file, err := os.Stat(filepath.Join(s.home, ".vault-token"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), file.Mode())
	require.Equal(t, "/v1/auth/radius/login/carol", vault.seen()[0].path)
	require.Equal(t, map[string]any{"username": "carol", "password": "hush-password"}, vault.seen()[0].body)
	require.Equal(t, map[string]any{"username": "carol", "challenge_id": "3", "password": ""}, vault.seen()[3].body)
}

// Who types faster than Vault answers sees nothing of it either.
func TestWhatIsTypedAheadIsNotShown(t *testing.T) {
	t.Parallel()
	typed := make(chan struct{})
	late := func(w http.ResponseWriter, r *http.Request) {
		<-typed
		challenges("1", "Enter your one-time code", false)(w, r)
	}
	vault := startFakeVault(t, late, accepts())
	s := atTerminal(t, vault, "username=carol")
	s.await("Password")
	s.types("hush-password\n987654\n")
	close(typed)
	s.ends(exitOK)
	require.NotContains(t, s.shown(), "987654")
	require.Equal(t, "987654", vault.seen()[1].body["password"])
}

func TestCtrlCAtAPromptLeavesNothing(t *testing.T) {
	t.Parallel()
	for name, typed := range map[string][]string{
		"username": {"Username: "},
		"password": {"Username: ", "carol\n", "Password"},
		"code":     {"Username: ", "carol\n", "Password", "hush-password\n", "Enter your one-time code"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := atTerminal(t, startFakeVault(t, challenges("1", "Enter your one-time code", false), accepts()))
			for i, text := range typed {
				if i%2 == 0 {
					s.await(text)
				} else {
					s.types(text)
				}
			}
			s.types("half\x03")
			s.ends(130)
			require.Empty(t, s.tokenFile())
			require.NotContains(t, s.shown(), "hush-password")
		})
	}
}

func TestCtrlCCallsTheRequestOff(t *testing.T) {
	t.Parallel()
	begun, calledOff := make(chan struct{}), make(chan struct{})
	vault := startFakeVault(t, func(_ http.ResponseWriter, r *http.Request) {
		close(begun)
		<-r.Context().Done()
		close(calledOff)
	})
	s := atTerminal(t, vault, "username=carol")
	s.await("Password")
	s.types("hush-password\n")
	<-begun
	s.types("\x03")
	s.ends(130)
	<-calledOff
	require.Empty(t, s.tokenFile())
}

func TestOtherSignalsLeaveASaneTerminalToo(t *testing.T) {
	t.Parallel()
	for signal, code := range map[syscall.Signal]int{syscall.SIGTERM: 143, syscall.SIGHUP: 129, syscall.SIGQUIT: 131} {
		s := atTerminal(t, startFakeVault(t), "username=carol")
		s.await("Password")
		require.NoError(t, s.command.Process.Signal(signal))
		s.ends(code)
		require.Empty(t, s.tokenFile())
	}
}

func TestWrongPasswordIsExitCode2(t *testing.T) {
	t.Parallel()
	refusal := answers(http.StatusBadRequest, `{"errors":["access denied by the authentication server"]}`)
	s := atTerminal(t, startFakeVault(t, refusal), "username=carol")
	s.await("Password")
	s.types("wrong-password\n")
	s.ends(exitFailed)
	require.Contains(t, s.shown(), "access denied by the authentication server")
	require.NotContains(t, s.shown(), "wrong-password")
	require.Empty(t, s.tokenFile())
}

func TestPushThatTakesTimeShowsProgress(t *testing.T) {
	t.Parallel()
	confirmed := make(chan struct{})
	vault := startFakeVault(t, func(w http.ResponseWriter, r *http.Request) {
		<-confirmed
		accepts()(w, r)
	})
	s := atTerminal(t, vault, "username=carol")
	s.await("Password")
	s.types("hush-password\n")
	const line = "Waiting for the server since 1 s. Ctrl-C ends the login."
	s.await("\r" + line)
	close(confirmed)
	s.ends(exitOK)
	require.Contains(t, s.shown(), "\r"+strings.Repeat(" ", len(line)), "the line is taken away")
	require.Equal(t, "hvs.fake", s.tokenFile())
}

func TestChallengeThatIsNotAnsweredInTimeEndsTheLogin(t *testing.T) {
	t.Parallel()
	vault := startFakeVault(t, answers(http.StatusOK, `{"data":{"challenge_id":"1","message":"Code","expires_in":2}}`))
	s := atTerminal(t, vault, "username=carol")
	s.await("Password")
	s.types("hush-password\n")
	s.ends(exitFailed)
	require.Contains(t, s.shown(), "was not typed in time")
	require.NotContains(t, s.shown(), "Waiting", "there is no request while the user is asked")
	require.Len(t, vault.seen(), 1)
}

func TestMessagesDoNotControlTheTerminal(t *testing.T) {
	t.Parallel()
	s := atTerminal(t, startFakeVault(t, challenges("1", "Code\x1b]0;title\x07\u202e", false), accepts()), "username=carol")
	s.await("Password")
	s.types("hush-password\n")
	s.await("Code]0;title\r\n")
	s.types("987654\n")
	s.ends(exitOK)
}

// A shell sets its own modes when Ctrl-Z gives it the terminal, and need not set ours with fg.
func TestInputIsHiddenAgainAfterTheProcessWasStopped(t *testing.T) {
	t.Parallel()
	s := atTerminal(t, startFakeVault(t, accepts()), "username=carol")
	s.await("Password")
	require.NoError(t, s.command.Process.Signal(syscall.SIGSTOP))
	require.NoError(t, setModes(int(s.other.Fd()), &s.modes))
	require.NoError(t, s.command.Process.Signal(syscall.SIGCONT))
	s.await("Password (will be hidden): \r\nPassword (will be hidden): ")
	s.types("hush-password\n")
	s.ends(exitOK)
	require.NotContains(t, s.shown(), "hush-password")
}
