package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"

	"vault-plugin-auth-radius/internal/radiustest"
)

// startChallenger runs a real FreeRADIUS that asks carol and dave for a code after the password,
// and erin and frank for none, and a tap before it.
func startChallenger(t testing.TB) *tap {
	t.Helper()
	server, err := radiustest.StartFreeRADIUS(t.Context(), t.TempDir(), radiustest.FreeRADIUSOptions{
		Secret: radiusSecret,
		Users:  map[string]string{"carol": "carol-password", "dave": "a,b", "erin": "a", "frank": "a,b"},
		Codes:  map[string]string{"carol": carolsCode, "dave": "654321"},
	})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, server.Stop())
		if t.Failed() {
			t.Logf("FreeRADIUS's log:\n%s", server.Log())
		}
	})
	return startTap(t, server.Port())
}

const accessDenied = "access denied by the authentication server"

func TestCodeIsTypedAfterThePassword(t *testing.T) {
	t.Parallel()
	upstream := startChallenger(t)
	v := startPlugin(t)
	config := configFor("127.0.0.1", upstream.port, map[string]any{"passcode_separator": ",", "lockout_threshold": 2})
	v.write("auth/radius/config", config)
	refused := func(name, password string) {
		t.Helper()
		status, text := v.refused("auth/radius/login/"+name, map[string]any{"password": password})
		require.Equal(t, http.StatusBadRequest, status)
		require.Equal(t, accessDenied, text)
	}

	t.Run("at the prompt of vault login", func(t *testing.T) {
		home := t.TempDir()
		screen := v.terminal(t, home, "login", "-method=radius", "username=carol")
		screen.answer("(will be hidden): ", "carol-password,"+carolsCode)
		require.NoError(t, screen.wait())
		require.Contains(t, screen.String(), "You are now authenticated")
		require.Equal(t, []string{"carol: carol-password", "carol: " + carolsCode + " with State"}, upstream.take())
		token, err := os.ReadFile(filepath.Join(home, ".vault-token"))
		require.NoError(t, err)
		self, err := v.as(string(token)).Auth().Token().LookupSelf()
		require.NoError(t, err)
		require.Equal(t, "radius-carol", self.Data["display_name"])
		_, err = v.as(string(token)).Auth().Token().RenewSelf(0)
		require.NoError(t, err)
		require.Empty(t, upstream.take(), "nothing is kept that a renewal could send")
	})

	t.Run("in the form of the web UI, and beside the password", func(t *testing.T) {
		for _, body := range []string{
			`{"password": "carol-password,123456"}`, `{"password": "carol-password", "totp": "123456"}`,
			`{"password": "carol-password", "passcode": "123456"}`,
		} {
			status, answer := v.request("POST", "auth/radius/login/carol", "application/json; charset=utf-8", body)
			require.Equal(t, http.StatusOK, status, answer)
			require.Contains(t, answer, `"client_token":"hvs.`)
			require.Len(t, upstream.take(), 2)
		}
		out, failure, err := v.cli("write", "-field=token", "auth/radius/login/carol",
			"password=carol-password", "totp=123456")
		require.NoError(t, err, failure)
		require.True(t, strings.HasPrefix(out, "hvs."))
		require.Len(t, upstream.take(), 2)
	})

	t.Run("a wrong code is one failed login", func(t *testing.T) {
		for _, passcode := range []string{"999999", carolsCode, "999999", "999998"} {
			body := map[string]any{"password": "carol-password," + passcode}
			_, err := v.Client.Logical().Write("auth/radius/login/carol", body)
			require.Equal(t, passcode == carolsCode, err == nil, passcode)
		}
		require.Len(t, upstream.take(), 8)
		refused("carol", "carol-password,123456")
		require.Empty(t, upstream.take(), "two in a row lock the name out")
		require.NoError(t, unlock(v, "carol"))
	})

	t.Run("passwords with the separator", func(t *testing.T) {
		v.login("auth/radius", "frank", "a,b")
		require.Equal(t, []string{"frank: a,b"}, upstream.take())
		v.login("auth/radius", "dave", "a,b,654321")
		require.Equal(t, []string{"dave: a,b", "dave: 654321 with State"}, upstream.take())
		step := v.write("auth/radius/login/dave", map[string]any{"password": "a,b"})
		require.Nil(t, step.Auth)
		require.NotEmpty(t, step.Data["challenge_id"])
		require.Equal(t, []string{"dave: a,b"}, upstream.take())
	})

	t.Run("a code that is not asked for", func(t *testing.T) {
		const reason = "a code came with the password, and the source does not ask for one: see passcode_unasked"
		for range 3 {
			refused("erin", "a,123456") // it counts as no failed login
		}
		require.Equal(t, []string{"erin: a", "erin: a", "erin: a"}, upstream.take())
		line := v.log.awaitMatch(t, 0, regexp.MustCompile(`login refused.*username=erin.*\n`))[0]
		require.Contains(t, line, reason)
		attempts, err := v.Client.Logical().ReadWithData("auth/radius/attempts", map[string][]string{"user": {"erin"}})
		require.NoError(t, err)
		require.Contains(t, fmt.Sprint(attempts.Data["attempts"]), reason)
		explained := v.write("auth/radius/explain", map[string]any{"username": "erin", "password": "a,123456", "ask": true})
		require.Equal(t, "passcode_unasked", explained.Data["class"])
		require.Equal(t, "refused", explained.Data["verdict"])
		require.Equal(t, reason, explained.Data["reason"])
		v.login("auth/radius", "erin", "a")
		v.write("auth/radius/config", map[string]any{"passcode_unasked": "ignore"})
		v.login("auth/radius", "erin", "a,123456")
		upstream.take()
	})

	t.Run("through a FreeRADIUS that keeps its users in Vault", func(t *testing.T) {
		v.write("auth/radius/config", map[string]any{"passcode_unasked": "refuse"})
		v.write("auth/radius/freeradius/config", map[string]any{"use_radius_sources": true, "authorize_reject": true})
		f := startFrontend(t, v)
		require.Equal(t, radius.CodeAccessAccept, f.outcome("carol", "carol-password,"+carolsCode))
		require.Equal(t, []string{"carol: carol-password", "carol: " + carolsCode + " with State"}, upstream.take())
		require.Equal(t, radius.CodeAccessReject, f.outcome("carol", "carol-password"), "a challenge cannot be handed on")
		require.Equal(t, radius.CodeAccessReject, f.outcome("carol", "carol-password,999999"))
		require.Equal(t, radius.CodeAccessReject, f.outcome("erin", "a,123456"))
		require.NoError(t, unlock(v, "carol"))
		upstream.take()
	})

	t.Run("with the TOTP of the document's FreeRADIUS", func(t *testing.T) {
		key := []byte("1234567890")
		recipe := startTap(t, startTOTPRecipe(t, "carol", "carol-password", key))
		v.write("auth/radius/extauth", map[string]any{
			"type": "radius", "name": "totp", "host": "127.0.0.1", "port": recipe.port, "secret": radiusSecret,
			"nasid": "vault", "realms": "totp", "strip_realm": true, "passcode_separator": ",",
		})
		require.NoError(t, inOnePeriod(func() error {
			recipe.take()
			body := map[string]any{"password": "carol-password," + timedCode(t, key)}
			_, err := v.Client.Logical().Write("auth/radius/login/carol@totp", body)
			return err
		}))
		require.Len(t, recipe.take(), 2)
		require.NoError(t, inOnePeriod(func() error {
			step := v.write("auth/radius/login/carol@totp", map[string]any{"password": "carol-password"}).Data
			require.Equal(t, "Code of your authenticator app", step["message"])
			answer := map[string]any{"password": timedCode(t, key), "challenge_id": step["challenge_id"]}
			_, err := v.Client.Logical().Write("auth/radius/login/carol@totp", answer)
			return err
		}))
		refused("carol@totp", "carol-password,000000")
		refused("carol@totp", "wrong,"+timedCode(t, key))

		forged := radius.New(radius.CodeAccessRequest, []byte(radiusSecret))
		require.NoError(t, rfc2865.UserName_SetString(forged, "carol"))
		require.NoError(t, rfc2865.UserPassword_SetString(forged, timedCode(t, key)))
		require.NoError(t, rfc2865.State_SetString(forged, "0123456789abcdef"))
		reply, err := radius.Exchange(t.Context(), forged, fmt.Sprintf("127.0.0.1:%d", recipe.port))
		require.NoError(t, err)
		require.Equal(t, radius.CodeAccessReject, reply.Code, "a code without the password")
	})

	t.Run("without a separator nothing is taken apart", func(t *testing.T) {
		v.write("auth/radius/config", map[string]any{"passcode_separator": "", "lockout_threshold": 0})
		refused("erin", "a,123456")
		refused("carol", "carol-password,123456")
		require.Equal(t, []string{"erin: a,123456", "carol: carol-password,123456"}, upstream.take())
	})

	t.Run("sources have separators of their own", func(t *testing.T) {
		for kind, separator := range map[string]string{"radius": "+", "cerb": "::"} {
			v.write("auth/radius/extauth", map[string]any{
				"type": kind, "name": kind, "host": "127.0.0.1", "port": upstream.port, "secret": radiusSecret,
				"nasid": "vault", "realms": kind, "strip_realm": true, "passcode_separator": separator,
			})
			require.Equal(t, separator, v.read("auth/radius/extauth/" + kind)["passcode_separator"])
			v.login("auth/radius", "carol@"+kind, "carol-password"+separator+carolsCode)
			require.Equal(t, []string{"carol: carol-password", "carol: " + carolsCode + " with State"}, upstream.take())
			refused("carol@"+kind, "carol-password,"+carolsCode)
			require.Equal(t, []string{"carol: carol-password," + carolsCode}, upstream.take())
		}
	})
}

