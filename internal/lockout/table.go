package lockout

import (
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"vault-plugin-auth-radius/internal/fairshare"
	"vault-plugin-auth-radius/internal/username"
)

// failures are the failed logins of a name that is not locked.
type failures struct {
	count int
	last  time.Time
	// fold is of the name that they are all of; empty if they are of several spellings,
	// which can be several users. A login of one has not shown to be the others.
	fold string
}

// with returns the failures with another one.
func (f failures) with(fold string, now time.Time) failures {
	if f.count > 0 && f.fold != fold {
		fold = ""
	}
	return failures{f.count + 1, now, fold}
}

// lockedName is a name that is locked out.
type lockedName struct {
	name  string // canonical, as it was typed when it was locked
	until time.Time
	failures
}

// table counts the failed logins of some names.
type table struct {
	size int

	mu sync.Mutex
	// counting has the names that failed last.
	counting *lru.Cache[string, failures] // guarded by mu
	// locked is until when names are locked. None is pushed out: once it is full of
	// names that still are, more names are locked only as long as counting has them.
	locked    map[string]lockedName // guarded by mu
	fullUntil time.Time             // guarded by mu; until then no room can be made

	turnstiles map[string]*turnstile     // guarded by mu; of logins that are under way
	waiting    *fairshare.Room[*entrant] // guarded by mu; at all turnstiles
}

func newTable(size int) *table {
	counting, err := lru.New[string, failures](size)
	if err != nil {
		panic(err) // only a size below 1 fails
	}
	return &table{
		size: size, counting: counting, locked: map[string]lockedName{},
		turnstiles: map[string]*turnstile{}, waiting: fairshare.NewRoom[*entrant](maxAtTurnstiles),
	}
}

// isLocked reports whether the key is locked now, by more than the forgiven failures.
func (t *table) isLocked(key string, policy Policy, forgiven int, now time.Time) bool {
	if policy.Threshold == 0 {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.lockedNow(key, policy, forgiven, now)
}

// lockedNow is isLocked with mu held.
func (t *table) lockedNow(key string, policy Policy, forgiven int, now time.Time) bool {
	if locked, found := t.locked[key]; found {
		if now.Before(locked.until) {
			return locked.count-forgiven >= policy.Threshold
		}
		delete(t.locked, key)
	}
	failed, _ := t.counting.Peek(key)
	return failed.count-forgiven >= policy.Threshold && now.Before(failed.last.Add(policy.Duration))
}

// count returns how many logins of the key have failed in a row, and until when it is locked;
// zero: it is not.
func (t *table) count(key string, policy Policy, now time.Time) (failed int, until time.Time) {
	if policy.Threshold == 0 {
		return 0, time.Time{}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if locked, found := t.locked[key]; found && now.Before(locked.until) {
		if locked.count < policy.Threshold { // which was lower then
			return locked.count, time.Time{}
		}
		return locked.count, locked.until
	}
	counting, _ := t.counting.Peek(key)
	switch {
	case counting.count >= policy.Threshold && now.Before(counting.last.Add(policy.Duration)):
		return counting.count, counting.last.Add(policy.Duration)
	case counting.count >= policy.Threshold || now.Sub(counting.last) >= policy.Reset:
		return 0, time.Time{}
	}
	return counting.count, time.Time{}
}

// rejected counts a login that was refused, and reports whether that locked the key, under
// which a list shows the name.
func (t *table) rejected(key, name string, policy Policy, now time.Time) bool {
	if policy.Threshold == 0 {
		return false
	}
	fold := username.Fold(name)
	t.mu.Lock()
	defer t.mu.Unlock()
	if locked, found := t.locked[key]; found {
		// By a login that went on at the same time: it does not last longer for that.
		locked.failures = locked.with(fold, now)
		t.locked[key] = locked
		return false
	}
	before, _ := t.counting.Peek(key)
	if before.count >= policy.Threshold || now.Sub(before.last) >= policy.Reset {
		before.count = 0
	}
	failed := before.with(fold, now)
	if failed.count >= policy.Threshold && t.makeRoom(now) {
		t.counting.Remove(key)
		t.locked[key] = lockedName{name, now.Add(policy.Duration), failed}
		return true
	}
	t.counting.Add(key, failed)
	return failed.count >= policy.Threshold
}

// makeRoom reports whether another name can be locked, and lets those go that are locked
// no more. It runs with mu held.
func (t *table) makeRoom(now time.Time) bool {
	if len(t.locked) < t.size {
		return true
	}
	if now.Before(t.fullUntil) {
		return false // a flood does not have all of them looked at each time
	}
	t.fullUntil = time.Time{}
	for key, locked := range t.locked {
		switch {
		case !now.Before(locked.until):
			delete(t.locked, key)
		case t.fullUntil.IsZero() || locked.until.Before(t.fullUntil):
			t.fullUntil = locked.until
		}
	}
	return len(t.locked) < t.size
}

// forget drops all that is known of the key. It reports whether it was locked.
func (t *table) forget(key string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	locked, found := t.locked[key]
	delete(t.locked, key)
	t.counting.Remove(key)
	return found && now.Before(locked.until)
}

// accepted forgets the failed logins of a name that has logged in, and that its key is
// locked, if that is due to the login's own failures. If some are of another spelling, all
// stay: it may be another user's, whose password would be guessed for ever.
func (t *table) accepted(key, name string, policy Policy, own int) {
	fold := username.Fold(name)
	t.mu.Lock()
	defer t.mu.Unlock()
	if failed, _ := t.counting.Peek(key); failed.fold == fold {
		t.counting.Remove(key)
	}
	if locked, found := t.locked[key]; found && locked.fold == fold && locked.count-own < policy.Threshold {
		delete(t.locked, key)
	}
}

// lockedNames returns the names that are locked, and until when.
func (t *table) lockedNames(now time.Time) map[string]time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	until := map[string]time.Time{}
	for _, locked := range t.locked {
		if now.Before(locked.until) {
			until[locked.name] = locked.until
		}
	}
	return until
}

// lockedCount returns how many names are locked.
func (t *table) lockedCount(now time.Time) (count int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, locked := range t.locked {
		if now.Before(locked.until) {
			count++
		}
	}
	return count
}

// usage returns what the table holds.
func (t *table) usage() Usage {
	t.mu.Lock()
	defer t.mu.Unlock()
	usage := Usage{Names: t.counting.Len(), Turnstiles: len(t.turnstiles)}
	for _, failed := range t.counting.Values() {
		usage.Failures += failed.count
	}
	return usage
}
