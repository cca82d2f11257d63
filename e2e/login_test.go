package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/radiustest"
)

func TestPeopleLogInWithThePasswordThatFreeRADIUSChecks(t *testing.T) {
	t.Parallel()
	radius := startFreeRADIUS(t)
	v := startPlugin(t)
	v.write("auth/radius/config", configFor(radius.Host(), radius.Port(), map[string]any{
		"unregistered_user_policies": "guest", "token_policies": "base", "token_ttl": "1h",
	}))
	v.write("auth/radius/users/bob", map[string]any{"policies": "dev,ops"})
	require.NotContains(t, v.read("auth/radius/config"), "secret")

	t.Run("by path and by body", func(t *testing.T) {
		byPath := v.login("auth/radius", "bob", "bob-password")
		byBody := v.write("auth/radius/login", map[string]any{"username": "bob", "password": "bob-password"}).Auth
		for _, auth := range []struct{ policies []string }{{byPath.Policies}, {byBody.Policies}} {
			require.ElementsMatch(t, []string{"default", "base", "dev", "ops"}, auth.policies)
		}
		require.Equal(t, map[string]string{"username": "bob", "policies": "dev,ops"}, byPath.Metadata)
		require.Equal(t, 3600, byPath.LeaseDuration)
		require.True(t, byPath.Renewable)
		self, err := v.as(byPath.ClientToken).Auth().Token().LookupSelf()
		require.NoError(t, err)
		require.Equal(t, "radius-bob", self.Data["display_name"])
	})

	t.Run("refused", func(t *testing.T) {
		for _, name := range []string{"bob", "nobody"} {
			status, text := v.refused("auth/radius/login/"+name, map[string]any{"password": "wrong"})
			require.Equal(t, http.StatusBadRequest, status)
			require.Equal(t, "access denied by the authentication server", text)
		}
	})

	t.Run("not registered", func(t *testing.T) {
		require.ElementsMatch(t, []string{"default", "base", "guest"}, v.login("auth/radius", "alice", "alice-password").Policies)
		v.write("auth/radius/config", map[string]any{"unregistered_user_policies": ""})
		require.ElementsMatch(t, []string{"default", "base"}, v.login("auth/radius", "alice", "alice-password").Policies)
	})

	t.Run("not ASCII", func(t *testing.T) {
		auth := v.login("auth/radius", "zoë", people()["zoë"])
		require.Equal(t, "zoë", auth.Metadata["username"])
	})

	t.Run("one entity alias for both spellings", func(t *testing.T) {
		byPath := v.login("auth/radius", "bob", "bob-password")
		byBody := v.write("auth/radius/login", map[string]any{"username": "bob", "password": "bob-password"}).Auth
		require.NotEmpty(t, byPath.EntityID)
		require.Equal(t, byPath.EntityID, byBody.EntityID)
		entity := v.read("identity/entity/id/" + byPath.EntityID)
		aliases := entity["aliases"].([]any)
		require.Len(t, aliases, 1)
		alias := aliases[0].(map[string]any)
		require.Equal(t, "bob", alias["name"])
		require.Equal(t, "auth/radius/", alias["mount_path"])
	})

	t.Run("command line", func(t *testing.T) {
		out, failure, err := v.cli("login", "-no-store", "-format=json", "-method=radius", "username=bob", "password=bob-password")
		require.NoError(t, err, failure)
		var answer struct {
			Auth struct {
				Policies []string `json:"token_policies"`
			} `json:"auth"`
		}
		require.NoError(t, json.Unmarshal([]byte(out), &answer), out)
		require.ElementsMatch(t, []string{"default", "base", "dev", "ops"}, answer.Auth.Policies)

		_, failure, err = v.cli("login", "-no-store", "-method=radius", "username=bob", "password=wrong")
		require.Error(t, err)
		require.Contains(t, failure, "access denied by the authentication server")
	})
}

