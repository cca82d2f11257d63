package e2e

import (
	"net/http"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
)

// Without a template FreeRADIUS sends every attribute, in JSON with octets above 127 as if
// they were Latin-1.
func TestFreeRADIUSWithoutATemplateIsUnderstood(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"json", "post"} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			fixture := startWithoutTemplate(t, body)
			fixture.run(t, "name and password may have any character", testOddNameWithoutTemplate)
			fixture.run(t, "attributes are checked", testChecksWithoutTemplate)
			fixture.run(t, "session is kept", testSessionWithoutTemplate)
		})
	}
}

const (
	latinName     = `zo"ë\€%{x}`
	latinPassword = `pä"s\s %{User-Name} €`
)

// startWithoutTemplate starts a FreeRADIUS whose requests to Vault have a body of FreeRADIUS's own.
func startWithoutTemplate(t *testing.T, body string) *freeRADIUSFixture {
	t.Helper()
	v := startPlugin(t)
	v.write("auth/radius/config", map[string]any{"extauth": "local", "password_hash_cost": 1})
	v.write("auth/radius/profiles", map[string]any{
		"name": "Office", "short_name": "office",
		"check_attribute": []any{
			map[string]any{"attribute": "NAS-Port", "op": ">=", "value": "7"},
			map[string]any{"attribute": "Called-Station-Id", "op": "==", "value": "Köln"},
		},
		"reply_attribute": []any{map[string]any{"attribute": "Reply-Message", "op": ":=", "value": "Hello %{User-Name}"}},
	})
	user := mustMarshal(t, map[string]any{"password": latinPassword})
	status, answer := v.request(http.MethodPost, "auth/radius/users/"+pathEscape(latinName), "application/json", user)
	require.Less(t, status, 300, answer)
	v.write("auth/radius/users/bob", map[string]any{"password": bobsPassword, "profiles": "office"})
	f := startFrontendWith(t, v, frontendToken(t, v), func(dir string, f *frontend) {
		f.replace(filepath.Join(dir, "mods-enabled/rest"), map[string]string{
			`(?m)^\s*data = '.*$`: "", `body = 'post'`: "body = '" + body + "'",
		})
	})
	return &freeRADIUSFixture{vault: v, frontend: f}
}

func testOddNameWithoutTemplate(t *testing.T, _ *vaultServer, f *frontend) {
	require.Equal(t, radius.CodeAccessAccept, f.outcome(latinName, latinPassword))
	require.Equal(t, radius.CodeAccessReject, f.outcome(latinName, latinPassword+"x"))
}

func testChecksWithoutTemplate(t *testing.T, _ *vaultServer, f *frontend) {
	accepted := f.login("bob", bobsPassword, "NAS-Port = 7", `Called-Station-Id = "Köln"`)
	require.Contains(t, accepted, `Reply-Message = "Hello bob"`)
	require.Contains(t, f.login("bob", bobsPassword, "NAS-Port = 6", `Called-Station-Id = "Köln"`), "Access-Reject")
}

func testSessionWithoutTemplate(t *testing.T, v *vaultServer, f *frontend) {
	require.Contains(t, f.account("Start", "s1", "Framed-IP-Address = 10.0.0.7"), "Accounting-Response")
	require.Contains(t, f.account("Stop", "s1", "Acct-Session-Time = 60", "Acct-Input-Octets = 7", "Acct-Input-Gigawords = 1",
		"Acct-Terminate-Cause = Idle-Timeout"), "Accounting-Response")
	found := v.sessions("username=bob")
	require.Len(t, found, 1)
	require.Equal(t, []any{"10.0.0.7", "Idle-Timeout", 60.0, float64(1<<32 + 7)}, []any{
		found[0]["framed_ip_address"], found[0]["terminate_cause"], found[0]["session_time"], found[0]["input_octets"],
	})
}
