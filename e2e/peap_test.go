package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// withEAP enables Debian's eap module, and the tunnel of docs/freeradius. The
// certificate is that of the folder tls.
func withEAP(token, tls string) func(dir string, f *frontend) {
	return func(dir string, f *frontend) {
		for from, to := range map[string]string{"/etc/freeradius/3.0/mods-available/eap": "mods-enabled/eap", "../docs/freeradius/inner-tunnel": "sites-enabled/inner-tunnel"} {
			text, err := os.ReadFile(from)
			require.NoError(f.t, err)
			require.NoError(f.t, os.WriteFile(filepath.Join(dir, to), text, 0o600))
		}
		f.replace(filepath.Join(dir, "sites-enabled/inner-tunnel"), map[string]string{"PUT-THE-TOKEN-HERE": token})
		f.replace(filepath.Join(dir, "mods-enabled/eap"), map[string]string{
			`private_key_file = .*`: "private_key_file = " + tls + "/server.key", `certificate_file = .*`: "certificate_file = " + tls + "/server.pem",
			`ca_file = .*`: "ca_file = " + tls + "/ca.pem",
		})
	}
}

// eap logs in as a device on a wireless network does, and gives what eapol_test
// prints.
func (f *frontend) eap(tls, method, inner, username, password string) string {
	f.t.Helper()
	out, _ := f.eapCommand(tls, method, inner, username, password, time.Minute).CombinedOutput() // which says itself how it went
	return string(out)
}

// eapCommand returns what logs in so, if there is an answer within the time.
func (f *frontend) eapCommand(tls, method, inner, username, password string, within time.Duration) *exec.Cmd {
	f.t.Helper()
	network := filepath.Join(f.t.TempDir(), "network")
	require.NoError(f.t, os.WriteFile(network, fmt.Appendf(nil, `network={
	key_mgmt=WPA-EAP
	eap=%s
	phase2="auth=%s"
	ca_cert="%s/ca.pem"
	anonymous_identity="anonymous"
	identity=%q
	password=%q
}
`, method, inner, tls, username, password), 0o600))
	return exec.CommandContext(f.t.Context(), "eapol_test", "-c", network, "-a", "127.0.0.1", "-p", fmt.Sprint(f.authPort), "-s", frontendSecret,
		"-t", fmt.Sprint(within.Seconds()), "-N", "30:s:office")
}

func TestPEAPAndTTLSAskVaultInTheTunnel(t *testing.T) {
	t.Parallel()
	v := startPlugin(t)
	v.write("auth/radius/config", map[string]any{"extauth": "local", "password_hash_cost": 1})
	v.write("auth/radius/profiles", map[string]any{
		"name": "Office", "short_name": "office",
		"check_attribute": []any{map[string]any{"attribute": "Called-Station-Id", "op": "==", "value": "office"}},
		"reply_attribute": []any{map[string]any{"attribute": "Reply-Message", "op": ":=", "value": "staff only"}},
	})
	const hash = "nt:891fc570507eef023cbfec043dd5f2b1"
	v.write("auth/radius/users/mia", map[string]any{"password_hash": hash, "expose_credential": true, "profiles": "office"})
	v.write("auth/radius/users/disabled", map[string]any{"password_hash": hash, "expose_credential": true, "enabled": false})
	v.write("auth/radius/users/secret", map[string]any{"password_hash": hash})
	v.write("auth/radius/users/bob", map[string]any{"password": "bob-password"})
	token := frontendToken(t, v)
	tls := t.TempDir()
	server, _ := identities(t)
	require.NoError(t, server.Write(tls, "server"))
	f := startFrontendWith(t, v, token, withEAP(token, tls))

	for _, test := range []struct {
		method, inner, username, password string
		accepted                          bool
	}{
		{"PEAP", "MSCHAPV2", "mia", "Cam0_liX", true},
		{"PEAP", "MSCHAPV2", "mia", "wrong", false},
		{"PEAP", "MSCHAPV2", "secret", "Cam0_liX", false},
		{"PEAP", "MSCHAPV2", "disabled", "Cam0_liX", false},
		{"TTLS", "PAP", "bob", "bob-password", true},
		{"TTLS", "PAP", "bob", "wrong", false},
	} {
		out := f.eap(tls, test.method, test.inner, test.username, test.password)
		lines := strings.Split(strings.TrimSpace(out), "\n")
		require.Equal(t, map[bool]string{true: "SUCCESS", false: "FAILURE"}[test.accepted], lines[len(lines)-1], "%v\n%s", test, out)
		if test.username == "mia" && test.accepted {
			require.Contains(t, out, "'staff only'")
		}
	}
	require.Contains(t, f.login("bob", "bob-password"), "Access-Accept", "without a tunnel as well")
	_, log := v.request("GET", "auth/radius/freeradius/postauth?username=mia", "", "")
	require.Contains(t, log, "Access-Accept")
}
