package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"testing"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/directorytest"
	"vault-plugin-auth-radius/internal/radiustest"
	"vault-plugin-auth-radius/internal/tlstest"
)

const (
	directoryPassword = "ldap-password"
	erikasPassword    = "erikas-password"
)

// sourcesFixture is a Vault whose users are in the RADIUS server of the mount's config, at a CERB for
// the realm partners, in a directory for the realm example.org, and in Vault itself.
type sourcesFixture struct {
	*vaultServer
	directory *directorytest.OpenLDAP
}

func TestMountUsesManySources(t *testing.T) {
	t.Parallel()
	fixture := startSources(t)
	for _, behaviour := range []struct {
		name string
		test func(t *testing.T, v *sourcesFixture)
	}{
		{"name without a realm is the config's server's", testNameWithoutRealm},
		{"CERB's one-time code is answered", testChallengeOfCERB},
		{"both spellings of a realm log in, with the groups of the directory", testNamesWithRealm},
		{"name may have a comma and a blank", testNameWithComma},
		{"names that a directory might match are denied", testNamesThatMightMatch},
		{"names that no user may have are refused", testImpossibleNames},
		{"password of another source is denied", testPasswordOfAnotherSource},
		{"verify uses StartTLS", testVerifyWithStartTLS},
		{"verify shows the server and the groups", testVerifyShowsServerAndGroups},
		{"password is not sent in clear text unless that is allowed", testCleartext},
		{"local user has policies of its own", testLocalUser},
		{"local user is locked out, and unlocked", testLockout},
		{"source with users is not deleted", testDeletingUsedSource},
		{"directory that has restarted is used again", testRestartedDirectory},
		{"directory that is gone is no denial", testDirectoryThatIsGone},
		{"no secret is logged", testLoggedSecrets},
	} {
		fixture.run(t, behaviour.name, func(t *testing.T) { behaviour.test(t, fixture) })
	}
}

func startSources(t *testing.T) *sourcesFixture {
	t.Helper()
	v := startPlugin(t)
	office, service := startFreeRADIUS(t), startFreeRADIUS(t)
	identity := directoryIdentity(t, "127.0.0.1")
	directory, err := directorytest.StartOpenLDAP(t.Context(), t.TempDir(), directorytest.OpenLDAPOptions{
		Users:  map[string]string{"alice": directoryPassword, "bob, jr": "bob-password"},
		Groups: map[string][]string{"staff": {"alice"}}, TLS: identity,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, directory.Stop()) })

	v.write("auth/radius/config", configFor(office.Host(), office.Port(), map[string]any{
		"lockout_threshold": 3, "unregistered_user_policies": "stranger",
	}))
	v.write(sourcesPath, map[string]any{
		"type": "cerb", "name": "cerb", "host": service.Host(), "port": service.Port(), "nasid": "vpn-service",
		"secret": radiusSecret, "realms": "partners", "strip_realm": true,
	})
	for name, fields := range map[string]map[string]any{
		"ldaps":    {"port": directory.TLSPort(), "ssl": true, "realms": "example.org"},
		"starttls": {"port": directory.Port(), "starttls": true},
		"plain":    {"port": directory.Port()},
	} {
		source := map[string]any{
			"type": "ldap", "name": name, "host": directory.Host(), "ldap_binddn": directorytest.People,
			"ssl_cert": string(identity.Trusts.PEM()), "group_search_base": directorytest.Groups,
			"reply_attributes": map[string]any{"employeeType": "Class"},
		}
		maps.Copy(source, fields)
		v.write(sourcesPath, source)
	}
	v.write("auth/radius/users/erika", map[string]any{"extauth": "local", "password": erikasPassword, "policies": "local"})
	v.groupWithAlias("staff", "staff-of-the-directory")
	return &sourcesFixture{vaultServer: v, directory: directory}
}

func testNameWithoutRealm(t *testing.T, v *sourcesFixture) {
	auth := v.loginAs("alice", "alice-password")
	require.Contains(t, auth.TokenPolicies, "stranger")
	require.Empty(t, auth.Metadata["extauth"])
}

func testChallengeOfCERB(t *testing.T, v *sourcesFixture) {
	challenge := v.write("auth/radius/login", map[string]any{"username": "carol@partners", "password": "carol-password"})
	require.Nil(t, challenge.Auth)
	login := v.write("auth/radius/login", map[string]any{
		"username": "carol@partners", "password": carolsCode, "challenge_id": challenge.Data["challenge_id"],
	})
	require.Equal(t, "cerb", login.Auth.Metadata["extauth"])
	require.Equal(t, "carol@partners", login.Auth.Metadata["username"])
}

func testNamesWithRealm(t *testing.T, v *sourcesFixture) {
	for _, name := range []string{"alice@example.org", `EXAMPLE.ORG\alice`} {
		auth := v.loginAs(name, directoryPassword)
		require.Equal(t, "alice@example.org", auth.Metadata["username"])
		require.Contains(t, auth.IdentityPolicies, "staff-of-the-directory")
	}
}

func testNameWithComma(_ *testing.T, v *sourcesFixture) {
	v.loginAs("bob, jr@example.org", "bob-password")
}

