package radiustest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestUsersFile(t *testing.T) {
	t.Parallel()
	file, err := FreeRADIUSOptions{
		Users:           map[string]string{"bob": "hello", "al ice": "p\"a\n%{x}é"},
		Codes:           map[string]string{"bob": "12 34"},
		Holds:           map[string]time.Duration{"al ice": 1500 * time.Millisecond, "nobody": time.Second},
		ReplyAttributes: map[string][]string{"bob": {"Class := 0x61", `Filter-Id := "vpn"`}, "nobody": {"Class := 0x62"}},
	}.usersFile()
	require.NoError(t, err)
	require.Equal(t, `DEFAULT User-Name == "al\040ice", Cleartext-Password := "p\042a\012\045\173x\175\303\251", Tmp-String-4 := "1.500"
DEFAULT User-Name == "bob", Cleartext-Password := "hello", Tmp-String-2 := "12\04034"
	Class := 0x61,
	Filter-Id := "vpn"
`, file)
}

func TestUsersFileRefuses(t *testing.T) {
	t.Parallel()
	for name, users := range map[string]map[string]string{
		"no name":         {"": "x"},
		"NUL in password": {"bob": "a\x00b"},
		"NUL in name":     {"b\x00b": "x"},
	} {
		_, err := FreeRADIUSOptions{Users: users}.usersFile()
		require.Error(t, err, name)
	}
	for _, hold := range []time.Duration{-1, MaxHold + 1} {
		_, err := FreeRADIUSOptions{Users: map[string]string{"bob": "x"}, Holds: map[string]time.Duration{"bob": hold}}.usersFile()
		require.ErrorContains(t, err, "1m30s at most")
	}
}

func TestFreeRADIUSConfigSigns(t *testing.T) {
	t.Parallel()
	settings := freeRADIUSSettings{Dir: "/raddb"}
	settings.Secret = "testing123"
	text, err := settings.config()
	require.NoError(t, err)
	require.NotContains(t, text, "&Message-Authenticator")

	settings.SignAnswers = true
	text, err = settings.config()
	require.NoError(t, err)
	for _, section := range []string{"Autz-Type Status-Server", "post-auth", "Post-Auth-Type REJECT", "Post-Auth-Type Challenge"} {
		require.Contains(t, text, section+" {\n\t\tupdate reply {\n\t\t\t&Message-Authenticator ^= 0x00\n")
	}
}

func TestFreeRADIUSConfigRefusesWhatItCannotQuote(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{"", "a'b", `a"b`, `a\b`, "a${x}", "a\nb"} {
		settings := freeRADIUSSettings{Dir: "/raddb"}
		settings.Secret = secret
		_, err := settings.config()
		require.ErrorContains(t, err, "shared secret", "%q", secret)
	}
}

func TestFreeRADIUSConfigRefusesSourcesThatItCannotQuote(t *testing.T) {
	t.Parallel()
	for field, options := range map[string]FreeRADIUSOptions{
		"LDAP password": {LDAP: &FreeRADIUSLDAP{Host: "127.0.0.1", BaseDN: "dc=x", BindDN: "cn=x", Password: "a'b"}},
		"LDAP base DN":  {LDAP: &FreeRADIUSLDAP{Host: "127.0.0.1", BindDN: "cn=x", Password: "x"}},
		"SQL database":  {SQL: &FreeRADIUSSQL{Host: "127.0.0.1", Login: "x", Password: "x", Database: "${x}"}},
	} {
		settings := freeRADIUSSettings{FreeRADIUSOptions: options, Dir: "/raddb"}
		settings.Secret = "testing123"
		_, err := settings.config()
		require.ErrorContains(t, err, field)
	}
}
