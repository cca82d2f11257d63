package e2e

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"

	"vault-plugin-auth-radius/internal/daemontest"
)

// frontend is a real FreeRADIUS that keeps its users in Vault: Debian's
// configuration with the files of docs/freeradius.
type frontend struct {
	daemontest.Daemon
	t                  testing.TB
	authPort, acctPort int
	host               string        // that packets are sent to
	answersWithin      time.Duration // or there is none
}

// frontendPatience is how long FreeRADIUS works on a request: with Vault on a busy
// machine it may take its time.
const (
	frontendPatience = 25 * time.Second
	inTime           = frontendPatience + 5*time.Second
)

const frontendSecret = "testing123"

// startFrontend runs it with a token that may do what docs/freeradius/policy.hcl
// says.
func startFrontend(t testing.TB, v *vaultServer) *frontend {
	t.Helper()
	return startFrontendWith(t, v, frontendToken(t, v))
}

func frontendToken(t testing.TB, v *vaultServer) string {
	t.Helper()
	return frontendTokenAt(t, v, "radius")
}

// frontendTokenAt is frontendToken for another mount.
func frontendTokenAt(t testing.TB, v *vaultServer, mount string) string {
	t.Helper()
	text, err := os.ReadFile("../docs/freeradius/policy.hcl")
	require.NoError(t, err)
	policy := "freeradius-" + mount
	require.NoError(t, v.Client.Sys().PutPolicy(policy, strings.ReplaceAll(string(text), "auth/radius/", "auth/"+mount+"/")))
	token, err := v.Client.Auth().Token().Create(&api.TokenCreateRequest{Policies: []string{policy}, NoDefaultPolicy: true})
	require.NoError(t, err)
	return token.Auth.ClientToken
}

// startFrontendWith is startFrontend with a token, and changes of its configuration.
func startFrontendWith(t testing.TB, v *vaultServer, token string, changes ...func(dir string, f *frontend)) *frontend {
	t.Helper()
	return startFrontendAt(t, v.Client.Address(), token, changes...)
}

// startFrontendAt runs it with what answers at an address in place of Vault.
func startFrontendAt(t testing.TB, address, token string, changes ...func(dir string, f *frontend)) *frontend {
	t.Helper()
	program, err := daemontest.FindProgram("FreeRADIUS", "freeradius", []string{"freeradius", "/usr/sbin/freeradius"})
	require.NoError(t, err)
	f := &frontend{t: t, host: "127.0.0.1", answersWithin: inTime}
	f.authPort, err = daemontest.FreePort(t.Context())
	require.NoError(t, err)
	f.acctPort, err = daemontest.FreePort(t.Context())
	require.NoError(t, err)
	dir := filepath.Join(t.TempDir(), "raddb")
	require.NoError(t, os.CopyFS(dir, withoutLinks{os.DirFS("/etc/freeradius/3.0")}))
	f.replace(filepath.Join(dir, "radiusd.conf"), map[string]string{
		`(?m)^\s*(user|group) = freerad$`: "", `(?m)^logdir = .*$`: "logdir = " + dir, `(?m)^run_dir = .*$`: "run_dir = " + dir,
		`(?m)^db_dir = .*$`: "db_dir = " + dir, `(?m)^raddbdir = .*$`: "raddbdir = " + dir, `(?m)^\s*checkrad = .*$`: "", `(?m)^(\s*)reject_delay = 1$`: "reject_delay = 0",
	})
	for _, unused := range []string{"mods-enabled/eap", "sites-enabled/inner-tunnel", "sites-enabled/default", "mods-enabled/rest"} {
		require.NoError(t, os.RemoveAll(filepath.Join(dir, unused)))
	}
	for from, to := range map[string]string{"rest": "mods-enabled/rest", "default": "sites-enabled/default"} {
		text, err := os.ReadFile(filepath.Join("../docs/freeradius", from))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, to), text, 0o600))
	}
	f.replace(filepath.Join(dir, "mods-enabled/rest"), map[string]string{
		"https://vault.example.com:8200": address, `timeout = 3\.5`: fmt.Sprintf("timeout = %g", frontendPatience.Seconds()),
	})
	f.replace(filepath.Join(dir, "sites-enabled/default"), map[string]string{
		"PUT-THE-TOKEN-HERE": token, `ipaddr = \*`: "ipaddr = 127.0.0.1", `ipv6addr = ::`: "ipv6addr = ::1", `port = 1812`: fmt.Sprintf("port = %d", f.authPort), `port = 1813`: fmt.Sprintf("port = %d", f.acctPort),
	})
	for _, change := range changes {
		change(dir, f)
	}
	f.Daemon = daemontest.Daemon{
		Name: "FreeRADIUS", Program: program, Arguments: []string{"-f", "-d", dir, "-l", "stdout"}, Ready: []string{"Ready to process requests"},
	}
	require.NoError(t, f.Start(t.Context()))
	t.Cleanup(func() {
		_ = f.Stop()
		if t.Failed() {
			t.Logf("FreeRADIUS's log:\n%s", f.Log())
		}
	})
	return f
}

