package lockout

import (
	"context"
	"fmt"
	"time"

	"vault-plugin-auth-radius/internal/fairshare"
)

const (
	// maxAtTurnstile is how many logins of a key are under way at a time, beside as many
	// as may fail.
	maxAtTurnstile = 64
	// maxAtTurnstiles is how many logins wait at all turnstiles of a table.
	maxAtTurnstiles = 2048
)

// TurnError means that a login had no turn, since others of its name were before it.
type TurnError string

// Error says what the login has waited for.
func (e TurnError) Error() string { return string(e) }

const (
	errCrowded  TurnError = "too many logins of the name, or of others, wait for those before them"
	errNotReady TurnError = "the logins of the name before it were not decided in time"
)

// turnstile holds logins of a key up: no more are decided at once than may fail, so that
// many at the same time cannot try more passwords than one after another. Client addresses
// take turns, so that strangers that try a user's name do not keep that user out. Its place
// in memory ends with the last login.
type turnstile struct {
	deciding int // logins that are being decided
	inVain   int // logins that are refused, and take their time
	waiting  *fairshare.Room[*entrant]
}

// entrant is a login that comes to a turnstile.
type entrant struct {
	key       string
	policy    Policy
	forgiven  int  // failures that do not refuse it
	barred    bool // as [Login] has it
	takesTime bool // as [Login] has it

	// The rest is guarded by the table's mu until the login has passed.

	foundLocked  bool // the key was, when it passed
	inside       *int // of the turnstile's counts, the one that it is among; nil: none
	atTurnstile  *fairshare.Place[*entrant]
	atTurnstiles *fairshare.Place[*entrant]
	released     chan error // has nil when it has passed, and errCrowded when it was pushed out
}

// enter waits, no longer than that, until a login of the key may be decided, or is found
// locked by what the others have done. leave has to follow, unless there is an error.
func (t *table) enter(ctx context.Context, login *entrant, share fairshare.Share, wait time.Duration) error {
	if login.policy.Threshold == 0 {
		return nil
	}
	waits, err := t.arrive(login, share, time.Now())
	if !waits {
		return err
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case err := <-login.released:
		return err
	case <-timer.C:
		err = errNotReady
	case <-ctx.Done():
		err = fmt.Errorf("it waited for other logins of the name: %w", ctx.Err())
	}
	t.giveUp(login)
	return err
}

// arrive lets a login pass, or wait. Otherwise the error is errCrowded.
func (t *table) arrive(login *entrant, share fairshare.Share, now time.Time) (waits bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	stile := t.turnstiles[login.key]
	if stile == nil {
		stile = &turnstile{waiting: fairshare.NewRoom[*entrant](0)}
		t.turnstiles[login.key] = stile
	}
	defer t.tidy(login.key, stile)
	stile.waiting.Resize(max(1, maxAtTurnstile+login.policy.Threshold-stile.deciding-stile.inVain))
	if stile.waiting.Len() == 0 && t.pass(stile, login, now) {
		stile.waiting.Enter(share, login)
		stile.waiting.Next() // the turn of its address
		return false, nil
	}
	if !t.wait(stile, login, share) {
		return false, errCrowded
	}
	return true, nil
}

// wait has a login wait at a turnstile, unless there is no place for it. It runs with mu held.
func (t *table) wait(stile *turnstile, login *entrant, share fairshare.Share) bool {
	login.released = make(chan error, 1)
	var here, elsewhere *fairshare.Place[*entrant] // that have to give up their places
	if login.atTurnstile, here = stile.waiting.Enter(share, login); login.atTurnstile == nil {
		return false
	}
	if here != nil {
		t.waiting.Leave(here.Value.atTurnstiles)
	}
	share.Name = login.key
	if login.atTurnstiles, elsewhere = t.waiting.Enter(share, login); login.atTurnstiles == nil {
		stile.waiting.Leave(login.atTurnstile)
		return false
	}
	for _, place := range []*fairshare.Place[*entrant]{here, elsewhere} {
		if place != nil {
			t.stop(place.Value)
			place.Value.released <- errCrowded
		}
	}
	return true
}

// stop ends the wait of a login, and lets those pass that it was in the way of. It runs
// with mu held.
func (t *table) stop(login *entrant) {
	stile := t.turnstiles[login.key]
	stile.waiting.Leave(login.atTurnstile)
	t.waiting.Leave(login.atTurnstiles)
	t.goOn(stile, time.Now())
}

// giveUp ends the wait of a login that waits no longer. It may have passed just now.
func (t *table) giveUp(login *entrant) {
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case err := <-login.released:
		if err == nil {
			t.end(login)
		}
	default:
		t.stop(login)
	}
}

// leave ends what enter began.
func (t *table) leave(login *entrant) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.end(login)
}

// end takes a login out that has passed. It runs with mu held.
func (t *table) end(login *entrant) {
	if login.inside == nil {
		return
	}
	*login.inside--
	stile := t.turnstiles[login.key]
	t.goOn(stile, time.Now())
	t.tidy(login.key, stile)
}

// goOn lets those pass that wait, in their order, as long as they may. It runs with mu
// held.
func (t *table) goOn(stile *turnstile, now time.Time) {
	for place := stile.waiting.First(); place != nil && t.pass(stile, place.Value, now); place = stile.waiting.First() {
		stile.waiting.Next()
		t.waiting.Leave(place.Value.atTurnstiles)
		place.Value.released <- nil
	}
}

// pass lets a login pass, if it may now. It runs with mu held.
func (t *table) pass(stile *turnstile, login *entrant, now time.Time) bool {
	login.foundLocked = t.lockedNow(login.key, login.policy, login.forgiven, now)
	if login.foundLocked && !login.takesTime {
		return true
	}
	count, most := &stile.inVain, login.policy.Threshold
	if !login.foundLocked && !login.barred {
		// A login that goes on although the name is locked, for its own failures, goes alone.
		failed, _ := t.counting.Peek(login.key)
		count, most = &stile.deciding, max(1, most-max(failed.count, t.locked[login.key].count))
	}
	if *count >= most {
		return false
	}
	*count++
	login.inside = count
	return true
}

// tidy forgets a turnstile at which nothing happens any more. It runs with mu held.
func (t *table) tidy(key string, stile *turnstile) {
	if stile.deciding+stile.inVain+stile.waiting.Len() == 0 {
		delete(t.turnstiles, key)
	}
}
