package radiusauth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/profile"
)

// profileCacheSize is how many compiled profiles are kept in memory.
const profileCacheSize = 4096

// compiledProfile is a profile ready for logins. It does not change.
type compiledProfile struct {
	entry *profileEntry
	rules *profile.Profile // nil if the dictionary has changed so that it does not compile
	fault error            // why not
}

// revision names the profile as it is now.
func (c *compiledProfile) revision() string {
	return fmt.Sprintf("%d:%d", c.entry.ID, c.entry.Revision)
}

// profileStore keeps profiles compiled, so that a login reads no storage and
// compiles nothing, and orders their changes.
type profileStore struct {
	dictionaries *dictionaryStore

	// mu orders changes of profiles, and of what refers to them, with each other:
	// two at once never get one id or one short name, and none is deleted while it
	// is given to a user.
	mu       sync.Mutex
	compiled *lru.TwoQueueCache[int64, *compiledProfile] // nil entries: there is none
}

func newProfileStore(dictionaries *dictionaryStore) *profileStore {
	compiled, err := lru.New2Q[int64, *compiledProfile](profileCacheSize)
	if err != nil {
		panic(fmt.Sprintf("a cache of %d profiles: %v", profileCacheSize, err)) // only a size below 1 fails
	}
	return &profileStore{dictionaries: dictionaries, compiled: compiled}
}

// get gives the profiles with the ids, in their order; those that are gone are
// left out.
func (s *profileStore) get(ctx context.Context, storage logical.Storage, ids []int64) ([]*compiledProfile, error) {
	found := make([]*compiledProfile, 0, len(ids))
	for _, id := range ids {
		one, cached := s.compiled.Get(id)
		if !cached {
			var err error
			if one, err = s.load(ctx, storage, id); err != nil {
				return nil, err
			}
		}
		if one != nil {
			found = append(found, one)
		}
	}
	return found, nil
}

// load compiles a stored profile. Loading holds the lock: a change or an
// invalidation that comes meanwhile drops what was loaded.
func (s *profileStore) load(ctx context.Context, storage logical.Storage, id int64) (*compiledProfile, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	entry, err := loadProfile(ctx, storage, id)
	if err != nil {
		return nil, err
	}
	var one *compiledProfile
	if entry != nil {
		one = &compiledProfile{entry: entry}
		d, err := s.dictionaries.get(ctx, storage)
		if err != nil {
			return nil, err
		}
		one.rules, one.fault = profile.Compile(d, profile.Definition{Check: entry.Check, Reply: entry.Reply})
	}
	s.compiled.Add(id, one)
	return one, nil
}

// drop forgets the profile of a storage key that another node wrote.
func (s *profileStore) drop(key string) {
	id, err := strconv.ParseInt(strings.TrimPrefix(key, profileKeyPrefix), 10, 64)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.compiled.Remove(id)
}

// dropAll forgets all profiles: they may mean something else with another
// dictionary.
func (s *profileStore) dropAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.compiled.Purge()
}

// resolveProfiles gives the ids of profiles by their short names, each once. The
// error names the first that does not exist.
func resolveProfiles(ctx context.Context, storage logical.Storage, shortNames []string) ([]int64, error) {
	ids := make([]int64, 0, len(shortNames))
	for _, shortName := range shortNames {
		entry, err := findProfileNamed(ctx, storage, shortName)
		if errors.Is(err, errProfileNotFound) {
			return nil, &unknownProfileError{shortName}
		}
		if err != nil {
			return nil, err
		}
		if !slices.Contains(ids, entry.ID) {
			ids = append(ids, entry.ID)
		}
	}
	return ids, nil
}

// unknownProfileError means that somebody is to have a profile that there is not.
type unknownProfileError struct{ shortName string }

// Error names the profile.
func (e *unknownProfileError) Error() string {
	return fmt.Sprintf("there is no profile with short_name %q", e.shortName)
}

// shortNames are how a read shows the ids; a profile that is gone has none.
func (s *profileStore) shortNames(ctx context.Context, storage logical.Storage, ids []int64) ([]string, error) {
	found, err := s.get(ctx, storage, ids)
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(found))
	for _, one := range found {
		names = append(names, one.entry.ShortName)
	}
	return names, nil
}