// unlock ends the lockout of a name.
func unlock(v *vaultServer, name string) error {
	_, err := v.Client.Logical().Write("auth/radius/unlock/"+name, nil)
	return err
}

func TestNeitherCodeNorPasswordIsLoggedOrRead(t *testing.T) {
	t.Parallel()
	const password, passcode, wrong = "correct-horse-5b1d", "83471199", "83471198"
	processes := make(chan []string, 1) // command lines, while the first login waits
	server := startRADIUS(t, radiustest.Options{Handler: func(r *radiustest.Request) []radiustest.Answer {
		switch {
		case r.State() == nil && r.Password() == password:
			return []radiustest.Answer{r.Challenge([]byte("state"), "Code?")}
		case r.Password() == passcode:
			select {
			case processes <- commandLines():
			default:
			}
			return []radiustest.Answer{r.Accept()}
		}
		return []radiustest.Answer{r.Reject("no " + r.Password())}
	}})
	v := startPlugin(t)
	audit := filepath.Join(v.home, "audit.log")
	v.write("sys/audit/file", map[string]any{"type": "file", "options": map[string]any{"file_path": audit}})
	v.write("auth/radius/config", configFor(server.Host(), server.Port(), map[string]any{"passcode_separator": ","}))
	screen := v.terminal(t, t.TempDir(), "login", "-no-print", "-method=radius", "username=carol")
	screen.answer("(will be hidden): ", password+","+passcode)
	require.NoError(t, screen.wait())
	lines := <-processes
	require.NotEmpty(t, lines)
	for _, line := range lines {
		require.NotContains(t, line, password)
		require.NotContains(t, line, passcode)
	}

	v.write("auth/radius/users/local", map[string]any{"extauth": "local", "password": password})
	var said []string
	for _, body := range []map[string]any{
		{"username": "carol", "password": password + "," + wrong},
		{"username": "carol", "password": password, "passcode": wrong},
		{"username": "carol", "password": password, "totp": []string{wrong}},
		{"username": "carol", "password": password, "totp": wrong, "passcode": passcode},
		{"username": "carol", "password": password, "passcode": passcode + "\x00"},
		{"username": "carol", "password": password, "passcode": strings.Repeat(passcode, 20)},
		{"username": "carol", "challenge_id": "x", "password": password, "passcode": passcode},
		{"username": "local", "password": password, "passcode": passcode},
		{"username": "carol", "password": "x" + password + "," + passcode},
	} {
		_, text := v.refused("auth/radius/login", body)
		said = append(said, text)
	}
	v.write("auth/radius/config", map[string]any{"passcode_unasked": "ignore"})
	v.write("auth/radius/login/local", map[string]any{"password": password, "passcode": passcode})
	for _, typed := range []string{password + "," + wrong, password + "," + passcode} {
		for _, use := range []string{"login", "freeradius"} {
			body, err := json.Marshal(map[string]any{"username": "carol", "password": typed, "ask": true, "for": use})
			require.NoError(t, err)
			_, text := v.request("POST", "auth/radius/explain", "", string(body))
			said = append(said, text)
		}
	}
	for _, path := range []string{"metrics", "attempts", "status", "config"} {
		status, text := v.request("GET", "auth/radius/"+path, "", "")
		require.Equal(t, http.StatusOK, status)
		said = append(said, text)
	}
	recorded, err := os.ReadFile(audit)
	require.NoError(t, err)
	require.Contains(t, string(recorded), `"passcode":"hmac-sha256:`)
	v.log.await(t, "[TRACE]")
	for _, text := range append(said, string(recorded), v.log.String()) {
		require.NotContains(t, text, password)
		require.NotContains(t, text, passcode)
		require.NotContains(t, text, wrong)
	}
}

// commandLines returns the command lines of all processes.
func commandLines() (all []string) {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range files {
		line, _ := os.ReadFile(file) // the process may have ended
		all = append(all, string(line))
	}
	return all
}