func TestPeopleLogInWithEveryProtocol(t *testing.T) {
	t.Parallel()
	radius := startFreeRADIUS(t)
	v := startPlugin(t)
	for _, protocol := range []string{"pap", "chap", "mschapv2"} {
		v.write("auth/radius/config", configFor(radius.Host(), radius.Port(), map[string]any{"auth_protocol": protocol}))
		for _, name := range []string{"alice", "bob", "zoë"} {
			password := people()[name]
			require.Equal(t, name, v.login("auth/radius", name, password).Metadata["username"], protocol)
			status, text := v.refused("auth/radius/login/"+name, map[string]any{"password": "wrong"})
			require.Equal(t, http.StatusBadRequest, status)
			require.Equal(t, "access denied by the authentication server", text)
		}
	}
	v.log.await(t, "wrong username or password (MS-CHAP error 691)")
}

func TestLoginWithAOneTimeCodeTakesTwoSteps(t *testing.T) {
	t.Parallel()
	radius := startFreeRADIUS(t)
	v := startPlugin(t)
	v.write("auth/radius/config", configFor(radius.Host(), radius.Port(), map[string]any{"token_ttl": "1h"}))
	v.write("auth/radius/users/carol", map[string]any{"policies": "dev"})
	ask := func() map[string]any {
		step := v.write("auth/radius/login/carol", map[string]any{"password": "carol-password"})
		require.Nil(t, step.Auth)
		require.Equal(t, "Enter the one-time code", step.Data["message"])
		require.Equal(t, json.Number("60"), step.Data["expires_in"])
		return step.Data
	}

	id := ask()["challenge_id"]
	auth := v.write("auth/radius/login/carol", map[string]any{"challenge_id": id, "password": carolsCode}).Auth
	require.ElementsMatch(t, []string{"default", "dev"}, auth.Policies)
	_, err := v.as(auth.ClientToken).Auth().Token().RenewSelf(0)
	require.NoError(t, err)

	for name, answer := range map[string]map[string]any{
		"used":       {"challenge_id": id, "password": carolsCode},
		"wrong code": {"challenge_id": ask()["challenge_id"], "password": "654321"},
		"forged":     {"challenge_id": "Zm9yZ2Vk", "password": carolsCode},
	} {
		status, _ := v.refused("auth/radius/login/carol", answer)
		require.Equal(t, http.StatusBadRequest, status, name)
	}

	out, failure, err := v.cli("write", "-format=json", "auth/radius/login/carol", "password=carol-password")
	require.NoError(t, err, failure)
	var step struct {
		Data struct {
			ID string `json:"challenge_id"`
		} `json:"data"`
	}
	require.NoError(t, json.Unmarshal([]byte(out), &step), out)
	out, failure, err = v.cli("write", "auth/radius/login/carol", "challenge_id="+step.Data.ID, "password="+carolsCode)
	require.NoError(t, err, failure)
	require.Contains(t, out, "token_policies")
}

func TestTokensAreBoundToAddresses(t *testing.T) {
	t.Parallel()
	radius := startFreeRADIUS(t)
	v := startPlugin(t)
	v.write("auth/radius/config", configFor(radius.Host(), radius.Port(), map[string]any{"token_bound_cidrs": "198.51.100.0/24"}))
	status, text := v.refused("auth/radius/login/bob", map[string]any{"password": "bob-password"})
	require.Equal(t, http.StatusForbidden, status)
	require.Contains(t, text, "permission denied")

	v.write("auth/radius/config", map[string]any{"token_bound_cidrs": "127.0.0.0/8"})
	self, err := v.as(v.login("auth/radius", "bob", "bob-password").ClientToken).Auth().Token().LookupSelf()
	require.NoError(t, err)
	require.Equal(t, []any{"127.0.0.0/8"}, self.Data["bound_cidrs"])
}

