package acct

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"sync"
	"time"
)

// maxExamined is how many entries a query may read: seconds' worth.
const maxExamined = 20_000

// ErrTooBroad means that a query would have to read too much of Vault's storage.
var ErrTooBroad = fmt.Errorf("more than %d entries would have to be read: add username, calling_station_id or unique_id, narrow start_time and stop_time, or use PostgreSQL", maxExamined)

// indexed is the value of an index's entry. It has to be a JSON object.
var indexed = []byte("{}")

// VaultStore keeps records in Vault's storage, which knows no transactions. A
// record has its indexes written before itself, and those it no longer belongs to
// deleted after. So whoever finds a record finds it everywhere, and what a crash
// leaves behind are entries of indexes too many: readers see that by the record,
// and delete them.
type VaultStore struct {
	storage   KeyValue
	examined  int            // how many entries a query may read
	counted   int            // and how many of them to count
	locks     [64]sync.Mutex // each orders the packets of some sessions
	postAuths *postAuthCount

	maintaining   sync.Mutex
	staleCursor   string // guarded by maintaining: see sweep
	expiredCursor string // guarded by maintaining
}

var _ Store = (*VaultStore)(nil)

// NewVaultStore keeps records under acct/ and attempts to log in under postauth/.
func NewVaultStore(storage KeyValue) *VaultStore {
	return &VaultStore{
		storage: storage, examined: maxExamined, counted: maxCounted,
		postAuths: newPostAuthCount(maxPostAuths, maxNewPostAuths, acceptedPostAuths),
	}
}

// Close implements Store. There is nothing to free.
func (*VaultStore) Close() {}

// Record implements Store.
func (s *VaultStore) Record(ctx context.Context, p Packet) (created bool, err error) {
	if err := checkSession(p); err != nil {
		return false, err
	}
	id := hash(p.normal().UniqueID)
	defer s.lock(id)()
	known, err := s.load(ctx, id)
	if err != nil {
		return false, err
	}
	return known == nil, s.save(ctx, known, Merge(known, p))
}

// checkSession refuses what is not about a session, or cannot be recorded.
func checkSession(p Packet) error {
	if problems := p.Check(); len(problems) > 0 {
		return problems
	}
	if p.StatusType.AboutNAS() {
		return Problems{"status_type": fmt.Sprintf("%s is about no session", p.StatusType)}
	}
	return nil
}

// CloseNAS implements Store.
func (s *VaultStore) CloseNAS(ctx context.Context, nas netip.Addr, at time.Time, cause string) (closed int, err error) {
	if cause = cleanText(cause); cause == "" {
		cause = causeNASReboot
	}
	sessions := openSessionsOfNAS(nas.Unmap().WithZone("").String())
	for key, err := range s.walk(ctx, sessions, sessions.window(time.Time{}, at), false) {
		if err != nil {
			return closed, err
		}
		done, err := s.closeSession(ctx, key, func(*Record) (time.Time, string, bool) { return at, cause, true })
		if err != nil {
			return closed, err
		}
		if done {
			closed++
		}
	}
	return closed, nil
}

// closeSession closes the session of an index's entry, if it is open and decide
// says so, at the time and with the cause that decide returns.
func (s *VaultStore) closeSession(ctx context.Context, key string, decide func(*Record) (time.Time, string, bool)) (bool, error) {
	defer s.lock(idOf(key))()
	known, err := s.find(ctx, key)
	if err != nil || known == nil || !known.Open() {
		return false, err
	}
	at, cause, ok := decide(known)
	if !ok {
		return false, nil
	}
	return true, s.save(ctx, known, Close(*known, at, cause))
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
		r, err := s.look(ctx, key)
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
	r, err := s.load(ctx, hash(f.UniqueID))
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

// look returns the record that an entry of an index is about; nil if there is none.
// Such an entry is deleted, if storage lets us: readers do not fail for it.
func (s *VaultStore) look(ctx context.Context, key string) (*Record, error) {
	r, err := s.load(ctx, idOf(key))
	if err != nil || r != nil && slices.Contains(indexKeys(r), key) {
		return r, err
	}
	// The record may be about to be written: only its lock tells.
	defer s.lock(idOf(key))()
	return s.find(ctx, key)
}

// find does what look does for who holds the lock.
func (s *VaultStore) find(ctx context.Context, key string) (*Record, error) {
	r, err := s.load(ctx, idOf(key))
	if err != nil || r != nil && slices.Contains(indexKeys(r), key) {
		return r, err
	}
	_ = s.storage.Delete(ctx, key) // the next reader tries again
	return nil, nil
}

func (s *VaultStore) load(ctx context.Context, id string) (*Record, error) {
	var r Record
	found, err := s.get(ctx, sessionKey(id), &r)
	if err != nil || !found {
		return nil, err
	}
	return &r, nil
}

// save writes a record that was known as another one, or as none, before.
func (s *VaultStore) save(ctx context.Context, known *Record, r Record) error {
	var before []string
	if known != nil {
		if reflect.DeepEqual(*known, r) {
			return nil
		}
		before = indexKeys(known)
	}
	after := indexKeys(&r)
	for _, key := range without(after, before) {
		if err := s.storage.Put(ctx, key, indexed); err != nil {
			return fmt.Errorf("writing %s: %w", key, err)
		}
	}
	if err := s.put(ctx, sessionKey(hash(r.UniqueID)), r); err != nil {
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
	lock.Lock()
	return lock.Unlock
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
