// Package attempts keeps the latest decisions about logins in memory, so that an operator sees
// why a user was refused.
package attempts

import (
	"hash/maphash"
	"sync"
	"time"

	"vault-plugin-auth-radius/internal/decision"
)

const (
	// Most is how many entries are kept at most.
	Most = 1000
	// maxOctets bounds the memory of a log, whatever the texts are.
	maxOctets = 1 << 20
	// mergeWindow is how long after an entry's first decision others are added to it.
	mergeWindow = time.Minute

	// ownOctets is what a log needs without entries: mostly the names that were accepted.
	ownOctets = 96 << 10
	// entryRoom is how many octets all entries may take.
	entryRoom = maxOctets - ownOctets
	// registeredRoom is how many of these entries of registered names never lose to others: what
	// half of the longest entries take.
	registeredRoom = Most / 2 * maxEntryOctets
)

// Log is the latest decisions. It may be used by several goroutines at the same time.
//
// Decisions about one name with the same use, source, outcome and reason within a minute of the
// first are one entry. Of unanswered ones the class takes the place of the reason, which has the
// number of sends and the seconds, different each time.
//
// Half of the room is for registered names. What is full loses the oldest entry of the kind that
// has more than its half, so that made-up names do not push out registered ones, while either
// kind may have the room that the other does not need.
type Log struct {
	names *names
	seed  maphash.Seed

	mu         sync.Mutex // guards all that follows
	limit      int
	latestID   uint64
	registered queue
	others     queue
	index      map[uint64]*entry // those that the next decision may be added to, by their keys
}

// New returns a log of as many entries as the limit says, [Most] at most. With 0 it keeps nothing.
func New(limit int) *Log {
	return &Log{names: newNames(), seed: maphash.MakeSeed(), limit: clamp(limit), index: map[uint64]*entry{}}
}

func clamp(limit int) int { return min(max(limit, 0), Most) }

// Resize changes the limit. Entries that are too many are dropped; with 0 all are, and the names
// that were accepted are forgotten.
func (l *Log) Resize(limit int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	limit = clamp(limit)
	if limit == l.limit {
		return
	}
	l.limit = limit
	l.evict()
	if limit == 0 {
		l.index = map[uint64]*entry{}
		l.names.forget()
	}
}

// Add keeps a decision.
func (l *Log) Add(d decision.Decision) {
	if l.off() {
		return
	}
	added := newEntry(d)
	if !added.Registered && added.Username != "" {
		added.nameHash = l.names.hash(added.Username)
	}
	added.key = maphash.Comparable(l.seed, added.sameness())

	l.mu.Lock()
	defer l.mu.Unlock()
	if l.limit == 0 {
		return
	}
	if added.Outcome == decision.Accepted && !added.Registered {
		l.names.accept(added.nameHash)
	}
	kind := l.kind(added.Registered)
	if earlier := l.index[added.key]; earlier != nil && earlier.takes(added) {
		kind.octets -= earlier.octets
		earlier.merge(added)
		kind.octets += earlier.octets
	} else {
		l.latestID++
		added.id = l.latestID
		l.index[added.key] = added
		kind.push(added)
	}
	l.evict()
}

func (l *Log) off() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.limit == 0
}

func (l *Log) kind(registered bool) *queue {
	if registered {
		return &l.registered
	}
	return &l.others
}

// evict drops the oldest entries until the rest fits. The caller holds the lock.
func (l *Log) evict() {
	for {
		var tooMany bool // entries of registered names are what has more than its share
		switch {
		case l.registered.count+l.others.count > l.limit:
			tooMany = l.registered.count > (l.limit+1)/2
		case l.registered.octets+l.others.octets > entryRoom:
			tooMany = l.registered.octets > registeredRoom
		default:
			return
		}
		dropped := l.kind(tooMany).pop()
		if l.index[dropped.key] == dropped {
			delete(l.index, dropped.key)
		}
	}
}

// queue has the entries of one kind, the oldest first.
type queue struct {
	oldest, newest *entry
	count, octets  int
}

func (q *queue) push(e *entry) {
	if q.newest == nil {
		q.oldest = e
	} else {
		q.newest.next = e
	}
	q.newest = e
	q.count++
	q.octets += e.octets
}

func (q *queue) pop() *entry {
	dropped := q.oldest
	if q.oldest = dropped.next; q.oldest == nil {
		q.newest = nil
	}
	q.count--
	q.octets -= dropped.octets
	return dropped
}
