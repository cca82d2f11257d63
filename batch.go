package radiusauth

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"golang.org/x/sync/errgroup"

	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/username"
)

// The storage keys of batches. A batch is there once its entry says so: the
// entry is written before its users and marked after them, so that what a crash
// leaves can be found and cleaned up.
const (
	batchKeyPrefix      = "batch/"       // name: the entry
	batchNamesKeyPrefix = "batch-users/" // name, number: the names of some of its users
)

// batchState is how far a batch has come.
type batchState string

const (
	batchCreating batchState = "creating"
	batchDone     batchState = "done"
	batchDeleting batchState = "deleting"
)

// batchEntry is a stored batch of users.
type batchEntry struct {
	Name      string     `json:"name"`
	State     batchState `json:"state"`
	Strategy  string     `json:"strategy"`
	Prefix    string     `json:"prefix,omitempty"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
	CreatedAt time.Time  `json:"created_at"`
	Users     int        `json:"users"`
	Profiles  []int64    `json:"profiles,omitempty"` // of the users when they were created
	Chunks    int        `json:"chunks"`             // entries that have the names
}

// batchNames is a stored part of a batch's names: entries have a largest size.
type batchNames struct {
	Names []string `json:"names"`
}

const (
	// batchChunk is how many names an entry has.
	batchChunk = 1000
	// batchWriters is how many users are written at once.
	batchWriters = 16
	// batchProgress is after how many users the log tells how far it is.
	batchProgress = 1000
)

func batchKey(name string) string { return batchKeyPrefix + url.PathEscape(name) }

func batchNamesKey(name string, chunk int) string {
	return fmt.Sprintf("%s%s/%d", batchNamesKeyPrefix, url.PathEscape(name), chunk)
}

func batchLabel(name string) string { return fmt.Sprintf("batch %q", name) }

// loadBatch reads a stored batch; nil means that there is none.
func loadBatch(ctx context.Context, storage kv.Storage, name string) (*batchEntry, error) {
	entry := &batchEntry{}
	found, err := kv.Load(ctx, storage, batchKey(name), batchLabel(name), entry)
	if !found || err != nil {
		return nil, err
	}
	return entry, nil
}

func saveBatch(ctx context.Context, storage kv.Storage, entry *batchEntry) error {
	return kv.Save(ctx, storage, batchKey(entry.Name), batchLabel(entry.Name), entry)
}

// names reads the names of the batch's users.
func (e *batchEntry) names(ctx context.Context, storage kv.Storage) ([]string, error) {
	var names []string
	for chunk := range e.Chunks {
		var part batchNames
		if _, err := kv.Load(ctx, storage, batchNamesKey(e.Name, chunk), batchLabel(e.Name), &part); err != nil {
			return nil, err
		}
		names = append(names, part.Names...)
	}
	return names, nil
}

// batches orders what is done to batches with each other. A batch that is being
// made or deleted is not taken for what a crash has left.
type batches struct{ mu sync.Mutex }

// createBatch writes a batch and its users: all of them, or none. The users have
// the names in the order of the rows.
func (b *backend) createBatch(ctx context.Context, storage kv.Storage, entry *batchEntry, names []string, users []*userEntry) error {
	entry.State, entry.Users, entry.Chunks = batchCreating, len(names), (len(names)+batchChunk-1)/batchChunk
	if err := saveBatch(ctx, storage, entry); err != nil {
		return err
	}
	err := b.fillBatch(ctx, storage, entry, names, users)
	if err == nil {
		entry.State = batchDone
		err = saveBatch(ctx, storage, entry)
	}
	if err != nil {
		// Not with the request's context, which may be what has ended. What cannot be
		// removed now is removed later.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		entry.State = batchDeleting // the write that failed may have marked it as whole
		cleanErr := saveBatch(ctx, storage, entry)
		if cleanErr == nil {
			cleanErr = b.removeBatch(ctx, storage, entry, names)
		}
		if cleanErr != nil {
			b.Logger().Error("a batch that failed could not be removed now: that is tried again every minute", "batch", entry.Name, "error", cleanErr)
		}
	}
	return err
}

func (b *backend) fillBatch(ctx context.Context, storage kv.Storage, entry *batchEntry, names []string, users []*userEntry) error {
	for chunk := range entry.Chunks {
		part := names[chunk*batchChunk : min((chunk+1)*batchChunk, len(names))]
		if err := kv.Save(ctx, storage, batchNamesKey(entry.Name, chunk), batchLabel(entry.Name), batchNames{part}); err != nil {
			return err
		}
	}
	// Once the first user has the profiles, none of them can be deleted.
	if err := b.createBatchUser(ctx, storage, names[0], users[0], true); err != nil {
		return err
	}
	return b.eachUser(ctx, entry.Name, "created", len(names)-1, func(ctx context.Context, i int) error {
		return b.createBatchUser(ctx, storage, names[i+1], users[i+1], false)
	})
}

func (b *backend) createBatchUser(ctx context.Context, storage kv.Storage, name string, user *userEntry, first bool) error {
	b.references.RLock()
	defer b.references.RUnlock()
	rules, err := b.rules(ctx, storage)
	if err != nil {
		return err
	}
	if rules.Canonical(name) != name {
		return &userTakenError{name} // by a write of the config
	}
	if first {
		if err := profilesExist(ctx, storage, user.Profiles); err != nil {
			return err
		}
	}
	_, err = b.users.change(name, func() (*logical.Response, error) {
		before, err := loadUser(ctx, storage, name)
		if err != nil {
			return nil, err
		}
		if before != nil {
			return nil, &userTakenError{name}
		}
		return nil, b.register(ctx, storage, rules, name, func() error { return saveReferenced(ctx, storage, name, nil, user) })
	})
	if taken := (*username.TakenError)(nil); errors.As(err, &taken) {
		return &userTakenError{name}
	}
	return err
}

// profilesExist tells of a profile that was deleted since it was looked up.
func profilesExist(ctx context.Context, storage kv.Storage, ids []int64) error {
	for _, id := range ids {
		entry, err := loadProfile(ctx, storage, id)
		if err != nil {
			return err
		}
		if entry == nil {
			return &unknownProfileError{profileLabel(id)}
		}
	}
	return nil
}

// userTakenError means that a name of the batch was registered meanwhile, or that the
// config makes another one of it now.
type userTakenError struct{ name string }

func (e *userTakenError) Error() string {
	return fmt.Sprintf("user %q was registered meanwhile, or the config has changed: try again", e.name)
}

// removeBatch deletes a batch's users, and then the batch. It may have been done in
// part before.
func (b *backend) removeBatch(ctx context.Context, storage kv.Storage, entry *batchEntry, names []string) error {
	err := b.eachUser(ctx, entry.Name, "deleted", len(names), func(ctx context.Context, i int) error {
		b.references.RLock()
		defer b.references.RUnlock()
		_, err := b.users.change(names[i], func() (*logical.Response, error) {
			user, err := loadUser(ctx, storage, names[i])
			switch {
			case err != nil:
				return nil, err
			case user == nil: // the crash may have come between the index and the user
				return nil, clearReferences(ctx, storage, names[i], &userEntry{Profiles: entry.Profiles}, nil)
			case user.Batch != entry.Name:
				return nil, nil // somebody else by now
			}
			return nil, b.deleteUser(ctx, storage, names[i], user)
		})
		return err
	})
	if err != nil {
		return err
	}
	for chunk := range entry.Chunks {
		if err := storage.Delete(ctx, batchNamesKey(entry.Name, chunk)); err != nil {
			return fmt.Errorf("deleting the names of %s: %w", batchLabel(entry.Name), err)
		}
	}
	if err := storage.Delete(ctx, batchKey(entry.Name)); err != nil {
		return fmt.Errorf("deleting %s: %w", batchLabel(entry.Name), err)
	}
	return nil
}

// eachUser does something for each of the batch's users, some at once, and tells
// the log how far it is.
func (b *backend) eachUser(ctx context.Context, batch, done string, count int, do func(context.Context, int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(batchWriters)
	var finished atomic.Int64
	for i := range count {
		group.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err := do(ctx, i); err != nil {
				return err
			}
			if n := finished.Add(1); n%batchProgress == 0 || int(n) == count {
				b.Logger().Info("batch: users "+done, "batch", batch, "users", n, "of", count)
			}
			return nil
		})
	}
	return group.Wait()
}

// cleanBatches removes what crashes have left of batches.
func (b *backend) cleanBatches(ctx context.Context, storage kv.Storage) error {
	if !b.batches.mu.TryLock() {
		return nil // one is being made
	}
	defer b.batches.mu.Unlock()
	keys, err := storage.List(ctx, batchKeyPrefix)
	if err != nil {
		return fmt.Errorf("listing batches: %w", err)
	}
	var failed []error
	for _, key := range keys {
		name, err := url.PathUnescape(key)
		if err != nil {
			continue
		}
		entry, err := loadBatch(ctx, storage, name)
		if err != nil || entry == nil || entry.State == batchDone {
			failed = append(failed, err)
			continue
		}
		names, err := entry.names(ctx, storage)
		if err == nil {
			err = b.removeBatch(ctx, storage, entry, names)
		}
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}
