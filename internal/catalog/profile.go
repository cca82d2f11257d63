// Package catalog keeps the AAA profiles and the custom dictionaries: stored, compiled, and
// by their names.
package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/profile"
)

// The storage keys of profiles. Where an entry and an index differ, the entry is
// right: entries are written after the index that they need, and deleted before
// it, so that a crash in between leaves at most an index that points nowhere.
const (
	KeyPrefix     = "profile/"      // id: the entry
	nameKeyPrefix = "profile-name/" // short name: the id
	SequenceKey   = "sequence/profile"
)

// Profile is a stored AAA profile.
type Profile struct {
	ID          int64          `json:"id"`
	Revision    int64          `json:"revision"` // counts changes: a token keeps the revision that it matched
	Name        string         `json:"name"`
	ShortName   string         `json:"short_name"`
	Description string         `json:"description"`
	Check       []profile.Item `json:"check_attribute"`
	Reply       []profile.Item `json:"reply_attribute"`
	Policies    []string       `json:"policies"`
	Enabled     bool           `json:"enabled"`

	Unread []string `json:"-"` // what is wrong with items that were given
}

// NameEntry is the index entry of a short name: an object, since Vault's decoder takes a bare
// number that begins with a 4 for compressed data.
type NameEntry struct {
	ID int64 `json:"id"`
}

// ErrNotFound means that there is no such profile.
var ErrNotFound = errors.New("there is no such profile")

// ShortNameTakenError means that another profile has the short name.
type ShortNameTakenError struct {
	ShortName string
	ID        int64 // of the other
}

// Error says which profile has it.
func (e *ShortNameTakenError) Error() string {
	return fmt.Sprintf("short_name %q is taken by profile %d", e.ShortName, e.ID)
}

func key(id int64) string { return KeyPrefix + strconv.FormatInt(id, 10) }

// NameKey returns the key of the index of a short name.
func NameKey(shortName string) string { return nameKeyPrefix + shortName }

// Label returns the name of a profile in errors.
func Label(id int64) string { return fmt.Sprintf("profile %d", id) }

// Load returns a stored profile; nil means that there is none.
func Load(ctx context.Context, storage kv.Storage, id int64) (*Profile, error) {
	entry := &Profile{}
	found, err := kv.Load(ctx, storage, key(id), Label(id), entry)
	if !found || err != nil {
		return nil, err
	}
	return entry, nil
}

// Find returns the profile with the id or short name in a path.
func Find(ctx context.Context, storage kv.Storage, reference string) (*Profile, error) {
	if !kv.IsWholeNumber(reference) {
		return FindNamed(ctx, storage, reference)
	}
	id, ok := kv.ParseID(reference)
	if !ok {
		return nil, ErrNotFound
	}
	entry, err := Load(ctx, storage, id)
	if entry == nil && err == nil {
		return nil, ErrNotFound
	}
	return entry, err
}

// FindNamed returns the profile with a short name; the error is ErrNotFound if there is none.
func FindNamed(ctx context.Context, storage kv.Storage, shortName string) (*Profile, error) {
	var index NameEntry
	found, err := kv.Load(ctx, storage, NameKey(shortName), "the index of profiles", &index)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, ErrNotFound
	}
	entry, err := Load(ctx, storage, index.ID)
	switch {
	case err != nil:
		return nil, err
	case entry == nil || entry.ShortName != shortName:
		return nil, ErrNotFound // the index is older than the entry
	}
	return entry, nil
}

// Save stores a profile and the index of its short name. before is the stored profile; nil means
// that the profile is new.
func Save(ctx context.Context, storage kv.Storage, before, entry *Profile) error {
	renamed := before == nil || before.ShortName != entry.ShortName
	if renamed {
		other, err := FindNamed(ctx, storage, entry.ShortName)
		switch {
		case err == nil && other.ID != entry.ID:
			return &ShortNameTakenError{entry.ShortName, other.ID}
		case err != nil && !errors.Is(err, ErrNotFound):
			return err
		}
		if err := kv.Save(ctx, storage, NameKey(entry.ShortName), "the index of profiles", NameEntry{entry.ID}); err != nil {
			return err
		}
	}
	if err := kv.Save(ctx, storage, key(entry.ID), Label(entry.ID), entry); err != nil {
		return err
	}
	if renamed && before != nil {
		return kv.DeleteIndex(ctx, storage, NameKey(before.ShortName))
	}
	return nil
}

// Delete deletes a profile and the index of its short name.
func Delete(ctx context.Context, storage kv.Storage, entry *Profile) error {
	if err := storage.Delete(ctx, key(entry.ID)); err != nil {
		return fmt.Errorf("deleting %s: %w", Label(entry.ID), err)
	}
	return kv.DeleteIndex(ctx, storage, NameKey(entry.ShortName))
}

// IDs returns the ids of the stored profiles in their order.
func IDs(ctx context.Context, storage kv.Storage) ([]int64, error) {
	return kv.IDs(ctx, storage, KeyPrefix, "profiles")
}

// Clone returns a copy of everything that a caller could change through the copy.
func (p *Profile) Clone() *Profile {
	copied := *p
	copied.Check, copied.Reply, copied.Policies = slices.Clone(p.Check), slices.Clone(p.Reply), slices.Clone(p.Policies)
	return &copied
}

// MaxShortName is the longest short name in octets.
const MaxShortName = 63

// IsShortName reports whether the text can be a short name: a slug that is not a number, as ids are.
func IsShortName(text string) bool {
	const first, other = "abcdefghijklmnopqrstuvwxyz0123456789", "abcdefghijklmnopqrstuvwxyz0123456789_-"
	switch {
	case text == "" || len(text) > MaxShortName:
		return false
	case !strings.Contains(first, text[:1]) || strings.Trim(text, other) != "":
		return false
	}
	return !kv.IsWholeNumber(text)
}

// NewProfile returns a profile with nothing in it.
func NewProfile() *Profile {
	return &Profile{Check: []profile.Item{}, Reply: []profile.Item{}, Policies: []string{}, Enabled: true}
}

// HasItemsOf reports whether the items are those of another profile, which may be nil.
func (p *Profile) HasItemsOf(other *Profile) bool {
	return other != nil && slices.Equal(p.Check, other.Check) && slices.Equal(p.Reply, other.Reply)
}
