package radiusauth

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/login"
)

// asFreeRADIUS sends what FreeRADIUS would, and gives the status and the body.
func (b *testBackend) asFreeRADIUS(path string, data map[string]any) (status int, body string) {
	b.t.Helper()
	resp := b.ok(logical.UpdateOperation, "freeradius/"+path, data)
	body, _ = resp.Data[logical.HTTPRawBody].(string)
	return resp.Data[logical.HTTPStatusCode].(int), body
}

func (b *testBackend) authorized(data map[string]any) string {
	b.t.Helper()
	status, body := b.asFreeRADIUS("authorize", data)
	require.Equal(b.t, http.StatusOK, status)
	require.True(b.t, json.Valid([]byte(body)), body)
	return body
}

const acceptJSON = `"control:Auth-Type":{"op":":=","do_xlat":false,"value":"Accept"}`

func TestAuthorizeAcceptsWhomALoginWould(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, map[string]any{"lockout_threshold": 3})
	require.Equal(t, "{"+acceptJSON+"}", b.authorized(map[string]any{"username": "alice", "password": "alice-password"}))
	for _, data := range []map[string]any{
		{"username": "alice", "password": "wrong"},
		{"username": "nobody", "password": "x"},
		{"username": "alice", "password": ""},
		{"username": "", "password": ""},
		{},
	} {
		status, body := b.asFreeRADIUS("authorize", data)
		require.Equal(t, http.StatusNoContent, status, data)
		require.Empty(t, body)
	}
	b.ok(logical.UpdateOperation, "freeradius/config", map[string]any{"authorize_reject": true})
	status, _ := b.asFreeRADIUS("authorize", map[string]any{"password": "x"})
	require.Equal(t, http.StatusNoContent, status, "without a name there is nobody to refuse")
	status, body := b.asFreeRADIUS("authorize", map[string]any{"username": "alice", "password": "wrong"})
	require.Equal(t, http.StatusUnauthorized, status)
	require.JSONEq(t, `{"control:Auth-Type":{"op":":=","do_xlat":false,"value":"Reject"}}`, body)
	b.asFreeRADIUS("authorize", map[string]any{"username": "alice", "password": "wrong"})
	require.Equal(t, []string{"alice"}, b.ok(logical.ListOperation, "unlock", nil).Data["keys"], "as at login")
	b.ok(logical.UpdateOperation, "unlock/alice", nil)
	for _, fields := range []map[string]any{{"enabled": false}, {"enabled": true, "expires_at": "2020-01-01"}} {
		b.ok(logical.PatchOperation, "users/alice", fields)
		status, _ = b.asFreeRADIUS("authorize", map[string]any{"username": "alice", "password": "alice-password"})
		require.Equal(t, http.StatusUnauthorized, status)
	}
}

func TestUsersOfRADIUSServersAreNotAcceptedUnlessWanted(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	status, _ := b.asFreeRADIUS("authorize", map[string]any{"username": "alice", "password": "alice-password"})
	require.Equal(t, http.StatusNoContent, status)
	require.Empty(t, b.server.Requests(), "the server that asks could be that one")
	b.ok(logical.UpdateOperation, "freeradius/config", map[string]any{"use_radius_sources": true})
	b.authorized(map[string]any{"username": "alice", "password": "alice-password"})
	status, _ = b.asFreeRADIUS("authorize", map[string]any{"username": "carol", "password": "carol-password"})
	require.Equal(t, http.StatusNoContent, status, "a challenge is no accept")
}

func TestProfilesDecideAboutTheRequestThatFreeRADIUSHasGot(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	b.profile("office", map[string]any{
		"check_attribute": []any{item("Called-Station-Id", "==", "office"), item("NAS-Port", ">", "6"), item("Calling-Station-Id", "!*", "ANY"), item("client:site", "==", "Köln")},
		"reply_attribute": []any{item("Session-Timeout", ":=", "3600"), item("Reply-Message", "+=", "Hello %{User-Name}"), item("Reply-Message", "+=", "again")},
	})
	b.ok(logical.UpdateOperation, "users/alice", map[string]any{"profiles": "office"})
	want := "{" + acceptJSON + `,"reply:Session-Timeout":{"op":":=","do_xlat":false,"value":3600},"reply:Reply-Message":{"op":":=","do_xlat":false,"value":["Hello alice","again"]}}`
	template := map[string]any{
		"username": "alice", "password": "alice-password", "called_station_id": "office", "nas_port": "7", "site": "Köln", "calling_station_id": "",
	}
	require.Equal(t, want, b.authorized(template))
	native := map[string]any{
		"User-Name": attribute("string", "alice"), "User-Password": attribute("string", "alice-password"),
		"Called-Station-Id": attribute("string", "office"), "NAS-Port": attribute("integer", 7.0), "site": "Köln",
	}
	require.Equal(t, want, b.authorized(native))
	template["called_station_id"] = "home"
	status, _ := b.asFreeRADIUS("authorize", template)
	require.Equal(t, http.StatusNoContent, status)
}

func TestWhatProfilesCannotNameIsNoPartOfTheRequest(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	b.profile("nosy", checks(item("client:password", "!*", "ANY"), item("client:long", "!*", "ANY")))
	b.ok(logical.UpdateOperation, "users/alice", map[string]any{"profiles": "nosy"})
	b.authorized(map[string]any{"username": "alice", "password": "alice-password", "odd name\n": "x", "long": strings.Repeat("x", 5000)})
}

// attribute is one as FreeRADIUS writes it without a template.
func attribute(kind string, values ...any) map[string]any {
	return map[string]any{"type": kind, "value": values}
}

