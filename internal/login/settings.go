package login

import (
	"errors"
	"time"

	"layeh.com/radius"

	"vault-plugin-auth-radius/internal/dictionary"
	"vault-plugin-auth-radius/internal/profile"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
)

// Settings hold what logins need of the config.
type Settings struct {
	Config *Config          // the caller's own copy
	Source *source.Source   // the config's servers; shared
	extra  *profile.Profile // makes request_attributes; shared, nil if there are none
	nas    radius.Attributes
	Zone   *time.Location // whose clock profiles go by; nil: this server does not know it
}

// NewSettings returns what logins need. A config of which no client or no request can be made
// has a source with a fault: only the built-in method, which checks less, can have written it.
func NewSettings(
	config *Config, d *dictionary.Dictionary, changed func(radclient.Change), dial source.DialFunc,
) *Settings {
	return (*Settings)(nil).Renew(config, d, changed, dial)
}

// Renew returns the settings that take the place of others, after a change: they go on with what
// was seen of the servers. Nil settings stand for none.
func (s *Settings) Renew(
	config *Config, d *dictionary.Dictionary, changed func(radclient.Change), dial source.DialFunc,
) *Settings {
	settings := &Settings{Config: config, Source: &source.Source{Err: errNoSource}}
	settings.Zone, _ = parseZone(config.TimeZone)
	var extraErr, nasErr error
	settings.extra, extraErr = config.RequestProfile(d, CompileStored)
	settings.nas, nasErr = config.nasAttributes()
	if config.Host == "" {
		return settings
	}
	client, err := config.newClient(settings.probeAttributes(d), changed, dial)
	settings.Source.TestUser = config.TestUser()
	settings.Source.ReadCertificates(&config.RADIUSSettings)
	if err == nil {
		settings.Source.Checker = source.NewRADIUSChecker(client, config.Servers(), config.WireName)
	}
	settings.Source.Continue(s.source())
	settings.Source.Err = errors.Join(err, extraErr, nasErr)
	return settings
}

// source returns the source of the settings; nil settings have none.
func (s *Settings) source() *source.Source {
	if s == nil {
		return nil
	}
	return s.Source
}

// Close closes the client, which goes on for logins that are under way.
func (s *Settings) Close() { s.Source.Close() }

// With returns the settings with a copy of their config.
func (s *Settings) With(config *Config) *Settings {
	copied := *s
	copied.Config = config
	return &copied
}

// probeAttributes returns the request_attributes of the test user's logins. Those that need a
// client are left out, as at a login.
func (s *Settings) probeAttributes(d *dictionary.Dictionary) radius.Attributes {
	if s.extra == nil || !s.Config.ProbesByRequest() {
		return nil
	}
	credentials := s.Config.StatusRequest()
	described := radclient.RequestAttributes(s.nas, credentials)
	authorization := &Authorization{dictionary: d, requestItems: d.Decode(described, dictionary.Keys{Plain: true})}
	if err := authorization.addRequestAttributes(s.extra, &credentials); err != nil {
		return nil // logins are refused for it
	}
	return credentials.Attributes
}
