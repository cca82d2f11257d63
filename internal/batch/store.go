package batch

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"vault-plugin-auth-radius/internal/kv"
)

const (
	// writers is how many users of a batch are hashed or written at once.
	writers = 16
	// progressStep is the number of users between log lines about the progress.
	progressStep = 1000
	// removalTime is how long the removal of a failed batch may take.
	removalTime = time.Minute
)

// Store creates and deletes batches with their users. Callers hold its lock while they create or
// delete a batch: names are not taken twice, and a batch that is being created or deleted is
// not mistaken for the leftovers of a crash.
type Store struct {
	sync.Mutex

	// RemoveUser deletes a user that is still the batch's.
	RemoveUser func(ctx context.Context, storage kv.Storage, entry *Entry, name string) error
	// OnProgress is called with the number of the batch's users that are "created" or "deleted".
	OnProgress func(batch, done string, users, of int)
	// OnLeftover is called if a failed batch could not be removed.
	OnLeftover func(batch string, err error)
}

// Create writes a batch and its users: all of them, or none. create writes the user with the
// index i of the names: alone for 0, else with others at once. The caller holds the lock.
func (s *Store) Create(
	ctx context.Context, storage kv.Storage, entry *Entry, names []string, create func(ctx context.Context, i int) error,
) error {
	entry.State, entry.Users, entry.Chunks = Creating, len(names), (len(names)+chunkSize-1)/chunkSize
	if err := entry.save(ctx, storage); err != nil {
		return err
	}
	err := s.fill(ctx, storage, entry, names, create)
	if err == nil {
		entry.State = Done
		err = entry.save(ctx, storage)
	}
	if err != nil {
		// Not with the request's context, which may have ended. Users that cannot be removed now
		// are removed later.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removalTime)
		defer cancel()
		if cleanErr := s.markAndRemove(ctx, storage, entry, names); cleanErr != nil {
			s.OnLeftover(entry.Name, cleanErr)
		}
	}
	return err
}

func (s *Store) fill(
	ctx context.Context, storage kv.Storage, entry *Entry, names []string, create func(ctx context.Context, i int) error,
) error {
	if err := entry.saveNames(ctx, storage, names); err != nil {
		return err
	}
	// Once the first user has the profiles, none of them can be deleted.
	if err := create(ctx, 0); err != nil {
		return err
	}
	return s.each(ctx, entry.Name, "created", len(names)-1, func(ctx context.Context, i int) error {
		return create(ctx, i+1)
	})
}

// Delete deletes a batch and its users. The caller holds the lock.
func (s *Store) Delete(ctx context.Context, storage kv.Storage, entry *Entry) error {
	names, err := entry.Names(ctx, storage)
	if err != nil {
		return err
	}
	return s.markAndRemove(ctx, storage, entry, names)
}

// markAndRemove marks a batch, which may be marked as done, before it loses users.
func (s *Store) markAndRemove(ctx context.Context, storage kv.Storage, entry *Entry, names []string) error {
	entry.State = Deleting
	if err := entry.save(ctx, storage); err != nil {
		return err
	}
	return s.remove(ctx, storage, entry, names)
}

// remove deletes a batch's users, and then the batch. That may have been done in part before.
func (s *Store) remove(ctx context.Context, storage kv.Storage, entry *Entry, names []string) error {
	err := s.each(ctx, entry.Name, "deleted", len(names), func(ctx context.Context, i int) error {
		return s.RemoveUser(ctx, storage, entry, names[i])
	})
	if err != nil {
		return err
	}
	return entry.delete(ctx, storage)
}

// each calls do for each of the batch's users, some at once, and OnProgress.
func (s *Store) each(ctx context.Context, batch, done string, count int, do func(context.Context, int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(writers)
	var finished atomic.Int64
	for i := range count {
		group.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err := do(ctx, i); err != nil {
				return err
			}
			if n := finished.Add(1); n%progressStep == 0 || int(n) == count {
				s.OnProgress(batch, done, int(n), count)
			}
			return nil
		})
	}
	return group.Wait()
}

// Clean removes the leftovers of batches after crashes.
func (s *Store) Clean(ctx context.Context, storage kv.Storage) error {
	if !s.TryLock() {
		return nil // a batch is being made
	}
	defer s.Unlock()
	names, err := List(ctx, storage)
	if err != nil {
		return err
	}
	var failed []error
	for _, name := range names {
		failed = append(failed, s.cleanUp(ctx, storage, name))
	}
	return errors.Join(failed...)
}

// cleanUp removes a batch that is not done.
func (s *Store) cleanUp(ctx context.Context, storage kv.Storage, name string) error {
	entry, err := Load(ctx, storage, name)
	if err != nil || entry == nil || entry.State == Done {
		return err
	}
	names, err := entry.Names(ctx, storage)
	if err != nil {
		return err
	}
	return s.remove(ctx, storage, entry, names)
}
