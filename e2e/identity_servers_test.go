package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/directorytest"
	"vault-plugin-auth-radius/internal/mariadbtest"
	"vault-plugin-auth-radius/internal/radiustest"
)

const (
	accountPassword = "account-password" // of all accounts, in OpenLDAP and in MariaDB
	deniedText      = "access denied by the authentication server"
)

// accounts are those of both servers. To hanna@g the servers answer as to hanna, as
// those do that cut realms off themselves.
var accounts = []string{
	"alice", "alicia", "boris", "carol", "dora", "emil", "frida", "greta", "hanna", "hanna@g",
	"ines", "josef", "karin", "louise", "lucie", "maria", "maria7", "nadia", "olga",
}

// A spelling is another way to type a name.
type spelling struct {
	typed string
	// text is what the message has to have; empty: any.
	text string
}

// spellings are those that one server or another takes for the name.
func spellings(name string) []spelling {
	vowel := strings.IndexAny(name, "aeiou")
	accented := map[byte]string{'a': "á", 'e': "é", 'i': "í", 'o': "ó", 'u': "ú"}[name[vowel]]
	inside := func(text string) string { return name[:2] + text + name[2:] }
	const field = "username"
	return []spelling{
		{strings.ToUpper(name), deniedText},
		{strings.ToUpper(name[:1]) + name[1:], deniedText},
		{name[:vowel] + accented + name[vowel+1:], deniedText},
		{name[:vowel+1] + "\u0301" + name[vowel+1:], field},
		{string(rune(name[0])-'a'+'ａ') + name[1:], field},
		{name + " ", field},
		{name + "   ", field},
		{" " + name, field},
		{name + "\u00a0", field},
		{name + "\n", field},
		{inside("\u00ad"), field}, // soft hyphen
		{inside("\u200b"), field}, // zero width space
		{inside("\u200d"), field}, // zero width joiner
		{inside("\u034f"), ""},    // combining grapheme joiner
		{name + "\ufe0f", ""},     // variation selector
	}
}

// identityServers are servers that take several spellings for one account, and a Vault
// with the plugin.
type identityServers struct {
	vault    *vaultServer
	database *mariadbtest.MariaDB
	radius   map[string]*radiustest.FreeRADIUS // by what their users come from
}

func startIdentityServers(t *testing.T) *identityServers {
	t.Helper()
	s := &identityServers{radius: map[string]*radiustest.FreeRADIUS{}}
	users, statements := map[string]string{}, radiustest.SQLSchema("utf8mb4_uca1400_ai_ci") // the default since 11
	for _, name := range accounts {
		users[name] = accountPassword
		statements += "INSERT INTO radcheck (username, attribute, op, value) VALUES ('" + name + "', 'Cleartext-Password', ':=', '" +
			accountPassword + "');\n"
	}
	var err error
	s.database, err = mariadbtest.Start(t.Context(), t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.database.Stop()) })
	require.NoError(t, s.database.Exec(t.Context(), "", "CREATE DATABASE radius; USE radius;"+statements))
	directory, err := directorytest.StartOpenLDAP(t.Context(), t.TempDir(), directorytest.OpenLDAPOptions{Users: users})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, directory.Stop()) })

	for kind, options := range map[string]radiustest.FreeRADIUSOptions{
		"OpenLDAP": {LDAP: &radiustest.FreeRADIUSLDAP{
			Host: directory.Host(), Port: directory.Port(), BaseDN: directorytest.People,
			BindDN: directorytest.AdminDN, Password: directorytest.AdminPassword,
		}},
		"MariaDB": {SQL: &radiustest.FreeRADIUSSQL{
			Host: s.database.Host(), Port: s.database.Port(), Login: mariadbtest.Superuser, Password: mariadbtest.Password, Database: "radius",
		}},
	} {
		options.Secret = radiusSecret
		server, err := radiustest.StartFreeRADIUS(t.Context(), t.TempDir(), options)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, server.Stop()) })
		s.radius[kind] = server
	}
	s.vault = startVault(t)
	s.vault.register(pluginName, "")
	return s
}