func TestTextThatFreeRADIUSHasMangledIsReadAsItWas(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	for name, password := range map[string]string{"josé€": `p"w\d %{User-Name} ${x} ñ€`, "plain": "a\nb\tc"} {
		b.ok(logical.UpdateOperation, "users/"+name, map[string]any{"password": password})
		b.authorized(map[string]any{"username": name, "password": password})
		b.authorized(map[string]any{"User-Name": attribute("string", latin1(name)), "User-Password": attribute("string", latin1(password))})
	}
}

// latin1 is how FreeRADIUS writes octets above 127 in JSON.
func latin1(text string) string {
	var runes []rune
	for _, octet := range []byte(text) {
		runes = append(runes, rune(octet))
	}
	return string(runes)
}

func TestNothingInAReplyIsCodeForFreeRADIUS(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	b.profile("odd", map[string]any{"reply_attribute": []any{
		item("Reply-Message", ":=", `%%{echo:/usr/bin/id} 100%% \n "q"`), item("Class", ":=", "0x00ff"),
		item("Tunnel-Type:1", "+=", "VLAN"), item("Tunnel-Type:2", "+=", "GRE"), item("Framed-IP-Address", ":=", "10.0.0.7"),
		item("Cisco-AVPair", "+=", "a=1"), item("Cisco-AVPair", "+=", "b=2"), item("Framed-IPv6-Prefix", ":=", "2001:db8::/64"), item("Event-Timestamp", ":=", "1893456000"),
	}})
	b.ok(logical.UpdateOperation, "users/alice", map[string]any{"profiles": "odd"})
	body := b.authorized(map[string]any{"username": "alice", "password": "alice-password"})
	for _, want := range []string{
		`"reply:Reply-Message":{"op":":=","do_xlat":false,"value":"%{echo:/usr/bin/id} 100% \\\\n \"q\""}`,
		`"reply:Class":{"op":":=","do_xlat":false,"value":"0x00ff"}`,
		`"reply:Tunnel-Type:1":{"op":":=","do_xlat":false,"value":13}`, `"reply:Tunnel-Type:2":{"op":"+=","do_xlat":false,"value":10}`,
		`"reply:Framed-IP-Address":{"op":":=","do_xlat":false,"value":"10.0.0.7"}`, `"value":["a=1","b=2"]`, `"value":"2001:db8::/64"`, `"value":1893456000`,
	} {
		require.Contains(t, body, want)
	}
}

func TestWhatAServerRepliesWithIsNotHandedOn(t *testing.T) {
	t.Parallel()
	b := accepting(t, nil, filterID("staff"))
	b.ok(logical.UpdateOperation, "freeradius/config", map[string]any{"use_radius_sources": true})
	require.Equal(t, "{"+acceptJSON+"}", b.authorized(map[string]any{"username": "alice", "password": "alice-password"}))
}

func TestNTHashIsExposedOnlyIfTheUserSaysSo(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	b.profile("short", map[string]any{"reply_attribute": []any{item("Session-Timeout", ":=", "60")}})
	b.ok(logical.UpdateOperation, "users/mia", map[string]any{"password_hash": "nt:891fc570507eef023cbfec043dd5f2b1", "profiles": "short"})
	request := map[string]any{"username": "mia", "password": ""}
	status, _ := b.asFreeRADIUS("authorize", request)
	require.Equal(t, http.StatusNoContent, status)
	b.ok(logical.PatchOperation, "users/mia", map[string]any{"expose_credential": true})
	require.Equal(t, `{"control:NT-Password":{"op":":=","do_xlat":false,"value":"0x891FC570507EEF023CBFEC043DD5F2B1"},"reply:Session-Timeout":{"op":":=","do_xlat":false,"value":60}}`, b.authorized(request))
	require.Contains(t, b.authorized(map[string]any{"username": "mia", "password": "Cam0_liX"}), acceptJSON, "PAP is decided here")
	require.NotContains(t, b.log.String(), "891FC57")
	b.ok(logical.PatchOperation, "config", map[string]any{"lockout_threshold": 1})
	b.asFreeRADIUS("authorize", map[string]any{"username": "mia", "password": "wrong"})
	status, _ = b.asFreeRADIUS("authorize", request)
	require.Equal(t, http.StatusNoContent, status, "locked out")
	b.ok(logical.UpdateOperation, "unlock/mia", nil)
	b.authorized(request)
	for _, fields := range []map[string]any{{"enabled": false}, {"enabled": true, "extauth": ""}, {"extauth": "local", "password": "a-password"}} {
		b.ok(logical.PatchOperation, "users/mia", fields)
		if fields["extauth"] == "" {
			b.ok(logical.UpdateOperation, "config", map[string]any{"extauth": "", "host": "127.0.0.1", "secret": testSecret})
		}
		status, _ = b.asFreeRADIUS("authorize", request)
		require.Equal(t, http.StatusNoContent, status, fields)
	}
}

func TestOutageIsNoRefusalForFreeRADIUS(t *testing.T) {
	t.Parallel()
	b, s := newDirectoryBackend(t, inDirectory, nil)
	b.authorized(map[string]any{"username": "alice", "password": "alice-password"})
	s.Close()
	status, body := b.asFreeRADIUS("authorize", map[string]any{"username": "alice", "password": "alice-password"})
	require.Equal(t, http.StatusServiceUnavailable, status, "FreeRADIUS may stay silent, so that the NAS asks another server")
	require.Empty(t, body)
}

func TestMountWithoutConfigRefusesNobodyForFreeRADIUS(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	_, err := b.send(logical.UpdateOperation, "freeradius/authorize", map[string]any{"username": "alice", "password": "alice-password"})
	var coded logical.HTTPCodedError
	require.ErrorAs(t, err, &coded)
	require.Equal(t, http.StatusServiceUnavailable, coded.Code())
	require.Equal(t, login.NotConfiguredText, coded.Error())
}
