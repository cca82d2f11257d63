package login

import (
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/dictionary"
	"vault-plugin-auth-radius/internal/profile"
	"vault-plugin-auth-radius/internal/source"
)

func TestSourceIsToldTheClientsAddressIfItIsToBe(t *testing.T) {
	t.Parallel()
	const address = "192.0.2.7"
	entry := func(sends bool) *source.Source {
		entry := source.NewEntry(source.TypeRADIUS)
		entry.RADIUS.SendClientAddress = sends
		return &source.Source{Name: "branch", Entry: entry}
	}
	for _, test := range []struct {
		about       string
		configSends bool
		src         *source.Source
		want        string
	}{
		{"the config's servers", true, &source.Source{}, address},
		{"the config's servers, told nothing", false, &source.Source{}, ""},
		{"a source with its own setting", false, entry(true), address},
		{"a source that is told nothing", true, entry(false), ""},
		{"a directory, as the config says", true, &source.Source{Entry: source.NewEntry(source.TypeLDAP)}, address},
	} {
		config := DefaultConfig()
		config.SendClientAddress = test.configSends
		credentials, err := config.Credentials(test.src, "carol", "password", address)
		require.NoError(t, err, test.about)
		require.Equal(t, test.want, credentials.ClientAddress, test.about)
		require.Equal(t, "carol", credentials.Username, test.about)
		require.Equal(t, "password", credentials.Password, test.about)
		require.Equal(t, address, credentials.Share.Address, "%s: places are shared by address all the same", test.about)
	}
}

func TestNameThatNoRequestCarriesIsRefused(t *testing.T) {
	t.Parallel()
	config := DefaultConfig()
	_, err := config.Credentials(&source.Source{}, "", "password", "")
	require.EqualError(t, err, "username cannot be empty")
}

func TestSpellingsOfANameShareTheirPlaces(t *testing.T) {
	t.Parallel()
	config := DefaultConfig()
	plain, err := config.Credentials(&source.Source{}, "carol", "p", "192.0.2.7")
	require.NoError(t, err)
	capitals, err := config.Credentials(&source.Source{}, "CAROL", "p", "192.0.2.7")
	require.NoError(t, err)
	require.Equal(t, plain.Share, capitals.Share)
	require.Equal(t, RenewalShare("carol"), RenewalShare("CAROL"))
}

// A renewal is not pushed out by strangers at the client's address.
func TestRenewalHasAPlaceApartFromLogins(t *testing.T) {
	t.Parallel()
	config := DefaultConfig()
	login, err := config.Credentials(&source.Source{}, "carol", "p", "192.0.2.7")
	require.NoError(t, err)
	require.NotEqual(t, login.Share.Address, RenewalShare("carol").Address)
	require.NotEqual(t, RenewalShare("bob").Address, RenewalShare("carol").Address)
}

func TestConfigWithoutRequestAttributesAddsNone(t *testing.T) {
	t.Parallel()
	config := DefaultConfig()
	extra, err := config.RequestProfile(dictionary.Standard(), profile.Compile)
	require.NoError(t, err)
	require.Nil(t, extra)
}

func TestRequestAttributeThatIsNotValidIsNamedAsTheConfigHasIt(t *testing.T) {
	t.Parallel()
	hidden, err := dictionary.Standard().Extend("ATTRIBUTE Acme-Hidden 105 string encrypt=1\n")
	require.NoError(t, err)
	for _, test := range []struct {
		item profile.Item
		want []string
	}{
		{itemOf("Framed-MUT", "+=", "1"), []string{"request_attributes[1].attribute", "Framed-MTU"}},
		{itemOf("Framed-MTU", "+=", "much"), []string{"request_attributes[1].value"}},
		{itemOf("Acme-Hidden", "+=", "x"), []string{"request_attributes[1].attribute", "Acme-Hidden is hidden on its way"}},
		{itemOf("acme-hidden", "+=", "%{User-Name}"), []string{"Acme-Hidden is hidden on its way"}},
		{itemOf("Tunnel-Password:1", "+=", "x"), []string{"Tunnel-Password is hidden on its way"}},
	} {
		config := DefaultConfig()
		config.RequestAttributes = []profile.Item{itemOf("Filter-Id", "+=", "vault"), test.item}
		for _, compile := range []compileFunc{profile.Compile, CompileStored} {
			extra, err := config.RequestProfile(hidden, compile)
			require.Nil(t, extra, test.item)
			for _, want := range test.want {
				require.ErrorContains(t, err, want)
			}
			require.NotContains(t, err.Error(), "reply_attribute")
		}
	}
}
