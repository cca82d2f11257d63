package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"

	"vault-plugin-auth-radius/internal/fipstest"
)

const secret = "testing123"

// logBuffer is written by the server and read by the test.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// address reads the line that says where the server listens.
func address(tb testing.TB, stdout io.Reader) string {
	tb.Helper()
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(tb, err)
	address, found := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "listening on ")
	require.True(tb, found, "%q", line)
	return address
}

// startServer runs the server on a free port until the test ends.
func startServer(t *testing.T, flags ...string) (to string, stderr *logBuffer) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	read, write := io.Pipe()
	stderr = &logBuffer{}
	code := make(chan int, 1)
	go func() { code <- run(ctx, append([]string{"-listen", "127.0.0.1:0"}, flags...), write, stderr) }()
	t.Cleanup(func() {
		cancel()
		require.Equal(t, exitOK, <-code)
	})
	return address(t, read), stderr
}

// ask logs in and returns the answer, checked against its authenticator.
func ask(tb testing.TB, to, username, password string, state []byte) *radius.Packet {
	tb.Helper()
	packet := radius.New(radius.CodeAccessRequest, []byte(secret))
	require.NoError(tb, rfc2865.UserName_SetString(packet, username))
	require.NoError(tb, rfc2865.UserPassword_SetString(packet, password))
	if state != nil {
		require.NoError(tb, rfc2865.State_Set(packet, state))
	}
	request, err := packet.Encode()
	require.NoError(tb, err)
	conn, err := net.Dial("udp", to)
	require.NoError(tb, err)
	defer conn.Close()
	require.NoError(tb, conn.SetDeadline(time.Now().Add(time.Minute)))
	_, err = conn.Write(request)
	require.NoError(tb, err)
	buffer := make([]byte, radius.MaxPacketLength)
	n, err := conn.Read(buffer)
	require.NoError(tb, err)
	require.True(tb, radius.IsAuthenticResponse(buffer[:n], request, []byte(secret)))
	answer, err := radius.Parse(buffer[:n], []byte(secret))
	require.NoError(tb, err)
	return answer
}

func TestServerKnowsItsUsers(t *testing.T) {
	t.Parallel()
	to, stderr := startServer(t)

	alice := ask(t, to, "alice", "alice-password", nil)
	require.Equal(t, radius.CodeAccessAccept, alice.Code)
	require.Equal(t, "staff", rfc2865.Class_GetString(alice))
	require.Equal(t, "vpn-users", rfc2865.FilterID_GetString(alice))

	bob := ask(t, to, "bob", "bob-password", nil)
	require.Equal(t, radius.CodeAccessAccept, bob.Code)
	require.Equal(t, "admins", rfc2865.Class_GetString(bob))
	require.Equal(t, radius.CodeAccessReject, ask(t, to, "bob", "alice-password", nil).Code)

	carol := ask(t, to, "carol", "carol-password", nil)
	require.Equal(t, radius.CodeAccessChallenge, carol.Code)
	require.Equal(t, radius.CodeAccessAccept, ask(t, to, "carol", "123456", rfc2865.State_Get(carol)).Code)

	log := stderr.String()
	require.Contains(t, log, `Access-Request "alice" from 127.0.0.1:`)
	require.Contains(t, log, "copy 1: Access-Accept")
	require.Contains(t, log, "copy 1: Access-Reject")
	require.Contains(t, log, "copy 1: Access-Challenge")
	for _, hidden := range []string{"-password", "123456", secret} {
		require.NotContains(t, log, hidden)
	}
}

func TestDiscardedRequestsAreLogged(t *testing.T) {
	t.Parallel()
	to, stderr := startServer(t)
	conn, err := net.Dial("udp", to)
	require.NoError(t, err)
	defer conn.Close()
	_, err = conn.Write([]byte("noise"))
	require.NoError(t, err)
	ask(t, to, "bob", "bob-password", nil) // read after the noise
	require.Contains(t, stderr.String(), `discarded "" from 127.0.0.1:`)
}

