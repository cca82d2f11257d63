package acct

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// RestartPrefix is where restarts of NASes are noted whose sessions are still to be
// closed.
const RestartPrefix = "acct/restart/"

// restarts holds the notes of restarts. A NAS may have thousands of sessions, and waits
// for seconds only: its restart is noted, and all that reads or changes a session takes
// it for closed from then on. Maintain closes them in storage, and deletes the note.
type restarts struct {
	mu     sync.Mutex
	loaded bool                           // guarded by mu
	notes  map[netip.Addr][]*notedRestart // by NAS, in the order in which they were heard; guarded by mu
}

type notedRestart struct {
	Restart
	stations *regexp.Regexp // of its Called-Station-Id
	key      string
	cursor   string // how far its sessions are closed; used by Maintain only
}

func newNotedRestart(x Restart, key string) *notedRestart {
	return &notedRestart{Restart: x, stations: x.stationPattern(), key: key}
}

// CloseNAS implements Store: it returns when the restart is noted.
func (s *VaultStore) CloseNAS(ctx context.Context, x Restart) error {
	open := openSessionsOfNAS(x.NASAddress.String())
	folders, err := s.storage.List(ctx, open.prefix)
	if err != nil {
		return fmt.Errorf("listing %s: %w", open.prefix, err)
	}
	if len(folders) == 0 {
		return nil
	}
	key := RestartPrefix + x.Heard.Format("20060102150405.000000") + "-" + strings.ToLower(rand.Text())
	if err := s.put(ctx, key, x); err != nil {
		return err
	}
	return s.restarts.add(ctx, s, newNotedRestart(x, key))
}

// ForgetRestarts makes the store read the notes of restarts again: another server has changed them.
func (s *VaultStore) ForgetRestarts() {
	s.restarts.mu.Lock()
	defer s.restarts.mu.Unlock()
	s.restarts.loaded = false
}

// closeRestarted closes sessions that have ended by restarts, a batch of them.
func (s *VaultStore) closeRestarted(ctx context.Context) (closed int, more bool, err error) {
	notes, err := s.restarts.all(ctx, s)
	if err != nil {
		return 0, false, err
	}
	for _, note := range notes {
		open := openSessionsOfNAS(note.NASAddress.String())
		done, more, err := s.sweep(ctx, open, time.Time{}, distantFuture, &note.cursor, func(key string) (bool, error) {
			return s.closeSession(ctx, key, func(r Record) Record { return r })
		})
		closed += done
		if more || err != nil {
			return closed, more, err
		}
		if err := s.storage.Delete(ctx, note.key); err != nil {
			return closed, false, fmt.Errorf("deleting %s: %w", note.key, err)
		}
		s.restarts.remove(note)
	}
	return closed, false, nil
}

// apply returns a session as the restarts have left it.
func (n *restarts) apply(ctx context.Context, s *VaultStore, r Record) (*Record, error) {
	if !r.Open() {
		return &r, nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.load(ctx, s); err != nil {
		return nil, err
	}
	for _, note := range n.notes[r.NASAddress] {
		if note.ends(&r, note.stations) {
			r = closeRestarted(r, note.Restart)
		}
	}
	return &r, nil
}

// all returns the notes.
func (n *restarts) all(ctx context.Context, s *VaultStore) (all []*notedRestart, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.load(ctx, s); err != nil {
		return nil, err
	}
	for _, notes := range n.notes {
		all = append(all, notes...)
	}
	slices.SortFunc(all, func(a, b *notedRestart) int { return strings.Compare(a.key, b.key) })
	return all, nil
}

func (n *restarts) add(ctx context.Context, s *VaultStore, note *notedRestart) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.loaded {
		return n.load(ctx, s) // it is in storage
	}
	n.insert(note)
	return nil
}

func (n *restarts) remove(note *notedRestart) {
	n.mu.Lock()
	defer n.mu.Unlock()
	remaining := slices.DeleteFunc(n.notes[note.NASAddress], func(other *notedRestart) bool { return other.key == note.key })
	n.notes[note.NASAddress] = remaining
	if len(remaining) == 0 {
		delete(n.notes, note.NASAddress)
	}
}

// load reads the notes, once. The caller holds mu.
func (n *restarts) load(ctx context.Context, s *VaultStore) error {
	if n.loaded {
		return nil
	}
	names, err := s.storage.List(ctx, RestartPrefix)
	if err != nil {
		return fmt.Errorf("listing %s: %w", RestartPrefix, err)
	}
	n.notes = map[netip.Addr][]*notedRestart{}
	for _, name := range names {
		key := RestartPrefix + name
		var x Restart
		found, err := s.get(ctx, key, &x)
		if err != nil {
			return err
		}
		if found {
			n.insert(newNotedRestart(x, key))
		}
	}
	n.loaded = true
	return nil
}

// insert keeps the notes of a NAS in their order. The caller holds mu.
func (n *restarts) insert(note *notedRestart) {
	notes := append(n.notes[note.NASAddress], note)
	slices.SortFunc(notes, func(a, b *notedRestart) int { return strings.Compare(a.key, b.key) })
	n.notes[note.NASAddress] = notes
}
