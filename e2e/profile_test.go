package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/radiustest"
)

const mergePatch = "application/merge-patch+json"

// The requests of an AAA-profile API that others have, as they are with Vault:
// under the mount, without a slash at the end, in Vault's envelope.
func TestProfilesAreManagedAsElsewhere(t *testing.T) {
	t.Parallel()
	v := startPlugin(t)
	const guest = `{"name":"Guest WiFi Profile","short_name":"guest-wifi","description":"Limited access profile for guest users",
		"reply_attribute":[{"attribute":"Session-Timeout","op":":=","value":"3600"},{"attribute":"Tunnel-Private-Group-Id","op":":=","value":"100"}],
		"check_attribute":[{"attribute":"Calling-Station-Id","op":"=*","value":"^([0-9A-Fa-f]{2}[:-]){5}([0-9A-Fa-f]{2})$"}]}`
	const vpn = `{"name":"VPN Access Profile","short_name":"vpn-access","description":"Profile for remote VPN users with bandwidth limits",
		"reply_attribute":[{"attribute":"Framed-IP-Address","op":":=","value":"255.255.255.254"},{"attribute":"Acct-Interim-Interval","op":":=","value":"600"}],
		"check_attribute":[{"attribute":"NAS-Port-Type","op":"==","value":"Virtual"}]}`
	const manager = `{"name":"Updated Manager Profile","short_name":"manager-access-v2","description":"Revised manager access with new security policies",
		"reply_attribute":[{"attribute":"Filter-Id","op":":=","value":"manager_acl_v2"},{"attribute":"Session-Timeout","op":":=","value":"14400"}],
		"check_attribute":[{"attribute":"User-Password","op":"==","value":"%{User-Password}"}]}`
	const patch = `{"description":"Updated description with new security requirements","reply_attribute":[{"attribute":"Session-Timeout","op":":=","value":"21600"}]}`

	for _, step := range []struct {
		method, path, kind, body string
		status                   int
		want                     []string // in the answer
	}{
		{"GET", "profiles?limit=10&offset=0", "", "", 200, []string{`"count":0`, `"next":null`, `"previous":null`, `"results":[]`}},
		{"POST", "profiles", "", guest, 201, []string{`"id":1`, `"short_name":"guest-wifi"`, `"op":"=*"`}},
		{"POST", "profiles", "", vpn, 201, []string{`"id":2`, `"name":"VPN Access Profile"`, `"value":"255.255.255.254"`, `"organization_id":"auth_`}},
		{"POST", "profiles", "", guest, 409, []string{`short_name \"guest-wifi\" is taken by profile 1`}},
		{"POST", "profiles", "", `{"name":"x","short_name":"x","check_attribute":[{"attribute":"No-Such","op":"==","value":"1"}]}`, 400, []string{"check_attribute[0].attribute", "No-Such"}},
		{"GET", "profiles?limit=1&offset=0", "", "", 200, []string{`"count":2`, `"next":"profiles?limit=1\u0026offset=1"`, `"id":1`}},
		{"GET", "profiles?limit=1&offset=1", "", "", 200, []string{`"next":null`, `"previous":"profiles?limit=1\u0026offset=0"`, `"id":2`}},
		{"GET", "profiles/1", "", "", 200, []string{`"short_name":"guest-wifi"`}},
		{"GET", "profiles/guest-wifi", "", "", 200, []string{`"id":1`}},
		{"GET", "profiles/99", "", "", 404, nil},
		{"PUT", "profiles/1", "", manager, 200, []string{`"id":1`, `"short_name":"manager-access-v2"`, `"value":"manager_acl_v2"`}},
		{"PUT", "profiles/99", "", manager, 404, []string{"does not exist"}},
		{"PUT", "profiles/1", "", `{"name":"","short_name":"manager-access-v2"}`, 400, []string{"name cannot be empty"}},
		{"PATCH", "profiles/1", mergePatch, patch, 200, []string{`"short_name":"manager-access-v2"`, `"value":"21600"`, `%{User-Password}`}},
		{"PATCH", "profiles/1", "application/json", patch, 415, nil},
		{"PATCH", "profiles/99", mergePatch, patch, 404, nil},
		{"LIST", "profiles", "", "", 200, []string{`"keys":["manager-access-v2","vpn-access"]`}},
		{"DELETE", "profiles/2", "", "", 204, nil},
		{"DELETE", "profiles/2", "", "", 404, nil},
		{"POST", "profiles", "", vpn, 201, []string{`"id":3`}},
	} {
		status, answer := v.request(step.method, "auth/radius/"+step.path, step.kind, step.body)
		require.Equal(t, step.status, status, "%s %s: %s", step.method, step.path, answer)
		for _, want := range step.want {
			require.Contains(t, answer, want, "%s %s", step.method, step.path)
		}
	}

	response, err := http.Get(v.Client.Address() + "/v1/auth/radius/profiles")
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusForbidden, response.StatusCode, "without a token")
}