func TestServerAnswersLate(t *testing.T) {
	t.Parallel()
	to, _ := startServer(t, "-delay", "50ms")
	began := time.Now()
	ask(t, to, "bob", "bob-password", nil)
	require.GreaterOrEqual(t, time.Since(began), 50*time.Millisecond)
}

func TestFlagsRefuse(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		flags []string
		want  string
	}{
		"every address":  {[]string{"-listen", "0.0.0.0:0"}, "use a loopback address"},
		"real address":   {[]string{"-listen", "192.0.2.1:1812"}, "use a loopback address"},
		"real IPv6":      {[]string{"-listen", "[2001:db8::1]:1812"}, "use a loopback address"},
		"any IPv6":       {[]string{"-listen", "[::]:0"}, "use a loopback address"},
		"no host":        {[]string{"-listen", ":1812"}, "give an IP address and a port"},
		"name":           {[]string{"-listen", "radius.example.net:1812"}, "give an IP address and a port"},
		"no secret":      {[]string{"-secret", ""}, "-secret is empty"},
		"too much loss":  {[]string{"-loss", "1.5"}, "-loss is 1.5"},
		"no number":      {[]string{"-loss", "NaN"}, "-loss is NaN"},
		"negative delay": {[]string{"-delay", "-1s"}, "-delay is -1s"},
		"argument":       {[]string{"18120"}, "unexpected argument"},
		"unknown flag":   {[]string{"-allow-remote"}, "-allow-remote"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			require.Equal(t, exitUsage, run(t.Context(), test.flags, &stdout, &stderr))
			require.Contains(t, stderr.String(), test.want)
			require.Empty(t, stdout.String())
		})
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	require.Equal(t, exitOK, run(t.Context(), []string{"-help"}, &stdout, &stderr))
	for _, flag := range []string{"-listen", "-secret", "-loss", "-seed", "-delay"} {
		require.Contains(t, stderr.String(), flag)
	}
}

func TestLossAndSeedAreApplied(t *testing.T) {
	t.Parallel()
	o, err := parse([]string{"-loss", "0.1", "-seed", "7"}, io.Discard)
	require.NoError(t, err)
	require.InDelta(t, 0.1, o.loss.Rate, 0)
	require.EqualValues(t, 7, o.loss.Seed)
}

func TestPortInUse(t *testing.T) {
	t.Parallel()
	to, _ := startServer(t)
	var stdout, stderr bytes.Buffer
	require.Equal(t, exitFault, run(t.Context(), []string{"-listen", to}, &stdout, &stderr))
	require.Contains(t, stderr.String(), "address already in use")
}

// TestBinaryEndsOnSignal builds and runs the real command.
func TestServerDoesNotStartWhereMD5IsForbidden(t *testing.T) {
	if !fipstest.Only(t) {
		return
	}
	var stdout, stderr bytes.Buffer
	require.Equal(t, exitFault, run(t.Context(), []string{"-listen", "127.0.0.1:0"}, &stdout, &stderr))
	require.Contains(t, stderr.String(), "start it without that variable")
	require.Empty(t, stdout.String())
}

func TestBinaryEndsOnSignal(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "radius-dev-server")
	output, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput() // #nosec G204 -- a test's own folder
	require.NoError(t, err, "%s", output)

	for _, signal := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		stderr := &logBuffer{}
		command := exec.CommandContext(t.Context(), binary, "-listen", "127.0.0.1:0") // #nosec G204 -- built above
		command.Stderr = stderr
		stdout, err := command.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, command.Start())
		to := address(t, stdout)
		require.Equal(t, radius.CodeAccessAccept, ask(t, to, "bob", "bob-password", nil).Code)
		require.NoError(t, command.Process.Signal(signal))
		require.NoError(t, command.Wait(), "exit 0 on %s", signal)
		require.Contains(t, stderr.String(), `"bob"`)
	}
}
