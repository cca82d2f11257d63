package catalog

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"vault-plugin-auth-radius/internal/cache"
	"vault-plugin-auth-radius/internal/dictionary"
	"vault-plugin-auth-radius/internal/kv"
)

// DictionaryKeyPrefix starts the storage keys of custom dictionaries: their text.
const DictionaryKeyPrefix = "dictionary/"

// Dictionary is a stored custom dictionary.
type Dictionary struct {
	Text string `json:"text"` // in FreeRADIUS's format
}

// Dictionaries keeps the standard dictionary, combined with the custom ones, in memory.
type Dictionaries struct {
	// OnInvalid is called for a stored dictionary that is left out.
	OnInvalid func(error)

	cached cache.Value[*dictionary.Dictionary]
}

// Get returns the dictionary.
func (s *Dictionaries) Get(ctx context.Context, storage kv.Storage) (*dictionary.Dictionary, error) {
	return s.cached.Get(ctx, func(ctx context.Context, _ *dictionary.Dictionary) (*dictionary.Dictionary, error) {
		texts, err := LoadDictionaries(ctx, storage)
		if err != nil {
			return nil, err
		}
		combined, invalid := Combine(texts)
		for _, err := range invalid {
			s.OnInvalid(err)
		}
		return combined, nil
	})
}

// Drop has the dictionary combined anew when it is needed next.
func (s *Dictionaries) Drop() { s.cached.Drop() }

// Lookups returns how often the dictionary was in memory, and how often not.
func (s *Dictionaries) Lookups() (hits, misses uint64) { return s.cached.Lookups() }

// LoadDictionaries returns the texts of the custom dictionaries, by name.
func LoadDictionaries(ctx context.Context, storage kv.Storage) (map[string]string, error) {
	names, err := storage.List(ctx, DictionaryKeyPrefix)
	if err != nil {
		return nil, fmt.Errorf("listing custom dictionaries: %w", err)
	}
	texts := make(map[string]string, len(names))
	for _, name := range names {
		entry := Dictionary{}
		found, err := kv.Load(ctx, storage, DictionaryKeyPrefix+name, DictionaryLabel(name), &entry)
		if err != nil {
			return nil, err
		}
		if found { // else deleted meanwhile
			texts[name] = entry.Text
		}
	}
	return texts, nil
}

// Combine returns the standard dictionary with the custom dictionaries added, in the order of
// their names. A dictionary that does not fit is left out, with an error in invalid: a
// dictionary that it needs was deleted, or the standard dictionary has changed. Logins must
// go on.
func Combine(texts map[string]string) (combined *dictionary.Dictionary, invalid []error) {
	combined = dictionary.Standard()
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		extended, err := combined.Extend(texts[name])
		if err != nil {
			invalid = append(invalid, fmt.Errorf("%s: %w", DictionaryLabel(name), err))
			continue
		}
		combined = extended
	}
	return combined, invalid
}

// DictionaryLabel returns the name of a custom dictionary in errors.
func DictionaryLabel(name string) string { return fmt.Sprintf("custom dictionary %q", name) }
