//go:build protocol

package directory

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/directorytest"
)

// wantVerdict is what is expected of a login.
type wantVerdict struct {
	reason string // part of it; empty: the user is let in
	notice string // part of it; empty: there is none
}

func requireVerdict(t *testing.T, client *Client, name string, want wantVerdict) {
	t.Helper()
	verdict, err := client.Authenticate(t.Context(), Credentials{Username: name, Password: password})
	require.NoError(t, err, name)
	require.Equal(t, want.reason == "", verdict.Accepted, "%s: %s", name, verdict.Reason)
	require.Contains(t, verdict.Reason, want.reason, name)
	require.Contains(t, strings.Join(verdict.Notices, "; "), want.notice, name)
	require.Equal(t, want.notice == "", len(verdict.Notices) == 0, "%s: %v", name, verdict.Notices)
}

// requireMisconfigured expects that alice's login fails for a mistake of the source.
func requireMisconfigured(t *testing.T, client *Client, want string) {
	t.Helper()
	verdict, err := client.Authenticate(t.Context(), alice)
	var misconfigured *ConfigurationError
	require.ErrorAs(t, err, &misconfigured, "%+v", verdict)
	require.ErrorContains(t, err, want)
}

// bySearch searches users as the DN, whose password is that of all; anonymously, if it
// is empty.
func bySearch(dn string) func(*Config) {
	return func(c *Config) {
		c.Security, c.BindDN, c.Search = Cleartext, "", &Search{BaseDN: directorytest.Suffix, BindDN: dn}
		if dn != "" {
			c.Search.BindPassword = password
		}
	}
}

// byDN has users bind under the DN of all users.
func byDN(c *Config) { c.Security = Cleartext }

const openLDAPPolicies = `dn: cn=default,` + directorytest.Suffix + `
objectClass: organizationalRole
objectClass: pwdPolicy
cn: default
pwdAttribute: userPassword
pwdMustChange: TRUE
pwdLockout: TRUE
pwdMaxAge: 864000
pwdExpireWarning: 860000
pwdGraceAuthNLimit: 2

`

// startWithPolicy runs OpenLDAP with users in all states that its password policy knows.
// One with a name on "-search" is there to search.
func startWithPolicy(t *testing.T) *directorytest.OpenLDAP {
	t.Helper()
	today, years := time.Now().UTC().Format("20060102150405Z"), "20200101000000Z"
	ldif := openLDAPPolicies
	for name, lines := range map[string]string{
		"alice": "pwdChangedTime: " + today, "reset": "pwdChangedTime: " + today + "\npwdReset: TRUE",
		"grace": "pwdChangedTime: " + years, "grace-search": "pwdChangedTime: " + years,
		"expired": "pwdChangedTime: " + years + "\npwdGraceUseTime: 20210101000000Z\npwdGraceUseTime: 20210101000001Z",
		"soon":    "pwdChangedTime: " + time.Now().Add(-864000*time.Second+time.Hour).UTC().Format("20060102150405Z"),
		"locked":  "pwdChangedTime: " + today + "\npwdAccountLockedTime: 000001010000Z",
	} {
		ldif += fmt.Sprintf("dn: %s\nobjectClass: inetOrgPerson\nuid: %s\ncn: %[2]s\nsn: Person\nuserPassword: %s\n%s\n\n",
			directorytest.PersonDN(name), name, password, lines)
	}
	l, err := directorytest.StartOpenLDAP(t.Context(), t.TempDir(), directorytest.OpenLDAPOptions{
		Config:   "moduleload ppolicy",
		Overlays: "overlay ppolicy\nppolicy_default cn=default," + directorytest.Suffix + "\nppolicy_use_lockout",
		LDIF:     ldif,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Stop()) })
	return l
}

func TestOpenLDAPsPasswordPolicyDecides(t *testing.T) {
	t.Parallel()
	l := startWithPolicy(t)
	for _, change := range []func(*Config){byDN, bySearch(directorytest.PersonDN("alice"))} {
		client := clientOf(t, l.Port(), change)
		for name, want := range map[string]wantVerdict{
			"alice": {}, "reset": {reason: "a new password must be set first"}, "expired": {reason: "the password has expired (result 49)"},
			"locked": {reason: "the account is locked (result 49)"}, "soon": {notice: "the password expires in"},
		} {
			requireVerdict(t, client, name, want)
		}
	}
	client := clientOf(t, l.Port(), byDN)
	for _, want := range []wantVerdict{
		{notice: "the password has expired: logins left until a new one must be set: 1"},
		{notice: "the password has expired: logins left until a new one must be set: 0"},
		{reason: "the password has expired"},
	} {
		requireVerdict(t, client, "grace", want)
	}
}

func TestOpenLDAPsPasswordPolicyForTheSearcherRefusesNoUser(t *testing.T) {
	t.Parallel()
	l := startWithPolicy(t)
	for name, want := range map[string]string{
		"reset":   "search_binddn do nothing: a new password must be set first",
		"expired": "search_binddn with search_password: the password has expired",
		"locked":  "search_binddn with search_password: the account is locked",
	} {
		requireMisconfigured(t, clientOf(t, l.Port(), bySearch(directorytest.PersonDN(name))), want)
	}
	client := clientOf(t, l.Port(), bySearch(directorytest.PersonDN("grace-search")))
	requireVerdict(t, client, "alice", wantVerdict{
		notice: "search_binddn: the password has expired: logins left until a new one must be set: 1",
	})
}
