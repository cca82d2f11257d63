package radiusauth

import (
	"slices"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// lockoutNames is how many names with failed logins are remembered, and how many
// locked ones, of registered users and of all others each.
const lockoutNames = 16384

// lockoutPolicy is what the config says of lockouts.
type lockoutPolicy struct {
	threshold int           // failed logins in a row that lock a name; 0: never
	duration  time.Duration // how long it is locked
	reset     time.Duration // without a failed login, after which the count starts anew
}

// failures are the failed logins of a name that is not locked.
type failures struct {
	count int
	last  time.Time
}

// lockouts counts failed logins by canonical name, on this server, in memory.
// Registered users have their own room, so that a flood of made-up names does not
// push out what is known of them.
type lockouts struct {
	registered, others *lockoutRoom
}

func newLockouts() *lockouts {
	return &lockouts{newLockoutRoom(lockoutNames), newLockoutRoom(lockoutNames)}
}

func (l *lockouts) room(registered bool) *lockoutRoom {
	if registered {
		return l.registered
	}
	return l.others
}

// unlock ends a lockout and forgets failed logins. It tells whether the name was
// locked.
func (l *lockouts) unlock(name string, now time.Time) bool {
	registered := l.registered.forget(name, now)
	return l.others.forget(name, now) || registered
}

// list gives the locked names, sorted, and until when.
func (l *lockouts) list(now time.Time) (names []string, until map[string]time.Time) {
	until = map[string]time.Time{}
	l.others.collect(until, now)
	l.registered.collect(until, now)
	for name := range until {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, until
}

// lockoutRoom counts the failed logins of some names.
type lockoutRoom struct {
	size int

	mu sync.Mutex
	// counting has the names that failed last.
	counting *lru.Cache[string, failures] // guarded by mu
	// locked is until when names are locked. None is pushed out: once it is full of
	// names that still are, more names are locked only as long as counting has them.
	locked map[string]time.Time // guarded by mu
	full   time.Time            // guarded by mu; until when no room can be made
}

func newLockoutRoom(size int) *lockoutRoom {
	counting, err := lru.New[string, failures](size)
	if err != nil {
		panic(err) // only a size below 1 fails
	}
	return &lockoutRoom{size: size, counting: counting, locked: map[string]time.Time{}}
}

// isLocked tells whether the name is locked now.
func (r *lockoutRoom) isLocked(name string, policy lockoutPolicy, now time.Time) bool {
	if policy.threshold == 0 {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if until, found := r.locked[name]; found {
		if now.Before(until) {
			return true
		}
		delete(r.locked, name)
	}
	failed, _ := r.counting.Peek(name)
	return failed.count >= policy.threshold && now.Before(failed.last.Add(policy.duration))
}

// failed counts a login that was refused, and tells whether it locked the name.
func (r *lockoutRoom) failed(name string, policy lockoutPolicy, now time.Time) bool {
	if policy.threshold == 0 {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, found := r.locked[name]; found {
		return false // by a login that went on at the same time
	}
	before, _ := r.counting.Peek(name)
	if before.count >= policy.threshold || now.Sub(before.last) >= policy.reset {
		before.count = 0
	}
	count := before.count + 1
	if count >= policy.threshold && r.makeRoom(now) {
		r.counting.Remove(name)
		r.locked[name] = now.Add(policy.duration)
		return true
	}
	r.counting.Add(name, failures{count, now})
	return count >= policy.threshold
}

// makeRoom tells whether another name can be locked, and lets those go that are
// locked no more. It runs with mu held.
func (r *lockoutRoom) makeRoom(now time.Time) bool {
	if len(r.locked) < r.size {
		return true
	}
	if now.Before(r.full) {
		return false // a flood does not have all of them looked at each time
	}
	r.full = time.Time{}
	for name, until := range r.locked {
		switch {
		case !now.Before(until):
			delete(r.locked, name)
		case r.full.IsZero() || until.Before(r.full):
			r.full = until
		}
	}
	return len(r.locked) < r.size
}

// forget drops all that is known of the name. It tells whether it was locked.
func (r *lockoutRoom) forget(name string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	until, found := r.locked[name]
	delete(r.locked, name)
	r.counting.Remove(name)
	return found && now.Before(until)
}

// succeeded forgets the failed logins of a name that has logged in.
func (r *lockoutRoom) succeeded(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counting.Remove(name)
}

// collect adds the names that are locked.
func (r *lockoutRoom) collect(into map[string]time.Time, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, until := range r.locked {
		if now.Before(until) {
			into[name] = until
		}
	}
}
