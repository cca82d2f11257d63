package e2e

import (
	"encoding/base32"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/daemontest"
)

// startTOTPRecipe runs a real FreeRADIUS with the sections of docs/second-factor.md and a user with
// a TOTP, and returns its port.
func startTOTPRecipe(t testing.TB, name, password string, key []byte) (port int) {
	t.Helper()
	document, err := os.ReadFile("../docs/second-factor.md")
	require.NoError(t, err)
	_, after, found := strings.Cut(string(document), "```unlang\n")
	require.True(t, found)
	sections, _, _ := strings.Cut(after, "```\n")
	program, err := daemontest.FindProgram("FreeRADIUS", "freeradius", []string{"freeradius", "/usr/sbin/freeradius"})
	require.NoError(t, err)
	port, err = daemontest.FreePort(t.Context())
	require.NoError(t, err)

	dir := t.TempDir()
	secret := base32.StdEncoding.EncodeToString(key)
	users := fmt.Sprintf("%s Cleartext-Password := %q, TOTP-Secret := %q\n", name, password, secret)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "users"), []byte(users), 0o600))
	config := fmt.Sprintf(totpRecipeConfig, radiusSecret, filepath.Join(dir, "users"), port, sections)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "radiusd.conf"), []byte(config), 0o600))
	server := &daemontest.Daemon{
		Name: "FreeRADIUS", Program: program, Arguments: []string{"-f", "-d", dir, "-n", "radiusd", "-l", "stdout"},
		Ready: []string{"Ready to process requests"},
	}
	require.NoError(t, server.Start(t.Context()))
	t.Cleanup(func() {
		_ = server.Stop()
		if t.Failed() {
			t.Logf("the log of the recipe's FreeRADIUS:\n%s", server.Log())
		}
	})
	return port
}

// totpRecipeConfig is what Debian's packages have around the sections: the secret, the file of
// users, the port and the sections are put in.
const totpRecipeConfig = `
security {
	reject_delay = 0
}
log {
	auth = yes
}
proxy_requests = no
client loopback {
	ipaddr = 127.0.0.1
	secret = %s
}
modules {
	always handled {
		rcode = handled
	}
	always reject {
		rcode = reject
	}
	files {
		filename = %s
	}
	pap {
	}
	totp {
	}
}
server default {
	listen {
		type = auth
		ipaddr = 127.0.0.1
		port = %d
	}
%s
}
`
