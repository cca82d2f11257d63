package radiusauth

import (
	"context"

	"vault-plugin-auth-radius/internal/cache"
	"vault-plugin-auth-radius/internal/catalog"
	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/login"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
)

// settings are the config, and what logins need of it.
type settings struct {
	config *configEntry // the caller's own copy
	login  *login.Settings
}

// settingsCache keeps the config and its client in memory, so that a login
// reads no storage: each read is a round trip to the Vault process.
type settingsCache struct {
	dictionaries *catalog.Dictionaries
	// changed is called when the state of a RADIUS server changes.
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
		return &settings{config: config, login: login.NewSettings(&config.Config, d, c.changed, c.dial)}, nil
	})
	if err != nil {
		return nil, err
	}
	return loaded.clone(), nil
}

// drop forgets the config, and closes the client.
func (c *settingsCache) drop() { c.cached.Clear() }

// close closes the client, which goes on for logins that are under way.
func (s *settings) close() {
	if s != nil {
		s.login.Close()
	}
}

// clone returns settings whose config the caller may change.
func (s *settings) clone() *settings {
	if s == nil {
		return nil
	}
	config := s.config.clone()
	return &settings{config: config, login: s.login.With(&config.Config)}
}
