// Package throttle keeps a flood out of the log: of events of a kind, it lets one
// through in a while, with how many there were.
package throttle

import (
	"sync"
	"time"
)

// maxKeys bounds how many kinds of events are distinguished; the others are one.
const maxKeys = 1024

// others is the key of events that are not distinguished.
const others = ""

// Throttle counts events by their key. It is safe for concurrent use.
type Throttle struct {
	interval time.Duration
	now      func() time.Time

	mu    sync.Mutex
	keys  map[string]*held // guarded by mu
	sweep time.Time        // guarded by mu; when keys may be forgotten again
}

// held are the events of a key that were not let through.
type held struct {
	count int
	until time.Time // when the next one is let through
}

// New returns a Throttle that lets an event of each key through in an interval, by the
// clock now.
func New(interval time.Duration, now func() time.Time) *Throttle {
	return &Throttle{interval: interval, now: now, keys: map[string]*held{}}
}

// Pass counts an event, and reports whether it is let through: the first of its key is,
// and the first after each interval. count is how many there were since the one before
// that was, this one included.
func (t *Throttle) Pass(key string) (count int, passes bool) {
	now := t.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	events := t.find(key, now)
	events.count++
	if now.Before(events.until) {
		return 0, false
	}
	count, events.count = events.count, 0
	events.until = now.Add(t.interval)
	return count, true
}

// find returns the events of the key. It runs with mu held.
func (t *Throttle) find(key string, now time.Time) *held {
	if events := t.keys[key]; events != nil {
		return events
	}
	if len(t.keys) >= maxKeys-1 {
		t.forget(now)
	}
	if len(t.keys) >= maxKeys-1 {
		key = others
	}
	if t.keys[key] == nil {
		t.keys[key] = &held{}
	}
	return t.keys[key]
}

// forget drops the keys of which the next event would be let through, at most once in
// an interval: those that were held back are never reported. It runs with mu held.
func (t *Throttle) forget(now time.Time) {
	if now.Before(t.sweep) {
		return
	}
	t.sweep = now.Add(t.interval)
	for key, events := range t.keys {
		if !now.Before(events.until) {
			delete(t.keys, key)
		}
	}
}
