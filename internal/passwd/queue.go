package passwd

import (
	"context"
	"fmt"
	"sync"
	"time"

	"vault-plugin-auth-radius/internal/fairshare"
)

// Class is the purpose of a hash. Those that wait take turns among the classes
// first, so that none delays another by more than a turn.
type Class int

// The classes.
const (
	Login    Class = iota // the user is not known yet: it may be a stranger
	Renewal               // of a token
	Operator              // a password is set

	classes
)

// Caller is the one that a hash is computed for.
type Caller struct {
	Class Class
	Share fairshare.Share // among those of the class
	// Since is when the caller began to wait, for whatever it has waited before; zero: now.
	Since time.Time
	// KnownFor is how long after it was right a password needs no new hash; 0: it always does.
	KnownFor time.Duration
}

// FullError means that no hash was computed, since so many callers wait for theirs that it
// would have taken too long. It does not depend on whether the user exists.
type FullError struct {
	Waiting int // of the same class, at that time
}

func (e *FullError) Error() string {
	return fmt.Sprintf("no password was hashed: %d wait for their hashes already, as many as can be computed in time", e.Waiting)
}

// maxWaiting is how many callers of a class wait, however fast hashes are.
const maxWaiting = 1024

// queue lets a number of hashes be computed at the same time. The others wait, in a room
// for each class.
type queue struct {
	parallel int
	wait     time.Duration // the longest, but of operators

	mu      sync.Mutex
	running int                                // guarded by mu
	rooms   [classes]*fairshare.Room[*waiting] // guarded by mu; empty unless as many run as may
	next    Class                              // guarded by mu; whose turn is first
	usual   time.Duration                      // guarded by mu; what a hash took lately; 0: none was computed
}

// waiting is one that waits for its turn.
type waiting struct {
	turn chan error // has nil when its turn has begun, and a FullError when it was pushed out
}

func newQueue(parallel int, wait time.Duration) *queue {
	q := &queue{parallel: parallel, wait: wait}
	for class := range q.rooms {
		q.rooms[class] = fairshare.NewRoom[*waiting](maxWaiting)
	}
	return q
}

// begin waits for a turn, which ends with end. work is about how long the hash takes.
func (q *queue) begin(ctx context.Context, caller Caller, work time.Duration) error {
	place, patience, err := q.enter(caller, work)
	if place == nil || err != nil {
		return err
	}
	var late <-chan time.Time // never, for operators
	if caller.Class != Operator {
		timer := time.NewTimer(patience)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case err := <-place.Value.turn:
		return err
	case <-late:
		err = &FullError{q.waiting(caller.Class)}
	case <-ctx.Done():
		err = fmt.Errorf("no password was hashed while waiting for others: %w", ctx.Err())
	}
	q.giveUp(caller.Class, place)
	return err
}

// enter begins a turn, or returns the place to wait for it, and for how long.
func (q *queue) enter(caller Caller, work time.Duration) (place *fairshare.Place[*waiting], patience time.Duration, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.running < q.parallel {
		q.running++
		return nil, 0, nil
	}
	if q.usual > 0 {
		work = q.usual
	}
	room := q.rooms[caller.Class]
	room.Resize(q.limit(caller.Class, work))
	place, pushedOut := room.Enter(caller.Share, &waiting{make(chan error, 1)})
	if pushedOut != nil {
		pushedOut.Value.turn <- &FullError{room.Len()}
	}
	if place == nil {
		return nil, 0, &FullError{room.Len()}
	}
	patience = q.wait
	if !caller.Since.IsZero() {
		patience -= time.Since(caller.Since)
	}
	return place, max(patience, 2*work), nil // a slow hash is computed, too
}

// limit returns how many of a class may wait, each for a hash that takes so long: no more
// than have their turns in time, and one at least. It runs with mu held.
func (q *queue) limit(class Class, work time.Duration) int {
	if class == Operator || work <= 0 {
		return maxWaiting
	}
	sharing := 1 // classes that take turns
	for other, room := range q.rooms {
		if Class(other) != class && room.Len() > 0 {
			sharing++
		}
	}
	each := work * time.Duration(sharing) / time.Duration(q.parallel)
	return int(min(max(1, (q.wait-work)/max(1, each)), maxWaiting))
}

// waiting returns how many of a class wait.
func (q *queue) waiting(class Class) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.rooms[class].Len()
}

// giveUp leaves the place. If its turn has begun, it goes to another one.
func (q *queue) giveUp(class Class, place *fairshare.Place[*waiting]) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.rooms[class].Leave(place)
	select {
	case err := <-place.Value.turn:
		if err == nil {
			q.pass()
		}
	default:
	}
}

// end ends a turn, in which a hash has taken so long.
func (q *queue) end(took time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.usual == 0 {
		q.usual = took
	}
	q.usual += (took - q.usual) / 8
	q.pass()
}

// pass lets the next one begin its turn. It runs with mu held.
func (q *queue) pass() {
	q.running--
	for range classes {
		class := q.next
		q.next = (q.next + 1) % classes
		if place := q.rooms[class].Next(); place != nil {
			q.running++
			place.Value.turn <- nil
			return
		}
	}
}