func TestTokensAreOfTheConfiguredType(t *testing.T) {
	t.Parallel()
	radius := startFreeRADIUS(t)
	v := startPlugin(t)
	for tokenType, prefix := range map[string]string{"batch": "hvb.", "service": "hvs."} {
		v.write("auth/radius/config", configFor(radius.Host(), radius.Port(), map[string]any{"token_type": tokenType}))
		auth := v.login("auth/radius", "bob", "bob-password")
		require.True(t, strings.HasPrefix(auth.ClientToken, prefix), "a %s token", tokenType)
		require.Equal(t, tokenType == "service", auth.Renewable)
	}
}

func TestRenewalIsRefusedAfterAChange(t *testing.T) {
	t.Parallel()
	radius := startFreeRADIUS(t)
	v := startPlugin(t)
	v.write("auth/radius/config", configFor(radius.Host(), radius.Port(), map[string]any{"token_ttl": "1h"}))
	v.write("auth/radius/users/bob", map[string]any{"policies": "dev"})
	renew := func(token string) error {
		_, err := v.as(token).Auth().Token().RenewSelf(0)
		return err
	}
	refused := func(token string) string {
		status, text := refusal(t, renew(token))
		require.Equal(t, http.StatusBadRequest, status, "a 5xx would be tried again, with another push")
		return text
	}

	reauthenticated := v.login("auth/radius", "bob", "bob-password").ClientToken
	require.NoError(t, renew(reauthenticated))
	v.write("auth/radius/users/bob", map[string]any{"policies": "dev,ops"})
	require.Contains(t, refused(reauthenticated), "policies have changed, not renewing")
	v.write("auth/radius/users/bob", map[string]any{"policies": "dev"})
	require.NoError(t, renew(reauthenticated))

	changed := people()
	changed["bob"] = "new-password"
	require.NoError(t, radius.SetUsers(changed))
	require.Contains(t, refused(reauthenticated), "access denied by the authentication server")

	v.write("auth/radius/config", map[string]any{"renewal": "recheck"})
	rechecked := v.login("auth/radius", "bob", "new-password").ClientToken
	require.NoError(t, radius.SetUsers(people()))
	require.NoError(t, renew(rechecked), "the server is not asked")
	v.write("auth/radius/users/bob", map[string]any{"policies": "ops"})
	require.Contains(t, refused(rechecked), "policies have changed, not renewing")
}

// The commands are those of the help of users/.
func TestDisablingAUserAndTheEntityShutsTheUserOut(t *testing.T) {
	t.Parallel()
	v := startPlugin(t)
	command := func(arguments ...string) string {
		t.Helper()
		stdout, stderr, err := v.cli(arguments...)
		require.NoError(t, err, stderr)
		return strings.TrimSpace(stdout)
	}
	usable := func(token string) error {
		_, err := v.as(token).Logical().Read("auth/token/lookup-self")
		return err
	}
	v.write("auth/radius/config", map[string]any{"extauth": "local", "password_hash_cost": 1})
	v.write("auth/radius/users/alice", map[string]any{"password": "alice-password", "policies": "dev"})
	named := v.login("auth/radius", "alice", "alice-password").ClientToken
	bodied := v.write("auth/radius/login", map[string]any{"username": "alice", "password": "alice-password"}).Auth.ClientToken
	v.write("auth/radius/config", map[string]any{"token_type": "batch"})
	batch := v.login("auth/radius", "alice", "alice-password").ClientToken

	command("login", "-no-print", rootToken)
	command("patch", "auth/radius/users/alice", "enabled=false")
	require.Equal(t, []any{"dev"}, v.read("auth/radius/users/alice")["policies"])
	v.refused("auth/radius/login/alice", map[string]any{"password": "alice-password"})
	for _, token := range []string{named, bodied} {
		_, err := v.as(token).Auth().Token().RenewSelf(0)
		status, text := refusal(t, err)
		require.Equal(t, http.StatusBadRequest, status)
		require.Contains(t, text, "disabled, not renewing")
	}
	for _, token := range []string{named, bodied, batch} {
		require.NoError(t, usable(token))
	}
	accessor := command("read", "-field=accessor", "sys/auth/radius")
	id := command("write", "-field=id", "identity/lookup/entity", "alias_name=alice", "alias_mount_accessor="+accessor)
	command("write", "identity/entity/id/"+id, "disabled=true")
	for _, token := range []string{named, bodied, batch} {
		status, _ := refusal(t, usable(token))
		require.Equal(t, http.StatusForbidden, status)
	}
}

