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
	mu     sync.RWMutex
	cached *records // guarded by mu; nil until loaded
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
	store, err := config.openStore(storage)
	if err != nil {
		return nil, err
	}
	c.cached = &records{config, store}
	return c.cached, nil
}

// change runs a change of the stored config, alone, and forgets what is cached,
// unless the change was refused.
func (c *recordsCache) change(do func() (*logical.Response, error)) (*logical.Response, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	resp, err := do()
	if err != nil || !resp.IsError() {
		c.forget()
	}
	return resp, err
}

// drop forgets what is cached.
func (c *recordsCache) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forget()
}

// forget runs with mu held. Calls that are under way end first.
func (c *recordsCache) forget() {
	if c.cached != nil {
		c.cached.store.Close()
	}
	c.cached = nil
}
