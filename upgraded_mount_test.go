package radiusauth

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/login"
	"vault-plugin-auth-radius/internal/radiustest"
)

// builtinToken are the fields of tokens that every auth method stores with its config.
type builtinToken struct {
	BoundCIDRs      []string          `json:"token_bound_cidrs"`
	ExplicitMaxTTL  time.Duration     `json:"token_explicit_max_ttl"`
	MaxTTL          time.Duration     `json:"token_max_ttl"`
	NoDefaultPolicy bool              `json:"token_no_default_policy"`
	NumUses         int               `json:"token_num_uses"`
	Period          time.Duration     `json:"token_period"`
	Policies        []string          `json:"token_policies"`
	Type            logical.TokenType `json:"token_type"`
	TTL             time.Duration     `json:"token_ttl"`
}

// builtinServer is what the config of the built-in methods says of the RADIUS server.
type builtinServer struct {
	Host                     string   `json:"host"`
	Port                     int      `json:"port"`
	Secret                   string   `json:"secret"`
	UnregisteredUserPolicies []string `json:"unregistered_user_policies"`
	DialTimeout              int      `json:"dial_timeout"`
	ReadTimeout              int      `json:"read_timeout"`
	NASPort                  int      `json:"nas_port"`
	NASIdentifier            string   `json:"nas_identifier"`
}

// builtinConfig is what the configs of all the built-in methods have.
type builtinConfig struct {
	builtinToken
	builtinServer
}

// vault121Config is the config as Vault 1.21 reads it.
type vault121Config struct {
	builtinConfig
	AliasMetadata map[string]string `json:"alias_metadata"`
}

// vault20Config is the config as Vault 2.0 reads it.
type vault20Config struct {
	vault121Config
	CaseInsensitiveNames bool `json:"case_insensitive_names"`
}

// openBaoConfig is the config as OpenBao reads it.
type openBaoConfig struct {
	builtinConfig
	TokenStrictlyBindIP bool `json:"token_strictly_bind_ip"`
}

// builtinUser is a user as the built-in methods read it.
type builtinUser struct{ Policies []string }

// storedMount is what a method has stored, by key.
type storedMount map[string]string

// readMount reads what a method has stored for a server that the test runs instead of
// radius.example.com.
func readMount(t *testing.T, method string, server *radiustest.Server) storedMount {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", "upgrade", method+".json"))
	require.NoError(t, err)
	var values map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(content, &values))
	const address = `"host":"radius.example.com","port":1645`
	require.Contains(t, string(values["config"]), address)
	mount := storedMount{}
	for key, value := range values {
		mount[key] = strings.Replace(string(value), address, fmt.Sprintf(`"host":%q,"port":%d`, server.Host(), server.Port()), 1) + "\n"
	}
	return mount
}

// replaced is the mount with another value in its config.
func (m storedMount) replaced(t *testing.T, from, to string) storedMount {
	t.Helper()
	require.Contains(t, m["config"], from)
	changed := storedMount{}
	for key, value := range m {
		changed[key] = value
	}
	changed["config"] = strings.Replace(m["config"], from, to, 1)
	return changed
}

// decoded is stored text as a method reads it.
func decoded[T any](t *testing.T, text string) T {
	t.Helper()
	var entry T
	require.NoError(t, json.Unmarshal([]byte(text), &entry))
	return entry
}