// admins is a profile of those whom the server calls so.
func admins(more map[string]any) map[string]any {
	profile := map[string]any{
		"name":            "Administrators",
		"short_name":      "admins",
		"check_attribute": []any{map[string]any{"attribute": "reply:Filter-Id", "op": "==", "value": "admins"}},
		"reply_attribute": []any{
			map[string]any{"attribute": "Session-Timeout", "op": ":=", "value": "1800"},
			map[string]any{"attribute": "Idle-Timeout", "op": ":=", "value": "300"},
		},
		"policies": []any{"admin"},
	}
	for field, value := range more {
		profile[field] = value
	}
	return profile
}

func TestAttributesBecomePoliciesGroupsAndLifetimes(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"reauthenticate", "recheck"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			v := startPlugin(t)
			server := startFreeRADIUSWith(t, radiustest.FreeRADIUSOptions{ReplyAttributes: map[string][]string{
				"bob":   {`Filter-Id := "admins"`, `Class := 0x6f706572617465`, `Session-Timeout := 7200`},
				"alice": {`Filter-Id := "guests"`},
			}})
			v.write("auth/radius/profiles", admins(nil))
			v.write("auth/radius/config", configFor(server.Host(), server.Port(), map[string]any{
				"renewal": mode, "default_profiles": "admins", "group_attributes": "Class", "metadata_attributes": "Filter-Id",
				"request_attributes": []any{map[string]any{"attribute": "Called-Station-Id", "value": "vault-%{User-Name}"}},
			}))
			v.groupWithAlias("operate", "operators")

			auth := v.login("auth/radius", "bob", "bob-password")
			require.ElementsMatch(t, []string{"admin", "default"}, auth.TokenPolicies)
			require.Equal(t, []string{"operators"}, auth.IdentityPolicies, "through the group that Class names")
			require.Equal(t, 1800, auth.LeaseDuration)
			require.Equal(t, map[string]string{
				"username": "bob", "policies": "admin", "profiles": "admins", "Filter-Id": "admins", "Idle-Timeout": "300",
			}, auth.Metadata)
			token, err := v.as(auth.ClientToken).Auth().Token().LookupSelf()
			require.NoError(t, err)
			require.Equal(t, json.Number("1800"), token.Data["explicit_max_ttl"])

			status, text := v.refused("auth/radius/login/alice", map[string]any{"password": "alice-password"})
			require.Equal(t, 400, status)
			require.Equal(t, "access denied by the authentication server", text)
			v.log.await(t, "none of the profiles matches")

			renewed, err := v.as(auth.ClientToken).Auth().Token().RenewSelf(600)
			require.NoError(t, err)
			require.Equal(t, []string{"operators"}, renewed.Auth.IdentityPolicies)

			_, answer := v.request("PATCH", "auth/radius/profiles/admins", mergePatch, `{"description":"changed"}`)
			require.Contains(t, answer, "changed")
			_, err = v.as(auth.ClientToken).Auth().Token().RenewSelf(600)
			status, text = refusal(t, err)
			require.Equal(t, 400, status)
			require.Contains(t, text, "profiles have changed, not renewing")

			auth = v.login("auth/radius", "bob", "bob-password")
			v.request("PATCH", "auth/radius/profiles/admins", mergePatch, `{"enabled":false}`)
			_, err = v.as(auth.ClientToken).Auth().Token().RenewSelf(600)
			require.Error(t, err)
			status, _ = v.refused("auth/radius/login/bob", map[string]any{"password": "bob-password"})
			require.Equal(t, 400, status, "a profile that is not enabled matches no user")
		})
	}
}

