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
	// Profiles are ids, in the order in which they apply.
	Profiles []int64 `json:"profiles,omitempty"`
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
	user := &userEntry{}
	found, err := loadJSON(ctx, storage, userKey(name), userLabel(name), user)
	if !found || err != nil {
		return nil, err
	}
	return user, nil
}

func saveUser(ctx context.Context, storage logical.Storage, name string, user *userEntry) error {
	return saveJSON(ctx, storage, userKey(name), userLabel(name), user)
}

// userLabel names the user in errors.
func userLabel(name string) string { return fmt.Sprintf("user %q", name) }

// clone copies everything that a caller could change through the copy.
func (u *userEntry) clone() *userEntry {
	if u == nil {
		return nil
	}
	return &userEntry{Policies: slices.Clone(u.Policies), Profiles: slices.Clone(u.Profiles)}
}
