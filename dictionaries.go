package radiusauth

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"vault-plugin-auth-radius/internal/cache"
	"vault-plugin-auth-radius/internal/dictionary"
	"vault-plugin-auth-radius/internal/kv"
)

// dictionaryKeyPrefix starts the storage keys of custom dictionaries: their text.
const dictionaryKeyPrefix = "dictionary/"

// dictionaryEntry is a stored custom dictionary.
type dictionaryEntry struct {
	Text string `json:"text"` // in FreeRADIUS's format
}

// dictionaryStore keeps the dictionary in memory: the standard one with the
// custom ones.
type dictionaryStore struct {
	// misfit is told of a stored dictionary that is left out.
	misfit func(error)

	cached cache.Value[*dictionary.Dictionary]
}

// get gives the dictionary.
func (s *dictionaryStore) get(ctx context.Context, storage kv.Storage) (*dictionary.Dictionary, error) {
	return s.cached.Get(ctx, func(ctx context.Context, _ *dictionary.Dictionary) (*dictionary.Dictionary, error) {
		texts, err := loadDictionaries(ctx, storage)
		if err != nil {
			return nil, err
		}
		made, misfits := makeDictionary(texts)
		for _, err := range misfits {
			s.misfit(err)
		}
		return made, nil
	})
}

// drop has the dictionary made anew when it is needed next.
func (s *dictionaryStore) drop() { s.cached.Drop() }

// loadDictionaries reads the texts of the custom dictionaries, by name.
func loadDictionaries(ctx context.Context, storage kv.Storage) (map[string]string, error) {
	names, err := storage.List(ctx, dictionaryKeyPrefix)
	if err != nil {
		return nil, fmt.Errorf("listing custom dictionaries: %w", err)
	}
	texts := make(map[string]string, len(names))
	for _, name := range names {
		entry := dictionaryEntry{}
		found, err := kv.Load(ctx, storage, dictionaryKeyPrefix+name, dictionaryLabel(name), &entry)
		if err != nil {
			return nil, err
		}
		if found { // else deleted meanwhile
			texts[name] = entry.Text
		}
	}
	return texts, nil
}

// makeDictionary adds custom dictionaries to the standard one, in the order of
// their names. Those that do not fit are left out and told: another one that they
// need was deleted, or the standard one has changed. Logins must go on.
func makeDictionary(texts map[string]string) (made *dictionary.Dictionary, misfits []error) {
	made = dictionary.Standard()
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		extended, err := made.Extend(texts[name])
		if err != nil {
			misfits = append(misfits, fmt.Errorf("%s: %w", dictionaryLabel(name), err))
			continue
		}
		made = extended
	}
	return made, misfits
}

func dictionaryLabel(name string) string { return fmt.Sprintf("custom dictionary %q", name) }
