package radiusauth

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
	"layeh.com/radius/rfc2865"

	"vault-plugin-auth-radius/internal/radiustest"
)

// minimalConfig is the least that can be configured.
func minimalConfig() map[string]any {
	return map[string]any{"host": "radius.example.com", "secret": testSecret}
}

func TestConfigHasTheDefaultsOfTheBuiltIn(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	require.Nil(t, b.ok(logical.ReadOperation, "config", nil), "nothing is configured yet")
	require.Nil(t, b.ok(logical.UpdateOperation, "config", minimalConfig()), "a write answers 204")

	data := b.ok(logical.ReadOperation, "config", nil).Data
	for field, want := range map[string]any{
		"host":                       "radius.example.com",
		"port":                       1812,
		"dial_timeout":               10,
		"read_timeout":               10,
		"nas_port":                   10,
		"nas_identifier":             "",
		"unregistered_user_policies": []string{},
		"message_authenticator":      "auto",
		"renewal":                    "reauthenticate",
		"token_type":                 "default",
		"token_policies":             []string{},
		"token_ttl":                  int64(0),
	} {
		require.Equal(t, want, data[field], field)
	}
}

func TestConfigNeverReturnsTheSecret(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.ok(logical.UpdateOperation, "config", minimalConfig())
	data := b.ok(logical.ReadOperation, "config", nil).Data
	require.NotContains(t, data, "secret")
	text, err := json.Marshal(data)
	require.NoError(t, err)
	require.NotContains(t, string(text), testSecret)
}

func TestConfigWriteKeepsWhatIsNotGiven(t *testing.T) {
	t.Parallel()
	for _, operation := range []logical.Operation{logical.UpdateOperation, logical.PatchOperation} {
		b := newTestBackend(t)
		first := minimalConfig()
		first["port"] = 1645
		first["unregistered_user_policies"] = "guest, visitor"
		first["token_policies"] = "base"
		first["alias_metadata"] = map[string]any{"team": "network"}
		first["message_authenticator"] = "required"
		b.ok(logical.UpdateOperation, "config", first)

		b.ok(operation, "config", map[string]any{"read_timeout": "45s"})
		data := b.ok(logical.ReadOperation, "config", nil).Data
		require.Equal(t, 45, data["read_timeout"])
		require.Equal(t, 1645, data["port"])
		require.Equal(t, []string{"guest", "visitor"}, data["unregistered_user_policies"])
		require.Equal(t, []string{"base"}, data["token_policies"])
		require.Equal(t, map[string]string{"team": "network"}, data["alias_metadata"])
		require.Equal(t, "required", data["message_authenticator"])
		require.Contains(t, b.stored("config"), testSecret)
	}
}

func TestConfigPatchResetsNullsToTheirDefaults(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	config := minimalConfig()
	config["port"] = 1645
	config["unregistered_user_policies"] = "guest"
	config["token_type"] = "batch"
	config["token_policies"] = "base"
	b.ok(logical.UpdateOperation, "config", config)

	b.ok(logical.PatchOperation, "config", map[string]any{
		"port": nil, "unregistered_user_policies": nil, "token_type": nil, "token_policies": nil,
	})
	data := b.ok(logical.ReadOperation, "config", nil).Data
	require.Equal(t, 1812, data["port"])
	require.Equal(t, []string{}, data["unregistered_user_policies"])
	require.Equal(t, "default", data["token_type"])
	require.Equal(t, []string{}, data["token_policies"])

	require.Equal(t, "config parameter `host` cannot be empty",
		b.refused(logical.PatchOperation, "config", map[string]any{"host": nil}))
}

func TestConfigPatchOfNothingIsNotFound(t *testing.T) {
	t.Parallel()
	_, err := newTestBackend(t).do(logical.PatchOperation, "config", map[string]any{"port": 1645})
	var coded logical.HTTPCodedError
	require.ErrorAs(t, err, &coded)
	require.Equal(t, http.StatusNotFound, coded.Code())
}

