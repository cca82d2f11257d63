package radiusauth

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
	profileKeyPrefix     = "profile/"      // id: the entry
	profileNameKeyPrefix = "profile-name/" // short name: the id
	profileSequenceKey   = "sequence/profile"
)

// profileEntry is a stored AAA profile.
type profileEntry struct {
	ID          int64          `json:"id"`
	Revision    int64          `json:"revision"` // counts changes: a token remembers which it has matched
	Name        string         `json:"name"`
	ShortName   string         `json:"short_name"`
	Description string         `json:"description"`
	Check       []profile.Item `json:"check_attribute"`
	Reply       []profile.Item `json:"reply_attribute"`
	Policies    []string       `json:"policies"`
	Enabled     bool           `json:"enabled"`

	unread []string // what is wrong with items that were given
}

// profileNameEntry is the index entry of a short name. Not a bare number: Vault's
// decoder takes one that begins with a 4 for compressed data.
type profileNameEntry struct {
	ID int64 `json:"id"`
}

// errProfileNotFound means that there is no such profile.
var errProfileNotFound = errors.New("there is no such profile")

// shortNameTakenError means that another profile has the short name.
type shortNameTakenError struct {
	shortName string
	id        int64 // of the other
}

// Error says which profile has it.
func (e *shortNameTakenError) Error() string {
	return fmt.Sprintf("short_name %q is taken by profile %d", e.shortName, e.id)
}

func profileKey(id int64) string { return profileKeyPrefix + strconv.FormatInt(id, 10) }

func profileNameKey(shortName string) string { return profileNameKeyPrefix + shortName }

func profileLabel(id int64) string { return fmt.Sprintf("profile %d", id) }

// loadProfile reads a stored profile; nil means that there is none.
func loadProfile(ctx context.Context, storage kv.Storage, id int64) (*profileEntry, error) {
	entry := &profileEntry{}
	found, err := kv.Load(ctx, storage, profileKey(id), profileLabel(id), entry)
	if !found || err != nil {
		return nil, err
	}
	return entry, nil
}

// findProfile reads the profile with the id or short name in a path.
func findProfile(ctx context.Context, storage kv.Storage, reference string) (*profileEntry, error) {
	if !kv.IsWholeNumber(reference) {
		return findProfileNamed(ctx, storage, reference)
	}
	id, ok := kv.ParseID(reference)
	if !ok {
		return nil, errProfileNotFound
	}
	entry, err := loadProfile(ctx, storage, id)
	if entry == nil && err == nil {
		return nil, errProfileNotFound
	}
	return entry, err
}

func findProfileNamed(ctx context.Context, storage kv.Storage, shortName string) (*profileEntry, error) {
	var index profileNameEntry
	found, err := kv.Load(ctx, storage, profileNameKey(shortName), "the index of profiles", &index)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, errProfileNotFound
	}
	entry, err := loadProfile(ctx, storage, index.ID)
	switch {
	case err != nil:
		return nil, err
	case entry == nil || entry.ShortName != shortName:
		return nil, errProfileNotFound // the index is older than the entry
	}
	return entry, nil
}

// saveProfile stores a profile and the index of its short name. before is what
// is stored; nil means that the profile is new.
func saveProfile(ctx context.Context, storage kv.Storage, before, entry *profileEntry) error {
	renamed := before == nil || before.ShortName != entry.ShortName
	if renamed {
		other, err := findProfileNamed(ctx, storage, entry.ShortName)
		switch {
		case err == nil && other.ID != entry.ID:
			return &shortNameTakenError{entry.ShortName, other.ID}
		case err != nil && !errors.Is(err, errProfileNotFound):
			return err
		}
		if err := kv.Save(ctx, storage, profileNameKey(entry.ShortName), "the index of profiles", profileNameEntry{entry.ID}); err != nil {
			return err
		}
	}
	if err := kv.Save(ctx, storage, profileKey(entry.ID), profileLabel(entry.ID), entry); err != nil {
		return err
	}
	if renamed && before != nil {
		return kv.DeleteIndex(ctx, storage, profileNameKey(before.ShortName))
	}
	return nil
}

func deleteProfile(ctx context.Context, storage kv.Storage, entry *profileEntry) error {
	if err := storage.Delete(ctx, profileKey(entry.ID)); err != nil {
		return fmt.Errorf("deleting %s: %w", profileLabel(entry.ID), err)
	}
	return kv.DeleteIndex(ctx, storage, profileNameKey(entry.ShortName))
}

// profileIDs lists the ids of the stored profiles in their order.
func profileIDs(ctx context.Context, storage kv.Storage) ([]int64, error) {
	return kv.IDs(ctx, storage, profileKeyPrefix, "profiles")
}

// clone copies everything that a caller could change through the copy.
func (p *profileEntry) clone() *profileEntry {
	copied := *p
	copied.Check, copied.Reply, copied.Policies = slices.Clone(p.Check), slices.Clone(p.Reply), slices.Clone(p.Policies)
	return &copied
}

// maxShortName is the longest short name in octets.
const maxShortName = 63

// isShortName tells whether the text is a slug that is no number: ids are.
func isShortName(text string) bool {
	const first, other = "abcdefghijklmnopqrstuvwxyz0123456789", "abcdefghijklmnopqrstuvwxyz0123456789_-"
	switch {
	case text == "" || len(text) > maxShortName:
		return false
	case !strings.Contains(first, text[:1]) || strings.Trim(text, other) != "":
		return false
	}
	return !kv.IsWholeNumber(text)
}
