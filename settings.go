package radiusauth

import (
	"context"
	"errors"
	"sync"

	"github.com/hashicorp/vault/sdk/logical"
	"layeh.com/radius"

	"vault-plugin-auth-radius/internal/dictionary"
	"vault-plugin-auth-radius/internal/profile"
	"vault-plugin-auth-radius/internal/radclient"
)

// settings are what logins need of the config.
type settings struct {
	config *configEntry     // the caller's own copy
	source *source          // the config's servers; shared
	extra  *profile.Profile // makes request_attributes; shared, nil if there are none
	nas    radius.Attributes
}

// settingsCache keeps the config and its client in memory, so that a login
// reads no storage: each read is a round trip to the Vault process.
type settingsCache struct {
	dictionaries *dictionaryStore
	// changed is told when the state of a RADIUS server changes.
	changed func(radclient.Change)

	mu     sync.RWMutex
	loaded bool      // guarded by mu
	cached *settings // guarded by mu; nil if there is no config
}

// get returns the settings, from storage on a miss; nil means that the mount
// is not configured.
func (c *settingsCache) get(ctx context.Context, storage logical.Storage) (*settings, error) {
	c.mu.RLock()
	cached, loaded := c.cached, c.loaded
	c.mu.RUnlock()
	if loaded {
		return cached.clone(), nil
	}

	// Loading holds the lock: a write or an invalidation that comes meanwhile
	// drops what was loaded, instead of being overwritten by it.
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.loaded {
		return c.cached.clone(), nil
	}
	config, err := loadConfig(ctx, storage)
	if err != nil {
		return nil, err
	}
	c.loaded, c.cached = true, nil
	if config != nil {
		d, err := c.dictionaries.get(ctx, storage)
		if err != nil {
			c.loaded = false
			return nil, err
		}
		c.cached = newSettings(config, d, c.changed)
	}
	return c.cached.clone(), nil
}

// newSettings makes what logins need. A config that makes no client, or no
// request, has a source with a fault: only the built-in method, which checks less,
// can have written it.
func newSettings(config *configEntry, d *dictionary.Dictionary, changed func(radclient.Change)) *settings {
	made := &settings{config: config, source: &source{fault: errNoSource}}
	var extraErr, nasErr error
	made.extra, extraErr = config.requestProfile(d)
	made.nas, nasErr = config.nasAttributes()
	if config.Host == "" {
		return made
	}
	client, err := config.newClient(changed)
	if err == nil {
		made.source.checker = &radiusChecker{client: client, servers: config.servers(), wire: config.wireName}
	}
	made.source.fault = errors.Join(err, extraErr, nasErr)
	return made
}

// change runs a change of the stored config, alone, and forgets what is cached,
// unless the change was refused.
func (c *settingsCache) change(do func() (*logical.Response, error)) (*logical.Response, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	resp, err := do()
	if err != nil || !resp.IsError() {
		c.forget()
	}
	return resp, err
}

// drop forgets what is cached.
func (c *settingsCache) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forget()
}

// forget drops the config and closes the client, which logins may still be
// using: it goes on for them. It runs with mu held.
func (c *settingsCache) forget() {
	if c.cached != nil && c.cached.source.checker != nil {
		c.cached.source.checker.close()
	}
	c.loaded, c.cached = false, nil
}

func (s *settings) clone() *settings {
	if s == nil {
		return nil
	}
	copied := *s
	copied.config = s.config.clone()
	return &copied
}
