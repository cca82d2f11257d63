//go:build protocol

package directory

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/directorytest"
	"vault-plugin-auth-radius/internal/tlstest"
)

func newIdentity(t *testing.T, authority *tlstest.Authority, options tlstest.CertificateOptions) *tlstest.Identity {
	t.Helper()
	certificate, err := authority.Issue(options)
	require.NoError(t, err)
	return &tlstest.Identity{Certificate: certificate, Trusts: authority}
}

func newAuthority(t *testing.T) *tlstest.Authority {
	t.Helper()
	authority, err := tlstest.NewAuthority("Directory CA")
	require.NoError(t, err)
	return authority
}

// startOpenLDAP runs a directory with alice, and some with odd names.
func startOpenLDAP(t *testing.T, identity *tlstest.Identity, config string) *directorytest.OpenLDAP {
	t.Helper()
	l, err := directorytest.StartOpenLDAP(t.Context(), t.TempDir(), directorytest.OpenLDAPOptions{
		Users: map[string]string{
			"alice": password, "bob, jr": "bob-password", `back\slash`: "b-password", "#hash+plus": "h-password",
			"jürgen": "pässwörd", "none": "",
		},
		Groups: map[string][]string{"staff": {"alice", "bob, jr"}, "admins": {"alice"}, "others": {"none"}},
		TLS:    identity, Config: config,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Stop()) })
	return l
}

func clientOf(t *testing.T, port int, change func(*Config)) *Client {
	t.Helper()
	return newClient(t, func(c *Config) {
		c.Security, c.Timeout = LDAPS, time.Minute
		change(c)
	}, port)
}

func TestOpenLDAPChecksPasswords(t *testing.T) {
	t.Parallel()
	authority := newAuthority(t)
	l := startOpenLDAP(t, newIdentity(t, authority, tlstest.CertificateOptions{Names: []string{"127.0.0.1"}}), "")
	ways := map[string]func(*Config){
		"base":     func(*Config) {},
		"template": func(c *Config) { c.BindDN = "uid={{username}}," + people },
		"search": func(c *Config) {
			c.BindDN, c.Search = "", &Search{
				BaseDN: directorytest.Suffix, BindDN: directorytest.AdminDN, BindPassword: directorytest.AdminPassword,
			}
		},
	}
	for security, port := range map[Security]int{LDAPS: l.TLSPort(), StartTLS: l.Port(), Cleartext: l.Port()} {
		for way, change := range ways {
			client := clientOf(t, port, func(c *Config) {
				c.Security, c.CACertificates, c.Attributes = security, string(authority.PEM()), []string{"mail", "employeeType"}
				c.Groups = &GroupSearch{BaseDN: directorytest.Groups}
				change(c)
			})
			for name, word := range map[string]string{
				"alice": password, "bob, jr": "bob-password", `back\slash`: "b-password", "#hash+plus": "h-password",
				"jürgen": "pässwörd",
			} {
				verdict, err := client.Authenticate(t.Context(), Credentials{Username: name, Password: word})
				require.NoError(t, err, "%s %s %s", security, way, name)
				require.True(t, verdict.Accepted, "%s %s %s: %s", security, way, name, verdict.Reason)
				require.Equal(t, []string{"staff"}, verdict.Attributes["employeeType"])
				if name == "alice" {
					require.Equal(t, []string{"admins", "staff"}, verdict.Groups)
				}
				verdict, err = client.Authenticate(t.Context(), Credentials{Username: name, Password: word + "x"})
				require.NoError(t, err)
				require.False(t, verdict.Accepted)
			}
			for _, name := range []string{"ALICE", "nobody", "none", "*", "alice)(uid=*", "uid=alice"} {
				verdict, err := client.Authenticate(t.Context(), Credentials{Username: name, Password: password})
				require.NoError(t, err, "%s %s %s", security, way, name)
				require.False(t, verdict.Accepted, "%s %s %s", security, way, name)
				require.NotEmpty(t, verdict.Reason)
			}
		}
	}
}

func TestOpenLDAPIsBelievedWithTheRightCertificateOnly(t *testing.T) {
	t.Parallel()
	authority, other := newAuthority(t), newAuthority(t)
	good := tlstest.CertificateOptions{Names: []string{"127.0.0.1"}}
	l := startOpenLDAP(t, newIdentity(t, authority, good), "")
	wrongName := startOpenLDAP(t, newIdentity(t, authority, tlstest.CertificateOptions{Names: []string{"ldap.example.org"}}), "")
	options := tlstest.CertificateOptions{Names: []string{"127.0.0.1"}, Until: time.Now().Add(-time.Hour)}
	expired := startOpenLDAP(t, newIdentity(t, authority, options), "")
	own := newIdentity(t, authority, good)
	pinned := startOpenLDAP(t, own, "")
	tests := map[string]struct {
		port     int
		security Security
		trusts   []byte
		want     string // of the error; empty: none
	}{
		"right":              {l.TLSPort(), LDAPS, authority.PEM(), ""},
		"the server's own":   {pinned.TLSPort(), LDAPS, own.Certificate.PEM, ""},
		"another one pinned": {l.TLSPort(), LDAPS, own.Certificate.PEM, "not signed by ssl_cert"},
		"another authority":  {l.TLSPort(), LDAPS, other.PEM(), "not signed by ssl_cert"},
		"StartTLS, another":  {l.Port(), StartTLS, other.PEM(), "not signed by ssl_cert"},
		"wrong name":         {wrongName.TLSPort(), LDAPS, authority.PEM(), "for another name"},
		"expired":            {expired.TLSPort(), LDAPS, authority.PEM(), "expired"},
		"LDAPS, plain port":  {l.Port(), LDAPS, authority.PEM(), "cannot be reached"},
		"StartTLS, TLS port": {l.TLSPort(), StartTLS, authority.PEM(), "cannot be reached"},
	}
	for name, test := range tests {
		client := clientOf(t, test.port, func(c *Config) {
			c.Security, c.CACertificates = test.security, string(test.trusts)
		})
		verdict, err := client.Authenticate(t.Context(), alice)
		if test.want == "" {
			require.NoError(t, err, name)
			require.True(t, verdict.Accepted, name)
			continue
		}
		var unavailable *UnavailableError
		require.ErrorAs(t, err, &unavailable, name)
		require.ErrorContains(t, err, test.want, name)
	}
	require.NotContains(t, wrongName.Log()+expired.Log(), "BIND", "nothing was sent")
}

