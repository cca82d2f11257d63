package radiusauth

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/vault/sdk/logical"
)

// userKeyPrefix starts the storage keys of users.
const userKeyPrefix = "user/"

// userEntry is a stored user.
type userEntry struct {
	// Policies is spelled with a capital in storage, as the built-in method
	// spells it. Decoding takes either spelling.
	Policies []string `json:"Policies"`
}

// storable tells whether Vault's storage takes the name. Who has another one
// can log in, but not be registered.
func storable(name string) bool { return !strings.Contains(name, "..") }

// userKey is where the user is stored: the name as typed, in its own case.
func userKey(name string) string { return userKeyPrefix + name }

// loadUser reads a stored user; nil means that there is none.
func loadUser(ctx context.Context, storage logical.Storage, name string) (*userEntry, error) {
	if !storable(name) {
		return nil, nil
	}
	stored, err := storage.Get(ctx, userKey(name))
	if err != nil {
		return nil, fmt.Errorf("reading user %q: %w", name, err)
	}
	if stored == nil {
		return nil, nil
	}
	user := &userEntry{}
	if err := stored.DecodeJSON(user); err != nil {
		return nil, fmt.Errorf("decoding user %q: %w", name, err)
	}
	return user, nil
}

func saveUser(ctx context.Context, storage logical.Storage, name string, user *userEntry) error {
	entry, err := logical.StorageEntryJSON(userKey(name), user)
	if err != nil {
		return fmt.Errorf("encoding user %q: %w", name, err)
	}
	if err := storage.Put(ctx, entry); err != nil {
		return fmt.Errorf("writing user %q: %w", name, err)
	}
	return nil
}

// clone copies everything that a caller could change through the copy.
func (u *userEntry) clone() *userEntry {
	if u == nil {
		return nil
	}
	return &userEntry{Policies: slices.Clone(u.Policies)}
}
