package username

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Users are the stored users.
type Users interface {
	// Names returns the names of all users, in a slice that is the caller's.
	Names(ctx context.Context) ([]string, error)

	// Exists reports whether a user is stored under the very name.
	Exists(ctx context.Context, name string) (bool, error)
}

// Registry keeps the registered names in memory, so that a login of a name that is not
// registered reads no storage. It is safe for concurrent use.
type Registry struct {
	onRead  func(*Names)
	onPanic func(cause any)

	lifetime context.Context // of reads in the background
	end      context.CancelFunc
	reads    sync.WaitGroup

	mu      sync.Mutex
	current *Names // guarded by mu; nil: to be read
}

// maxDoubts is how many names that another server has written are remembered.
const maxDoubts = 4096

// NewRegistry returns a registry that has read nothing yet. It calls onRead with the
// names that it has read, before they are used; and onPanic if reading them panics, from
// where the stack is that of the panic. [Registry.Close] ends its reads.
func NewRegistry(onRead func(*Names), onPanic func(cause any)) *Registry {
	r := &Registry{onRead: onRead, onPanic: onPanic}
	r.lifetime, r.end = context.WithCancel(context.Background())
	return r
}

// Close ends reads in the background.
func (r *Registry) Close() {
	r.end()
	r.reads.Wait()
}

// Start begins to read the names, unless they are there. It returns without waiting.
func (r *Registry) Start(users Users, rules Rules) { r.start(users, rules) }

// Get returns the names once they have been read.
func (r *Registry) Get(ctx context.Context, users Users, rules Rules) (*Names, error) {
	names := r.start(users, rules)
	select {
	case <-names.done:
		return names, names.err
	case <-ctx.Done():
		return nil, fmt.Errorf("the names of users were not read in time: %w", ctx.Err())
	}
}

func (r *Registry) start(users Users, rules Rules) *Names {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.current != nil && r.current.rules.Equal(rules) {
		return r.current
	}
	names := newNames(rules)
	r.current = names
	r.reads.Go(func() { r.read(users, names) })
	return names
}

// read fills the names. A panic ends the reading, not the process, which may serve other
// mounts.
func (r *Registry) read(users Users, names *Names) {
	defer close(names.done)
	defer func() {
		if cause := recover(); cause != nil {
			r.onPanic(cause)
			r.forget(names)
		}
	}()
	names.err = names.fill(r.lifetime, users)
	if names.err != nil {
		r.forget(names)
		return
	}
	r.onRead(names)
}

// forget drops names that could not be read.
func (r *Registry) forget(names *Names) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.current == names {
		r.current = nil
	}
}

// Drop has the names read again when they are needed next.
func (r *Registry) Drop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.current = nil
}

// Doubt marks the name of a user that another server has written, or of whom it is not
// known whether a write has stored it: the next look at it reads storage.
func (r *Registry) Doubt(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.current == nil:
	case r.current.hides(name):
		r.current = nil // it is in no index
	case r.current.index.Doubts() >= maxDoubts:
		r.current = nil // reading all of them anew costs less
	default:
		r.current.index.Doubt(name)
	}
}

// Register runs a write of the user. The names are those that Get has returned, and the
// caller holds a lock under which no name with the fold changes. A new name is registered
// before the write; if that fails, the next look at it reads storage. A new name with the
// fold of another one is refused with a [TakenError].
func (r *Registry) Register(ctx context.Context, names *Names, users Users, name string, store func() error) error {
	match, err := names.Match(ctx, users, name)
	switch {
	case err != nil:
		return err
	case match.Registered:
		return store()
	case match.SameFold:
		return &TakenError{name, names.Closest(name)}
	}
	r.add(name)
	written := false
	defer func() {
		if !written { // also if store panics: pages of names would have it until a login
			r.Doubt(name)
		}
	}()
	if err := store(); err != nil {
		return err
	}
	r.add(name)
	written = true
	return nil
}

// add makes a name registered: before it is stored and after, so that names which are
// read meanwhile have it, too.
func (r *Registry) add(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.current != nil {
		r.current.index.Add(name)
	}
}

// Remove makes a name one that is not registered, after its user was deleted. A hidden
// name has the others read anew: it may have barred one of them.
func (r *Registry) Remove(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.current == nil:
	case r.current.hides(name):
		r.current = nil
	default:
		r.current.index.Remove(name)
	}
}

// TakenError means that a name is another spelling of a registered one.
type TakenError struct{ Name, Registered string }

func (e *TakenError) Error() string {
	return fmt.Sprintf("name: %q is one name with the registered user %q, "+
		"to Vault or to servers that normalize names: one account is one user", e.Name, e.Registered)
}

// errInterrupted is what names have that a panic has kept from being read.
var errInterrupted = errors.New("reading the names of users was interrupted")
