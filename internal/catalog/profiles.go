package catalog

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

// cacheSize is how many compiled profiles are kept in memory.
const cacheSize = 4096

// Compiled is a profile ready for logins. It does not change.
type Compiled struct {
	Entry *Profile
	// Rules are nil if it does not compile: the dictionary has changed, or an earlier
	// version has stored items that have no effect.
	Rules       *profile.Profile
	Err         error            // why not
	Ineffective profile.Problems // items that have no effect, and are accepted
}

// Warnings returns the changes that the profile needs.
func (c *Compiled) Warnings() []string {
	switch {
	case c.Err != nil:
		return []string{"it matches no user until it is written anew: " + c.Err.Error()}
	case len(c.Ineffective) > 0:
		return []string{"it has items without an effect: " + c.Ineffective.Error()}
	}
	return nil
}

// Revision returns a name of the profile in its present revision.
func (c *Compiled) Revision() string {
	return fmt.Sprintf("%d:%d", c.Entry.ID, c.Entry.Revision)
}

// Profiles keeps profiles compiled, so that a login reads no storage and
// compiles nothing.
type Profiles struct {
	dictionaries *Dictionaries
	onWarnings   func(*Compiled)
	onPanic      func(cause any)
	compiled     *cache.Map[int64, *Compiled] // nil values: there is none
	survey       *survey
}

// NewProfiles returns an empty cache of profiles. It calls onWarnings for a profile that has warnings, each time that
// it is loaded; and onPanic if reading all of them in the background panics, from where the stack is that of the
// panic. [Profiles.Close] ends such a reading.
func NewProfiles(dictionaries *Dictionaries, onWarnings func(*Compiled), onPanic func(cause any)) *Profiles {
	return &Profiles{
		dictionaries: dictionaries,
		onWarnings:   onWarnings,
		onPanic:      onPanic,
		compiled:     cache.NewMap[int64, *Compiled](cacheSize),
		survey:       newSurvey(),
	}
}

// Close ends what reads in the background.
func (s *Profiles) Close() { s.survey.close() }

// Get returns the profiles with the ids, in their order; those that are gone are
// left out.
func (s *Profiles) Get(ctx context.Context, storage kv.Storage, ids []int64) ([]*Compiled, error) {
	found := make([]*Compiled, 0, len(ids))
	for _, id := range ids {
		compiled, err := s.compiled.Get(ctx, id, func(ctx context.Context) (*Compiled, error) {
			return s.load(ctx, storage, id)
		})
		if err != nil {
			return nil, err
		}
		if compiled != nil {
			found = append(found, compiled)
		}
	}
	return found, nil
}

// Named returns the profile with a short name; nil means that there is none. That is not remembered: names are stored
// before their profiles, of which one may come still.
func (s *Profiles) Named(ctx context.Context, storage kv.Storage, shortName string) (*Compiled, error) {
	id, err := stored.IDOf(ctx, storage, shortName)
	if err != nil {
		return nil, unlessNotFound(err)
	}
	compiled, err := s.compiled.Get(ctx, id, func(ctx context.Context) (*Compiled, error) {
		compiled, err := s.load(ctx, storage, id)
		if compiled == nil && err == nil {
			err = ErrNotFound
		}
		return compiled, err
	})
	if err != nil || compiled == nil || compiled.Entry.ShortName != shortName {
		return nil, unlessNotFound(err)
	}
	return compiled, nil
}

func unlessNotFound(err error) error {
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// load compiles a stored profile, and logs its warnings; nil means that there is none.
func (s *Profiles) load(ctx context.Context, storage kv.Storage, id int64) (*Compiled, error) {
	compiled, err := s.compile(ctx, storage, id)
	if err == nil && compiled != nil && len(compiled.Warnings()) > 0 {
		s.onWarnings(compiled)
	}
	return compiled, err
}

// compile compiles a stored profile; nil means that there is none.
func (s *Profiles) compile(ctx context.Context, storage kv.Storage, id int64) (*Compiled, error) {
	entry, err := Load(ctx, storage, id)
	if entry == nil || err != nil {
		return nil, err
	}
	d, err := s.dictionaries.Get(ctx, storage)
	if err != nil {
		return nil, err
	}
	compiled := &Compiled{Entry: entry}
	definition := profile.Definition{Check: entry.Check, Reply: entry.Reply}
	compiled.Rules, compiled.Ineffective, compiled.Err = profile.CompileStored(d, definition)
	return compiled, nil
}

// Lookups returns how often a profile was in memory, and how often not.
func (s *Profiles) Lookups() (hits, misses uint64) { return s.compiled.Lookups() }

// DropKey forgets the profile of a storage key that another node wrote.
func (s *Profiles) DropKey(key string) {
	if id, ok := kv.ParseID(strings.TrimPrefix(key, KeyPrefix)); ok {
		s.Forget(id)
	}
}

// Forget forgets the profile with the id.
func (s *Profiles) Forget(id int64) {
	s.compiled.Drop(id)
	s.survey.doubt(id)
}

// Clear forgets all profiles: they may mean something else with another dictionary.
func (s *Profiles) Clear() {
	s.compiled.Clear()
	s.survey.clear()
}

// Resolve returns the ids of profiles by their short names, each once. The
// error names the first that does not exist.
func Resolve(ctx context.Context, storage kv.Storage, shortNames []string) ([]int64, error) {
	ids := make([]int64, 0, len(shortNames))
	for _, shortName := range shortNames {
		entry, err := FindNamed(ctx, storage, shortName)
		if errors.Is(err, ErrNotFound) {
			return nil, &UnknownError{shortName}
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

// UnknownError means that a user or the config is to have a profile that does not exist.
type UnknownError struct{ ShortName string }

// Error names the profile.
func (e *UnknownError) Error() string {
	return fmt.Sprintf("there is no profile with short_name %.80q", e.ShortName)
}

// ShortNames returns the short names of the ids. Profiles that are gone are left out.
func (s *Profiles) ShortNames(ctx context.Context, storage kv.Storage, ids []int64) ([]string, error) {
	found, err := s.Get(ctx, storage, ids)
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(found))
	for _, profile := range found {
		names = append(names, profile.Entry.ShortName)
	}
	return names, nil
}
