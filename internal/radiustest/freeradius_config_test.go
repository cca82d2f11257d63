package radiustest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestUsersFile(t *testing.T) {
	t.Parallel()
	got, err := usersFile(
		map[string]string{"bob": "hello", "al ice": "p\"a\n%{x}é"},
		map[string]string{"bob": "12 34"},
		map[string][]string{"bob": {"Class := 0x61", `Filter-Id := "vpn"`}, "nobody": {"Class := 0x62"}},
	)
	require.NoError(t, err)
	require.Equal(t, `DEFAULT User-Name == "al\040ice", Cleartext-Password := "p\042a\012\045\173x\175\303\251"
DEFAULT User-Name == "bob", Cleartext-Password := "hello", Tmp-String-2 := "12\04034"
	Class := 0x61,
	Filter-Id := "vpn"
`, got)
}

func TestUsersFileRefuses(t *testing.T) {
	t.Parallel()
	for name, users := range map[string]map[string]string{
		"no name":         {"": "x"},
		"NUL in password": {"bob": "a\x00b"},
		"NUL in name":     {"b\x00b": "x"},
	} {
		_, err := usersFile(users, nil, nil)
		require.Error(t, err, name)
	}
}

func TestFreeRADIUSConfigSigns(t *testing.T) {
	t.Parallel()
	settings := freeRADIUSSettings{UsersFile: "/users", Port: 1}
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
		settings := freeRADIUSSettings{UsersFile: "/users", Port: 1}
		settings.Secret = secret
		_, err := settings.config()
		require.ErrorContains(t, err, "shared secret", "%q", secret)
	}
}

func TestMissingFreeRADIUSNamesThePackage(t *testing.T) {
	t.Parallel()
	_, err := findFreeRADIUS([]string{"no-such-program", t.TempDir() + "/radiusd"})
	require.ErrorContains(t, err, "install the package freeradius")
}
