package acct

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"sync"

	"vault-plugin-auth-radius/internal/kv"
)

// maxExamined is how many entries a query may read: seconds' worth.
const maxExamined = 20_000

// ErrTooBroad means that a query would have to read too much of Vault's storage.
var ErrTooBroad = fmt.Errorf(
	"more than %d entries would have to be read: add username, calling_station_id or unique_id, narrow "+
		"start_time and stop_time, or use PostgreSQL",
	maxExamined,
)

// indexed is the value of an index's entry. It has to be a JSON object.
var indexed = []byte("{}")

// VaultStore keeps records in Vault's storage, which knows no transactions. A
// record has its indexes written before itself, and those it no longer belongs to
// deleted after. So a reader that finds a record finds it everywhere. A crash leaves
// needless entries in indexes: readers see that by the record, and delete them.
type VaultStore struct {
	storage   kv.Storage
	examined  int            // how many entries a query may read
	counted   int            // and how many of them to count
	locks     [64]sync.Mutex // each orders the packets of some sessions
	moving    sync.RWMutex   // held to read with one of locks, and to write where sessions change their unique ids
	restarts  restarts
	postAuths *postAuthCount

	maintaining    sync.Mutex
	stale, expired cursors // guarded by maintaining: see sweepClocks
}

var _ Store = (*VaultStore)(nil)

// NewVaultStore keeps records under acct/ and attempts to log in under postauth/.
func NewVaultStore(storage kv.Storage) *VaultStore {
	return &VaultStore{
		storage: storage, examined: maxExamined, counted: maxCounted,
		postAuths: newPostAuthCount(maxPostAuths, maxNewPostAuths, acceptedPostAuths),
	}
}

// Close implements Store. There is nothing to free.
func (*VaultStore) Close() {}

// Record implements Store.
func (s *VaultStore) Record(ctx context.Context, p Packet) (created bool, err error) {
	p = p.normal()
	if err := checkSession(p); err != nil {
		return false, err
	}
	created, alone, err := s.recordAlone(ctx, p)
	if alone || err != nil {
		return created, err
	}
	return s.recordAmongEarlier(ctx, p)
}

// recordAlone records a packet of the latest session with its unique id; alone is false
// if it is one of another session.
func (s *VaultStore) recordAlone(ctx context.Context, p Packet) (created, alone bool, err error) {
	id := hash(p.UniqueID)
	defer s.lock(id)()
	stored, current, err := s.load(ctx, id)
	if err != nil {
		return false, true, err
	}
	if current != nil && current.place(p) != placeHere {
		return false, false, nil
	}
	return current == nil, true, s.save(ctx, stored, merge(current, p))
}

// checkSession returns an error for a normal packet that is not about a session, or cannot
// be recorded.
func checkSession(p Packet) error {
	if problems := p.problems(); len(problems) > 0 {
		return problems
	}
	if p.StatusType.AboutNAS() {
		return Problems{"status_type": fmt.Sprintf("%s is not about a session", p.StatusType)}
	}
	return nil
}

// closeSession closes the session of an index's entry, if it is open and end says so.
func (s *VaultStore) closeSession(ctx context.Context, key string, end func(Record) Record) (bool, error) {
	defer s.lock(idOf(key))()
	stored, current, err := s.findLocked(ctx, key)
	if err != nil || stored == nil || !stored.Open() {
		return false, err
	}
	r := end(*current)
	if r.Open() {
		return false, nil
	}
	return true, s.save(ctx, stored, r)
}

// Sessions implements Store. It returns ErrTooBroad if too much would have to be
// read.
func (s *VaultStore) Sessions(ctx context.Context, f Filter, page Page) (found []Record, more bool, err error) {
	f, page = f.normal(), page.normal()
	if f.UniqueID != "" {
		return s.session(ctx, f, page)
	}
	sessions := f.index()
	examined, matched := 0, 0
	// Sessions end after their start: those that ended by a time began by it.
	for key, err := range s.walk(ctx, sessions, sessions.window(f.StartTime, f.StopTime), true) {
		if err != nil {
			return nil, false, err
		}
		if examined++; examined > s.examined {
			return nil, false, ErrTooBroad
		}
		r, err := s.find(ctx, key)
		switch {
		case err != nil:
			return nil, false, err
		case r == nil || !f.matches(r):
			continue
		case len(found) == page.Size:
			return found, true, nil
		}
		if matched++; matched > page.skipped() {
			found = append(found, *r)
		}
	}
	return found, false, nil
}

// session returns the one session that a filter with a unique id can choose.
func (s *VaultStore) session(ctx context.Context, f Filter, page Page) ([]Record, bool, error) {
	_, r, err := s.load(ctx, hash(f.UniqueID))
	if err != nil || r == nil || !f.matches(r) || page.Number > 1 {
		return nil, false, err
	}
	return []Record{*r}, false, nil
}

// index returns the shortest index that has all the sessions.
func (f Filter) index() index {
	open := f.IsOpen != nil && *f.IsOpen
	switch {
	case f.Username != "":
		return sessionsOfUser(f.Username)
	case f.CallingStationID != "":
		return sessionsOfStation(f.CallingStationID)
	case open && f.NASAddress.IsValid():
		return openSessionsOfNAS(f.NASAddress.String())
	case open:
		return openSessions
	}
	return allSessions
}

