package login

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"layeh.com/radius/rfc2865"

	"vault-plugin-auth-radius/internal/profile"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
)

func TestServersAreAtTheGivenPortOrTheTransports(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		transport radclient.Transport
		port      int
		given     bool
		want      int
	}{
		{radclient.UDP, 1812, false, 1812},
		{radclient.TLS, 1812, false, 2083}, // which the built-in method stores, whatever the transport
		{radclient.TLS, 1812, true, 1812},
		{radclient.TLS, 2084, true, 2084},
		{radclient.UDP, 1645, false, 1645}, // stored by the built-in method
	} {
		config := DefaultConfig()
		config.Transport, config.Port, config.PortGiven = test.transport, test.port, test.given
		require.Equal(t, test.want, config.ServerPort(), "%+v", test)
	}
}

func TestServersHaveTheirOwnPortAndSecretOrTheConfigs(t *testing.T) {
	t.Parallel()
	config := DefaultConfig()
	config.Host, config.Port, config.Secret = "first.example.net", 1645, "shared"
	config.Hosts = []source.Host{{Host: "second.example.net"}, {Host: "third.example.net", Port: 1900, Secret: "own"}}
	require.Equal(t, []radclient.Server{
		{Host: "first.example.net", Port: 1645, Secret: radclient.NewSecret("shared")},
		{Host: "second.example.net", Port: 1645, Secret: radclient.NewSecret("shared")},
		{Host: "third.example.net", Port: 1900, Secret: radclient.NewSecret("own")},
	}, config.Servers(), "in the order of preference, host first")
}

func TestNameOnTheWireHasTheConfigsRealm(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		strips               bool
		realm, defaultRealm  string
		canonical, onTheWire string
	}{
		{false, "", "", "carol", "carol"},
		{false, "", "", "carol@corp.example", "carol@corp.example"},
		{false, "radius.example", "", "carol", "carol@radius.example"},
		{false, "radius.example", "", "carol@corp.example", "carol@corp.example"},
		{true, "", "", "carol@corp.example", "carol"},
		{true, "", "", `CORP\carol`, "carol"},
		{true, "radius.example", "", "carol@corp.example", "carol@radius.example"},
		{true, "", "corp.example", "carol@corp.example", "carol"},
		{false, "", "corp.example", "carol@corp.example", "carol@corp.example"},
	} {
		config := DefaultConfig()
		config.StripRealm, config.Realm, config.DefaultRealm = test.strips, test.realm, test.defaultRealm
		require.Equal(t, test.onTheWire, config.WireName(test.canonical), "%+v", test)
	}
}

func TestCopyOfAConfigSharesNothingThatCanChange(t *testing.T) {
	t.Parallel()
	build := func() Config {
		config := DefaultConfig()
		config.UnregisteredUserPolicies = []string{"guest"}
		config.Hosts = []source.Host{{Host: "second.example.net"}}
		config.DefaultProfiles = []int64{1}
		config.RequestAttributes = []profile.Item{itemOf("Framed-MTU", "+=", "1400")}
		config.GroupAttributes, config.MetadataAttributes = []string{"Class"}, []string{"Filter-Id"}
		return config
	}
	original := build()
	copied := original.Clone()
	require.Equal(t, original, copied)
	copied.UnregisteredUserPolicies[0], copied.Hosts[0].Host, copied.DefaultProfiles[0] = "root", "evil.example.net", 2
	copied.RequestAttributes[0].Value, copied.GroupAttributes[0], copied.MetadataAttributes[0] = "1", "State", "State"
	require.Equal(t, build(), original)
}

func TestRequestSaysOfTheMountWhatTheConfigSays(t *testing.T) {
	t.Parallel()
	config := DefaultConfig()
	config.NASIdentifier, config.NASIPAddress, config.NASPort, config.NASPortType = "vault-7", "192.0.2.9", 42, "Ethernet"
	attributes, err := config.nasAttributes()
	require.NoError(t, err)
	require.Equal(t, "vault-7", string(attributes.Get(rfc2865.NASIdentifier_Type)))
	require.Equal(t, netip.MustParseAddr("192.0.2.9").AsSlice(), []byte(attributes.Get(rfc2865.NASIPAddress_Type)))
	require.Equal(t, []byte{0, 0, 0, 42}, []byte(attributes.Get(rfc2865.NASPort_Type)))
	require.Equal(t, []byte{0, 0, 0, 15}, []byte(attributes.Get(rfc2865.NASPortType_Type)))

	config.NASPortType = "carrier pigeon"
	_, err = config.nasAttributes()
	require.ErrorContains(t, err, "nas_port_type")
}

func TestConfigReauthenticatesByDefaultAsTheBuiltInMethod(t *testing.T) {
	t.Parallel()
	require.Equal(t, RenewalReauthenticate, DefaultConfig().Renewal)
	require.ElementsMatch(t, []Renewal{"reauthenticate", "recheck"}, Renewals)
}
