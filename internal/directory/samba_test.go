//go:build protocol

package directory

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/daemontest"
	"vault-plugin-auth-radius/internal/directorytest"
	"vault-plugin-auth-radius/internal/tlstest"
)

func inDomain(s *directorytest.Samba, authority *tlstest.Authority, security Security, port int) func(*Config) {
	return func(c *Config) {
		c.Kind, c.Domain, c.BindDN = ActiveDirectory, directorytest.Domain, ""
		c.Security, c.CACertificates, c.Timeout = security, string(authority.PEM()), time.Minute
		c.Servers = []Server{{s.Host(), port}}
	}
}

func TestActiveDirectorySaysWhyItRefuses(t *testing.T) {
	t.Parallel()
	authority := newAuthority(t)
	address, err := daemontest.FreeAddress(t.Context())
	require.NoError(t, err)
	identity := newIdentity(t, authority, tlstest.CertificateOptions{Names: []string{address.String()}})
	s, err := directorytest.StartSamba(t.Context(), t.TempDir(), address.String(), identity)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop()) })
	const word = "Alice-Passw0rd"
	require.NoError(t, s.AddUsers(word, "alice", "disabled", "hours", "station", "expired", "change", "locked"))
	longPassword := strings.Repeat("Pass-phrase ", 12)
	require.NoError(t, s.AddUsers(longPassword, "long"))
	require.NoError(t, s.AddGroup("staff", "alice"))
	require.NoError(t, s.AddGroup("everybody", "staff"))
	require.NoError(t, s.AddGroup("visitors", "Domain Users"))
	require.NoError(t, s.Tool(t.Context(), "domain", "passwordsettings", "set", "--account-lockout-threshold=2"))
	require.NoError(t, s.Modify("disabled", "userAccountControl", "514")) // NORMAL_ACCOUNT, ACCOUNTDISABLE
	require.NoError(t, s.Modify("change", "pwdLastSet", "0"))
	require.NoError(t, s.Modify("hours", "logonHours", string(make([]byte, 21))))
	require.NoError(t, s.Modify("station", "userWorkstations", "elsewhere"))
	require.NoError(t, s.Modify("expired", "accountExpires", "132000000000000000")) // 2019
	require.NoError(t, s.Modify("alice", "userPrincipalName", "alice.liddell@"+directorytest.Domain))

	overTLS := newClient(t, func(c *Config) {
		inDomain(s, authority, LDAPS, 636)(c)
		c.Groups, c.Attributes = &GroupSearch{Filter: ""}, []string{"cn"}
	})
	startTLS := newClient(t, inDomain(s, authority, StartTLS, 389))
	for name, client := range map[string]*Client{"ldaps": overTLS, "starttls": startTLS} {
		verdict, err := client.Authenticate(t.Context(), Credentials{Username: "alice", Password: word})
		require.NoError(t, err, name)
		require.True(t, verdict.Accepted, "%s: %s", name, verdict.Reason)
		require.Equal(t, "CN=alice,CN=Users,"+directorytest.DomainSuffix, verdict.DN)
	}
	verdict, err := overTLS.Authenticate(t.Context(), Credentials{Username: "long", Password: longPassword})
	require.NoError(t, err)
	require.True(t, verdict.Accepted, verdict.Reason)
	verdict, err = overTLS.Authenticate(t.Context(), Credentials{Username: "alice", Password: word})
	require.NoError(t, err)
	require.Subset(t, verdict.Groups, []string{"everybody", "staff"}, "by way of other groups, too")
	require.Subset(t, verdict.Groups, []string{"Domain Users", "visitors", "Users"}, "the primary group, and those that it is in")
	require.Equal(t, []string{"alice"}, verdict.Attributes["cn"])

	require.NoError(t, s.SetPrimaryGroup("alice", "staff"))
	verdict, err = overTLS.Authenticate(t.Context(), Credentials{Username: "alice", Password: word})
	require.NoError(t, err)
	require.Subset(t, verdict.Groups, []string{"everybody", "staff", "Domain Users"}, "another one than usual")
	direct := newClient(t, func(c *Config) {
		inDomain(s, authority, LDAPS, 636)(c)
		c.Groups = &GroupSearch{
			BaseDN: "CN=Users," + directorytest.DomainSuffix,
			Filter: "(&(objectClass=group)(member={{dn}})(!(cn=Domain*)))",
		}
	})
	verdict, err = direct.Authenticate(t.Context(), Credentials{Username: "alice", Password: word})
	require.NoError(t, err)
	require.Equal(t, []string{"staff"}, verdict.Groups, "as the filter says")

	for range 3 {
		_, _ = overTLS.Authenticate(t.Context(), Credentials{Username: "locked", Password: "wrong"})
	}
	for name, want := range map[string]string{
		"nobody": "code 52e", "disabled": "disabled", "hours": "logonHours", "station": "userWorkstations",
		"expired": "account has expired", "locked": "locked in the domain",
		"change": "a new password must be set first (result 49, code 773)",
		"ALICE":  `spells this name "alice"`, "alice.liddell": `spells this name "alice"`,
	} {
		verdict, err := overTLS.Authenticate(t.Context(), Credentials{Username: name, Password: word})
		require.NoError(t, err, name)
		require.False(t, verdict.Accepted, name)
		require.Contains(t, verdict.Reason, want, name)
	}
	verdict, err = overTLS.Authenticate(t.Context(), Credentials{Username: "alice", Password: "wrong"})
	require.NoError(t, err)
	require.Contains(t, verdict.Reason, "code 52e")

	_, err = newClient(t, inDomain(s, authority, Cleartext, 389)).Authenticate(t.Context(), Credentials{Username: "alice", Password: word})
	var misconfigured *ConfigurationError
	require.ErrorAs(t, err, &misconfigured)
	require.ErrorContains(t, err, "result 8")

	_, err = newClient(t, func(c *Config) {
		bySearch("")(c)
		c.Security, c.CACertificates, c.Servers = LDAPS, string(authority.PEM()), []Server{{s.Host(), 636}}
		c.Search.BaseDN, c.UserAttribute, c.Timeout = directorytest.DomainSuffix, "sAMAccountName", time.Minute
	}).Authenticate(t.Context(), Credentials{Username: "alice", Password: word})
	require.ErrorAs(t, err, &misconfigured)
	require.ErrorContains(t, err, "it allows no anonymous search: set search_binddn and search_password (result 1)")
}
