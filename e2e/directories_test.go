package e2e

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/directorytest"
	"vault-plugin-auth-radius/internal/tlstest"
)

// Both directories take a password that someone else has set, so that it can be changed.
func TestNobodyLogsInWithAPasswordThatHasToBeChangedFirst(t *testing.T) {
	t.Parallel()
	const password = "the-password"
	d, err := directorytest.Start389DS(t.Context(), t.TempDir(), directorytest.DS389Options{
		Config: "passwordMustChange: on\npasswordExp: on",
		Users: []directorytest.DS389User{
			{UID: "alice", Password: password},
			{UID: "reset", Password: password, Lines: "passwordExpirationTime: 19700101000000Z"},
			{UID: "inactivated", Password: password, Lines: "nsAccountLock: true"},
		},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Stop()) })
	user := func(name, lines string) string {
		return "dn: " + directorytest.PersonDN(name) + "\nobjectClass: inetOrgPerson\nuid: " + name + "\ncn: x\nsn: x\nuserPassword: " + password + "\n" + lines + "\n"
	}
	l, err := directorytest.StartOpenLDAP(t.Context(), t.TempDir(), directorytest.OpenLDAPOptions{
		Config: "moduleload ppolicy", Overlays: "overlay ppolicy\nppolicy_default cn=default," + directorytest.Suffix,
		LDIF: "dn: cn=default," + directorytest.Suffix + "\nobjectClass: organizationalRole\nobjectClass: pwdPolicy\ncn: default\npwdAttribute: userPassword\npwdMustChange: TRUE\n\n" +
			user("alice", "") + user("reset", "pwdReset: TRUE\n"),
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Stop()) })

	v := startPlugin(t)
	for name, port := range map[string]int{"fedora": d.Port(), "openldap": l.Port()} {
		for way, fields := range map[string]map[string]any{
			"base":   {"ldap_binddn": directorytest.People},
			"search": {"user_search_base": directorytest.Suffix, "search_binddn": directorytest.PersonDN("alice"), "search_password": password},
		} {
			source := map[string]any{"type": "ldap", "name": name + "-" + way, "host": "127.0.0.1", "port": port, "allow_cleartext": true}
			for field, value := range fields {
				source[field] = value
			}
			v.write("auth/radius/extauth", source)
			v.write("auth/radius/config", map[string]any{"extauth": name + "-" + way})
			v.loginAs("alice", password)
			v.denied("reset", password)
			answer := v.verify(name+"-"+way, "reset", password)
			require.Equal(t, []any{"reject", "a new password must be set first"}, []any{answer["outcome"], answer["reason"]}, "%s %s", name, way)
			if name == "fedora" {
				v.denied("inactivated", password)
				answer = v.verify(name+"-"+way, "inactivated", password)
				require.Equal(t, "reject", answer["outcome"])
				require.Contains(t, answer["reason"], `the directory says "Account inactivated. Contact system administrator."`)
			}
		}
	}
	v.log.await(t, "a new password must be set first")
	v.log.await(t, "Account inactivated")
	require.NotContains(t, v.log.String(), "the directory cannot be asked like this")
}

func TestDirectoryThatDemandsAClientCertificateTakesALongPassword(t *testing.T) {
	t.Parallel()
	longPassword := strings.Repeat("pass-phrase ", 12)
	identity := directoryIdentity(t, "ldap.example.org")
	l, err := directorytest.StartOpenLDAP(t.Context(), t.TempDir(), directorytest.OpenLDAPOptions{
		Users: map[string]string{"alice": longPassword}, TLS: identity, Config: "TLSVerifyClient demand",
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Stop()) })
	shown, err := identity.Trusts.Issue(tlstest.CertificateOptions{CommonName: "vault"})
	require.NoError(t, err)
	v := startPlugin(t)
	for name, fields := range map[string]map[string]any{"ldaps": {"port": l.TLSPort(), "ssl": true}, "start": {"port": l.Port(), "starttls": true}} {
		source := map[string]any{
			"type": "ldap", "name": name, "host": l.Host(), "ldap_binddn": directorytest.People,
			"ssl_cert": "\ufeff" + string(identity.Trusts.PEM()), "tls_server_name": "ldap.example.org",
		}
		for field, value := range fields {
			source[field] = value
		}
		v.write("auth/radius/extauth", source)
		v.write("auth/radius/config", map[string]any{"extauth": name})
		answer := v.verify(name, "alice", longPassword)
		require.Equal(t, "unavailable", answer["outcome"])
		require.Contains(t, answer["reason"], "it asked for a client certificate, and ended the connection: set tls_client_cert and tls_client_key")
		v.write("auth/radius/extauth/"+name, map[string]any{"tls_client_cert": string(shown.PEM), "tls_client_key": string(shown.KeyPEM)})
		v.loginAs("alice", longPassword)
		v.denied("alice", longPassword[:143])
	}
	require.NotContains(t, v.log.String(), "pass-phrase")
	require.NotContains(t, v.log.String(), "PRIVATE KEY")
}