func TestConfigDeleteEndsLogins(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	b.loginOK("bob", "bob-password")
	require.Nil(t, b.ok(logical.DeleteOperation, "config", nil))
	require.Nil(t, b.ok(logical.ReadOperation, "config", nil))
	require.Equal(t, "radius backend not configured",
		b.refused(logical.UpdateOperation, "login/bob", map[string]any{"password": "bob-password"}))
}

func TestConfigRefusesBadInputAndStaysAsItWas(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		data map[string]any
		want string // in the answer
	}{
		"host empty":                    {map[string]any{"host": ""}, "config parameter `host` cannot be empty"},
		"host with a space":             {map[string]any{"host": "radius example.com"}, "`host`"},
		"host with a scheme":            {map[string]any{"host": "udp://radius.example.com"}, "`host`"},
		"host with a port":              {map[string]any{"host": "radius.example.com:1812"}, "`host`"},
		"host in brackets":              {map[string]any{"host": "[::1]"}, "`host`"},
		"two hosts":                     {map[string]any{"host": "a.example.com,b.example.com"}, "`host`"},
		"host with an empty label":      {map[string]any{"host": "radius..example.com"}, "`host`"},
		"port 0":                        {map[string]any{"port": 0}, "`port` is 0"},
		"port 70000":                    {map[string]any{"port": 70000}, "`port` is 70000"},
		"port x":                        {map[string]any{"port": "x"}, "port"},
		"port with a fraction":          {map[string]any{"port": 1812.5}, "field \"port\": it is not a whole number"},
		"port beyond all numbers":       {map[string]any{"port": 1e30}, "field \"port\": it is not a whole number"},
		"read_timeout with a fraction":  {map[string]any{"read_timeout": 2.7}, "field \"read_timeout\": it is not a duration of 0 or more: a whole number of seconds"},
		"read_timeout of a year":        {map[string]any{"read_timeout": "8760h"}, "`read_timeout` is 31536000; use 1 to 3600 seconds"},
		"dial_timeout of a day":         {map[string]any{"dial_timeout": "24h"}, "`dial_timeout` is 86400; use 0 to 3600 seconds"},
		"secret no text":                {map[string]any{"secret": []any{"x"}}, "field \"secret\": it is not a text"},
		"port negative":                 {map[string]any{"port": -1}, "`port` is -1"},
		"secret empty":                  {map[string]any{"secret": ""}, "config parameter `secret` cannot be empty"},
		"dial_timeout negative":         {map[string]any{"dial_timeout": -1}, "dial_timeout"},
		"read_timeout negative":         {map[string]any{"read_timeout": "-5s"}, "read_timeout"},
		"read_timeout 0":                {map[string]any{"read_timeout": 0}, "`read_timeout` is 0"},
		"nas_port negative":             {map[string]any{"nas_port": -1}, "`nas_port` is -1"},
		"nas_port of 33 bits":           {map[string]any{"nas_port": int64(1) << 32}, "`nas_port`"},
		"nas_identifier too long":       {map[string]any{"nas_identifier": strings.Repeat("n", 254)}, "`nas_identifier`"},
		"root for the unregistered":     {map[string]any{"unregistered_user_policies": "dev,root"}, "root policy cannot be granted by an auth method"},
		"root, spelled otherwise":       {map[string]any{"unregistered_user_policies": "dev, Root "}, "root policy cannot be granted by an auth method"},
		"root in token_policies":        {map[string]any{"token_policies": "root"}, "root policy cannot be granted by an auth method"},
		"message_authenticator unknown": {map[string]any{"message_authenticator": "yes"}, "`message_authenticator` is not one of auto, required, off"},
		"renewal unknown":               {map[string]any{"renewal": "never"}, "`renewal` is not one of reauthenticate, recheck"},
		"auth_protocol unknown":         {map[string]any{"auth_protocol": "eap"}, "`auth_protocol` is not one of pap, chap, mschapv2"},
		"retransmit unknown":            {map[string]any{"retransmit": "often"}, "`retransmit` is not one of auto, never"},
		"nas_ip_address no address":     {map[string]any{"nas_ip_address": "192.0.2.300"}, "`nas_ip_address` is not an IP address"},
		"nas_port_type unknown":         {map[string]any{"nas_port_type": "Virtua"}, "`nas_port_type`"},
		"nas_port_type empty":           {map[string]any{"nas_port_type": ""}, "`nas_port_type`"},
		"bind_address with a port":      {map[string]any{"bind_address": "192.0.2.1:1812"}, "`bind_address`"},
		"realm with @":                  {map[string]any{"realm": "@example.com"}, "`realm`"},
		"realm with NUL":                {map[string]any{"realm": "a\x00b"}, "`realm`"},
		"send_client_address no bool":   {map[string]any{"send_client_address": "perhaps"}, "send_client_address"},
		"token_type unknown":            {map[string]any{"token_type": "fast"}, "token_type"},
		"token_bound_cidrs not CIDRs":   {map[string]any{"token_bound_cidrs": "300.1.1.1/8"}, "token_bound_cidrs"},
		"several at once":               {map[string]any{"port": 0, "read_timeout": 0}, "`port` is 0; use 1 to 65535; config parameter `read_timeout` is 0"},
		"one of several":                {map[string]any{"port": 1645, "renewal": "never"}, "`renewal`"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, operation := range []logical.Operation{logical.UpdateOperation, logical.PatchOperation} {
				b := newTestBackend(t)
				b.ok(logical.UpdateOperation, "config", minimalConfig())
				before := b.stored("config")
				require.Contains(t, b.refused(operation, "config", test.data), test.want)
				require.Equal(t, before, b.stored("config"))
			}

			b := newTestBackend(t)
			data := minimalConfig()
			for field, value := range test.data {
				data[field] = value
			}
			require.Contains(t, b.refused(logical.UpdateOperation, "config", data), test.want)
			require.Empty(t, b.stored("config"), "nothing is created either")
		})
	}
}

