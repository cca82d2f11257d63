package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/radiustest"
)

// Vault logs at trace level here, and so does the plugin.
func TestNeitherSecretNorPasswordIsLoggedOrRead(t *testing.T) {
	t.Parallel()
	radius := startFreeRADIUS(t)
	forger := startRADIUS(t, radiustest.Options{Handler: func(r *radiustest.Request) []radiustest.Answer {
		return []radiustest.Answer{r.Accept().WrongAuthenticator(), r.Accept().WithProxyState(), r.Reject("no")}
	}})
	v := startPlugin(t)

	v.write("auth/radius/config", configFor(radius.Host(), radius.Port(), nil))
	token := v.login("auth/radius", "bob", "bob-password").ClientToken
	_, err := v.as(token).Auth().Token().RenewSelf(0)
	require.NoError(t, err)
	var said []string
	for _, data := range []map[string]any{
		{"username": "alice", "password": "bob-password"},
		{"username": "bob\x00", "password": "bob-password"},
		{"username": "bob", "password": "bob-password\x00"},
		{"username": "bob", "password": []string{"bob-password"}},
		{"username": "bob", "password": map[string]string{"bob-password": "x"}},
	} {
		_, text := v.refused("auth/radius/login", data)
		said = append(said, text)
	}
	_, text := v.refused("auth/radius/config", configFor(radius.Host(), radius.Port(), map[string]any{"port": "x"}))
	said = append(said, text)
	_, text = v.refused("auth/radius/config", map[string]any{"secret": []string{radiusSecret}})
	said = append(said, text)
	_, body := v.request("GET", "auth/radius/config", "", "")
	said = append(said, body)
	v.write("auth/radius/config", configFor(forger.Host(), forger.Port(), nil))
	_, text = v.refused("auth/radius/login/bob", map[string]any{"password": "bob-password"})
	said = append(said, text)

	said = append(said, v.saidToOperators(radius)...)
	require.NotContains(t, strings.Join(said, "\n"), "passphrase of bob", "a password in the field of the name")

	v.log.await(t, "wrong Response Authenticator") // the plugin's log is in Vault's, whole
	v.log.await(t, "[TRACE]")
	for _, text := range append(said, v.log.String()) {
		require.NotContains(t, text, "bob-password")
		require.NotContains(t, text, radiusSecret)
		require.NotContains(t, text, challengeCode)
	}
}

// challengeCode answers the challenge that a wrong password of bob gets in the test of secrecy.
const challengeCode = "code-834711"

// saidToOperators returns what metrics, attempts, explain and verify answer about logins with
// passwords and codes, right and wrong ones.
func (v *vaultServer) saidToOperators(radius *radiustest.FreeRADIUS) (said []string) {
	challenger := startRADIUS(v.t, radiustest.Options{Handler: func(r *radiustest.Request) []radiustest.Answer {
		return []radiustest.Answer{r.Challenge([]byte("state"), "Code?")}
	}})
	v.write("auth/radius/config", configFor(radius.Host(), radius.Port(), nil))
	v.write("auth/radius/extauth", map[string]any{
		"type": "radius", "name": "steps", "realms": "steps", "nasid": "vault",
		"host": challenger.Host(), "port": challenger.Port(), "secret": radiusSecret,
	})
	v.write("auth/radius/users/local", map[string]any{"extauth": "local", "password": "bob-password"})
	v.refused("auth/radius/login", map[string]any{"username": "passphrase of bob", "password": "bob-password"})
	first := v.write("auth/radius/login/bob@steps", map[string]any{"password": "bob-password"})
	v.write("auth/radius/login/bob@steps", map[string]any{"password": challengeCode, "challenge_id": first.Data["challenge_id"]})
	for _, ask := range []bool{false, true} {
		for _, name := range []string{"bob", "bob@steps", "local"} {
			for _, use := range []string{"login", "freeradius"} {
				_, body := v.request("POST", "auth/radius/explain", fmt.Sprintf(
					`{"username": %q, "password": "bob-password", "ask": %t, "for": %q}`, name, ask, use), "")
				said = append(said, body)
			}
		}
	}
	_, body := v.request("POST", "auth/radius/extauth/steps/verify", `{"username": "bob", "password": "bob-password"}`, "")
	said = append(said, body)
	for _, path := range []string{"metrics", "attempts"} {
		status, body := v.request("GET", "auth/radius/"+path, "", "")
		require.Equal(v.t, 200, status)
		said = append(said, body)
	}
	return said
}
