// Package users keeps the registered users: stored and cached entries, and the indexes of the
// users of a profile or source.
package users

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/passwd"
	"vault-plugin-auth-radius/internal/username"
)

// KeyPrefix starts the storage keys of users.
const KeyPrefix = "user/"

// User is a stored user. Fields that the built-in method does not know are left out as long as
// they are not set.
type User struct {
	// Policies is spelled with a capital in storage, as the built-in method
	// spells it. Decoding takes either spelling.
	Policies []string `json:"Policies"`
	// Profiles are ids, in the order in which they apply.
	Profiles []int64 `json:"profiles,omitempty"`

	// Source is the id of the source that checks the user; 0: as the realm or the
	// config says. Local means the password here.
	Source int64 `json:"extauth,omitempty"`
	Local  bool  `json:"local,omitempty"`

	PasswordHash string     `json:"password_hash,omitempty"`     // as package passwd writes it
	Expose       bool       `json:"expose_credential,omitempty"` // the hash, to FreeRADIUS
	Disabled     bool       `json:"disabled,omitempty"`
	ExpiresAt    *time.Time `json:"expires_at,omitempty"` // nil: never

	Email     string            `json:"email,omitempty"`
	FirstName string            `json:"first_name,omitempty"`
	LastName  string            `json:"last_name,omitempty"`
	Batch     string            `json:"batch,omitempty"` // that the user was created in
	Metadata  map[string]string `json:"metadata,omitempty"`
}

// BlockReason returns, for the log, why the user may not log in at all; "" means that the
// user may. A nil user is not registered, which blocks nothing.
func (u *User) BlockReason(now time.Time) string {
	switch {
	case u == nil:
		return ""
	case u.Disabled:
		return "the user is disabled"
	case u.ExpiresAt != nil && !now.Before(*u.ExpiresAt):
		return "the user has expired"
	}
	return ""
}

// Key returns the storage key of the user, which keeps the case of the name.
func Key(name string) string { return KeyPrefix + name }

// Load returns a stored user; nil means that there is none.
func Load(ctx context.Context, storage kv.Storage, name string) (*User, error) {
	if !username.IsStorable(name) {
		return nil, nil
	}
	return LoadListed(ctx, storage, name)
}

// LoadListed is Load for any name that a list of the stored users has.
func LoadListed(ctx context.Context, storage kv.Storage, name string) (*User, error) {
	user := &User{}
	found, err := kv.Load(ctx, storage, Key(name), Label(name), user)
	if !found || err != nil {
		return nil, err
	}
	return user, nil
}

// Save stores a user, without the indexes: see SaveReferenced.
func Save(ctx context.Context, storage kv.Storage, name string, user *User) error {
	return kv.Save(ctx, storage, Key(name), Label(name), user)
}

// Label returns the name of the user in errors.
func Label(name string) string { return fmt.Sprintf("user %q", name) }

// Clone returns a copy of everything that a caller could change through the copy.
func (u *User) Clone() *User {
	if u == nil {
		return nil
	}
	copied := *u
	copied.Policies, copied.Profiles, copied.Metadata = slices.Clone(u.Policies), slices.Clone(u.Profiles), maps.Clone(u.Metadata)
	return &copied
}

// PasswordScheme returns how the password is hashed; "" if there is none.
func (u *User) PasswordScheme() string {
	hash, _ := passwd.Parse(u.PasswordHash) // empty: none
	return string(hash.Scheme())
}
