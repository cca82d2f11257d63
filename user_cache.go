package radiusauth

import (
	"context"

	"github.com/hashicorp/vault/sdk/helper/locksutil"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/cache"
	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/username"
)

// userCacheSize is how many users are kept in memory. One costs some 300 octets.
const userCacheSize = 16384

// userCache keeps users in memory, so that a login reads no storage, and orders their
// changes.
type userCache struct {
	// locks order changes of names with one fold, so that two of them are never
	// registered at the same time. A login takes none.
	locks   []*locksutil.LockEntry
	entries *cache.Map[string, *userEntry] // nil values: not registered
}

func newUserCache() *userCache {
	return &userCache{locks: locksutil.CreateLocks(), entries: cache.NewMap[string, *userEntry](userCacheSize)}
}

// get returns a copy of the user, from storage on a miss; nil means that the
// name is not registered.
func (c *userCache) get(ctx context.Context, storage kv.Storage, name string) (*userEntry, error) {
	user, err := c.entries.Get(ctx, name, func(ctx context.Context) (*userEntry, error) { return loadUser(ctx, storage, name) })
	return user.clone(), err
}

// change runs a change of the stored user while no name with the same fold changes,
// and drops what is cached. The caller holds the backend's references.
func (c *userCache) change(name string, do func() (*logical.Response, error)) (*logical.Response, error) {
	lock := locksutil.LockForKey(c.locks, username.Fold(name))
	lock.Lock()
	defer lock.Unlock()
	defer c.entries.Drop(name)
	return do()
}

// drop forgets the user.
func (c *userCache) drop(name string) { c.entries.Drop(name) }
