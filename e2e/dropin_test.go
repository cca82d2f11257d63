package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The same requests go to the built-in method and to ours, side by side in one
// Vault. Answers and stored bytes must be the same, but for the differences
// that docs/upgrade.md lists.
func TestAnswersAndStoredBytesAreThoseOfTheBuiltIn(t *testing.T) {
	t.Parallel()
	radius := startFreeRADIUS(t)
	v := startPlugin(t)
	if !v.enableBuiltin("builtin") {
		return
	}
	server, err := json.Marshal(configFor(radius.Host(), radius.Port(), nil))
	require.NoError(t, err)

	steps := []struct{ method, path, body string }{
		{"GET", "config", ""},
		{"GET", "users/bob", ""},
		{"LIST", "users", ""},
		{"POST", "login/bob", `{"password":"bob-password"}`},
		{"POST", "config", `{}`},
		{"POST", "config", `{"host":""}`},
		{"POST", "config", `{"host":"127.0.0.1"}`},
		{"POST", "config", `{"host":"127.0.0.1","secret":""}`},
		{"POST", "config", `{"host":"127.0.0.1","secret":"s","unregistered_user_policies":"a,root"}`},
		{"POST", "config", `{"host":"127.0.0.1","secret":"s","token_ttl":"2h","token_max_ttl":"1h"}`},
		{"GET", "config", ""},
		{"POST", "config", `{"host":"Radius.Example.COM","secret":"0123456789abcdef"}`},
		{"GET", "config", ""},
		{"POST", "config", string(server)},
		{"GET", "config", ""},
		{"POST", "config", `{"unregistered_user_policies":"guest,visitor","token_policies":["base","Base2"],"token_ttl":"30m","token_max_ttl":3600,"dial_timeout":"3s","read_timeout":7,"nas_port":"11","nas_identifier":"gate"}`},
		{"GET", "config", ""},
		{"POST", "config", `{"unregistered_user_policies":""}`},
		{"GET", "config", ""},
		{"PUT", "config", `{"unregistered_user_policies":"guest","token_bound_cidrs":["127.0.0.0/8"],"token_no_default_policy":true}`},
		{"GET", "config", ""},
		{"POST", "login", `{}`},
		{"POST", "login", `{"username":"bob"}`},
		{"POST", "login", `{"password":"p"}`},
		{"POST", "login/bob", `{"password":"wrong"}`},
		{"POST", "login/nobody", `{"password":"wrong"}`},
		{"POST", "login/bob", `{"password":"bob-password"}`},
		{"POST", "login", `{"username":"bob","password":"bob-password"}`},
		{"POST", "login/alice", `{"username":"bob","password":"bob-password"}`},
		{"POST", "users/bob", `{"policies":"Dev, ops,dev"}`},
		{"GET", "users/bob", ""},
		{"POST", "login/bob", `{"password":"bob-password"}`},
		{"POST", "users/bob", `{"policies":["root"]}`},
		{"POST", "users/bob", `{}`},
		{"GET", "users/bob", ""},
		{"POST", "login/bob", `{"password":"bob-password"}`},
		{"POST", "users/DOMAIN%5Czo%C3%AB@realm", `{"policies":["dev"]}`},
		{"GET", "users/DOMAIN%5Czo%C3%AB@realm", ""},
		{"POST", "config", `{"token_bound_cidrs":"198.51.100.0/24"}`},
		{"POST", "login/bob", `{"password":"bob-password"}`},
		{"POST", "config", `{"token_bound_cidrs":"","token_type":"batch","token_no_default_policy":false}`},
		{"POST", "login/bob", `{"password":"bob-password"}`},
		{"LIST", "users", ""},
		{"DELETE", "users/bob", ""},
		{"DELETE", "users/bob", ""},
		{"GET", "users/bob", ""},
		{"LIST", "users", ""},
	}
	kind := kindOfServer(t)
	for _, step := range steps {
		name := step.method + " " + step.path + " " + step.body
		wantStatus, want := v.request(step.method, "auth/builtin/"+step.path, "", step.body)
		gotStatus, answer := v.request(step.method, "auth/radius/"+step.path, "", step.body)
		if kind.builtinLowerCases() && step.method == http.MethodGet && strings.HasPrefix(step.path, "users/DOMAIN") {
			t.Logf("%s: its own method does not find a name with upper case that is stored, ours does", kind.line)
			require.Equal(t, http.StatusNotFound, wantStatus, "%s: %s", name, want)
			require.Equal(t, http.StatusOK, gotStatus, "%s: %s", name, answer)
			continue
		}
		require.Equal(t, wantStatus, gotStatus, "%s: %s", name, answer)
		requireSame(t, comparable(t, want), comparable(t, answer), name)
		for _, key := range []string{"config", "user/bob"} {
			builtin := stored(t, v, "builtin", key)
			if kind.builtinBindsAddresses() && key == "config" && builtin != nil {
				require.Equal(t, false, builtin["token_strictly_bind_ip"], name)
				delete(builtin, "token_strictly_bind_ip")
			}
			requireSame(t, builtin, stored(t, v, "radius", key), name+": stored "+key)
		}
	}
}

