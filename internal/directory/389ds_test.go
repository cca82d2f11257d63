//go:build protocol

package directory

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/directorytest"
)

// inactiveRole is the role that "dsidm role lock" makes: a class of service inactivates
// the users that have it.
const inactiveRole = `dn: cn=nsManagedDisabledRole,` + directorytest.Suffix + `
objectClass: LDAPsubentry
objectClass: nsRoleDefinition
objectClass: nsSimpleRoleDefinition
objectClass: nsManagedRoleDefinition
cn: nsManagedDisabledRole

dn: cn=nsDisabledRole,` + directorytest.Suffix + `
objectClass: LDAPsubentry
objectClass: nsRoleDefinition
objectClass: nsComplexRoleDefinition
objectClass: nsNestedRoleDefinition
cn: nsDisabledRole
nsRoleDN: cn=nsManagedDisabledRole,` + directorytest.Suffix + `

dn: cn=nsAccountInactivationTmp,` + directorytest.Suffix + `
objectClass: nsContainer
cn: nsAccountInactivationTmp

dn: cn="cn=nsDisabledRole,` + directorytest.Suffix + `",cn=nsAccountInactivationTmp,` + directorytest.Suffix + `
objectClass: extensibleObject
objectClass: costemplate
objectClass: ldapsubentry
cn: "cn=nsDisabledRole,` + directorytest.Suffix + `"
nsAccountLock: true
cosPriority: 0

dn: cn=nsAccountInactivation_cos,` + directorytest.Suffix + `
objectClass: LDAPsubentry
objectClass: cosSuperDefinition
objectClass: cosClassicDefinition
cn: nsAccountInactivation_cos
cosTemplateDn: cn=nsAccountInactivationTmp,` + directorytest.Suffix + `
cosAttribute: nsAccountLock operational
cosSpecifier: nsRole

`

func start389DS(t *testing.T, config string) *directorytest.DS389 {
	t.Helper()
	const years = "passwordExpirationTime: 20200101000000Z"
	d, err := directorytest.Start389DS(t.Context(), t.TempDir(), directorytest.DS389Options{
		Config: config,
		Users: []directorytest.DS389User{
			{UID: "alice", Password: password},
			{UID: "none"},
			{UID: "inactivated", Password: password, Lines: "nsAccountLock: true"},
			{UID: "role", Password: password, Lines: "nsRoleDN: cn=nsManagedDisabledRole," + directorytest.Suffix},
			{UID: "reset", Password: password, Lines: "passwordExpirationTime: 19700101000000Z"},
			{UID: "grace", Password: password, Lines: years},
			{UID: "grace-search", Password: password, Lines: years},
			{UID: "expired", Password: password, Lines: years + "\npasswordGraceUserTime: 2"},
			{
				UID: "soon", Password: password,
				Lines: "passwordExpirationTime: " + time.Now().Add(time.Hour).UTC().Format("20060102150405Z"),
			},
			{UID: "locked", Password: password, Lines: "passwordRetryCount: 3\naccountUnlockTime: 20990101000000Z"},
		},
		LDIF: inactiveRole,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Stop()) })
	return d
}

// Anonymous users see nothing there. One server is enough for all.
const config389DS = "nsslapd-allow-anonymous-access: off\npasswordMustChange: on\npasswordExp: on\n" +
	"passwordGraceLimit: 2\npasswordLockout: on\npasswordMaxFailure: 3"

func Test389DSDecidesAboutAccounts(t *testing.T) {
	t.Parallel()
	d := start389DS(t, config389DS)
	for _, change := range []func(*Config){byDN, bySearch(directorytest.PersonDN("alice"))} {
		client := clientOf(t, d.Port(), change)
		for name, want := range map[string]wantVerdict{
			"alice": {},
			"none":  {reason: "(result 49)"},
			"inactivated": {reason: `the account is locked (result 53):` +
				` the directory says "Account inactivated. Contact system administrator."`},
			"role":    {reason: `the directory says "Account inactivated.`},
			"reset":   {reason: "a new password must be set first"},
			"expired": {reason: `the password has expired (result 49): the directory says "password expired!"`},
			"locked":  {reason: `the account is locked (result 19): the directory says "Exceed password retry limit.`},
			"soon":    {notice: "the password expires in"},
		} {
			requireVerdict(t, client, name, want)
		}
	}
	client := clientOf(t, d.Port(), byDN)
	for _, want := range []wantVerdict{
		{notice: "the password has expired: logins left until a new one must be set: 1"},
		{notice: "the password has expired: logins left until a new one must be set: 0"},
		{reason: "the password has expired"},
	} {
		requireVerdict(t, client, "grace", want)
	}

	for name, want := range map[string]string{
		"reset": "search_binddn do nothing: a new password must be set first", "expired": "search_password: the password has expired",
		"inactivated": "search_password: the account is locked (result 53)", "locked": "search_password: the account is locked (result 19)",
		"grace-search": "",
	} {
		client := clientOf(t, d.Port(), bySearch(directorytest.PersonDN(name)))
		if want == "" {
			requireVerdict(t, client, "alice", wantVerdict{notice: "search_binddn: the password has expired"})
			continue
		}
		requireMisconfigured(t, client, want)
	}
	requireMisconfigured(t, clientOf(t, d.Port(), bySearch("")), `it allows no anonymous search:`+
		` set search_binddn and search_password (result 48): the directory says "Anonymous access is not allowed`)
}

// A server that takes nothing in clear text answers with the result 53 as well.
func Test389DSThatWantsProtectionRefusesNoUser(t *testing.T) {
	t.Parallel()
	for config, want := range map[string]string{
		"nsslapd-minssf: 56":               `(result 53): the directory says "Minimum SSF not met."`,
		"nsslapd-require-secure-binds: on": "it wants passwords protected: set ssl or starttls (result 13)",
	} {
		t.Run(config, func(t *testing.T) {
			t.Parallel()
			d := start389DS(t, config)
			requireMisconfigured(t, clientOf(t, d.Port(), byDN), want)
			requireMisconfigured(t, clientOf(t, d.Port(), bySearch(directorytest.PersonDN("alice"))), want)
		})
	}
}
