package radiusauth

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"vault-plugin-auth-radius/internal/kv"
)

// references are the indexes in which a user is, such as that of a profile: a
// key's prefix for each. nil has none.
func (u *userEntry) references() []string {
	if u == nil {
		return nil
	}
	var indexes []string
	for _, id := range u.Profiles {
		indexes = append(indexes, profileUsersKey(id))
	}
	if u.Source != 0 {
		indexes = append(indexes, sourceUsersKey(u.Source))
	}
	return indexes
}

// referenceKey is a user's entry in an index. Names may have slashes.
func referenceKey(index, username string) string { return index + url.PathEscape(username) }

// saveReferenced stores a user and the indexes of what the user has. They are
// written before the user, and cleared after: in between they may name somebody
// who has it not, never miss somebody who has.
func saveReferenced(ctx context.Context, storage kv.Storage, name string, before, user *userEntry) error {
	for _, index := range user.references() {
		if !slices.Contains(before.references(), index) {
			if err := kv.Save(ctx, storage, referenceKey(index, name), "an index of users", true); err != nil {
				return err
			}
		}
	}
	if err := saveUser(ctx, storage, name, user); err != nil {
		return err
	}
	return clearReferences(ctx, storage, name, before, user)
}

// clearReferences clears the indexes of what the user has no more; after nil the
// user is gone.
func clearReferences(ctx context.Context, storage kv.Storage, name string, before, after *userEntry) error {
	for _, index := range before.references() {
		if !slices.Contains(after.references(), index) {
			if err := kv.DeleteIndex(ctx, storage, referenceKey(index, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// shownUsers is how many users the refusal to delete something names.
const shownUsers = 3

// usersOf gives some of the users in an index, and how many there are at most.
// An entry of a user who has it no more is removed.
func usersOf(ctx context.Context, storage kv.Storage, index string) (names []string, count int, err error) {
	keys, err := storage.List(ctx, index)
	if err != nil {
		return nil, 0, fmt.Errorf("listing an index of users: %w", err)
	}
	count = len(keys)
	for _, key := range keys {
		if len(names) == shownUsers {
			break
		}
		name, err := url.PathUnescape(key)
		if err != nil {
			continue
		}
		user, err := loadUser(ctx, storage, name)
		if err != nil {
			return nil, 0, err
		}
		if slices.Contains(user.references(), index) {
			names = append(names, name)
			continue
		}
		count--
		if err := kv.DeleteIndex(ctx, storage, referenceKey(index, name)); err != nil {
			return nil, 0, err
		}
	}
	return names, count, nil
}

// inUse says who has something; label names it.
func inUse(label string, names []string, count int) error {
	noun, more := "users", ""
	if count == 1 {
		noun = "user"
	}
	if count > len(names) {
		more = ", …"
	}
	return fmt.Errorf("%s is in use by %d %s (%s%s)", label, count, noun, strings.Join(names, ", "), more)
}
