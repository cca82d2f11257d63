package users

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/username"
)

// Names returns the names of all stored users, sorted. A name with a slash is stored as in
// a folder.
func Names(ctx context.Context, storage kv.Storage) ([]string, error) {
	var names []string
	for folders := []string{""}; len(folders) > 0; folders = folders[1:] {
		children, err := storage.List(ctx, Key(folders[0]))
		if err != nil {
			return nil, fmt.Errorf("listing users: %w", err)
		}
		names = slices.Grow(names, len(children)) // there may be a million
		for _, child := range children {
			if strings.HasSuffix(child, "/") {
				folders = append(folders, folders[0]+child)
			} else {
				names = append(names, folders[0]+child)
			}
		}
	}
	slices.Sort(names)
	return names, nil
}

// Stored are the users in a storage; it implements [username.Users].
type Stored struct{ kv.Storage }

// Names returns their names.
func (s Stored) Names(ctx context.Context) ([]string, error) { return Names(ctx, s.Storage) }

// Exists reports whether a user of the name is stored.
func (s Stored) Exists(ctx context.Context, name string) (bool, error) {
	user, err := Load(ctx, s.Storage, name)
	return user != nil, err
}

// LoadExactly returns the user stored under exactly this name, also if new users cannot
// have such a name; nil means that there is none.
func LoadExactly(ctx context.Context, storage kv.Storage, name string) (*User, error) {
	if username.IsStorable(name) {
		return Load(ctx, storage, name)
	}
	names, err := Names(ctx, storage)
	if err != nil || !slices.Contains(names, name) {
		return nil, err
	}
	return LoadListed(ctx, storage, name)
}
