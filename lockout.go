package radiusauth

import (
	"context"
	"slices"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"vault-plugin-auth-radius/internal/fairshare"
	"vault-plugin-auth-radius/internal/username"
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

// lockedName is a name that is locked out.
type lockedName struct {
	name  string // canonical, as it was typed when it was locked
	until time.Time
	failures
}

// failures are the failed logins of a name that is not locked.
type failures struct {
	count int
	last  time.Time
	// fold is of the name that they are all of; empty if they are of several spellings,
	// which can be several users. Who has logged in has not shown to be the others.
	fold string
}

// with returns the failures with one more.
func (f failures) with(fold string, now time.Time) failures {
	if f.count > 0 && f.fold != fold {
		fold = ""
	}
	return failures{f.count + 1, now, fold}
}

// lockouts counts failed logins, on this server, in memory.
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

// ownRounds is up to which challenge a login that is under way is not refused for the
// failures that it has counted itself: it may be one that takes several steps.
const ownRounds = 2

// turn is a login that is being decided: it ends with accepted, failed or neither, and
// then leave. The zero turn counts nothing.
type turn struct {
	lockouts *lockouts
	room     *lockoutRoom // nil: it counts for nothing
	entrant
	own int // failures that this login has counted before
}

// begin waits until a login may be decided: no more of a key at once than may fail.
// answered is the challenge that it answers; nil: none. After an error the login never is.
func (l *lockouts) begin(
	ctx context.Context, login entrant, share fairshare.Share, wait time.Duration, registered bool, answered *challengeState,
) (*turn, error) {
	t := &turn{lockouts: l, room: l.room(registered), entrant: login}
	if answered != nil {
		t.own = answered.Failures
		if answered.Round <= ownRounds {
			t.forgiven = t.own
		}
	}
	return t, t.room.enter(ctx, &t.entrant, share, wait)
}

// locked says why the login is not decided; empty if it may be.
func (t *turn) locked() string {
	if t.room == nil || !t.foundLocked && !t.lockouts.isLocked(t.key, t.policy, t.forgiven, time.Now()) {
		return ""
	}
	return lockedReason
}

// accepted forgets the failed logins of the name, and takes back what this login has
// counted.
func (t *turn) accepted(name string) {
	if t.room != nil {
		t.room.succeeded(t.key, name, t.policy, t.own)
	}
}

// failed counts a failure, and tells whether it locked the key, under which a list
// shows the name.
func (t *turn) failed(name string) bool {
	return t.room != nil && t.room.failed(t.key, name, t.policy, time.Now())
}

// leave lets those go on who wait for this login.
func (t *turn) leave() {
	if t.room != nil {
		t.room.leave(&t.entrant)
	}
}

// isLocked tells whether the key is locked, in either room, by more than the forgiven
// failures.
func (l *lockouts) isLocked(key string, policy lockoutPolicy, forgiven int, now time.Time) bool {
	return l.registered.isLocked(key, policy, forgiven, now) || l.others.isLocked(key, policy, forgiven, now)
}

// unlock ends a lockout and forgets failed logins. It tells whether the key was
// locked.
func (l *lockouts) unlock(key string, now time.Time) bool {
	registered := l.registered.forget(key, now)
	return l.others.forget(key, now) || registered
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

// lockoutKey is what failed logins are counted by: who is asked, and about whom.
// Spellings of a name that a source may take for one are one here.
func lockoutKey(config *configEntry, src *source, name string) string {
	return src.key() + "\x00" + username.Skeleton(config.nameAsked(src, name))
}

// lockoutRoom counts the failed logins of some names.
type lockoutRoom struct {
	size int

	mu sync.Mutex
	// counting has the names that failed last.
	counting *lru.Cache[string, failures] // guarded by mu
	// locked is until when names are locked. None is pushed out: once it is full of
	// names that still are, more names are locked only as long as counting has them.
	locked map[string]lockedName // guarded by mu
	full   time.Time             // guarded by mu; until when no room can be made

	gates   map[string]*gate          // guarded by mu; of logins that are under way
	waiting *fairshare.Room[*entrant] // guarded by mu; at all gates
}

func newLockoutRoom(size int) *lockoutRoom {
	counting, err := lru.New[string, failures](size)
	if err != nil {
		panic(err) // only a size below 1 fails
	}
	return &lockoutRoom{
		size: size, counting: counting, locked: map[string]lockedName{},
		gates: map[string]*gate{}, waiting: fairshare.NewRoom[*entrant](maxAtGates),
	}
}

// isLocked tells whether the key is locked now, by more than the forgiven failures.
func (r *lockoutRoom) isLocked(key string, policy lockoutPolicy, forgiven int, now time.Time) bool {
	if policy.threshold == 0 {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lockedNow(key, policy, forgiven, now)
}

// lockedNow is isLocked with mu held.
func (r *lockoutRoom) lockedNow(key string, policy lockoutPolicy, forgiven int, now time.Time) bool {
	if locked, found := r.locked[key]; found {
		if now.Before(locked.until) {
			return locked.count-forgiven >= policy.threshold
		}
		delete(r.locked, key)
	}
	failed, _ := r.counting.Peek(key)
	return failed.count-forgiven >= policy.threshold && now.Before(failed.last.Add(policy.duration))
}

// failed counts a login that was refused, and tells whether it locked the key,
// under which a list shows the name.
func (r *lockoutRoom) failed(key, name string, policy lockoutPolicy, now time.Time) bool {
	if policy.threshold == 0 {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	fold := username.Fold(name)
	if locked, found := r.locked[key]; found {
		locked.failures = locked.with(fold, now) // by a login that went on at the same time: it does not last longer for that
		r.locked[key] = locked
		return false
	}
	before, _ := r.counting.Peek(key)
	if before.count >= policy.threshold || now.Sub(before.last) >= policy.reset {
		before.count = 0
	}
	failed := before.with(fold, now)
	if failed.count >= policy.threshold && r.makeRoom(now) {
		r.counting.Remove(key)
		r.locked[key] = lockedName{name, now.Add(policy.duration), failed}
		return true
	}
	r.counting.Add(key, failed)
	return failed.count >= policy.threshold
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
	for key, one := range r.locked {
		switch {
		case !now.Before(one.until):
			delete(r.locked, key)
		case r.full.IsZero() || one.until.Before(r.full):
			r.full = one.until
		}
	}
	return len(r.locked) < r.size
}

// forget drops all that is known of the key. It tells whether it was locked.
func (r *lockoutRoom) forget(key string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	one, found := r.locked[key]
	delete(r.locked, key)
	r.counting.Remove(key)
	return found && now.Before(one.until)
}

// succeeded forgets the failed logins of a name that has logged in, and that its key is
// locked, if that is due to the login's own failures. If some are of another spelling, all
// stay: it may be another user's, whose password would be guessed for ever.
func (r *lockoutRoom) succeeded(key, name string, policy lockoutPolicy, own int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fold := username.Fold(name)
	if failed, _ := r.counting.Peek(key); failed.fold == fold {
		r.counting.Remove(key)
	}
	if locked, found := r.locked[key]; found && locked.fold == fold && locked.count-own < policy.threshold {
		delete(r.locked, key)
	}
}

// collect adds the names that are locked.
func (r *lockoutRoom) collect(into map[string]time.Time, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range r.locked {
		if now.Before(one.until) {
			into[one.name] = one.until
		}
	}
}