// find returns the record that an entry of an index is about; nil if there is none. Such
// an entry is deleted, if storage allows it: readers do not fail for it.
func (s *VaultStore) find(ctx context.Context, key string) (*Record, error) {
	stored, current, err := s.load(ctx, idOf(key))
	if err != nil || stored != nil && slices.Contains(indexKeys(stored), key) {
		return current, err
	}
	// The record may be about to be written: its lock decides.
	defer s.lock(idOf(key))()
	_, current, err = s.findLocked(ctx, key)
	return current, err
}

// findLocked does as find, for the holder of the lock, and returns the record as it is
// stored, too.
func (s *VaultStore) findLocked(ctx context.Context, key string) (stored, current *Record, err error) {
	stored, current, err = s.load(ctx, idOf(key))
	if err != nil || stored != nil && slices.Contains(indexKeys(stored), key) {
		return stored, current, err
	}
	if stored, err = s.read(ctx, idOf(key)); err == nil && stored != nil && stored.MovedFrom != "" {
		_ = s.remove(ctx, stored) // a copy that a crash has left
	}
	_ = s.storage.Delete(ctx, key) // the next reader tries again
	return nil, nil, nil
}

// load returns a record as it is stored, and as it is now: its NAS may have been started
// again since. Both are nil if there is none.
func (s *VaultStore) load(ctx context.Context, id string) (stored, current *Record, err error) {
	stored, err = s.read(ctx, id)
	if err != nil || stored == nil {
		return nil, nil, err
	}
	if stored.MovedFrom != "" {
		if moved, err := s.isMoved(ctx, stored); err != nil || !moved {
			return nil, nil, err
		}
	}
	current, err = s.restarts.apply(ctx, s, *stored)
	return stored, current, err
}

// read returns a record as it is stored; nil if there is none.
func (s *VaultStore) read(ctx context.Context, id string) (*Record, error) {
	var entry storedRecord
	found, err := s.get(ctx, sessionKey(id), &entry)
	if err != nil || !found {
		return nil, err
	}
	entry.Record.Reception = entry.Reception
	return &entry.Record, nil
}

// storedRecord is a record as it is in storage: with the part that clients are not shown.
type storedRecord struct {
	Record
	Reception
}

// save writes a record. stored is the record as it was before; nil if there was none.
func (s *VaultStore) save(ctx context.Context, stored *Record, r Record) error {
	current, err := s.restarts.apply(ctx, s, r)
	if err != nil {
		return err
	}
	r = *current
	var before []string
	if stored != nil {
		if reflect.DeepEqual(*stored, r) {
			return nil
		}
		before = indexKeys(stored)
	}
	after := indexKeys(&r)
	for _, key := range without(after, before) {
		if err := s.storage.Put(ctx, key, indexed); err != nil {
			return fmt.Errorf("writing %s: %w", key, err)
		}
	}
	if err := s.put(ctx, sessionKey(hash(r.UniqueID)), storedRecord{r, r.Reception}); err != nil {
		return err
	}
	for _, key := range without(before, after) {
		_ = s.storage.Delete(ctx, key) // the record is kept: readers will delete what is left
	}
	return nil
}

// remove deletes a record, that in the index by start last: Maintain finds what is
// left by it.
func (s *VaultStore) remove(ctx context.Context, r *Record) error {
	keys := indexKeys(r)
	last := len(keys) - 1
	for _, key := range append(slices.Clone(keys[:last]), sessionKey(hash(r.UniqueID)), keys[last]) {
		if err := s.storage.Delete(ctx, key); err != nil {
			return fmt.Errorf("deleting %s: %w", key, err)
		}
	}
	return nil
}

// lock keeps others from changing a session until the returned function is called.
func (s *VaultStore) lock(id string) (unlock func()) {
	sum := 0
	for _, c := range []byte(id) {
		sum = sum*31 + int(c)
	}
	lock := &s.locks[uint(sum)%uint(len(s.locks))] // #nosec G115 -- any number will do
	s.moving.RLock()
	lock.Lock()
	return func() {
		lock.Unlock()
		s.moving.RUnlock()
	}
}

// lockAll keeps others from changing any session until the returned function is called.
func (s *VaultStore) lockAll() (unlock func()) {
	s.moving.Lock()
	return s.moving.Unlock
}

func (s *VaultStore) get(ctx context.Context, key string, into any) (found bool, err error) {
	value, err := s.storage.Get(ctx, key)
	if err != nil {
		return false, fmt.Errorf("reading %s: %w", key, err)
	}
	if value == nil {
		return false, nil
	}
	if err := json.Unmarshal(value, into); err != nil {
		return false, fmt.Errorf("decoding %s: %w", key, err)
	}
	return true, nil
}

func (s *VaultStore) put(ctx context.Context, key string, entry any) error {
	value, err := json.Marshal(entry)
	if err == nil {
		err = s.storage.Put(ctx, key, value)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", key, err)
	}
	return nil
}