func TestOpenLDAPThatAllowsAnonymousBindsLetsNoUserInWithoutPassword(t *testing.T) {
	t.Parallel()
	l := startOpenLDAP(t, nil, "allow bind_anon_dn")
	client := clientOf(t, l.Port(), func(c *Config) { c.Security = Cleartext })
	verdict, err := client.Authenticate(t.Context(), Credentials{Username: "alice"})
	require.NoError(t, err)
	require.False(t, verdict.Accepted)
}

func TestOpenLDAPThatRestartsIsUsedAgain(t *testing.T) {
	t.Parallel()
	l := startOpenLDAP(t, nil, "")
	client := clientOf(t, l.Port(), func(c *Config) { c.Security = Cleartext })
	for range 2 {
		verdict, err := client.Authenticate(t.Context(), alice)
		require.NoError(t, err)
		require.True(t, verdict.Accepted)
		require.NoError(t, l.Restart())
	}
	verdict, err := client.Authenticate(t.Context(), alice)
	require.NoError(t, err)
	require.True(t, verdict.Accepted)
}

func TestOpenLDAPThatLetsNoUserReadSaysSo(t *testing.T) {
	t.Parallel()
	l, err := directorytest.StartOpenLDAP(t.Context(), t.TempDir(), directorytest.OpenLDAPOptions{
		Users: map[string]string{"alice": password}, Access: "access to * by * none",
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Stop()) })
	client := clientOf(t, l.Port(), func(c *Config) { c.Security = Cleartext })
	_, err = client.Authenticate(t.Context(), alice)
	var misconfigured *ConfigurationError
	require.ErrorAs(t, err, &misconfigured)
	require.ErrorContains(t, err, "read their own entry")
}

func TestOpenLDAPThatAllowsNoAnonymousSearchSaysSo(t *testing.T) {
	t.Parallel()
	const allowsNone = "it allows no anonymous search: set search_binddn and search_password (result "
	for config, want := range map[string]string{
		"require authc":      allowsNone + `53): the directory says "authentication required"`,
		"disallow bind_anon": allowsNone + `48): the directory says "anonymous bind disallowed"`,
		"": "there is nothing at user_search_base, or an anonymous search does not see it:" + // by its access
			" see search_binddn (result 32)",
		"security ssf=56":      "it wants passwords protected: set ssl or starttls (result 13)",
		"restrict bind":        `(result 53): the directory says "operation restricted"`,
		"restrict search":      allowsNone + "53)",
		"disallow bind_simple": "there is nothing at user_search_base",
	} {
		t.Run(config, func(t *testing.T) {
			t.Parallel()
			l := startOpenLDAP(t, nil, config)
			requireMisconfigured(t, clientOf(t, l.Port(), bySearch("")), want)
			if config == "restrict bind" || config == "disallow bind_simple" {
				requireMisconfigured(t, clientOf(t, l.Port(), byDN), "(result 53): the directory says")
			}
		})
	}
}

// memberUid is compared with case, and names of entries are not.
func TestOpenLDAPsGroupsKnowUsersByTheNameThatTheEntryHas(t *testing.T) {
	t.Parallel()
	l, err := directorytest.StartOpenLDAP(t.Context(), t.TempDir(), directorytest.OpenLDAPOptions{
		Users: map[string]string{"Carla": password}, Config: "include /etc/ldap/schema/nis.schema",
		LDIF: "dn: cn=staff," + directorytest.Groups + "\nobjectClass: posixGroup\ncn: staff\ngidNumber: 7\nmemberUid: Carla\n\n" +
			"dn: uid=two," + directorytest.People + "\nobjectClass: inetOrgPerson\nuid: two\ncn: two\nsn: two\n" +
			"mail: two@example.org\nmail: 2@example.org\nuserPassword: " + password + "\n\n",
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Stop()) })
	client := clientOf(t, l.Port(), func(c *Config) {
		byDN(c)
		c.Groups = &GroupSearch{BaseDN: directorytest.Groups}
	})
	carla := Credentials{Username: "carla", Password: password, SameName: func(name string) bool { return name == "Carla" }}
	verdict, err := client.Authenticate(t.Context(), carla)
	require.NoError(t, err)
	require.Equal(t, []string{"staff"}, verdict.Groups, verdict.Reason)

	byMail := clientOf(t, l.Port(), func(c *Config) {
		bySearch("")(c)
		c.Search.BindDN, c.Search.BindPassword, c.UserAttribute = directorytest.AdminDN, directorytest.AdminPassword, "mail"
	})
	_, err = byMail.Authenticate(t.Context(), Credentials{Username: "two@example.org", Password: password})
	var misconfigured *ConfigurationError
	require.ErrorAs(t, err, &misconfigured)
	require.ErrorContains(t, err, "the person's entry has 2 values of mail, and one account has one name")
}
