package login

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius/rfc2865"

	"vault-plugin-auth-radius/internal/dictionary"
	"vault-plugin-auth-radius/internal/profile"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/username"
)

// settingsOf returns the settings of a config, whose client is closed with the test.
func settingsOf(t *testing.T, change func(*Config)) *Settings {
	t.Helper()
	config := DefaultConfig()
	config.Host, config.Secret = "127.0.0.1", "testing123"
	change(&config)
	settings := NewSettings(&config, dictionary.Standard(), func(radclient.Change) {}, nil)
	t.Cleanup(settings.Close)
	return settings
}

func TestSettingsOfAConfigAskItsServers(t *testing.T) {
	t.Parallel()
	settings := settingsOf(t, func(c *Config) { c.TimeZone, c.Realm = "Europe/Berlin", "radius.example" })
	require.NoError(t, settings.Source.Err)
	require.True(t, settings.Source.IsRADIUS())
	require.True(t, settings.Source.Serves("127.0.0.1:1812"))
	require.False(t, settings.Source.Serves("127.0.0.1:1813"))
	require.Equal(t, "carol@radius.example", settings.Source.Checker.WireName("carol"))
	require.Equal(t, "Europe/Berlin", settings.Zone.String())
	require.Empty(t, settings.Source.TestUser)
}

func TestSettingsWithoutAHostAskNothing(t *testing.T) {
	t.Parallel()
	settings := settingsOf(t, func(c *Config) { c.Host = "" })
	require.Nil(t, settings.Source.Checker)
	require.ErrorIs(t, settings.Source.Err, errNoSource)
	require.Equal(t, time.UTC, settings.Zone, "profiles decide about the users of other sources all the same")
}

// The built-in method checks less, and another version knows other zones.
func TestStoredConfigThatIsNotValidIsAFaultOfItsSource(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*Config){
		"nas_port_type":        func(c *Config) { c.NASPortType = "carrier pigeon" },
		"nas_ip_address":       func(c *Config) { c.NASIPAddress = "nowhere" },
		"`request_attributes`": func(c *Config) { c.RequestAttributes = []profile.Item{itemOf("Acme-Gone", "+=", "1")} },
		"secret":               func(c *Config) { c.Secret = "" },
	} {
		require.ErrorContains(t, settingsOf(t, change).Source.Err, want)
	}
	require.Nil(t, settingsOf(t, func(c *Config) { c.TimeZone = "Europe/Atlantis" }).Zone)
}

func TestSettingsWithAnotherConfigKeepTheirServers(t *testing.T) {
	t.Parallel()
	settings := settingsOf(t, func(*Config) {})
	other := settings.Config.Clone()
	copied := settings.With(&other)
	require.Same(t, &other, copied.Config)
	require.NotSame(t, &other, settings.Config)
	require.Same(t, settings.Source, copied.Source)
}

func TestProbesOfATestUserHaveTheRequestAttributes(t *testing.T) {
	t.Parallel()
	probing := func(c *Config) {
		c.StatusCheck, c.StatusCheckUsername, c.StatusCheckPassword = radclient.StatusCheckRequest, "Probe@corp.example", "p"
		c.NASIdentifier = "vault-7"
		c.RequestAttributes = []profile.Item{itemOf("Called-Station-Id", "+=", "%{NAS-Identifier}:%{User-Name}")}
	}
	settings := settingsOf(t, probing)
	attributes := settings.probeAttributes(dictionary.Standard())
	require.Equal(t, "vault-7:Probe@corp.example", string(attributes.Get(rfc2865.CalledStationID_Type)))
	require.Equal(t, username.Skeleton("probe@corp.example"), settings.Source.TestUser)

	require.Nil(t, settingsOf(t, func(c *Config) {
		probing(c)
		c.RequestAttributes = nil
	}).probeAttributes(dictionary.Standard()))
	require.Nil(t, settingsOf(t, func(c *Config) {
		probing(c)
		c.StatusCheck = radclient.StatusCheckAuto
	}).probeAttributes(dictionary.Standard()), "Status-Server carries none")
}
