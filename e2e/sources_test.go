package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/daemontest"
	"vault-plugin-auth-radius/internal/directorytest"
	"vault-plugin-auth-radius/internal/radiustest"
	"vault-plugin-auth-radius/internal/tlstest"
)

// TestExternalAuthenticationIsManagedAsElsewhere sends every request of Fudo's
// documentation of external authentication, under Vault's paths.
func TestExternalAuthenticationIsManagedAsElsewhere(t *testing.T) {
	t.Parallel()
	v := startPlugin(t)
	const path = "auth/radius/extauth"
	create := map[string]string{
		"ad":     `{"type": "ad", "host": "10.0.150.150", "port": 388, "ad_domain": "default"}`,
		"radius": `{"type": "radius", "host": "10.0.150.150", "port": 1645, "nasid": "cerb", "secret": "cerb-secret"}`,
		"ldap":   `{"type": "ldap", "host": "10.0.150.150", "port": 389, "ldap_binddn": "dc=admin4,dc=default,dc=defaultt"}`,
		"cerb":   `{"type": "cerb", "host": "10.0.150.150", "port": 1812, "bindto": "10.0.150.160", "nasid": "cerb", "secret": "cerb-secret"}`,
	}
	ids := map[string]json.Number{}
	for kind, body := range create {
		status, answer := v.request(http.MethodPost, path, "application/json", body)
		require.Equal(t, http.StatusCreated, status, answer)
		made := data(t, answer)
		ids[kind] = made["id"].(json.Number)
		require.Equal(t, kind+"-"+ids[kind].String(), made["name"])
		require.NotContains(t, answer, "cerb-secret")
	}
	status, answer := v.request(http.MethodGet, path, "application/json", "")
	require.Equal(t, http.StatusOK, status)
	want := map[string]map[string]any{
		"ad":     {"type": "ad", "host": "10.0.150.150", "port": json.Number("388"), "bindto": nil, "ad_domain": "default", "ssl": false, "ssl_cert": ""},
		"radius": {"type": "radius", "host": "10.0.150.150", "port": json.Number("1645"), "bindto": nil, "nasid": "cerb"},
		"ldap":   {"type": "ldap", "host": "10.0.150.150", "port": json.Number("389"), "bindto": nil, "ldap_binddn": "dc=admin4,dc=default,dc=defaultt", "ssl": false, "ssl_cert": ""},
		"cerb":   {"type": "cerb", "host": "10.0.150.150", "port": json.Number("1812"), "bindto": "10.0.150.160", "nasid": "cerb"},
	}
	grouped := data(t, answer)
	require.Len(t, grouped, len(want))
	for kind, fields := range want {
		require.Len(t, grouped[kind], 1)
		got := grouped[kind].([]any)[0].(map[string]any)
		for field, value := range fields {
			require.Contains(t, got, field)
			require.Equal(t, value, got[field], "%s: %s", kind, field)
		}
		require.NotContains(t, got, "secret")
	}
	item := path + "/" + ids["ad"].String()
	status, answer = v.request(http.MethodPut, item, "application/json", `{"host": "10.0.150.150", "port": 389, "ad_domain": "default"}`)
	require.Equal(t, http.StatusOK, status, answer)
	require.Equal(t, json.Number("389"), data(t, answer)["port"])

	table := []struct {
		method, path, content, body string
		status                      int
		text                        string
	}{
		{http.MethodGet, path + "?page=1&page_size=2", "", "", http.StatusOK, `"radius"`},
		{http.MethodGet, item, "", "", http.StatusOK, `"ad_domain":"default"`},
		{http.MethodPost, path, "application/json", `{"type": "ad", "port": 388}`, http.StatusBadRequest, "host"},
		{http.MethodPost, path, "application/json", `{"type": "tacacs", "host": "10.0.150.150"}`, http.StatusBadRequest, "type"},
		{http.MethodPost, path, "application/json", `{"type": "cerb", "host": "10.0.150.150", "port": 1812, "secret": "x"}`, http.StatusBadRequest, "nasid"},
		{http.MethodPost, path, "application/json", `{"type": "radius", "host": "10.0.150.150", "port": 1812, "nasid": "x"}`, http.StatusBadRequest, "secret"},
		{http.MethodPost, path, "application/json", `{"type": "ldap", "host": "10.0.150.150", "port": 389}`, http.StatusBadRequest, "ldap_binddn"},
		{http.MethodPost, path, "application/json", `{"type": "ldap", "host": "10.0.150.150", "ldap_binddn": "dc=x", "ssl": true}`, http.StatusBadRequest, "ssl_cert"},
		{http.MethodPost, path, "application/json", `{"type": "ad", "host": "10.0.150.150", "port": "x", "ad_domain": "default"}`, http.StatusBadRequest, "port"},
		{http.MethodPost, path, "application/json", `{"type": "ad", "name": "ldap-` + ids["ldap"].String() + `", "host": "10.0.150.150", "ad_domain": "default"}`, http.StatusConflict, "taken"},
		{http.MethodPut, item, "application/json", `{"port": 70000}`, http.StatusBadRequest, "port"},
		{http.MethodPatch, item, "application/merge-patch+json", `{"port": null}`, http.StatusOK, `"port":389`},
		{http.MethodPut, path + "/2594073385365405697", "application/json", `{"port": 388}`, http.StatusNotFound, "does not exist"},
		{http.MethodDelete, item, "", "", http.StatusNoContent, ""},
		{http.MethodDelete, item, "", "", http.StatusNotFound, "does not exist"},
		{http.MethodGet, item, "", "", http.StatusNotFound, ""},
	}
	for _, row := range table {
		status, answer := v.request(row.method, row.path, row.content, row.body)
		require.Equal(t, row.status, status, "%s %s %s: %s", row.method, row.path, row.body, answer)
		require.Contains(t, strings.ReplaceAll(answer, " ", ""), strings.ReplaceAll(row.text, " ", ""), row.body)
	}
	require.NotContains(t, v.log.String(), "cerb-secret")
}