// The built-in repeats a value that it cannot read, which may be a secret in the wrong
// field.
func TestUnreadableValuesAreRefusedAsTheBuiltInDoesButNotRepeated(t *testing.T) {
	t.Parallel()
	v := startPlugin(t)
	if !v.enableBuiltin("builtin") {
		return
	}
	for _, step := range []struct{ path, body, begins string }{
		{"config", `{"host":"127.0.0.1","secret":"s","token_type":"hush"}`, ``},
		{"config", `{"host":"127.0.0.1","secret":"s","port":"hush"}`, `error converting input for field \"port\": `},
		{"config", `{"host":"127.0.0.1","secret":"s","read_timeout":"hush"}`, `error converting input for field \"read_timeout\": `},
		{"login/bob", `{"username":["hush"],"password":"p"}`, `Field validation failed: error converting input for field \"username\": `},
	} {
		for _, mount := range []string{"auth/builtin/", "auth/radius/"} {
			status, answer := v.request("POST", mount+step.path, "", step.body)
			require.Equal(t, http.StatusBadRequest, status, answer)
			require.Contains(t, answer, `{"errors":["`+step.begins)
			if mount == "auth/radius/" {
				require.NotContains(t, answer, "hush")
			}
		}
	}
}

// requireSame compares what the built-in gives with what ours gives, which may
// have more fields.
func requireSame(t *testing.T, builtin, ours map[string]any, name string) {
	t.Helper()
	require.Equal(t, builtin == nil, ours == nil, name)
	for field, want := range builtin {
		if inner, ok := want.(map[string]any); ok && field == "data" {
			data, _ := ours[field].(map[string]any)
			requireSame(t, inner, data, name)
			continue
		}
		require.Contains(t, ours, field, name)
		require.Equal(t, want, ours[field], "%s: %s", name, field)
	}
}

// comparable is an answer without what differs from request to request.
func comparable(t *testing.T, answer string) map[string]any {
	t.Helper()
	if answer == "" {
		return nil
	}
	var decoded map[string]any
	require.NoError(t, json.Unmarshal([]byte(answer), &decoded), answer)
	delete(decoded, "request_id")
	delete(decoded, "mount_type") // the name that the plugin is registered as
	if auth, ok := decoded["auth"].(map[string]any); ok {
		for _, field := range []string{"client_token", "accessor", "entity_id"} {
			delete(auth, field)
		}
	}
	return decoded
}

// stored gives a storage entry of a mount; nil if there is none.
func stored(t *testing.T, v *vaultServer, mount, key string) map[string]any {
	t.Helper()
	secret, err := v.Client.Logical().Read("sys/raw/auth/" + mountUUID(t, v, mount) + "/" + key)
	require.NoError(t, err)
	if secret == nil {
		return nil
	}
	var entry map[string]any
	decoder := json.NewDecoder(strings.NewReader(secret.Data["value"].(string)))
	decoder.UseNumber()
	require.NoError(t, decoder.Decode(&entry))
	return entry
}

func mountUUID(t *testing.T, v *vaultServer, mount string) string {
	t.Helper()
	mounts, err := v.Client.Sys().ListAuth()
	require.NoError(t, err)
	require.Contains(t, mounts, mount+"/")
	return mounts[mount+"/"].UUID
}

// What differs from the built-in on purpose, each for a reason that
// docs/upgrade.md gives.
func TestDifferencesFromTheBuiltInAreTheDocumentedOnes(t *testing.T) {
	t.Parallel()
	v := startPlugin(t)
	if !v.enableBuiltin("builtin") {
		return
	}
	for _, mount := range []string{"builtin", "radius"} {
		status, answer := v.request("POST", "auth/"+mount+"/config", "", `{"host":"127.0.0.1","secret":"0123456789abcdef"}`)
		require.Equal(t, http.StatusNoContent, status, answer)
	}
	steps := []struct {
		method, path, body string
		builtin, ours      int
	}{
		{"POST", "config", `{"port":0}`, 204, 400},
		{"POST", "config", `{"host":"a b"}`, 204, 400},
		{"POST", "config", `{"unknown":1}`, 204, 200},
		{"POST", "users/a/b", `{"policies":["dev"]}`, 204, 204},
		{"PATCH", "config", `{"port":1645}`, 405, 204},
		{"DELETE", "config", ``, 405, 204},
	}
	for _, step := range steps {
		contentType := ""
		if step.method == http.MethodPatch {
			contentType = "application/merge-patch+json"
		}
		status, answer := v.request(step.method, "auth/builtin/"+step.path, contentType, step.body)
		require.Equal(t, step.builtin, status, "built-in: %s %s %s: %s", step.method, step.path, step.body, answer)
		status, answer = v.request(step.method, "auth/radius/"+step.path, contentType, step.body)
		require.Equal(t, step.ours, status, "ours: %s %s %s: %s", step.method, step.path, step.body, answer)
	}
	_, answer := v.request("LIST", "auth/builtin/users", "", "")
	require.Contains(t, answer, `"keys":["a/"]`)
	_, answer = v.request("LIST", "auth/radius/users", "", "")
	require.Contains(t, answer, `"keys":["a/b"]`)
}

func TestRenewalAfterPoliciesChangedIsA400WhereTheBuiltInFails(t *testing.T) {
	t.Parallel()
	radius := startFreeRADIUS(t)
	v := startPlugin(t)
	if !v.enableBuiltin("builtin") {
		return
	}
	for mount, want := range map[string]int{"auth/builtin": http.StatusInternalServerError, "auth/radius": http.StatusBadRequest} {
		v.write(mount+"/config", configFor(radius.Host(), radius.Port(), nil))
		v.write(mount+"/users/bob", map[string]any{"policies": "dev"})
		token := v.login(mount, "bob", "bob-password").ClientToken
		v.write(mount+"/users/bob", map[string]any{"policies": "ops"})
		client := v.as(token)
		client.SetMaxRetries(0)
		_, err := client.Auth().Token().RenewSelf(0)
		status, text := refusal(t, err)
		require.Equal(t, want, status, mount)
		require.Contains(t, text, "policies have changed, not renewing")
	}
}