func TestSilentServerIsAskedOnceAndNever5xx(t *testing.T) {
	t.Parallel()
	silent := startRADIUS(t, radiustest.Options{})
	v := startPlugin(t)
	v.write("auth/radius/config", configFor(silent.Host(), silent.Port(), map[string]any{"read_timeout": 2}))
	begin := time.Now()
	status, text := v.refused("auth/radius/login/bob", map[string]any{"password": "bob-password"})
	require.Equal(t, http.StatusBadRequest, status)
	require.Equal(t, "the authentication server did not answer in time", text)
	require.GreaterOrEqual(t, time.Since(begin), 2*time.Second)
	require.Equal(t, 1, silent.Distinct(), "Vault's client must not try again: that would be a second push")
	v.log.await(t, "no answer from RADIUS server "+silent.Host())
	_, answer := v.request("GET", "auth/radius/status", "", "")
	require.Contains(t, answer, `"timed_out":1`)
}

func TestTheHTTPFormsWork(t *testing.T) {
	t.Parallel()
	v := startPlugin(t)
	const json, mergePatch = "application/json", "application/merge-patch+json"
	steps := []struct {
		method, path, contentType, body string
		status                          int
		contains                        string
	}{
		{"GET", "auth/radius/config", "", "", 404, ""},
		{"PATCH", "auth/radius/config", mergePatch, `{"port":1645}`, 404, "radius backend not configured"},
		{"POST", "auth/radius/login/bob", json, `{"password":"p"}`, 400, "radius backend not configured"},
		{"POST", "auth/radius/config", json, `{"host":"127.0.0.1","secret":"s","port":"x"}`, 400, "port"},
		{"POST", "auth/radius/config", json, `{"host":"127.0.0.1","secret":"s","read_timeout":"-3s"}`, 400, "read_timeout"},
		{"POST", "auth/radius/config", json, `{"host":"127.0.0.1","secret":"0123456789abcdef"}`, 204, ""},
		{"POST", "auth/radius/config", json, `{"hots":"127.0.0.1","read_timeout":1}`, 200, "hots"},
		{"POST", "auth/radius/config", json, `{"port":70000}`, 400, "`port` is 70000"},
		{"PATCH", "auth/radius/config", mergePatch, `{"port":1645,"nas_identifier":"gate"}`, 204, ""},
		{"GET", "auth/radius/config", "", "", 200, `"port":1645`},
		{"PATCH", "auth/radius/config", mergePatch, `{"port":null}`, 204, ""},
		{"GET", "auth/radius/config", "", "", 200, `"port":1812`},
		{"GET", "auth/radius/config", "", "", 200, `"nas_identifier":"gate"`},
		{"LIST", "auth/radius/users", "", "", 404, ""},
		{"PATCH", "auth/radius/users/bob", mergePatch, `{"policies":["dev"]}`, 404, "does not exist"},
		{"POST", "auth/radius/users/bob", json, `{"policies":{"a":1}}`, 400, "policies"},
		{"POST", "auth/radius/users/bob", json, `{"policies":["dev"]}`, 204, ""},
		{"POST", "auth/radius/users/alice", json, `{"policies":"ops,base"}`, 204, ""},
		{"PATCH", "auth/radius/users/bob", mergePatch, `{"policies":["ops"]}`, 204, ""},
		{"GET", "auth/radius/users/bob", "", "", 200, `"policies":["ops"]`},
		{"POST", "auth/radius/users/bob", json, `{"policies":["root"]}`, 400, "root policy cannot be granted by an auth method"},
		{"LIST", "auth/radius/users", "", "", 200, `"keys":["alice","bob"]`},
		{"GET", "auth/radius/users?list=true&limit=1&after=alice", "", "", 200, `"keys":["bob"]`},
		{"LIST", "auth/radius/users?detailed=true&limit=1", "", "", 200, `"policies":["base","ops"],"profiles":[]}},"keys":["alice"]`},
		{"LIST", "auth/radius/users?limit=x", "", "", 400, "limit"},
		{"DELETE", "auth/radius/users/bob", "", "", 204, ""},
		{"GET", "auth/radius/users/bob", "", "", 404, ""},
		{"POST", "auth/radius/login", json, `{"password":"p"}`, 400, "username cannot be empty"},
		{"POST", "auth/radius/login/bob", json, `{}`, 400, "password cannot be empty"},
		{"POST", "auth/radius/login", json, `{"username":"a..b","password":"p"}`, 400, "did not answer in time"},
		{"POST", "auth/radius/login/a..b", json, `{"password":"p"}`, 400, "give it in the body"},
		{"POST", "auth/radius/config", json, `{"secret":"a-secret-of-20-octets\n"}`, 200, "`secret` ends in a line break"},
		{"POST", "auth/radius/users/a..b", json, `{"policies":["dev"]}`, 400, "two dots"},
		{"GET", "auth/radius/users/a..b", "", "", 404, ""},
		{"DELETE", "auth/radius/users/a..b", "", "", 204, ""},
		{"POST", "auth/radius/config", json, `{"port":1812.9}`, 400, "it is not a whole number in range"},
		{"POST", "auth/radius/config", json, `{"secret":["hush"]}`, 400, "it is not a text"},
		{"POST", "auth/radius/login/bob", json, `{"password":{"a":"hush"}}`, 400, "it is not a text"},
		{"POST", "auth/radius/login/bob", json, `{"password":"p","challenge_id":["hush"]}`, 400, "it is not a text"},
		{"POST", "auth/radius/login/bob", json, `{"password":"p","attributes":"hush"}`, 400, "it is not a map of texts"},
		{"DELETE", "auth/radius/config", "", "", 204, ""},
		{"GET", "auth/radius/config", "", "", 404, ""},
		{"GET", "auth/radius/status", "", "", 200, `"servers":[]`},
		{"GET", "auth/radius/config?help=1", "", "", 200, "message_authenticator"},
	}
	for _, step := range steps {
		status, answer := v.request(step.method, step.path, step.contentType, step.body)
		require.Equal(t, step.status, status, "%s %s %s: %s", step.method, step.path, step.body, answer)
		require.Contains(t, answer, step.contains, "%s %s %s", step.method, step.path, step.body)
	}
}

func TestOpenAPIDescribesEveryOperation(t *testing.T) {
	t.Parallel()
	v := startPlugin(t)
	status, body := v.request("GET", "sys/internal/specs/openapi", "", "")
	require.Equal(t, http.StatusOK, status)
	var document struct {
		Paths map[string]map[string]any `json:"paths"`
	}
	require.NoError(t, json.Unmarshal([]byte(body), &document))
	for path, methods := range map[string][]string{
		"/auth/radius/config":              {"get", "post", "delete", "patch"},
		"/auth/radius/users/{name}":        {"get", "post", "delete", "patch"},
		"/auth/radius/users/":              {"get"},
		"/auth/radius/login":               {"post"},
		"/auth/radius/login/{urlusername}": {"post"},
		"/auth/radius/status":              {"get"},
	} {
		for _, method := range methods {
			require.Contains(t, document.Paths[path], method, path)
		}
	}
}
