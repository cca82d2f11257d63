// Package cache keeps in memory what is read from storage. A reader waits for a
// read that is under way, never for a write: a write drops what is kept, and a read
// that began before it is not kept.
package cache

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

// errPanicked is the error of the callers that waited for a read that panicked.
var errPanicked = errors.New("reading for the cache panicked: see the request that did it")

// Value keeps one value. It is safe for concurrent use; the zero Value is empty.
type Value[T any] struct {
	// Retire, if it is set, is called with each value that is out of use, and with
	// the value that has taken its place, which may share parts with it. Callers of
	// Get may still be using what is retired.
	Retire func(retired, kept T)

	mu      sync.RWMutex
	value   T        // guarded by mu
	loaded  bool     // guarded by mu; value was read, and not taken out
	fresh   bool     // guarded by mu; value was not dropped
	reading *read[T] // guarded by mu; nil: none, or only one that will not be kept

	hits, misses atomic.Uint64
}

// read is one reading of the value.
type read[T any] struct {
	done      chan struct{} // closed at the end; what follows is then final
	value     T
	err       error
	abandoned bool // the caller that was reading has gone away
}

// Get returns the value, from load if it is not in memory. load gets what was kept
// before, or the zero value, and runs once for all callers at the same time.
func (v *Value[T]) Get(ctx context.Context, load func(ctx context.Context, before T) (T, error)) (T, error) {
	value, reading, before := v.find()
	if reading == nil {
		v.hits.Add(1)
		return value, nil
	}
	v.misses.Add(1)
	for ; reading != nil; value, reading, before = v.find() {
		if before != nil {
			return v.read(ctx, reading, *before, load)
		}
		select {
		case <-reading.done:
		case <-ctx.Done():
			return value, ctx.Err()
		}
		if !reading.abandoned {
			return reading.value, reading.err
		}
	}
	return value, nil
}

// Lookups returns how many calls of Get found the value in memory, and how many had to read
// it, or to wait for a call that did.
func (v *Value[T]) Lookups() (hits, misses uint64) { return v.hits.Load(), v.misses.Load() }

// find returns the value, or the reading to wait for. If the caller is the one to
// read, before is what was kept.
func (v *Value[T]) find() (value T, reading *read[T], before *T) {
	if value, fresh := v.peek(); fresh {
		return value, nil, nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case v.fresh:
		return v.value, nil, nil
	case v.reading != nil:
		return value, v.reading, nil
	}
	kept := v.value
	v.reading = &read[T]{done: make(chan struct{}), err: errPanicked}
	return value, v.reading, &kept
}

func (v *Value[T]) peek() (value T, fresh bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.value, v.fresh
}

func (v *Value[T]) read(ctx context.Context, reading *read[T], before T, load func(context.Context, T) (T, error)) (T, error) {
	defer v.finish(reading)
	reading.value, reading.err = load(ctx, before)
	reading.abandoned = reading.err != nil && ctx.Err() != nil
	return reading.value, reading.err
}

// finish keeps what was read, unless the value was dropped meanwhile.
func (v *Value[T]) finish(reading *read[T]) {
	retired, kept, retire := v.store(reading)
	close(reading.done)
	if retire && v.Retire != nil {
		v.Retire(retired, kept)
	}
}

func (v *Value[T]) store(reading *read[T]) (retired, kept T, retire bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	current := v.reading == reading
	if current {
		v.reading = nil
	}
	switch {
	case reading.err != nil:
		return retired, kept, false
	case !current:
		if v.loaded {
			kept = v.value
		}
		return reading.value, kept, true
	}
	retired, retire = v.value, v.loaded
	v.value, v.loaded, v.fresh = reading.value, true, true
	return retired, reading.value, retire
}

// Drop has the value read again when it is needed next. Until then it is not
// retired.
func (v *Value[T]) Drop() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.fresh, v.reading = false, nil
}

// Refresh reads the value anew, after a write, while callers of Get go on with the old
// one. If that fails, it is read when it is needed next.
func (v *Value[T]) Refresh(ctx context.Context, load func(ctx context.Context, before T) (T, error)) error {
	reading, before := v.refresh()
	_, err := v.read(ctx, reading, before, load)
	if err != nil {
		v.Drop()
	}
	return err
}

// refresh begins a reading for which callers of Get wait only if there is no old value.
// One that began before is not kept.
func (v *Value[T]) refresh() (reading *read[T], before T) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.reading = &read[T]{done: make(chan struct{}), err: errPanicked}
	return v.reading, v.value
}

// Clear takes the value out and retires it. Only what is read next gets it, as what was kept
// before.
func (v *Value[T]) Clear() {
	value, loaded := v.take()
	if loaded && v.Retire != nil {
		var none T
		v.Retire(value, none)
	}
}

func (v *Value[T]) take() (value T, loaded bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	value, loaded = v.value, v.loaded
	v.loaded, v.fresh, v.reading = false, false, nil
	return value, loaded
}