// withoutLinks shows Debian's folder with the files that its links lead to.
type withoutLinks struct{ fs.FS }

func (w withoutLinks) Open(name string) (fs.File, error) {
	file, err := w.FS.Open(name)
	if err != nil {
		return nil, err
	}
	return followed{file, name}, nil
}

// followed is a file or folder without symbolic links in it.
type followed struct {
	fs.File
	name string
}

func (f followed) ReadDir(n int) ([]fs.DirEntry, error) {
	entries, err := f.File.(fs.ReadDirFile).ReadDir(n)
	for i, entry := range entries {
		if entry.Type()&fs.ModeSymlink == 0 {
			continue
		}
		info, statErr := os.Stat(filepath.Join("/etc/freeradius/3.0", f.name, entry.Name()))
		if statErr != nil {
			return nil, statErr
		}
		entries[i] = fs.FileInfoToDirEntry(info)
	}
	return entries, err
}

func (f *frontend) replace(path string, changes map[string]string) {
	f.t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(f.t, err)
	for pattern, with := range changes {
		text = regexp.MustCompile(pattern).ReplaceAll(text, []byte(strings.ReplaceAll(with, "$", "$$")))
	}
	require.NoError(f.t, os.WriteFile(path, text, 0o600))
}

// address is where packets of the kind are sent to.
func (f *frontend) address(kind string) string {
	port := f.authPort
	if kind == "acct" {
		port = f.acctPort
	}
	return net.JoinHostPort(f.host, strconv.Itoa(port))
}

// ask sends a packet with radclient and gives what it prints.
func (f *frontend) ask(kind string, attributes ...string) string {
	f.t.Helper()
	command := exec.CommandContext(f.t.Context(), "radclient", "-x", "-r", "1", "-t", fmt.Sprint(f.answersWithin.Seconds()), f.address(kind), kind, frontendSecret)
	command.Stdin = strings.NewReader(strings.Join(attributes, "\n") + "\n")
	out, _ := command.CombinedOutput() // which says itself whether there was an answer
	_, answer, _ := strings.Cut(string(out), "\nReceived ")
	return answer
}

func (f *frontend) login(username, password string, more ...string) string {
	f.t.Helper()
	return f.ask("auth", append([]string{"User-Name = " + quoted(username), "User-Password = " + quoted(password), "Message-Authenticator = 0x00"}, more...)...)
}

// outcome logs in with any octets, which radclient would read as something else. It
// is 0 if there is no answer.
func (f *frontend) outcome(username, password string) radius.Code {
	f.t.Helper()
	if answer := f.answer(username, password); answer != nil {
		return answer.Code
	}
	return 0
}

// answer is nil if there is none.
func (f *frontend) answer(username, password string) *radius.Packet {
	f.t.Helper()
	packet := radius.New(radius.CodeAccessRequest, []byte(frontendSecret))
	require.NoError(f.t, rfc2865.UserName_SetString(packet, username))
	require.NoError(f.t, rfc2865.UserPassword_SetString(packet, password))
	ctx, cancel := context.WithTimeout(f.t.Context(), f.answersWithin)
	defer cancel()
	answer, err := radius.Exchange(ctx, packet, f.address("auth"))
	if errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	require.NoError(f.t, err, "%q", username)
	return answer
}

// quoted is a text as radclient reads it.
func quoted(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "%", "%").Replace(text) + `"`
}

func (f *frontend) account(status, session string, more ...string) string {
	f.t.Helper()
	return f.ask("acct", append([]string{
		"Acct-Status-Type = " + status, "Acct-Session-Id = " + quoted(session), "User-Name = bob", "NAS-IP-Address = 192.0.2.9", "NAS-Port = 7", "Calling-Station-Id = \"66-77\"",
	}, more...)...)
}