func testNamesThatMightMatch(_ *testing.T, v *sourcesFixture) {
	for _, name := range []string{"ALICE@example.org", "uid=alice@example.org", "*@example.org", "alice)(uid=*@example.org", `\`} {
		v.denied(name, directoryPassword)
	}
}

func testImpossibleNames(t *testing.T, v *sourcesFixture) {
	for _, name := range []string{"../alice@example.org", "alice\u202e@example.org"} {
		status, text := v.refused("auth/radius/login", map[string]any{"username": name, "password": directoryPassword})
		require.Equal(t, http.StatusBadRequest, status)
		require.Contains(t, text, "username")
	}
}

func testPasswordOfAnotherSource(_ *testing.T, v *sourcesFixture) {
	v.denied("alice@example.org", "alice-password")
}

func testVerifyWithStartTLS(t *testing.T, v *sourcesFixture) {
	require.Equal(t, "accept", v.verify("starttls", "alice", directoryPassword)["outcome"])
}

func testVerifyShowsServerAndGroups(t *testing.T, v *sourcesFixture) {
	outcome := v.verify("ldaps", "alice", directoryPassword)
	require.Equal(t, fmt.Sprintf("127.0.0.1:%d", v.directory.TLSPort()), outcome["server"])
	require.Contains(t, fmt.Sprint(outcome["reply"]), "staff")
}

func testCleartext(t *testing.T, v *sourcesFixture) {
	outcome := v.verify("plain", "alice", directoryPassword)
	require.Equal(t, "misconfigured", outcome["outcome"])
	require.Contains(t, outcome["reason"], "clear text")
	v.write(sourcesPath+"/plain", map[string]any{"allow_cleartext": true})
	require.Equal(t, "accept", v.verify("plain", "alice", directoryPassword)["outcome"])
}

func testLocalUser(t *testing.T, v *sourcesFixture) {
	require.Contains(t, v.loginAs("erika", erikasPassword).TokenPolicies, "local")
}

func testLockout(t *testing.T, v *sourcesFixture) {
	for range 3 {
		v.denied("erika", "wrong")
	}
	v.denied("erika", erikasPassword)
	locked, err := v.Client.Logical().List("auth/radius/unlock")
	require.NoError(t, err)
	require.Equal(t, []any{"erika"}, locked.Data["keys"])
	v.write("auth/radius/unlock/erika", nil)
	v.loginAs("erika", erikasPassword)
}

func testDeletingUsedSource(t *testing.T, v *sourcesFixture) {
	v.write("auth/radius/users/carol@partners", map[string]any{"extauth": "cerb"})
	_, err := v.Client.Logical().Delete(sourcesPath + "/cerb")
	status, text := refusal(t, err)
	require.Equal(t, http.StatusConflict, status)
	require.Contains(t, text, "carol")
}

func testRestartedDirectory(t *testing.T, v *sourcesFixture) {
	v.loginAs("alice@example.org", directoryPassword) // over a connection that may be kept
	require.NoError(t, v.directory.Restart())
	v.loginAs("alice@example.org", directoryPassword)
}

func testDirectoryThatIsGone(t *testing.T, v *sourcesFixture) {
	require.NoError(t, v.directory.Stop())
	status, text := v.refused("auth/radius/login", map[string]any{"username": "alice@example.org", "password": directoryPassword})
	require.Equal(t, http.StatusBadRequest, status)
	require.Equal(t, "the authentication server did not answer in time", text)
	v.log.await(t, "nothing listens on that port")
	require.Equal(t, "unavailable", v.verify("ldaps", "alice", directoryPassword)["outcome"])
	require.NoError(t, v.directory.Restart())
	v.loginAs("alice@example.org", directoryPassword)
}

func testLoggedSecrets(t *testing.T, v *sourcesFixture) {
	for _, secret := range []string{directoryPassword, erikasPassword, "carol-password", radiusSecret} {
		require.NotContains(t, v.log.String(), secret)
	}
}

// A source sends from the address of its label, which the plugin's environment
// knows.
func TestSourceSendsFromTheAddressOfItsLabel(t *testing.T) {
	t.Parallel()
	v := startVault(t)
	v.register(pluginName, "", "RADIUS_BIND_DMZ=127.0.0.5")
	v.enable("radius", pluginName)
	server := startRADIUS(t, radiustest.Options{
		Handler: func(r *radiustest.Request) []radiustest.Answer { return []radiustest.Answer{r.Accept()} },
	})
	source := map[string]any{
		"type": "radius", "host": server.Host(), "port": server.Port(), "nasid": "vault", "secret": radiusSecret,
	}
	v.run(t, "label that the environment does not have is refused", func(t *testing.T) {
		source["bindto"] = "fudo:label:lan"
		status, text := v.refused(sourcesPath, source)
		require.Equal(t, http.StatusBadRequest, status)
		require.Contains(t, text, "RADIUS_BIND_LAN")
	})
	v.run(t, "label of the environment is the address of the packets", func(t *testing.T) {
		source["bindto"] = "fudo:label:dmz"
		v.write(sourcesPath, source)
		require.Equal(t, "accept", v.verify("radius-1", "alice", "x")["outcome"])
		require.Equal(t, "127.0.0.5", server.Requests()[0].From.Addr().String())
	})
}

// verify tries a login through a source.
func (v *vaultServer) verify(source, username, password string) map[string]any {
	v.t.Helper()
	return v.write(sourcesPath+"/"+source+"/verify", map[string]any{"username": username, "password": password}).Data
}

// denied requires that a login is refused with the text that says nothing of the reason.
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

func directoryIdentity(t *testing.T, name string) *tlstest.Identity {
	t.Helper()
	authority, err := tlstest.NewAuthority("Directory CA")
	require.NoError(t, err)
	return identity(t, authority, name)
}