// newServer is a RADIUS server that compares names as many do: in any case.
func newServer(t *testing.T) *radiustest.Server {
	t.Helper()
	server, err := radiustest.Start(radiustest.Options{Secret: testSecret, Handler: func(r *radiustest.Request) []radiustest.Answer {
		if r.Password() != strings.ToLower(r.Username())+"-password" {
			return []radiustest.Answer{r.Reject("")}
		}
		return []radiustest.Answer{r.Accept()}
	}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	return server
}

// upgraded is a backend that starts on what another method has stored.
func upgraded(t *testing.T, mount storedMount, server *radiustest.Server) *testBackend {
	t.Helper()
	b := newTestBackend(t)
	b.server = server
	for key, value := range mount {
		require.NoError(t, b.storage.Put(t.Context(), &logical.StorageEntry{Key: key, Value: []byte(value)}))
	}
	require.NoError(t, b.Initialize(t.Context(), &logical.InitializationRequest{Storage: b.storage}))
	t.Cleanup(func() { b.Cleanup(t.Context()) })
	return b
}

// restarted is another backend on the same storage.
func (b *testBackend) restarted() *testBackend {
	b.t.Helper()
	return upgraded(b.t, b.everything(), b.server)
}

// configKeys are the keys of the stored config.
func (b *testBackend) configKeys() map[string]json.RawMessage {
	b.t.Helper()
	return decoded[map[string]json.RawMessage](b.t, b.stored("config"))
}

// asks returns the response to a login, and how many requests it sent.
func (b *testBackend) asks(name string) (resp *logical.Response, requests int) {
	b.t.Helper()
	before := len(b.server.Requests())
	resp, err := b.do(logical.UpdateOperation, "login", map[string]any{"username": name, "password": strings.ToLower(name) + "-password"})
	require.NoError(b.t, err)
	return resp, len(b.server.Requests()) - before
}

// logsIn has each name log in as a user, with policies beside the config's.
func (b *testBackend) logsIn(user string, policies []string, names ...string) {
	b.t.Helper()
	for _, name := range names {
		resp, requests := b.asks(name)
		require.NoError(b.t, resp.Error(), name)
		require.Equal(b.t, 1, requests, name)
		require.Equal(b.t, append([]string{"base"}, policies...), resp.Auth.Policies, name)
		require.Equal(b.t, []string{user, user}, []string{resp.Auth.Alias.Name, resp.Auth.Metadata["username"]}, name)
		ahead := b.ok(logical.AliasLookaheadOperation, "login", map[string]any{"username": name})
		require.Equal(b.t, user, ahead.Auth.Alias.Name, name)
	}
}

// keepsOut has logins of the names refused without asking the server.
func (b *testBackend) keepsOut(names ...string) {
	b.t.Helper()
	for _, name := range names {
		resp, requests := b.asks(name)
		require.True(b.t, resp.IsError(), name)
		require.Equal(b.t, login.DeniedText, resp.Error().Error(), name)
		require.Zero(b.t, requests, name)
	}
}

// showsAsStored compares what a read shows with what the method has stored.
func (b *testBackend) showsAsStored(stored builtinConfig) {
	b.t.Helper()
	data := b.ok(logical.ReadOperation, "config", nil).Data
	for field, want := range map[string]any{
		"host": stored.Host, "port": stored.Port, "dial_timeout": stored.DialTimeout,
		"unregistered_user_policies": stored.UnregisteredUserPolicies,
		"read_timeout":               stored.ReadTimeout, "nas_port": stored.NASPort, "nas_identifier": stored.NASIdentifier,
		"token_ttl": int64(stored.TTL.Seconds()), "token_max_ttl": int64(stored.MaxTTL.Seconds()),
		"token_explicit_max_ttl": int64(stored.ExplicitMaxTTL.Seconds()),
		"token_period":           int64(stored.Period.Seconds()), "token_policies": stored.Policies,
		"token_num_uses": stored.NumUses, "token_type": "service",
		"token_no_default_policy": stored.NoDefaultPolicy,
	} {
		require.Equal(b.t, want, data[field], field)
	}
	require.Len(b.t, data["token_bound_cidrs"], len(stored.BoundCIDRs))
	require.NotContains(b.t, data, "secret")
}

// foldsCase tells what a read shows under both names of the field.
func (b *testBackend) foldsCase(want bool) {
	b.t.Helper()
	data := b.ok(logical.ReadOperation, "config", nil).Data
	require.Equal(b.t, []any{want, want}, []any{data["case_insensitive_usernames"], data["case_insensitive_names"]})
}

// policiesOf is what a read shows of a user.
func (b *testBackend) policiesOf(name string) any {
	b.t.Helper()
	return b.ok(logical.ReadOperation, "users/"+name, nil).Data["policies"]
}
