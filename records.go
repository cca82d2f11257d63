package radiusauth

import (
	"context"
	"sync"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/acct"
)

// records are the FreeRADIUS backend's config, and the store that it says, ready
// for requests.
type records struct {
	config *freeradiusEntry
	store  acct.Store
}

// recordsCache keeps them, so that a packet reads no config.
type recordsCache struct {
	changing sync.Mutex // orders changes of the config
	mu       sync.RWMutex
	cached   *records         // guarded by mu; nil until loaded
	vault    *acct.VaultStore // guarded by mu; nil until needed
}

// get gives the records, from storage on a miss.
func (c *recordsCache) get(ctx context.Context, storage logical.Storage) (*records, error) {
	c.mu.RLock()
	cached := c.cached
	c.mu.RUnlock()
	if cached != nil {
		return cached, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cached != nil {
		return c.cached, nil
	}
	config, err := loadFreeRADIUS(ctx, storage)
	if err != nil {
		return nil, err
	}
	store, err := c.open(config, storage)
	if err != nil {
		return nil, err
	}
	c.cached = &records{config, store}
	return c.cached, nil
}

// open makes the store that the config says. It runs with mu held. Vault's storage
// has one for good: it is what orders the packets of a session.
func (c *recordsCache) open(config *freeradiusEntry, storage logical.Storage) (acct.Store, error) {
	if config.Store == storePostgres {
		return acct.NewPostgres(config.ConnectionURL)
	}
	if c.vault == nil {
		c.vault = acct.NewVaultStore(keyValue{storage})
	}
	return c.vault, nil
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
func (c *recordsCache) drop() {
	c.mu.Lock()
	cached := c.cached
	c.cached = nil
	c.mu.Unlock()
	if cached != nil {
		cached.store.Close()
	}
}
