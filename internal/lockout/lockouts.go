// Package lockout counts failed logins in memory, locks names out after too many in a row,
// and decides no more logins of a name at once than may fail.
//
// A login takes a [Turn], has its password judged, and ends the turn with what came of it.
package lockout

import (
	"context"
	"maps"
	"time"

	"vault-plugin-auth-radius/internal/fairshare"
	"vault-plugin-auth-radius/internal/username"
)

// Names is how many names with failed logins a mount remembers, and how many locked ones,
// of registered users and of all others each.
const Names = 16384

// Policy is what the config says of lockouts.
type Policy struct {
	Threshold int           // failed logins in a row that lock a name; 0: never
	Duration  time.Duration // how long it is locked
	Reset     time.Duration // without a failed login, after which the count starts anew
}

// Key is what failed logins are counted by: which source is asked, and about which name.
// Spellings of a name that a source may take for one are one here.
type Key struct {
	Source   string
	WireName string // as the source is asked
}

func (k Key) text() string { return k.Source + "\x00" + username.Skeleton(k.WireName) }

// Login is a login that is to be decided.
type Login struct {
	Key        Key
	Name       string // canonical; a list shows it if it is locked
	Registered bool
	Policy     Policy
	Share      fairshare.Share // of the places to wait
	Wait       time.Duration   // the longest, for other logins of the key

	// Barred logins are refused in any case. They wait as others do, if they take time, so
	// that waiting does not tell them apart.
	Barred bool
	// TakesTime means that a login that is refused takes as long as others, and so has to
	// wait for the others as well.
	TakesTime bool

	// Round is which challenge the login answers, from 1 on; 0: it answers none.
	Round int
	// Failures is how many failures this login has counted in earlier rounds.
	Failures int
}

// ownRounds is up to which challenge a login that is under way is not refused for the
// failures that it has counted itself: it may be one that takes several steps.
const ownRounds = 2

// forgiven returns how many failures do not refuse the login: its own.
func (l Login) forgiven() int {
	if l.Round > ownRounds {
		return 0
	}
	return l.Failures
}

// Lockouts counts failed logins. Registered users have a table of their own, so that a
// flood of made-up names does not push out what is known of them. It is safe for
// concurrent use.
type Lockouts struct {
	registered, others *table
}

// New returns Lockouts that remember so many names with failed logins, and as many locked
// ones, of registered users and of all others each.
func New(names int) *Lockouts {
	return &Lockouts{newTable(names), newTable(names)}
}

func (l *Lockouts) table(registered bool) *table {
	if registered {
		return l.registered
	}
	return l.others
}

// Begin waits until the login may be decided, and reports whether the key is locked: then
// the login is to be refused without asking the source. The turn has to be ended in either
// case. After an error, which is a [TurnError] or that of the context, there is no turn,
// and the login is never decided.
func (l *Lockouts) Begin(ctx context.Context, login Login) (turn *Turn, locked bool, err error) {
	if login.Policy.Threshold == 0 || login.Barred && !login.TakesTime {
		return &Turn{}, false, nil // it waits for nothing, and counts for nothing
	}
	t := &Turn{
		table: l.table(login.Registered),
		entrant: entrant{
			key: login.Key.text(), policy: login.Policy, forgiven: login.forgiven(),
			barred: login.Barred, takesTime: login.TakesTime,
		},
		name: login.Name, failures: login.Failures,
	}
	if err := t.table.enter(ctx, &t.entrant, login.Share, login.Wait); err != nil {
		return nil, false, err
	}
	t.refused = t.foundLocked || l.isLocked(t.key, t.policy, t.forgiven, time.Now())
	return t, t.refused, nil
}

// IsLocked reports whether logins of the key are refused now.
func (l *Lockouts) IsLocked(key Key, policy Policy) bool {
	return l.isLocked(key.text(), policy, 0, time.Now())
}

// Count returns how many logins of the key have failed in a row, and until when it is locked;
// zero: it is not.
func (l *Lockouts) Count(key Key, policy Policy) (failures int, until time.Time) {
	for _, table := range []*table{l.registered, l.others} {
		failed, locked := table.count(key.text(), policy, time.Now())
		failures = max(failures, failed)
		if locked.After(until) {
			until = locked
		}
	}
	return failures, until
}

// isLocked reports whether the key is locked, in either table, by more than the forgiven
// failures.
func (l *Lockouts) isLocked(key string, policy Policy, forgiven int, now time.Time) bool {
	return l.registered.isLocked(key, policy, forgiven, now) || l.others.isLocked(key, policy, forgiven, now)
}

// Unlock ends a lockout and forgets failed logins. It reports whether the key was locked.
func (l *Lockouts) Unlock(key Key) bool {
	text, now := key.text(), time.Now()
	registered := l.registered.forget(text, now)
	return l.others.forget(text, now) || registered
}

// Locked returns the names that are locked, and until when.
func (l *Lockouts) Locked() map[string]time.Time {
	now := time.Now()
	until := l.others.lockedNames(now)
	maps.Copy(until, l.registered.lockedNames(now))
	return until
}

// LockedCount returns how many names are locked: of registered users, and others.
func (l *Lockouts) LockedCount() int {
	now := time.Now()
	return l.others.lockedCount(now) + l.registered.lockedCount(now)
}

// Usage is what a table holds, beside the names that are locked.
type Usage struct {
	Names      int // with failed logins that have locked none of them
	Failures   int // of these names
	Turnstiles int // at which logins are decided or wait
}

// Usage returns what is in memory of registered users and of all others.
func (l *Lockouts) Usage() (registered, others Usage) {
	return l.registered.usage(), l.others.usage()
}
