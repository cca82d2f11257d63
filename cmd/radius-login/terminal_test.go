//go:build !windows

package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/daemontest"
)

// asCommand makes the test binary the command itself, for tests of a process of its own.
const asCommand = "RADIUS_LOGIN_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	os.Exit(m.Run())
}

// tooLate only ends what hangs.
const tooLate = time.Minute

// fakeVault answers each request with the next of its steps, and keeps what was sent.
type fakeVault struct {
	address string

	lock     sync.Mutex
	requests []fakeRequest
	steps    []step
}

type fakeRequest struct {
	path   string
	header http.Header
	body   map[string]any
}

// step answers a request.
type step func(w http.ResponseWriter, r *http.Request)

func answers(status int, body string) step {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

func challenges(id, message string, echo bool) step {
	text, _ := json.Marshal(map[string]any{"data": map[string]any{
		"challenge_id": id, "message": message, "echo": echo, "expires_in": 120,
	}})
	return answers(http.StatusOK, string(text))
}

func accepts() step {
	return answers(http.StatusOK, `{"auth":{"client_token":"hvs.fake","accessor":"fake-accessor","policies":["default","dev"],
		"token_policies":["default","dev"],"metadata":{"username":"carol","policies":""},"lease_duration":2764800,"renewable":true}}`)
}

func startFakeVault(t *testing.T, steps ...step) *fakeVault {
	t.Helper()
	fake := &fakeVault{steps: steps}
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	fake.address = server.URL
	return fake
}

func (f *fakeVault) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	request := fakeRequest{path: r.URL.Path, header: r.Header}
	_ = json.NewDecoder(r.Body).Decode(&request.body)
	f.lock.Lock()
	next := answers(http.StatusTeapot, "there is no step for this request")
	if n := len(f.requests); n < len(f.steps) {
		next = f.steps[n]
	}
	f.requests = append(f.requests, request)
	f.lock.Unlock()
	next(w, r)
}

func (f *fakeVault) seen() []fakeRequest {
	f.lock.Lock()
	defer f.lock.Unlock()
	return f.requests
}

// process is the command in a home of its own.
type process struct {
	t       *testing.T
	home    string
	command *exec.Cmd
}

// commandIn returns a process that is not started yet.
func commandIn(t *testing.T, home, vault string, arguments ...string) *process {
	t.Helper()
	command, err := daemontest.Self(t.Context(), arguments...)
	require.NoError(t, err)
	command.Env = []string{asCommand + "=1", "HOME=" + home, "VAULT_ADDR=" + vault, "GORACE=atexit_sleep_ms=0"}
	return &process{t: t, home: home, command: command}
}

// tokenFile returns what is stored; "" if nothing is.
func (p *process) tokenFile() string {
	p.t.Helper()
	text, err := os.ReadFile(filepath.Join(p.home, ".vault-token"))
	if os.IsNotExist(err) {
		return ""
	}
	require.NoError(p.t, err)
	return string(text)
}

// terminal is a pseudo-terminal that a process runs at.
type terminal struct {
	*process
	user  *os.File // the user's end
	other *os.File // the process's end
	modes terminalModes

	lock    sync.Mutex
	screen  bytes.Buffer
	changed chan struct{}
	done    chan struct{} // closed when the screen has all
}

// atTerminal starts the command with a terminal as its standard input, output and error.
func atTerminal(t *testing.T, vault *fakeVault, arguments ...string) *terminal {
	t.Helper()
	process := commandIn(t, t.TempDir(), vault.address, arguments...)
	user, other, err := pty.Open()
	require.NoError(t, err)
	modes, err := modesOf(int(other.Fd()))
	require.NoError(t, err)
	term := &terminal{process: process, user: user, other: other, modes: *modes, changed: make(chan struct{}, 1), done: make(chan struct{})}
	process.command.Stdin, process.command.Stdout, process.command.Stderr = other, other, other
	process.command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	require.NoError(t, process.command.Start())
	go func() {
		defer close(term.done)
		term.follow()
	}()
	t.Cleanup(func() {
		_ = other.Close()
		_ = user.Close()
		<-term.done
		if t.Failed() {
			t.Logf("the screen:\n%q", term.shown())
		}
	})
	return term
}

// follow keeps what the process shows.
func (s *terminal) follow() {
	block := make([]byte, 1024)
	for {
		n, err := s.user.Read(block)
		s.lock.Lock()
		s.screen.Write(block[:n])
		s.lock.Unlock()
		select {
		case s.changed <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

func (s *terminal) shown() string {
	s.lock.Lock()
	defer s.lock.Unlock()
	return s.screen.String()
}

// await waits until the screen has the text.
func (s *terminal) await(text string) {
	s.t.Helper()
	deadline := time.After(tooLate)
	for !strings.Contains(s.shown(), text) {
		select {
		case <-s.changed:
		case <-deadline:
			s.t.Fatalf("the screen does not show %q", text)
		}
	}
}

func (s *terminal) types(text string) {
	s.t.Helper()
	_, err := s.user.WriteString(text)
	require.NoError(s.t, err)
}

// ends waits for the end of the process, and until the screen has all of it. The terminal has to
// be what it was.
func (s *terminal) ends(code int) {
	s.t.Helper()
	_ = s.command.Wait()
	require.Equal(s.t, code, s.command.ProcessState.ExitCode())
	modes, err := modesOf(int(s.other.Fd()))
	require.NoError(s.t, err)
	require.Equal(s.t, s.modes, *modes)
	require.NoError(s.t, s.other.Close())
	<-s.done
}