// answers counts what FreeRADIUS has answered about an account, however it was
// spelled.
func (s *identityServers) answers(t *testing.T, account string) string {
	t.Helper()
	rows, err := s.database.Query(t.Context(), "radius", fmt.Sprintf("SELECT COUNT(*) FROM radpostauth WHERE username = '%s'", account))
	require.NoError(t, err)
	require.Len(t, rows, 1)
	return rows[0]
}

// identityMount is the plugin at a path of its own.
type identityMount struct {
	*vaultServer
	path string
}

var mountNames = strings.NewReplacer("/", "-", " ", "-", ",", "")

// mount enables the plugin for a test, with a server.
func (s *identityServers) mount(t *testing.T, kind string, config map[string]any) *identityMount {
	t.Helper()
	m := (&identityMount{vaultServer: s.vault}).in(t)
	m.path = m.enable(strings.ToLower(mountNames.Replace(t.Name())), pluginName)
	m.write(m.path+"/config", configFor(s.radius[kind].Host(), s.radius[kind].Port(), map[string]any{
		"token_ttl": "1h", "unregistered_user_policies": "stranger",
	}))
	if config != nil {
		m.write(m.path+"/config", config)
	}
	return m
}

// in is the mount for a test of its own.
func (m *identityMount) in(t *testing.T) *identityMount {
	v := *m.vaultServer
	v.t = t
	return &identityMount{&v, m.path}
}

// profile writes the profile "nowhere", which no login matches.
func (m *identityMount) profile() {
	m.t.Helper()
	m.write(m.path+"/profiles", map[string]any{
		"name": "Nowhere", "short_name": "nowhere",
		"check_attribute": []any{map[string]any{"attribute": "Called-Station-Id", "op": "==", "value": "nowhere"}},
	})
}

// user writes a user entry.
func (m *identityMount) user(name string, fields map[string]any) {
	m.t.Helper()
	m.write(m.path+"/users/"+name, fields)
}

// try logs in. It returns no token, but the status and the text, if that is refused.
func (m *identityMount) try(username, password string) (auth *api.SecretAuth, status int, text string) {
	m.t.Helper()
	secret, err := m.Client.Logical().Write(m.path+"/login", map[string]any{"username": username, "password": password})
	if err != nil {
		status, text = refusal(m.t, err)
		return nil, status, text
	}
	require.NotNil(m.t, secret.Auth, "%q", username)
	return secret.Auth, http.StatusOK, ""
}

// accept logs in, which must succeed.
func (m *identityMount) accept(username, password string) *api.SecretAuth {
	m.t.Helper()
	auth, status, text := m.try(username, password)
	require.Equal(m.t, http.StatusOK, status, "%q: %s", username, text)
	return auth
}

// refuse logs in with each spelling, which must be refused with 400 and its text.
func (m *identityMount) refuse(password string, typed ...spelling) {
	m.t.Helper()
	var wrong []string
	for _, each := range typed {
		auth, status, text := m.try(each.typed, password)
		switch {
		case auth != nil:
			wrong = append(wrong, fmt.Sprintf("%+q logs in as %+q", each.typed, auth.Metadata["username"]))
		case status != http.StatusBadRequest || !strings.Contains(text, each.text):
			wrong = append(wrong, fmt.Sprintf("%+q: status %d, %q, which should have %q", each.typed, status, text, each.text))
		}
	}
	require.Empty(m.t, wrong)
}

// denied are names that must be refused as a wrong password is.
func denied(names ...string) []spelling {
	var all []spelling
	for _, name := range names {
		all = append(all, spelling{name, deniedText})
	}
	return all
}

// authorize asks as FreeRADIUS does and returns the status: 200 is an accept.
func (m *identityMount) authorize(username string) int {
	m.t.Helper()
	body, err := json.Marshal(map[string]string{"username": username, "password": accountPassword})
	require.NoError(m.t, err)
	status, _ := m.request(http.MethodPost, m.path+"/freeradius/authorize", "application/json", string(body))
	return status
}

// renew renews a token and returns the text of a refusal.
func (m *identityMount) renew(auth *api.SecretAuth) string {
	m.t.Helper()
	_, err := m.as(auth.ClientToken).Auth().Token().RenewSelf(0)
	if err == nil {
		return ""
	}
	status, text := refusal(m.t, err)
	require.Equal(m.t, http.StatusBadRequest, status, text)
	return text
}
