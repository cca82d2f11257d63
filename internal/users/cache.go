package users

import (
	"context"

	"vault-plugin-auth-radius/internal/cache"
	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/username"
)

// CacheSize is how many users are kept in memory. Each costs some 300 octets.
const CacheSize = 16384

// Cache keeps users in memory, so that a login reads no storage, and orders their
// changes.
type Cache struct {
	// locks order changes of names with the same fold, so that two of them are never
	// registered at the same time. A login takes none.
	locks   kv.Locks
	entries *cache.Map[string, *User] // nil values: not registered
	// OnDrop, if set, is called with the name of a user who has changed, or may have.
	OnDrop func(name string)
}

// NewCache returns an empty cache.
func NewCache() *Cache {
	return &Cache{entries: cache.NewMap[string, *User](CacheSize)}
}

// Get returns a copy of the user, from storage on a miss; nil means that the
// name is not registered.
func (c *Cache) Get(ctx context.Context, storage kv.Storage, name string) (*User, error) {
	user, err := c.entries.Get(ctx, name, func(ctx context.Context) (*User, error) { return Load(ctx, storage, name) })
	return user.Clone(), err
}

// Change runs a change of the stored user while no name with the same fold changes,
// and drops what is cached. The caller holds the mount's lock of references.
func (c *Cache) Change(name string, do func() error) error {
	lock := c.locks.Of(username.Fold(name))
	lock.Lock()
	defer lock.Unlock()
	defer c.Drop(name)
	return do()
}

// Len returns how many users are in memory.
func (c *Cache) Len() int { return c.entries.Len() }

// Lookups returns how often a user was in memory, and how often not.
func (c *Cache) Lookups() (hits, misses uint64) { return c.entries.Lookups() }

// Drop forgets the user.
func (c *Cache) Drop(name string) {
	c.entries.Drop(name)
	if c.OnDrop != nil {
		c.OnDrop(name)
	}
}
