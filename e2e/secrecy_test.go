package e2e

import (
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

	v.log.await(t, "wrong Response Authenticator") // the plugin's log is in Vault's, whole
	v.log.await(t, "[TRACE]")
	for _, text := range append(said, v.log.String()) {
		require.NotContains(t, text, "bob-password")
		require.NotContains(t, text, radiusSecret)
	}
}
