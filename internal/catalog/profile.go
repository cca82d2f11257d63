// Package catalog keeps the AAA profiles and the custom dictionaries: stored, compiled, and
// by their names.
package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/profile"
)

// The storage keys of profiles: what those of entries begin with, before the id, and that of
// the last id.
const (
	KeyPrefix   = "profile/"
	SequenceKey = "sequence/profile"
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

// stored are the profiles in storage, with the index of their short names.
var stored = kv.Named[Profile]{
	Kind:       "profile",
	Kinds:      "profiles",
	Prefix:     KeyPrefix,
	NamePrefix: "profile-name/",
	NotFound:   ErrNotFound,
	Of:         func(p *Profile) (int64, string) { return p.ID, p.ShortName },
	IsName:     func(string) bool { return true },
}

// Label returns the name of a profile in errors.
func Label(id int64) string { return stored.Label(id) }

// Load returns a stored profile; nil means that there is none.
func Load(ctx context.Context, storage kv.Storage, id int64) (*Profile, error) {
	return stored.Load(ctx, storage, id)
}

// Find returns the profile with the id or short name in a path; the error is ErrNotFound if
// there is none.
func Find(ctx context.Context, storage kv.Storage, reference string) (*Profile, error) {
	return stored.Find(ctx, storage, reference)
}

// FindNamed returns the profile with a short name; the error is ErrNotFound if there is none.
func FindNamed(ctx context.Context, storage kv.Storage, shortName string) (*Profile, error) {
	return stored.FindNamed(ctx, storage, shortName)
}

// Save stores a profile and the index of its short name. before is the stored profile; nil means
// that the profile is new. The error is a *ShortNameTakenError if another one has the name.
func Save(ctx context.Context, storage kv.Storage, before, entry *Profile) error {
	if before == nil || before.ShortName != entry.ShortName {
		other, err := FindNamed(ctx, storage, entry.ShortName)
		switch {
		case err == nil && other.ID != entry.ID:
			return &ShortNameTakenError{entry.ShortName, other.ID}
		case err != nil && !errors.Is(err, ErrNotFound):
			return err
		}
	}
	return stored.Save(ctx, storage, before, entry)
}

// Delete deletes a profile and the index of its short name.
func Delete(ctx context.Context, storage kv.Storage, entry *Profile) error {
	return stored.Delete(ctx, storage, entry)
}

// IDs returns the ids of the stored profiles in their order.
func IDs(ctx context.Context, storage kv.Storage) ([]int64, error) {
	return stored.IDs(ctx, storage)
}

// ShortNames returns the short names of the stored profiles, sorted, and perhaps one that a crash has left without a
// profile. It reads no profile.
func ShortNames(ctx context.Context, storage kv.Storage) ([]string, error) {
	return stored.Names(ctx, storage)
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