// groupWithAlias makes an identity group of whom the mount's server says that
// they are in it.
func (v *vaultServer) groupWithAlias(alias, policy string) {
	v.t.Helper()
	mounts, err := v.Client.Sys().ListAuth()
	require.NoError(v.t, err)
	group := v.write("identity/group", map[string]any{"name": alias, "type": "external", "policies": policy})
	v.write("identity/group-alias", map[string]any{
		"name": alias, "mount_accessor": mounts["radius/"].Accessor, "canonical_id": group.Data["id"],
	})
}

func TestProfileInUseIsNotDeleted(t *testing.T) {
	t.Parallel()
	v := startPlugin(t)
	v.write("auth/radius/profiles", admins(nil))
	for i := range 5 {
		v.write(fmt.Sprintf("auth/radius/users/user-%d", i), map[string]any{"profiles": "admins"})
	}
	_, err := v.Client.Logical().Delete("auth/radius/profiles/admins")
	status, text := refusal(t, err)
	require.Equal(t, http.StatusConflict, status)
	require.Contains(t, text, `in use by 5 users (user-0, user-1, user-2, …)`)
	for i := range 5 {
		v.write(fmt.Sprintf("auth/radius/users/user-%d", i), map[string]any{"profiles": ""})
	}
	_, err = v.Client.Logical().Delete("auth/radius/profiles/admins")
	require.NoError(t, err)
}

func TestProfileIsTriedWithoutALogin(t *testing.T) {
	t.Parallel()
	v := startPlugin(t)
	v.write("auth/radius/profiles", admins(nil))
	tried := v.write("auth/radius/profiles/admins/test", map[string]any{"reply": map[string]any{"Filter-Id": "guests"}})
	require.Equal(t, false, tried.Data["matched"])
	check := tried.Data["check_attribute"].([]any)[0].(map[string]any)
	require.Equal(t, []any{"guests"}, check["found"])
	require.NotEmpty(t, check["reason"])
	tried = v.write("auth/radius/profiles/admins/test", map[string]any{"reply": map[string]any{"Filter-Id": []any{"guests", "admins"}}})
	require.Equal(t, true, tried.Data["matched"])
	require.Contains(t, fmt.Sprint(tried.Data["reply"]), "1800")
}

func TestAttributesOfAVendorAreAdded(t *testing.T) {
	t.Parallel()
	v := startPlugin(t)
	found := v.read("auth/radius/dictionary/attributes/cisco-avpair")
	require.Equal(t, "Cisco-AVPair", found["name"])
	v.write("auth/radius/dictionary/custom/globex", map[string]any{"text": strings.Join([]string{
		"VENDOR Globex 64999", "BEGIN-VENDOR Globex", "ATTRIBUTE Globex-Role 1 string", "END-VENDOR Globex",
	}, "\n")})
	v.write("auth/radius/profiles", admins(map[string]any{
		"check_attribute": []any{map[string]any{"attribute": "reply:Globex-Role", "op": "==", "value": "boss"}},
	}))
	tried := v.write("auth/radius/profiles/admins/test", map[string]any{"reply": map[string]any{"Globex-Role": "boss"}})
	require.Equal(t, true, tried.Data["matched"])
	_, err := v.Client.Logical().Write("auth/radius/dictionary/custom/globex", map[string]any{"text": "ATTRIBUTE"})
	var answer *api.ResponseError
	require.ErrorAs(t, err, &answer)
	require.Contains(t, answer.Errors[0], "line 1")
}
