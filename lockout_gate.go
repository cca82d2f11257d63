package radiusauth

import (
	"context"
	"fmt"
	"time"

	"vault-plugin-auth-radius/internal/fairshare"
)

const (
	// maxAtGate is how many logins of a key are under way at a time, beside as many as
	// may fail.
	maxAtGate = 64
	// maxAtGates is how many logins wait at all gates of a room.
	maxAtGates = 2048
)

// gateError means that a login was not decided, since others of its name were before it.
type gateError string

func (e gateError) Error() string { return string(e) }

const (
	errAtGate   gateError = "too many logins of the name, or of others, wait for those before them"
	errNotReady gateError = "the logins of the name before it were not decided in time"
)

// gate holds logins of one key up: no more are decided at once than may fail, so
// that many at the same time cannot try more passwords than one after another. Client
// addresses take turns, so that strangers who try somebody's name do not keep that user
// out. Its place in memory ends with the last login.
type gate struct {
	deciding int // logins that are being decided
	inVain   int // logins that are refused, and take their time
	waiting  *fairshare.Room[*entrant]
}

// entrant is a login that comes to a gate.
type entrant struct {
	key      string
	policy   lockoutPolicy
	forgiven int // failures that do not refuse it
	// barred logins are refused in any case. They pass the gate as others do, so that it
	// does not tell them apart.
	barred bool
	// takesTime means that a login that is refused takes as long as others, and so has to
	// wait for the others as well.
	takesTime bool

	// What follows is guarded by the room's mu until the login has passed.

	foundLocked bool // the key was, when it passed
	inside      *int // of the gate's counts, the one that it is among; nil: none
	atGate      *fairshare.Place[*entrant]
	atGates     *fairshare.Place[*entrant]
	passed      chan error // has nil when it has passed, and errAtGate when it was pushed out
}

// enter waits, no longer than that, until a login of the key may be decided, or is found
// locked by what the others have done. leave has to follow, unless there is an error.
func (r *lockoutRoom) enter(ctx context.Context, login *entrant, share fairshare.Share, wait time.Duration) error {
	if login.policy.threshold == 0 {
		return nil
	}
	waits, err := r.arrive(login, share, time.Now())
	if !waits {
		return err
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case err := <-login.passed:
		return err
	case <-timer.C:
		err = errNotReady
	case <-ctx.Done():
		err = fmt.Errorf("it waited for other logins of the name: %w", ctx.Err())
	}
	r.giveUp(login)
	return err
}

// arrive lets a login pass, or wait. Otherwise the error is errAtGate.
func (r *lockoutRoom) arrive(login *entrant, share fairshare.Share, now time.Time) (waits bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	g := r.gates[login.key]
	if g == nil {
		g = &gate{waiting: fairshare.NewRoom[*entrant](0)}
		r.gates[login.key] = g
	}
	defer r.tidy(login.key, g)
	g.waiting.Resize(max(1, maxAtGate+login.policy.threshold-g.deciding-g.inVain))
	if g.waiting.Len() == 0 && r.pass(g, login, now) {
		g.waiting.Enter(share, login)
		g.waiting.Next() // the turn of its address
		return false, nil
	}
	if !r.wait(g, login, share) {
		return false, errAtGate
	}
	return true, nil
}

// wait has a login wait at a gate, unless there is no place for it. It runs with mu held.
func (r *lockoutRoom) wait(g *gate, login *entrant, share fairshare.Share) bool {
	login.passed = make(chan error, 1)
	var here, elsewhere *fairshare.Place[*entrant] // that have to give up their places
	if login.atGate, here = g.waiting.Enter(share, login); login.atGate == nil {
		return false
	}
	if here != nil {
		r.waiting.Leave(here.Value.atGates)
	}
	share.Name = login.key
	if login.atGates, elsewhere = r.waiting.Enter(share, login); login.atGates == nil {
		g.waiting.Leave(login.atGate)
		return false
	}
	for _, place := range []*fairshare.Place[*entrant]{here, elsewhere} {
		if place != nil {
			r.stop(place.Value)
			place.Value.passed <- errAtGate
		}
	}
	return true
}

// stop ends the wait of a login, and lets those pass whom it was in the way of. It runs
// with mu held.
func (r *lockoutRoom) stop(login *entrant) {
	g := r.gates[login.key]
	g.waiting.Leave(login.atGate)
	r.waiting.Leave(login.atGates)
	r.goOn(g, time.Now())
}

// giveUp ends the wait of a login that waits no longer. It may have passed just now.
func (r *lockoutRoom) giveUp(login *entrant) {
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case err := <-login.passed:
		if err == nil {
			r.end(login)
		}
	default:
		r.stop(login)
	}
}

// leave ends what enter began.
func (r *lockoutRoom) leave(login *entrant) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.end(login)
}

// end takes a login out that has passed. It runs with mu held.
func (r *lockoutRoom) end(login *entrant) {
	if login.inside == nil {
		return
	}
	*login.inside--
	g := r.gates[login.key]
	r.goOn(g, time.Now())
	r.tidy(login.key, g)
}

// goOn lets those pass who wait, in their order, as long as they may. It runs with mu
// held.
func (r *lockoutRoom) goOn(g *gate, now time.Time) {
	for place := g.waiting.First(); place != nil && r.pass(g, place.Value, now); place = g.waiting.First() {
		g.waiting.Next()
		r.waiting.Leave(place.Value.atGates)
		place.Value.passed <- nil
	}
}

// pass lets a login pass, if it may now. It runs with mu held.
func (r *lockoutRoom) pass(g *gate, login *entrant, now time.Time) bool {
	login.foundLocked = r.lockedNow(login.key, login.policy, login.forgiven, now)
	if login.foundLocked && !login.takesTime {
		return true
	}
	count, most := &g.inVain, login.policy.threshold
	if !login.foundLocked && !login.barred {
		// A login that goes on although the name is locked, for its own failures, goes alone.
		failed, _ := r.counting.Peek(login.key)
		count, most = &g.deciding, max(1, most-max(failed.count, r.locked[login.key].count))
	}
	if *count >= most {
		return false
	}
	*count++
	login.inside = count
	return true
}

// tidy forgets a gate at which nothing happens any more. It runs with mu held.
func (r *lockoutRoom) tidy(key string, g *gate) {
	if g.deciding+g.inVain+g.waiting.Len() == 0 {
		delete(r.gates, key)
	}
}
