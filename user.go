package radiusauth

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

// userKeyPrefix starts the storage keys of users.
const userKeyPrefix = "user/"

// userEntry is a stored user. What the built-in method does not know is left out
// as long as it is not set.
type userEntry struct {
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

// barred says, for the log, why the user may not log in at all; empty if nothing
// is in the way. Somebody who is not registered, nil, is not barred.
func (u *userEntry) barred(now time.Time) string {
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

// userKey is where the user is stored: the name as typed, in its own case.
func userKey(name string) string { return userKeyPrefix + name }

// loadUser reads a stored user; nil means that there is none.
func loadUser(ctx context.Context, storage kv.Storage, name string) (*userEntry, error) {
	if !username.IsStorable(name) {
		return nil, nil
	}
	return readUser(ctx, storage, name)
}

// readUser is loadUser for a name that a list of the stored ones has, whatever it is.
func readUser(ctx context.Context, storage kv.Storage, name string) (*userEntry, error) {
	user := &userEntry{}
	found, err := kv.Load(ctx, storage, userKey(name), userLabel(name), user)
	if !found || err != nil {
		return nil, err
	}
	return user, nil
}

func saveUser(ctx context.Context, storage kv.Storage, name string, user *userEntry) error {
	return kv.Save(ctx, storage, userKey(name), userLabel(name), user)
}

// userLabel names the user in errors.
func userLabel(name string) string { return fmt.Sprintf("user %q", name) }

// clone copies everything that a caller could change through the copy.
func (u *userEntry) clone() *userEntry {
	if u == nil {
		return nil
	}
	copied := *u
	copied.Policies, copied.Profiles, copied.Metadata = slices.Clone(u.Policies), slices.Clone(u.Profiles), maps.Clone(u.Metadata)
	return &copied
}

// sourceName is how a read shows what checks the user.
func (u *userEntry) sourceName(sources *sourceSet) string {
	if u.Local {
		return localSource
	}
	if source := sources.byID[u.Source]; source != nil {
		return source.name
	}
	return ""
}

// passwordScheme is how the password is hashed; empty if there is none.
func (u *userEntry) passwordScheme() string {
	hash, _ := passwd.Parse(u.PasswordHash) // empty: none
	return string(hash.Scheme())
}
