package radiusauth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"vault-plugin-auth-radius/internal/cache"
	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/profile"
)

// profileCacheSize is how many compiled profiles are kept in memory.
const profileCacheSize = 4096

// compiledProfile is a profile ready for logins. It does not change.
type compiledProfile struct {
	entry *profileEntry
	// rules are nil if it does not compile: the dictionary has changed, or an earlier
	// version has stored items that have no effect.
	rules       *profile.Profile
	fault       error            // why not
	ineffective profile.Problems // items that are let through although they have no effect
}

// warnings tell what is to be changed in the profile; none: nothing.
func (c *compiledProfile) warnings() []string {
	switch {
	case c.fault != nil:
		return []string{"it matches nobody until it is written anew: " + c.fault.Error()}
	case len(c.ineffective) > 0:
		return []string{"it has items without an effect: " + c.ineffective.Error()}
	}
	return nil
}

// revision names the profile as it is now.
func (c *compiledProfile) revision() string {
	return fmt.Sprintf("%d:%d", c.entry.ID, c.entry.Revision)
}

// profileStore keeps profiles compiled, so that a login reads no storage and
// compiles nothing.
type profileStore struct {
	dictionaries *dictionaryStore
	// warn is told of a profile that has warnings, each time that it is loaded.
	warn     func(*compiledProfile)
	compiled *cache.Map[int64, *compiledProfile] // nil values: there is none
}

func newProfileStore(dictionaries *dictionaryStore) *profileStore {
	return &profileStore{dictionaries: dictionaries, compiled: cache.NewMap[int64, *compiledProfile](profileCacheSize)}
}

// get gives the profiles with the ids, in their order; those that are gone are
// left out.
func (s *profileStore) get(ctx context.Context, storage kv.Storage, ids []int64) ([]*compiledProfile, error) {
	found := make([]*compiledProfile, 0, len(ids))
	for _, id := range ids {
		compiled, err := s.compiled.Get(ctx, id, func(ctx context.Context) (*compiledProfile, error) { return s.load(ctx, storage, id) })
		if err != nil {
			return nil, err
		}
		if compiled != nil {
			found = append(found, compiled)
		}
	}
	return found, nil
}

// load compiles a stored profile; nil means that there is none.
func (s *profileStore) load(ctx context.Context, storage kv.Storage, id int64) (*compiledProfile, error) {
	entry, err := loadProfile(ctx, storage, id)
	if entry == nil || err != nil {
		return nil, err
	}
	d, err := s.dictionaries.get(ctx, storage)
	if err != nil {
		return nil, err
	}
	compiled := &compiledProfile{entry: entry}
	compiled.rules, compiled.ineffective, compiled.fault = profile.CompileStored(d, profile.Definition{Check: entry.Check, Reply: entry.Reply})
	if len(compiled.warnings()) > 0 {
		s.warn(compiled)
	}
	return compiled, nil
}

// maxProfileWarnings is how many profiles warnings names.
const maxProfileWarnings = 100

// warnings tells of the stored profiles what is to be changed in them, at most 100.
func (s *profileStore) warnings(ctx context.Context, storage kv.Storage) ([]string, error) {
	ids, err := profileIDs(ctx, storage)
	if err != nil {
		return nil, err
	}
	stored, err := s.get(ctx, storage, ids)
	if err != nil {
		return nil, err
	}
	var warnings []string
	for _, each := range stored {
		for _, text := range each.warnings() {
			warnings = append(warnings, fmt.Sprintf("profile %s: %s", each.entry.ShortName, text))
		}
	}
	return warnings[:min(len(warnings), maxProfileWarnings)], nil
}

// drop forgets the profile of a storage key that another node wrote.
func (s *profileStore) drop(key string) {
	if id, ok := kv.ParseID(strings.TrimPrefix(key, profileKeyPrefix)); ok {
		s.compiled.Drop(id)
	}
}

// clear forgets all profiles: they may mean something else with another dictionary.
func (s *profileStore) clear() { s.compiled.Clear() }

// resolveProfiles gives the ids of profiles by their short names, each once. The
// error names the first that does not exist.
func resolveProfiles(ctx context.Context, storage kv.Storage, shortNames []string) ([]int64, error) {
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
	return fmt.Sprintf("there is no profile with short_name %.80q", e.shortName)
}

// shortNames are how a read shows the ids; a profile that is gone has none.
func (s *profileStore) shortNames(ctx context.Context, storage kv.Storage, ids []int64) ([]string, error) {
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
