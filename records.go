package radiusauth

import (
	"context"
	"errors"
	"sync"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/acct"
	"vault-plugin-auth-radius/internal/cache"
	"vault-plugin-auth-radius/internal/kv"
)

// records holds the FreeRADIUS backend's config, and the store that it names, ready for
// requests.
type records struct {
	config   *freeradiusEntry
	store    acct.Store
	warnings []string // about a config that an earlier version has stored
}

// recordsCache holds them, so that a packet reads no config.
type recordsCache struct {
	warn     func(text string) // logs a warning, each time that the config is loaded
	options  []acct.Option     // in tests: how PostgreSQL is reached
	changing sync.Mutex        // orders changes of the config
	cached   cache.Value[*records]

	mu    sync.Mutex
	vault *acct.VaultStore // guarded by mu; nil until needed
}

func newRecordsCache() *recordsCache {
	c := &recordsCache{}
	c.cached.Retire = func(retired, _ *records) { retired.store.Close() } // calls that are under way end first
	return c
}

// get returns the records, from storage on a miss.
func (c *recordsCache) get(ctx context.Context, storage kv.Storage) (*records, error) {
	return c.cached.Get(ctx, func(ctx context.Context, _ *records) (*records, error) {
		config, err := loadFreeRADIUS(ctx, storage)
		if err != nil {
			return nil, err
		}
		store, err := c.open(config, storage)
		if err != nil {
			return nil, err
		}
		loaded := &records{config, store, config.environmentWarnings()}
		for _, text := range loaded.warnings {
			c.warn(text)
		}
		return loaded, nil
	})
}

// open returns the store that the config names. That of Vault's storage is made once: it
// orders the packets of a session.
func (c *recordsCache) open(config *freeradiusEntry, storage kv.Storage) (acct.Store, error) {
	if config.Store == storePostgres {
		return acct.NewPostgres(config.ConnectionURL, append(config.postgresOptions(), c.options...)...)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.vault == nil {
		c.vault = acct.NewVaultStore(storage)
	}
	return c.vault, nil
}

// forgetRestarts drops the cached notes of restarts, which another server has changed.
func (c *recordsCache) forgetRestarts() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.vault != nil {
		c.vault.ForgetRestarts()
	}
}

// warnings returns the changes that the stored config needs.
func (c *recordsCache) warnings(ctx context.Context, storage kv.Storage) ([]string, error) {
	loaded, err := c.get(ctx, storage)
	var unreadable *acct.URLError
	var unfit *acct.TLSError
	switch {
	case errors.As(err, &unreadable), errors.As(err, &unfit):
		return []string{postgresProblem(err)}, nil
	case err != nil:
		return nil, err
	}
	return loaded.warnings, nil
}

// change runs a change of the stored config, alone, and forgets what is cached,
// unless the change was refused. Requests go on meanwhile: a PostgreSQL that is tried
// out may take its time.
func (c *recordsCache) change(do func() (*logical.Response, error)) (*logical.Response, error) {
	c.changing.Lock()
	defer c.changing.Unlock()
	resp, err := do()
	if err != nil || !resp.IsError() {
		c.drop()
	}
	return resp, err
}

// drop forgets what is cached, and waits for calls of the store that are under way.
func (c *recordsCache) drop() { c.cached.Clear() }