func TestConfigTakesTheHostsThatThereAre(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{
		"radius.example.com":  "radius.example.com",
		"RADIUS.Example.COM":  "radius.example.com",
		"radius.example.com.": "radius.example.com.",
		"radius_1":            "radius_1",
		"192.0.2.1":           "192.0.2.1",
		"2001:DB8::1":         "2001:db8::1",
		"fe80::1%eth0":        "fe80::1%eth0",
	} {
		b := newTestBackend(t)
		b.ok(logical.UpdateOperation, "config", map[string]any{"host": host, "secret": testSecret})
		require.Equal(t, want, b.ok(logical.ReadOperation, "config", nil).Data["host"])
	}
}

func TestConfigWriteThatStorageRefusesLeavesTheOldOne(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	before := b.stored("config")
	b.storage.failPuts.Store(true)
	_, err := b.do(logical.UpdateOperation, "config", map[string]any{"port": 1})
	require.ErrorIs(t, err, errStorage)
	require.Equal(t, before, b.stored("config"))
	b.loginOK("bob", "bob-password")
}

func TestUnknownConfigFieldIsAWarning(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	config := minimalConfig()
	config["hots"] = "radius.example.net"
	resp := b.ok(logical.UpdateOperation, "config", config)
	require.NotNil(t, resp)
	require.Contains(t, strings.Join(resp.Warnings, "\n"), "hots")
}

func TestConfigOfTheBuiltInIsReadOverTheDefaults(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	// As Vault 1.21.1 stores it.
	b.store("config", `{"token_bound_cidrs":null,"token_explicit_max_ttl":0,"token_max_ttl":0,"token_no_default_policy":false,"token_num_uses":0,"token_period":0,"token_policies":["base"],"token_type":0,"token_ttl":3600000000000,"host":"radius.example.com","port":1645,"secret":"old-secret","unregistered_user_policies":["guest"],"dial_timeout":3,"read_timeout":7,"nas_port":11,"nas_identifier":"gate"}`)
	data := b.ok(logical.ReadOperation, "config", nil).Data
	for field, want := range map[string]any{
		"host": "radius.example.com", "port": 1645, "dial_timeout": 3, "read_timeout": 7, "nas_port": 11,
		"nas_identifier": "gate", "unregistered_user_policies": []string{"guest"}, "token_policies": []string{"base"},
		"token_ttl": int64(3600), "message_authenticator": "auto", "renewal": "reauthenticate",
		"nas_port_type": "Virtual", "send_client_address": true, "case_insensitive_usernames": false,
	} {
		require.Equal(t, want, data[field], field)
	}
}

