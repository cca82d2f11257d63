package e2e

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/daemontest"
	"vault-plugin-auth-radius/internal/directorytest"
)

const domainPassword = "Alice-Passw0rd"

func TestActiveDirectoryThroughVault(t *testing.T) {
	t.Parallel()
	v := startVaultWithDomain(t)

	v.run(t, "both spellings of the realm log in, with the groups of the domain", func(t *testing.T) {
		for _, name := range []string{"alice@corp.example.org", `CORP\alice`} {
			auth := v.loginAs(name, domainPassword)
			require.Equal(t, "alice@corp.example.org", auth.Metadata["username"])
			require.Subset(t, auth.IdentityPolicies, []string{"staff-of-the-domain", "all-of-the-domain"})
		}
	})
	v.run(t, "name without the realm is denied", func(*testing.T) { // so that a user has one name
		v.denied("alice", domainPassword)
	})
	for name, reason := range map[string]string{"disabled": "disabled", "change": "new password", "ALICE": "spells this name"} {
		v.run(t, "reason is logged and shown to the operator: "+reason, func(t *testing.T) {
			v.denied(name+"@corp.example.org", domainPassword)
			require.Contains(t, v.verify("corp", name+"@corp.example.org", domainPassword)["reason"], reason)
			v.log.await(t, reason)
		})
	}
	v.run(t, "host that is not there costs one attempt", func(t *testing.T) {
		v.loginAs("alice@corp.example.org", domainPassword)
		servers := v.read("auth/radius/status")["sources"].(map[string]any)["corp"].(map[string]any)["servers"].([]any)
		require.Equal(t, "dead", servers[0].(map[string]any)["state"])
		require.EqualValues(t, "1", fmt.Sprint(servers[0].(map[string]any)["unavailable"]))
	})
	v.run(t, "no password is logged", func(t *testing.T) { require.NotContains(t, v.log.String(), domainPassword) })
}

// startVaultWithDomain starts a Samba with users and a Vault whose source corp is its domain.
func startVaultWithDomain(t *testing.T) *vaultServer {
	t.Helper()
	address, err := daemontest.FreeAddress(t.Context())
	require.NoError(t, err)
	identity := directoryIdentity(t, address.String())
	s, err := directorytest.StartSamba(t.Context(), t.TempDir(), address.String(), identity)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop()) })
	for _, arguments := range [][]string{
		{"user", "create", "alice", domainPassword},
		{"user", "create", "disabled", domainPassword},
		{"user", "disable", "disabled"},
		{"user", "create", "change", domainPassword, "--must-change-at-next-login"},
		{"group", "add", "staff"},
		{"group", "addmembers", "staff", "alice"},
	} {
		require.NoError(t, s.Tool(t.Context(), arguments...))
	}
	v := startPlugin(t)
	v.write(sourcesPath, map[string]any{
		"type": "ad", "name": "corp", "host": "127.0.0.1:1," + s.Host(), "ad_domain": directorytest.Domain,
		"ssl": true, "ssl_cert": string(identity.Trusts.PEM()), "realms": "corp.example.org,CORP",
		"group_search_base": directorytest.DomainSuffix, "bindto": "127.0.0.1",
	})
	v.write("auth/radius/config", map[string]any{"extauth": "local", "token_ttl": "5m"})
	v.groupWithAlias("staff", "staff-of-the-domain")
	v.groupWithAlias("Domain Users", "all-of-the-domain")
	return v
}
