package batch

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"time"

	"vault-plugin-auth-radius/internal/kv"
)

// The storage keys of batches. A batch exists once its entry says so: the entry is written
// before its users and marked after them, so that the leftovers of a crash can be found and
// removed.
const (
	keyPrefix      = "batch/"       // name: the entry
	namesKeyPrefix = "batch-users/" // name, number: the names of some of its users
)

// State is the state of a batch.
type State string

// The states of a batch.
const (
	Creating State = "creating"
	Done     State = "done"
	Deleting State = "deleting"
)

// Entry is a stored batch of users.
type Entry struct {
	Name      string     `json:"name"`
	State     State      `json:"state"`
	Strategy  string     `json:"strategy"`
	Prefix    string     `json:"prefix,omitempty"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
	CreatedAt time.Time  `json:"created_at"`
	Users     int        `json:"users"`
	Profiles  []int64    `json:"profiles,omitempty"` // of the users when they were created
	Chunks    int        `json:"chunks"`             // entries that have the names
}

// storedNames is a stored part of a batch's names: the size of entries is limited.
type storedNames struct {
	Names []string `json:"names"`
}

// chunkSize is the number of names in an entry.
const chunkSize = 1000

func key(name string) string { return keyPrefix + url.PathEscape(name) }

func namesKey(name string, chunk int) string {
	return fmt.Sprintf("%s%s/%d", namesKeyPrefix, url.PathEscape(name), chunk)
}

// Label returns the name of a batch in errors.
func Label(name string) string { return fmt.Sprintf("batch %q", name) }

// Load returns a stored batch; nil means that there is none.
func Load(ctx context.Context, storage kv.Storage, name string) (*Entry, error) {
	entry := &Entry{}
	found, err := kv.Load(ctx, storage, key(name), Label(name), entry)
	if !found || err != nil {
		return nil, err
	}
	return entry, nil
}

func (e *Entry) save(ctx context.Context, storage kv.Storage) error {
	return kv.Save(ctx, storage, key(e.Name), Label(e.Name), e)
}

// saveNames stores the names of the batch's users.
func (e *Entry) saveNames(ctx context.Context, storage kv.Storage, names []string) error {
	chunk := 0
	for part := range slices.Chunk(names, chunkSize) {
		if err := kv.Save(ctx, storage, namesKey(e.Name, chunk), Label(e.Name), storedNames{part}); err != nil {
			return err
		}
		chunk++
	}
	return nil
}

// Names returns the names of the batch's users.
func (e *Entry) Names(ctx context.Context, storage kv.Storage) ([]string, error) {
	var names []string
	for chunk := range e.Chunks {
		var part storedNames
		if _, err := kv.Load(ctx, storage, namesKey(e.Name, chunk), Label(e.Name), &part); err != nil {
			return nil, err
		}
		names = append(names, part.Names...)
	}
	return names, nil
}

// delete deletes the names of the batch's users, and then the batch.
func (e *Entry) delete(ctx context.Context, storage kv.Storage) error {
	for chunk := range e.Chunks {
		if err := storage.Delete(ctx, namesKey(e.Name, chunk)); err != nil {
			return fmt.Errorf("deleting the names of %s: %w", Label(e.Name), err)
		}
	}
	if err := storage.Delete(ctx, key(e.Name)); err != nil {
		return fmt.Errorf("deleting %s: %w", Label(e.Name), err)
	}
	return nil
}

// List returns the names of the stored batches, sorted.
func List(ctx context.Context, storage kv.Storage) ([]string, error) {
	keys, err := storage.List(ctx, keyPrefix)
	if err != nil {
		return nil, fmt.Errorf("listing batches: %w", err)
	}
	names := make([]string, 0, len(keys))
	for _, key := range keys {
		if name, err := url.PathUnescape(key); err == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}
