package radiusauth

import (
	"context"
	"errors"
	"time"

	"layeh.com/radius"

	"vault-plugin-auth-radius/internal/cache"
	"vault-plugin-auth-radius/internal/catalog"
	"vault-plugin-auth-radius/internal/dictionary"
	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/profile"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
)

// settings are what logins need of the config.
type settings struct {
	config *configEntry     // the caller's own copy
	source *source.Source   // the config's servers; shared
	extra  *profile.Profile // makes request_attributes; shared, nil if there are none
	nas    radius.Attributes
	zone   *time.Location // whose clock profiles go by; nil: this server does not know it
}

// settingsCache keeps the config and its client in memory, so that a login
// reads no storage: each read is a round trip to the Vault process.
type settingsCache struct {
	dictionaries *catalog.Dictionaries
	// changed is told when the state of a RADIUS server changes.
	changed func(radclient.Change)
	// dial connects to RADIUS servers, in tests; nil means the network.
	dial source.DialFunc

	cached cache.Value[*settings] // nil if there is no config
}

func newSettingsCache(dictionaries *catalog.Dictionaries, changed func(radclient.Change)) *settingsCache {
	c := &settingsCache{dictionaries: dictionaries, changed: changed}
	// Logins may still be using the client: it goes on for them.
	c.cached.Retire = func(retired, _ *settings) { retired.close() }
	return c
}

// get returns the settings, from storage on a miss; nil means that the mount
// is not configured.
func (c *settingsCache) get(ctx context.Context, storage kv.Storage) (*settings, error) {
	loaded, err := c.cached.Get(ctx, func(ctx context.Context, _ *settings) (*settings, error) {
		config, err := loadConfig(ctx, storage)
		if config == nil || err != nil {
			return nil, err
		}
		d, err := c.dictionaries.Get(ctx, storage)
		if err != nil {
			return nil, err
		}
		return newSettings(config, d, c.changed, c.dial), nil
	})
	if err != nil {
		return nil, err
	}
	return loaded.clone(), nil
}

// newSettings makes what logins need. A config that makes no client, or no
// request, has a source with a fault: only the built-in method, which checks less,
// can have written it.
func newSettings(config *configEntry, d *dictionary.Dictionary, changed func(radclient.Change), dial source.DialFunc) *settings {
	made := &settings{config: config, source: &source.Source{Err: errNoSource}}
	made.zone, _ = parseZone(config.TimeZone)
	var extraErr, nasErr error
	made.extra, extraErr = config.requestProfile(d, compileStored)
	made.nas, nasErr = config.nasAttributes()
	if config.Host == "" {
		return made
	}
	client, err := config.newClient(made.probeAttributes(d), changed, dial)
	made.source.TestUser = config.TestUser()
	if err == nil {
		made.source.Checker = source.NewRADIUSChecker(client, config.servers(), config.wireName)
	}
	made.source.Err = errors.Join(err, extraErr, nasErr)
	return made
}

// drop forgets the config, and closes the client.
func (c *settingsCache) drop() { c.cached.Clear() }

// close closes the client, which goes on for logins that are under way.
func (s *settings) close() {
	if s != nil {
		s.source.Close()
	}
}

func (s *settings) clone() *settings {
	if s == nil {
		return nil
	}
	copied := *s
	copied.config = s.config.clone()
	return &copied
}
