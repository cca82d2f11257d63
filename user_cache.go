package radiusauth

import (
	"context"
	"fmt"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/hashicorp/vault/sdk/helper/locksutil"
	"github.com/hashicorp/vault/sdk/logical"
)

// userCacheSize is how many names are kept in memory, those that are not
// registered included. A name costs some 300 octets.
const userCacheSize = 16384

// userCache keeps users in memory, so that a login reads no storage.
type userCache struct {
	// locks order loads, writes and invalidations of one name, so that none of
	// them leaves an old entry in the cache.
	locks []*locksutil.LockEntry
	// names maps a name to its entry, nil if it is not registered. The cache
	// resists scans: made-up names do not push out those that log in again
	// and again.
	names *lru.TwoQueueCache[string, *userEntry]
}

func newUserCache() *userCache {
	names, err := lru.New2Q[string, *userEntry](userCacheSize)
	if err != nil {
		panic(fmt.Sprintf("a cache of %d users: %v", userCacheSize, err)) // only a size below 1 fails
	}
	return &userCache{locks: locksutil.CreateLocks(), names: names}
}

// get returns a copy of the user, from storage on a miss; nil means that the
// name is not registered.
func (c *userCache) get(ctx context.Context, storage logical.Storage, name string) (*userEntry, error) {
	if user, found := c.names.Get(name); found {
		return user.clone(), nil
	}
	lock := locksutil.LockForKey(c.locks, name)
	lock.Lock()
	defer lock.Unlock()
	if user, found := c.names.Get(name); found {
		return user.clone(), nil
	}
	user, err := loadUser(ctx, storage, name)
	if err != nil {
		return nil, err
	}
	c.names.Add(name, user)
	return user.clone(), nil
}

// change runs a change of the stored user, alone, and drops what is cached.
func (c *userCache) change(name string, do func() (*logical.Response, error)) (*logical.Response, error) {
	lock := locksutil.LockForKey(c.locks, name)
	lock.Lock()
	defer lock.Unlock()
	defer c.names.Remove(name)
	return do()
}

// drop forgets the user.
func (c *userCache) drop(name string) {
	lock := locksutil.LockForKey(c.locks, name)
	lock.Lock()
	defer lock.Unlock()
	c.names.Remove(name)
}
