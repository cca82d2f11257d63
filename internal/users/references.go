package users

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"vault-plugin-auth-radius/internal/kv"
)

// ProfileUsersKey returns the prefix of the index of the users that have the profile.
func ProfileUsersKey(id int64) string { return indexKey("profile-user/", id) }

// SourceUsersKey returns the prefix of the index of the users that the source checks.
func SourceUsersKey(id int64) string { return indexKey("extauth-user/", id) }

func indexKey(prefix string, id int64) string { return prefix + strconv.FormatInt(id, 10) + "/" }

// References returns the indexes in which a user is, such as that of a profile: a key's
// prefix for each. A nil user has none.
func (u *User) References() []string {
	if u == nil {
		return nil
	}
	var indexes []string
	for _, id := range u.Profiles {
		indexes = append(indexes, ProfileUsersKey(id))
	}
	if u.Source != 0 {
		indexes = append(indexes, SourceUsersKey(u.Source))
	}
	return indexes
}

// ReferenceKey returns the key of a user in an index. Names may have slashes.
func ReferenceKey(index, username string) string { return index + url.PathEscape(username) }

// SaveReferenced stores a user and the indexes of the user's profiles and source. They are
// written before the user, and cleared after: in between an index may name a user that does
// not belong to it, but never miss a user that does.
func SaveReferenced(ctx context.Context, storage kv.Storage, name string, before, user *User) error {
	for _, index := range user.References() {
		if !slices.Contains(before.References(), index) {
			if err := kv.Save(ctx, storage, ReferenceKey(index, name), "an index of users", true); err != nil {
				return err
			}
		}
	}
	if err := Save(ctx, storage, name, user); err != nil {
		return err
	}
	return ClearReferences(ctx, storage, name, before, user)
}

// ClearReferences removes the user from the indexes that it no longer belongs to. A nil after
// means that the user is gone.
func ClearReferences(ctx context.Context, storage kv.Storage, name string, before, after *User) error {
	for _, index := range before.References() {
		if !slices.Contains(after.References(), index) {
			if err := kv.DeleteIndex(ctx, storage, ReferenceKey(index, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// MaxShown is how many users a refusal to delete names.
const MaxShown = 3

// Holders returns some of the users in an index, and how many there are at most. The entry of a
// user that no longer belongs to the index is removed.
func Holders(ctx context.Context, storage kv.Storage, index string) (names []string, count int, err error) {
	keys, err := storage.List(ctx, index)
	if err != nil {
		return nil, 0, fmt.Errorf("listing an index of users: %w", err)
	}
	count = len(keys)
	for _, key := range keys {
		if len(names) == MaxShown {
			break
		}
		name, err := url.PathUnescape(key)
		if err != nil {
			continue
		}
		user, err := Load(ctx, storage, name)
		if err != nil {
			return nil, 0, err
		}
		if slices.Contains(user.References(), index) {
			names = append(names, name)
			continue
		}
		count--
		if err := kv.DeleteIndex(ctx, storage, ReferenceKey(index, name)); err != nil {
			return nil, 0, err
		}
	}
	return names, count, nil
}

// InUse returns an error that names the holders of a profile or source; label names that.
func InUse(label string, names []string, count int) error {
	noun, more := "users", ""
	if count == 1 {
		noun = "user"
	}
	if count > len(names) {
		more = ", …"
	}
	return fmt.Errorf("%s is in use by %d %s (%s%s)", label, count, noun, strings.Join(names, ", "), more)
}
