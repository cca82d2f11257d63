package lockout

import "time"

// Result is what came of a login.
type Result int

const (
	// Undecided is the result of a login that was not judged.
	Undecided Result = iota
	// Accepted is the result of a login with the right password.
	Accepted
	// Rejected is the result of a login with a wrong password or code.
	Rejected
)

// Turn is that of a login that is being decided. Its first end counts, so that a deferred
// one with Undecided lets the logins that wait go on whatever happens. A nil Turn and the
// zero Turn count nothing. It is not safe for concurrent use.
type Turn struct {
	table *table // nil: it counts for nothing
	entrant
	name     string
	failures int  // that this login has counted before
	refused  bool // since the key is locked
	ended    bool
}

// End counts a failure if the login was rejected, and reports whether that has locked the
// name. If it was accepted, the name's failures are forgotten, and those of the login's
// earlier rounds are taken back. A login that was to be refused counts nothing. In any case
// the logins that wait for this one go on.
func (t *Turn) End(result Result) (lockedNow bool) {
	if t == nil || t.table == nil || t.ended {
		return false
	}
	t.ended = true
	defer t.table.leave(&t.entrant)
	switch {
	case t.refused || t.barred:
	case result == Accepted:
		t.table.accepted(t.key, t.name, t.policy, t.failures)
	case result == Rejected:
		return t.table.rejected(t.key, t.name, t.policy, time.Now())
	}
	return false
}