func TestStoredConfigThatMakesNoClientRefusesLoginsAndSaysWhy(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.store("config", `{"host":"radius.example.com","port":0,"secret":"old-secret"}`)
	require.Equal(t, "radius backend not configured",
		b.refused(logical.UpdateOperation, "login/bob", map[string]any{"password": "bob-password"}))
	require.Contains(t, b.log.String(), "port 0 is not in 1 to 65535")
	require.NotContains(t, b.log.String(), "old-secret")
}

func TestTimeoutOfZeroFromTheBuiltInIsTheDefault(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	b.store("config", fmt.Sprintf(`{"host":%q,"port":%d,"secret":%q,"read_timeout":0,"dial_timeout":0}`, b.server.Host(), b.server.Port(), testSecret))
	b.loginOK("bob", "bob-password")
}

// What is configured is what the server sees.
func TestConfigReachesTheWire(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, b *testBackend) {
		b.configureUsers(map[string]any{"nas_port": 77, "nas_identifier": "gate-7"})
		b.loginOK("bob", "bob-password")
		sent := b.server.Requests()[0].Packet
		require.Equal(t, "\x00\x00\x00\x4d", string(sent.Get(rfc2865.NASPort_Type)))
		require.Equal(t, "gate-7", string(sent.Get(rfc2865.NASIdentifier_Type)))

		b.server.SetHandler(func(r *radiustest.Request) []radiustest.Answer {
			return []radiustest.Answer{r.Accept().WithoutMessageAuthenticator()}
		})
		b.ok(logical.UpdateOperation, "config", map[string]any{"message_authenticator": "required", "read_timeout": 1})
		require.Equal(t, "the authentication server did not answer in time",
			b.refused(logical.UpdateOperation, "login/bob", map[string]any{"password": "bob-password"}))
		require.Contains(t, b.log.String(), "no Message-Authenticator")
		b.ok(logical.UpdateOperation, "config", map[string]any{"message_authenticator": "off"})
		b.loginOK("bob", "bob-password")

		b.ok(logical.UpdateOperation, "config", map[string]any{"auth_protocol": "chap", "retransmit": "never"})
		b.loginOK("bob", "bob-password")
		requests := b.server.Requests()
		require.NotEmpty(t, requests[len(requests)-1].Packet.Get(rfc2865.CHAPPassword_Type))
		b.server.SetHandler(nil)
		b.refused(logical.UpdateOperation, "login/bob", map[string]any{"password": "bob-password"})
		require.Len(t, b.server.Requests(), len(requests)+1)
		require.Contains(t, b.log.String(), "after 1 sends")
	})
}

func TestShortSecretIsLogged(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.ok(logical.UpdateOperation, "config", map[string]any{"host": "radius.example.com", "secret": "testing123"})
	require.Contains(t, b.log.String(), "secret is short")
	require.NotContains(t, b.log.String(), "testing123")
}

func TestSecretsAreSealWrapped(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"config", "challenge-key", "extauth/", "freeradius/config"}, newTestBackend(t).SpecialPaths().SealWrapStorage)
}

func TestSeveralMistakesAreToldInTheSameOrder(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	for path, data := range map[string]map[string]any{
		"config":    {"host": "192.0.2.1", "secret": testSecret, "realm": "a@b", "default_realm": "c@d", "nas_port_type": "x", "port": 0, "strategy": "x"},
		"users/bob": {"first_name": "a\x00", "last_name": "b\x00"},
	} {
		want := b.refused(logical.UpdateOperation, path, data)
		for range 30 {
			require.Equal(t, want, b.refused(logical.UpdateOperation, path, data))
		}
	}
}
