package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/daemontest"
	"vault-plugin-auth-radius/internal/radiustest"
)

// addressedClient sends requests from an address, and says for which one if it is a proxy.
type addressedClient struct {
	t         *testing.T
	vault     string // address of a listener
	from      string
	forwarded string // X-Forwarded-For; empty: none
}

// send sends a request with a token, empty for none, and returns what came back.
func (c addressedClient) send(method, path, token, body string) (status int, answer map[string]any) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, "http://"+c.vault+"/v1/"+path, strings.NewReader(body))
	require.NoError(c.t, err)
	if token != "" {
		req.Header.Set("X-Vault-Token", token)
	}
	if c.forwarded != "" {
		req.Header.Set("X-Forwarded-For", c.forwarded)
	}
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(c.from)}}
	transport := &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Do(req)
	require.NoError(c.t, err)
	defer resp.Body.Close()
	require.NoError(c.t, json.NewDecoder(resp.Body).Decode(&answer))
	return resp.StatusCode, answer
}

// login returns a token of bob.
func (c addressedClient) login() string {
	c.t.Helper()
	status, answer := c.send(http.MethodPost, "auth/radius/login/bob", "", `{"password": "bob-password"}`)
	require.Equal(c.t, http.StatusOK, status, answer)
	return answer["auth"].(map[string]any)["client_token"].(string)
}

// uses returns the status of a look at the token itself, with the token.
func (c addressedClient) uses(token string) int {
	c.t.Helper()
	status, _ := c.send(http.MethodGet, "auth/token/lookup-self", token, "")
	return status
}

func TestTokenIsOnlyGoodFromTheAddressOfItsLogin(t *testing.T) {
	t.Parallel()
	radius := startRADIUS(t, radiustest.Options{Handler: radiustest.Users{"bob": {Password: "bob-password"}}.Handler()})
	port, err := daemontest.FreePort(t.Context())
	require.NoError(t, err)
	behindProxy := fmt.Sprintf("127.0.0.1:%d", port)
	v := startVault(t, fmt.Sprintf(`listener "tcp" {
		address                               = %q
		tls_disable                           = true
		x_forwarded_for_authorized_addrs      = "127.0.0.1"
		x_forwarded_for_reject_not_authorized = false
		x_forwarded_for_reject_not_present    = false
	}`, behindProxy))
	v.register(pluginName, "")
	mount := v.enable("radius", pluginName)
	v.write(mount+"/config", configFor(radius.Host(), radius.Port(), map[string]any{"token_strictly_bind_ip": true, "token_ttl": "1h"}))
	require.Equal(t, true, v.read(mount + "/config")["token_strictly_bind_ip"])
	direct := strings.TrimPrefix(v.Client.Address(), "http://")
	const mine, others = "127.0.0.1", "127.0.0.2"

	t.Run("without a proxy", func(t *testing.T) {
		own, other := addressedClient{t, direct, mine, ""}, addressedClient{t, direct, others, ""}
		for _, pair := range [][2]addressedClient{{own, other}, {other, own}} {
			token := pair[0].login()
			require.Equal(t, http.StatusOK, pair[0].uses(token))
			require.Equal(t, http.StatusForbidden, pair[1].uses(token))
			require.Equal(t, []any{pair[0].from}, v.write("auth/token/lookup", map[string]any{"token": token}).Data["bound_cidrs"])

			status, answer := pair[0].send(http.MethodPost, "auth/token/renew-self", token, "{}")
			require.Equal(t, http.StatusOK, status, answer)
			require.Equal(t, http.StatusForbidden, pair[1].uses(token), "renewed, it is still bound")
			status, _ = pair[1].send(http.MethodPost, "auth/token/renew-self", token, "{}")
			require.Equal(t, http.StatusForbidden, status)
		}
		lying := addressedClient{t, direct, others, mine}
		require.Equal(t, http.StatusForbidden, lying.uses(own.login()), "the listener believes no header")
	})
	t.Run("behind a proxy", func(t *testing.T) {
		const address = "203.0.113.9"
		own := addressedClient{t, behindProxy, mine, address}
		token := own.login()
		require.Equal(t, []any{address}, v.write("auth/token/lookup", map[string]any{"token": token}).Data["bound_cidrs"])
		require.Equal(t, http.StatusOK, own.uses(token))
		for name, other := range map[string]addressedClient{
			"another client of the proxy's":      {t, behindProxy, mine, "203.0.113.10"},
			"the proxy itself":                   {t, behindProxy, mine, ""},
			"past the proxy":                     {t, direct, mine, address},
			"a proxy that Vault does not know":   {t, behindProxy, others, address},
			"an address before the proxy's last": {t, behindProxy, mine, address + ", 203.0.113.10"},
		} {
			require.Equal(t, http.StatusForbidden, other.uses(token), name)
		}
		ported := addressedClient{t, behindProxy, mine, address + ":4711"}
		token = ported.login()
		ported.forwarded = address + ":4712"
		require.Equal(t, http.StatusOK, ported.uses(token), "a proxy that forwards ports")
		require.Equal(t, http.StatusOK, own.uses(token))
		mapped := addressedClient{t, behindProxy, mine, "::ffff:" + address}
		require.Equal(t, http.StatusOK, mapped.uses(token))
		require.Equal(t, http.StatusOK, own.uses(mapped.login()))
	})
	t.Run("turned off", func(t *testing.T) {
		v.write(mount+"/config", map[string]any{"token_strictly_bind_ip": false})
		token := addressedClient{t, direct, mine, ""}.login()
		require.Equal(t, http.StatusOK, addressedClient{t, direct, others, ""}.uses(token))
	})
	requireNoPanic(t, v)
}
