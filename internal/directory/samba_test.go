//go:build protocol

package directory

import (
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
	tool := func(arguments ...string) { require.NoError(t, s.Tool(t.Context(), arguments...)) }
	const word = "Alice-Passw0rd"
	for _, name := range []string{"alice", "disabled", "hours", "station", "expired", "change", "locked"} {
		tool("user", "create", name, word)
	}
	tool("group", "add", "staff")
	tool("group", "addmembers", "staff", "alice")
	tool("group", "add", "everybody")
	tool("group", "addmembers", "everybody", "staff")
	tool("user", "disable", "disabled")
	tool("user", "setpassword", "change", "--newpassword="+word, "--must-change-at-next-login")
	tool("domain", "passwordsettings", "set", "--account-lockout-threshold=2")
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
	verdict, err := overTLS.Authenticate(t.Context(), Credentials{Username: "alice", Password: word})
	require.NoError(t, err)
	require.Subset(t, verdict.Groups, []string{"everybody", "staff"}, "by way of other groups, too")
	require.Equal(t, []string{"alice"}, verdict.Attributes["cn"])

	for range 3 {
		_, _ = overTLS.Authenticate(t.Context(), Credentials{Username: "locked", Password: "wrong"})
	}
	for name, want := range map[string]string{
		"nobody": "code 52e", "disabled": "disabled", "hours": "logonHours", "station": "userWorkstations",
		"expired": "account has expired", "change": "new password", "locked": "locked in the domain",
		"ALICE": `spells this name "alice"`, "alice.liddell": `spells this name "alice"`,
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
}
