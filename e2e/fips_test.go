package e2e

import (
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/directorytest"
	"vault-plugin-auth-radius/internal/radiustest"
)

// The plugin runs with GODEBUG=fips140=only, which ends what uses a function that is not approved:
// RADIUS/1.1, LDAPS and PBKDF2 work, all else is refused with the reason, and nothing panics.
func TestFIPSModeTakesWhatIsApprovedAndRefusesAllElse(t *testing.T) {
	t.Parallel()
	const refused = "is refused in FIPS 140 mode"
	// What a mount has that is older than the mode, which a binary of the FIPS variant begins with.
	v := startVault(t)
	v.register(pluginName, "", "GODEBUG=fips140=off")
	v.enable("radius", pluginName)
	v.write("auth/radius/config", configFor("127.0.0.1", 1812, map[string]any{"read_timeout": 2}))
	v.write("auth/radius/users/nora", map[string]any{
		"extauth": "local", "password_hash": "nt:891fc570507eef023cbfec043dd5f2b1", "expose_credential": true,
	})
	v.register(pluginName, "", "GODEBUG=fips140=only")
	_, err := v.Client.Sys().ReloadPlugin(&api.ReloadPluginInput{Plugin: pluginName})
	require.NoError(t, err)

	for name, password := range map[string]string{"bob": "bob-password", "nora": "Cam0_liX"} {
		status, text := v.refused("auth/radius/login/"+name, map[string]any{"password": password})
		require.Equal(t, 400, status)
		require.NotContains(t, text, "FIPS", "the log says why")
	}
	v.log.await(t, "stored before FIPS 140 mode was on, and refused in it")
	v.log.await(t, "users have passwords that cannot be checked in FIPS 140 mode")
	state := v.read("auth/radius/status")
	require.Equal(t, "only", state["fips140"])
	require.Len(t, state["warnings"], 3, "the config's server and algorithm, and nora: %v", state["warnings"])
	for _, attempt := range v.read("auth/radius/attempts")["attempts"].([]any) {
		require.Contains(t, attempt.(map[string]any)["reason"], refused)
	}

	// What works: RADIUS/1.1, with a second step, ...
	serverIdentity, vault := identities(t)
	tls, err := serverIdentity.Server()
	require.NoError(t, err)
	server, err := radiustest.StartStream(radiustest.StreamOptions{
		TLS: tls, Versions: []radiustest.Version{radiustest.RADIUS11},
		Handler: radiustest.Users{"bob": {Password: "bob-password"}, "carol": {Password: "carol-password", Code: carolsCode}}.Handler(),
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	over11 := overTLS(server.Port(), vault, map[string]any{"radius_version": "1.1", "password_hash_algorithm": "pbkdf2_sha256"})
	v.write("auth/radius/config", over11)
	v.login("auth/radius", "bob", "bob-password")
	v.denied("bob", "wrong")
	step := v.write("auth/radius/login/carol", map[string]any{"password": "carol-password"})
	require.NotNil(t, v.write("auth/radius/login/carol", map[string]any{
		"challenge_id": step.Data["challenge_id"], "password": carolsCode,
	}).Auth)

	// ... LDAPS, and StartTLS, ...
	identity := directoryIdentity(t, "127.0.0.1")
	directory, err := directorytest.StartOpenLDAP(t.Context(), t.TempDir(), directorytest.OpenLDAPOptions{
		Users: map[string]string{"alice": "alice-password"}, TLS: identity,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, directory.Stop()) })
	ldap := func(name string, more map[string]any) map[string]any {
		fields := map[string]any{
			"type": "ldap", "name": name, "host": "127.0.0.1", "ldap_binddn": directorytest.People,
			"ssl_cert": string(identity.Trusts.PEM()),
		}
		for field, value := range more {
			fields[field] = value
		}
		return fields
	}
	v.write("auth/radius/extauth", ldap("ldaps", map[string]any{"ssl": true, "port": directory.TLSPort()}))
	v.write("auth/radius/extauth", ldap("starttls", map[string]any{"starttls": true, "port": directory.Port()}))
	for _, name := range []string{"ldaps", "starttls"} {
		require.Equal(t, "accept", v.verify(name, "alice", "alice-password")["outcome"], name)
	}
	v.write("auth/radius/users/alice", map[string]any{"extauth": "ldaps"})
	v.login("auth/radius", "alice", "alice-password")
	v.denied("alice", "wrong")

	// ... and passwords here.
	v.write("auth/radius/users/nora", map[string]any{"password": "new-password"})
	require.Equal(t, "pbkdf2_sha256", v.read("auth/radius/users/nora")["password_scheme"])
	v.login("auth/radius", "nora", "new-password")
	v.denied("nora", "wrong")
	require.NotContains(t, v.read("auth/radius/status"), "warnings", "all is mended")

	for _, test := range []struct {
		path, field string
		data        map[string]any
	}{
		{"config", "transport", map[string]any{"transport": "udp", "secret": radiusSecret}},
		{"config", "transport", map[string]any{"transport": "tcp", "secret": radiusSecret}},
		{"config", "radius_version", map[string]any{"radius_version": "1.0"}},
		{"config", "radius_version", map[string]any{"radius_version": "auto"}},
		{"config", "auth_protocol", map[string]any{"auth_protocol": "chap"}},
		{"config", "auth_protocol", map[string]any{"auth_protocol": "mschapv2"}},
		{"config", "password_hash_algorithm", map[string]any{"password_hash_algorithm": "argon2id"}},
		{"extauth", "allow_cleartext", ldap("clear", map[string]any{"ssl_cert": "", "allow_cleartext": true})},
		{"users/nora", "password_hash", map[string]any{"password_hash": "nt:891fc570507eef023cbfec043dd5f2b1"}},
		{"users/nora", "password_hash", map[string]any{"password_hash": "{SSHA}6g4fYEqjmxjPhirX8+VjjS3TL+zKOqNs"}},
	} {
		status, text := v.refused("auth/radius/"+test.path, test.data)
		require.Equal(t, 400, status)
		require.Contains(t, text, test.field)
		require.Contains(t, text, refused)
	}
	v.login("auth/radius", "nora", "new-password")
	require.NotContains(t, strings.ToLower(v.log.String()), "panic")
}
