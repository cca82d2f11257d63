package radiusauth

import (
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/directorytest"
	"vault-plugin-auth-radius/internal/login"
)

// longPassword is more than RADIUS can carry.
var longPassword = strings.Repeat("pass-phrase ", 12)

// takesLongPassword is a directory, of either type, where everybody has longPassword.
func takesLongPassword(r directorytest.Request) directorytest.Answer {
	switch {
	case r.Bind && r.Password != longPassword:
		return directorytest.Answer{Result: ldap.LDAPResultInvalidCredentials}
	case r.Bind:
		return directorytest.Answer{}
	case r.DN == "":
		return directorytest.Answer{Entries: []*ldap.Entry{ldap.NewEntry("", map[string][]string{"defaultNamingContext": {directorytest.Suffix}})}}
	}
	return directorytest.Answer{Entries: []*ldap.Entry{ldap.NewEntry(directorytest.PersonDN("alice"), map[string][]string{
		"uid": {"alice"}, "sAMAccountName": {"alice"}, "userPrincipalName": {"alice@corp.example.org"},
	})}}
}

func TestDirectoriesAndLocalUsersHaveLongPasswords(t *testing.T) {
	t.Parallel()
	b, s := newDirectoryBackend(t, takesLongPassword, nil)
	b.source("ad", map[string]any{"name": "corp", "host": "127.0.0.1", "port": s.Port(), "allow_cleartext": true})
	b.ok(logical.UpdateOperation, "config", map[string]any{"lockout_threshold": 0})
	for _, source := range []string{"people", "corp", "local"} {
		b.ok(logical.UpdateOperation, "config", map[string]any{"extauth": source})
		if source == "local" {
			b.ok(logical.UpdateOperation, "users/alice", map[string]any{"password": longPassword})
		} else {
			require.Equal(t, "accept", b.ok(logical.UpdateOperation, "extauth/"+source+"/verify", map[string]any{"username": "alice", "password": longPassword}).Data["outcome"])
		}
		b.renewOK(b.loginOK("alice", longPassword))
		require.Equal(t, "{"+acceptJSON+"}", b.authorized(map[string]any{"username": "alice", "password": longPassword}))
		for password, want := range map[string]string{
			longPassword[:143]: login.DeniedText, longPassword + "x": login.DeniedText, strings.Repeat("x", 1024): login.DeniedText,
			strings.Repeat("x", 1025): "password is longer than 1024 octets", longPassword + "\x00": "password contains a NUL character", "": "password cannot be empty",
		} {
			require.Equal(t, want, b.refused(logical.UpdateOperation, "login/alice", map[string]any{"password": password}), "%s %d", source, len(password))
		}
	}
	// 256 octets are the most of which there are hashes.
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"password": strings.Repeat("x", 256)})
	b.loginOK("bob", strings.Repeat("x", 256))
	require.Equal(t, login.DeniedText, b.refused(logical.UpdateOperation, "login/bob", map[string]any{"password": strings.Repeat("x", 257)}))
	made := b.batch(map[string]any{"name": "import", "strategy": "csv", "csvfile": "carol,cleartext$" + longPassword + ",carol@example.com,,"})
	require.Contains(t, made, "carol")
	b.loginOK("carol", longPassword)
}

func TestRADIUSSourcesKeepTheirLimitOfPasswords(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	b.source("radius", map[string]any{"name": "guests", "host": b.server.Host(), "port": b.server.Port(), "realms": "guest"})
	const want = "password is longer than 128 octets, the most that RADIUS can carry"
	for path, username := range map[string]string{"login": "bob", "login/": "bob@guest", "extauth/guests/verify": "bob@guest"} {
		require.Equal(t, want, b.refused(logical.UpdateOperation, strings.TrimSuffix(path, "/"), map[string]any{"username": username, "password": longPassword}), path)
	}
	b.ok(logical.UpdateOperation, "freeradius/config", map[string]any{"use_radius_sources": true})
	resp, err := b.do(logical.UpdateOperation, "freeradius/authorize", map[string]any{"username": "bob", "password": longPassword})
	require.NoError(t, err)
	require.Contains(t, resp.Error().Error(), want)
	require.Empty(t, b.server.Requests())
}