// data gives the data of an answer.
func data(t *testing.T, answer string) map[string]any {
	t.Helper()
	var body struct{ Data map[string]any }
	decoder := json.NewDecoder(strings.NewReader(answer))
	decoder.UseNumber()
	require.NoError(t, decoder.Decode(&body), answer)
	return body.Data
}

// verify tries a login through a source.
func (v *vaultServer) verify(source, username, password string) map[string]any {
	v.t.Helper()
	return v.write("auth/radius/extauth/"+source+"/verify", map[string]any{"username": username, "password": password}).Data
}

// denied is a login that must be refused with the text for all.
func (v *vaultServer) denied(username, password string) {
	v.t.Helper()
	status, text := v.refused("auth/radius/login", map[string]any{"username": username, "password": password})
	require.Equal(v.t, http.StatusBadRequest, status, username)
	require.Equal(v.t, "access denied by the authentication server", text, username)
}

// loginAs logs in with the name in the body, which may have anything in it.
func (v *vaultServer) loginAs(username, password string) *api.SecretAuth {
	v.t.Helper()
	secret := v.write("auth/radius/login", map[string]any{"username": username, "password": password})
	require.NotNil(v.t, secret.Auth, username)
	return secret.Auth
}

func TestOneMountAsksManySources(t *testing.T) {
	t.Parallel()
	v := startPlugin(t)
	office, service := startFreeRADIUS(t), startFreeRADIUS(t)
	identity := directoryIdentity(t, "127.0.0.1")
	people, err := directorytest.StartOpenLDAP(t.Context(), t.TempDir(), directorytest.OpenLDAPOptions{
		Users:  map[string]string{"alice": "ldap-password", "bob, jr": "bob-password"},
		Groups: map[string][]string{"staff": {"alice"}}, TLS: identity,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, people.Stop()) })

	v.write("auth/radius/config", configFor(office.Host(), office.Port(), map[string]any{"lockout_threshold": 3, "unregistered_user_policies": "stranger"}))
	v.write("auth/radius/extauth", map[string]any{
		"type": "cerb", "name": "cerb", "host": service.Host(), "port": service.Port(), "nasid": "vpn-service", "secret": radiusSecret, "realms": "partners", "strip_realm": true,
	})
	ldap := map[string]any{
		"type": "ldap", "host": people.Host(), "ldap_binddn": directorytest.People, "ssl_cert": string(identity.Trusts.PEM()),
		"group_search_base": directorytest.Groups, "reply_attributes": map[string]any{"employeeType": "Class"},
	}
	for name, fields := range map[string]map[string]any{
		"people": {"port": people.TLSPort(), "ssl": true, "realms": "example.org"},
		"start":  {"port": people.Port(), "starttls": true},
		"plain":  {"port": people.Port()},
	} {
		source := map[string]any{"name": name}
		for _, more := range []map[string]any{ldap, fields} {
			for field, value := range more {
				source[field] = value
			}
		}
		v.write("auth/radius/extauth", source)
	}
	v.write("auth/radius/users/erika", map[string]any{"extauth": "local", "password": "erikas-password", "policies": "local"})
	v.groupWithAlias("staff", "staff-of-the-directory")

	auth := v.loginAs("alice", "alice-password")
	require.Contains(t, auth.TokenPolicies, "stranger")
	require.Empty(t, auth.Metadata["extauth"])

	// CERB asks for a one-time code.
	asked := v.write("auth/radius/login", map[string]any{"username": "carol@partners", "password": "carol-password"})
	require.Nil(t, asked.Auth)
	answered := v.write("auth/radius/login", map[string]any{"username": "carol@partners", "password": carolsCode, "challenge_id": asked.Data["challenge_id"]})
	require.Equal(t, "cerb", answered.Auth.Metadata["extauth"])
	require.Equal(t, "carol@partners", answered.Auth.Metadata["username"])

	for _, name := range []string{"alice@example.org", `EXAMPLE.ORG\alice`} {
		auth = v.loginAs(name, "ldap-password")
		require.Equal(t, "alice@example.org", auth.Metadata["username"])
		require.Contains(t, auth.IdentityPolicies, "staff-of-the-directory")
	}
	v.loginAs("bob, jr@example.org", "bob-password")
	for _, name := range []string{"ALICE@example.org", "uid=alice@example.org", "*@example.org", "alice)(uid=*@example.org", `\`} {
		v.denied(name, "ldap-password")
	}
	for _, name := range []string{"../alice@example.org", "alice\u202e@example.org"} {
		status, text := v.refused("auth/radius/login", map[string]any{"username": name, "password": "ldap-password"})
		require.Equal(t, http.StatusBadRequest, status)
		require.Contains(t, text, "username")
	}
	v.denied("alice@example.org", "alice-password")

	require.Equal(t, "accept", v.verify("start", "alice", "ldap-password")["outcome"])
	got := v.verify("people", "alice", "ldap-password")
	require.Equal(t, fmt.Sprintf("127.0.0.1:%d", people.TLSPort()), got["server"])
	require.Contains(t, fmt.Sprint(got["reply"]), "staff")
	got = v.verify("plain", "alice", "ldap-password")
	require.Equal(t, "misconfigured", got["outcome"])
	require.Contains(t, got["reason"], "clear text")
	v.write("auth/radius/extauth/plain", map[string]any{"allow_cleartext": true})
	require.Equal(t, "accept", v.verify("plain", "alice", "ldap-password")["outcome"])

	require.Contains(t, v.loginAs("erika", "erikas-password").TokenPolicies, "local")
	for range 3 {
		v.denied("erika", "wrong")
	}
	v.denied("erika", "erikas-password")
	locked, err := v.Client.Logical().List("auth/radius/unlock")
	require.NoError(t, err)
	require.Equal(t, []any{"erika"}, locked.Data["keys"])
	v.write("auth/radius/unlock/erika", nil)
	v.loginAs("erika", "erikas-password")

	status, text := refusal(t, deleted(v, "auth/radius/extauth/cerb", func() { v.write("auth/radius/users/carol@partners", map[string]any{"extauth": "cerb"}) }))
	require.Equal(t, http.StatusConflict, status)
	require.Contains(t, text, "carol")

	// The directory restarts, and is gone.
	require.NoError(t, people.Restart())
	v.loginAs("alice@example.org", "ldap-password")
	require.NoError(t, people.Stop())
	status, text = v.refused("auth/radius/login", map[string]any{"username": "alice@example.org", "password": "ldap-password"})
	require.Equal(t, http.StatusBadRequest, status)
	require.Equal(t, "the authentication server did not answer in time", text)
	v.log.await(t, "nothing listens on that port")
	require.Equal(t, "unavailable", v.verify("people", "alice", "ldap-password")["outcome"])
	require.NoError(t, people.Restart())
	v.loginAs("alice@example.org", "ldap-password")
	for _, secret := range []string{"ldap-password", "erikas-password", "carol-password", radiusSecret} {
		require.NotContains(t, v.log.String(), secret)
	}
}

// deleted prepares something and then deletes a path.
func deleted(v *vaultServer, path string, prepare func()) error {
	prepare()
	_, err := v.Client.Logical().Delete(path)
	return err
}

func directoryIdentity(t *testing.T, name string) *tlstest.Identity {
	t.Helper()
	authority, err := tlstest.NewAuthority("Directory CA")
	require.NoError(t, err)
	return identity(t, authority, name)
}

func TestActiveDirectoryThroughVault(t *testing.T) {
	t.Parallel()
	address, err := daemontest.FreeAddress(t.Context())
	require.NoError(t, err)
	identity := directoryIdentity(t, address.String())
	s, err := directorytest.StartSamba(t.Context(), t.TempDir(), address.String(), identity)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop()) })
	const password = "Alice-Passw0rd"
	for _, arguments := range [][]string{
		{"user", "create", "alice", password},
		{"user", "create", "disabled", password},
		{"user", "disable", "disabled"},
		{"user", "create", "change", password, "--must-change-at-next-login"},
		{"group", "add", "staff"},
		{"group", "addmembers", "staff", "alice"},
	} {
		require.NoError(t, s.Tool(t.Context(), arguments...))
	}
	v := startPlugin(t)
	v.write("auth/radius/extauth", map[string]any{
		"type": "ad", "name": "corp", "host": "127.0.0.1:1," + s.Host(), "ad_domain": directorytest.Domain, "ssl": true,
		"ssl_cert": string(identity.Trusts.PEM()), "realms": "corp.example.org,CORP", "group_search_base": directorytest.DomainSuffix, "bindto": "127.0.0.1",
	})
	v.write("auth/radius/config", map[string]any{"extauth": "local", "token_ttl": "5m"})
	v.groupWithAlias("staff", "staff-of-the-domain")
	v.groupWithAlias("Domain Users", "all-of-the-domain")
	for _, name := range []string{"alice@corp.example.org", `CORP\alice`} {
		auth := v.loginAs(name, password)
		require.Equal(t, "alice@corp.example.org", auth.Metadata["username"])
		require.Subset(t, auth.IdentityPolicies, []string{"staff-of-the-domain", "all-of-the-domain"})
	}
	v.denied("alice", password) // who is of the realm says so, and has one name
	for name, reason := range map[string]string{"disabled": "disabled", "change": "new password", "ALICE": "spells this name"} {
		v.denied(name+"@corp.example.org", password)
		require.Contains(t, v.verify("corp", name+"@corp.example.org", password)["reason"], reason)
		v.log.await(t, reason)
	}
	require.NotContains(t, v.log.String(), password)
	servers := v.read("auth/radius/status")["sources"].(map[string]any)["corp"].(map[string]any)["servers"].([]any)
	require.Equal(t, "dead", servers[0].(map[string]any)["state"], "the first host is not there")
	require.EqualValues(t, "1", fmt.Sprint(servers[0].(map[string]any)["unavailable"]), "which cost one attempt")
}

// A source sends from the address of its label, which the plugin's environment
// knows.
func TestSourceSendsFromTheAddressOfItsLabel(t *testing.T) {
	t.Parallel()
	v := startVault(t)
	v.register(pluginName, "", "RADIUS_BIND_DMZ=127.0.0.5")
	v.enable("radius", pluginName)
	server := startRADIUS(t, radiustest.Options{Handler: func(r *radiustest.Request) []radiustest.Answer { return []radiustest.Answer{r.Accept()} }})
	status, text := v.refused("auth/radius/extauth", map[string]any{"type": "radius", "host": server.Host(), "nasid": "vault", "secret": radiusSecret, "bindto": "fudo:label:lan"})
	require.Equal(t, http.StatusBadRequest, status)
	require.Contains(t, text, "RADIUS_BIND_LAN")
	v.write("auth/radius/extauth", map[string]any{"type": "radius", "host": server.Host(), "port": server.Port(), "nasid": "vault", "secret": radiusSecret, "bindto": "fudo:label:dmz"})
	require.Equal(t, "accept", v.verify("radius-1", "alice", "x")["outcome"])
	require.Equal(t, "127.0.0.5", server.Requests()[0].From.Addr().String())
}
