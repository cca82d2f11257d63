//go:build protocol

package profile

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"

	"vault-plugin-auth-radius/internal/daemontest"
	"vault-plugin-auth-radius/internal/dictionary"
)

// The table is what it says it is: FreeRADIUS treats each row as we do, but for
// those that are marked.
func TestFreeRADIUSFollowsTheTable(t *testing.T) {
	t.Parallel()
	var users strings.Builder
	for i, row := range table {
		if !row.failsToLoad {
			users.WriteString(entries(i, row))
		}
	}
	server := startFreeRADIUS(t, users.String())
	for i, row := range table {
		for _, login := range row.logins {
			if row.failsToLoad {
				continue
			}
			want := login.want
			if login.freeRADIUS != nil {
				want = *login.freeRADIUS
			}
			require.Equal(t, want, server.ask(t, userOf(i), attributes(t, login.request...)), "%s, asked %q", row, login.request)
		}
	}
}

func TestFreeRADIUSDoesNotLoadWhatTheTableSaysSo(t *testing.T) {
	t.Parallel()
	for i, row := range table {
		if row.failsToLoad {
			_, log, err := loadFreeRADIUS(t, "-C", entries(i, row))
			require.Error(t, err, "%s", row)
			require.Contains(t, log, "Parse error (check) for entry "+userOf(i), "%s", row)
		}
	}
}

func userOf(row int) string { return fmt.Sprintf("row%d", row) }

// entries are the profiles of a row in the syntax of the users file: one entry
// for each, of a user of their own.
func entries(index int, row tableRow) string {
	var text strings.Builder
	for i, definition := range row.profiles {
		check, reply := written(definition.Check), written(definition.Reply)
		if i == 0 {
			check = append([]string{"Auth-Type := Accept"}, check...)
		}
		if i < len(row.profiles)-1 {
			reply = append(reply, "Fall-Through = Yes")
		}
		fmt.Fprintf(&text, "%s %s\n", userOf(index), strings.Join(check, ", "))
		if len(reply) > 0 {
			fmt.Fprintf(&text, "\t%s\n", strings.Join(reply, ", "))
		}
	}
	return text.String()
}

func written(items []Item) []string {
	var all []string
	for _, item := range items {
		value := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(item.Value)
		all = append(all, fmt.Sprintf("%s %s \"%s\"", item.Attribute, item.Operator, value))
	}
	return all
}

// freeRADIUS is a FreeRADIUS with a users file and no more.
type freeRADIUS struct{ address string }

const (
	freeRADIUSSecret = "testing123"
	freeRADIUSConfig = `
security {
	reject_delay = 0
}
proxy_requests = no
client loopback {
	ipaddr = 127.0.0.1
	secret = '%s'
}
modules {
	files {
		filename = '%s'
	}
	expiration {
	}
	logintime {
	}
}
server default {
	listen {
		type = auth
		ipaddr = 127.0.0.1
		port = %d
	}
	authorize {
		files
		expiration
		logintime
	}
}
`
)

// startFreeRADIUS starts a FreeRADIUS that ends with the test, with more variables in
// its environment.
func startFreeRADIUS(t *testing.T, users string, environment ...string) freeRADIUS {
	t.Helper()
	var log string
	for range daemontest.PortAttempts {
		port, started, err := loadFreeRADIUS(t, "-f", users, environment...)
		if err == nil {
			return freeRADIUS{fmt.Sprintf("127.0.0.1:%d", port)}
		}
		log = started
		require.Contains(t, log, "Address already in use")
	}
	t.Fatal(log)
	return freeRADIUS{}
}

// loadFreeRADIUS runs FreeRADIUS until it is ready, with -f, or has looked at
// its configuration, with -C. It ends with the test.
func loadFreeRADIUS(t *testing.T, mode, users string, environment ...string) (int, string, error) {
	t.Helper()
	dir := t.TempDir()
	usersFile := filepath.Join(dir, "users")
	require.NoError(t, os.WriteFile(usersFile, []byte(users), 0o600))
	port, err := daemontest.FreePort(t.Context())
	require.NoError(t, err)
	config := fmt.Sprintf(freeRADIUSConfig, freeRADIUSSecret, usersFile, port)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "radiusd.conf"), []byte(config), 0o600))

	program, err := exec.LookPath("freeradius")
	if err != nil {
		program = "/usr/sbin/freeradius" // not in every user's PATH
	}
	ctx, cancel := context.WithCancel(t.Context())
	command := exec.CommandContext(ctx, program, mode, "-d", dir, "-n", "radiusd", "-l", "stdout")
	command.Env = append(os.Environ(), environment...)
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = time.Minute
	output, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())

	var log strings.Builder
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		log.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), "Ready to process requests") {
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				_, _ = io.Copy(io.Discard, output)
				_ = command.Wait()
			}()
			t.Cleanup(func() { cancel(); <-ended })
			return port, log.String(), nil
		}
	}
	err = command.Wait()
	cancel()
	return port, log.String(), err
}

// ask sends an Access-Request and reads the outcome from the answer.
func (s freeRADIUS) ask(t *testing.T, user string, request []dictionary.Item) outcome {
	t.Helper()
	packet := radius.New(radius.CodeAccessRequest, []byte(freeRADIUSSecret))
	require.NoError(t, rfc2865.UserName_SetString(packet, user))
	keys := dictionary.Keys{Secret: packet.Secret, RequestAuthenticator: packet.Authenticator}
	encoded, err := dictionary.Standard().Encode(request, keys)
	require.NoError(t, err)
	packet.Attributes = append(packet.Attributes, encoded...)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	answer, err := radius.Exchange(ctx, packet, s.address)
	require.NoError(t, err)
	if answer.Code != radius.CodeAccessAccept {
		return no
	}
	result := yes
	for _, item := range dictionary.Standard().Decode(answer.Attributes, keys) {
		result.reply = append(result.reply, item.Attribute.PrintValue(item.Value))
	}
	return result
}
