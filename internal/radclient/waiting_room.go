package radclient

import (
	"maps"
	"slices"
	"sync"
	"time"

	"layeh.com/radius"
)

// waitingRoom holds the exchanges that wait for answers on one socket or
// connection. Safe for concurrent use.
type waitingRoom struct {
	mu      sync.Mutex
	waiting map[uint32]*exchange // guarded by mu; by key
	keys    keys                 // guarded by mu
	entered int                  // guarded by mu; exchanges so far
	closed  bool                 // guarded by mu; takes no more
	emptied time.Time            // guarded by mu; when the latest one left
	strays  Drops                // guarded by mu; datagrams that belong to no exchange
}

func newWaitingRoom(keys keys) *waitingRoom {
	return &waitingRoom{waiting: map[uint32]*exchange{}, keys: keys, emptied: time.Now()}
}

// enter assigns the exchange a key; false means that there is none left or that the
// room is closed.
func (r *waitingRoom) enter(x *exchange, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return false
	}
	key, found := r.keys.take(now)
	if !found {
		return false
	}
	r.admit(x, key)
	return true
}

// enterAs lets the exchange in with a key that is not among those issued; false means
// that another has it, or that the room is closed.
func (r *waitingRoom) enterAs(x *exchange, key uint32) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.waiting[key] != nil {
		return false
	}
	x.reserved = true
	r.admit(x, key)
	return true
}

// admit runs with mu held.
func (r *waitingRoom) admit(x *exchange, key uint32) {
	x.key, x.straysBefore = key, r.strays
	r.waiting[key] = x
	r.entered++
}

// admitted counts the exchanges that the room has had.
func (r *waitingRoom) admitted() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.entered
}

// start notes that the first copy goes out now. false means that the exchange
// has ended already.
func (r *waitingRoom) start(x *exchange, sent *request, now time.Time) (next time.Time, waits bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waiting[x.key] != x {
		return time.Time{}, false
	}
	x.request, x.started, x.sends = sent, now, 1
	sent.sentAt = now
	return x.nextAppointment(), true
}

// nextCopy notes that the next copy goes out. false means that the exchange has
// ended.
func (r *waitingRoom) nextCopy(x *exchange) (next time.Time, waits bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waiting[x.key] != x {
		return time.Time{}, false
	}
	x.sends++
	return x.nextAppointment(), true
}

// take returns the exchange that a datagram answers, and its packet, for the caller to
// end the exchange. A datagram that answers none is counted and changes nothing, unless
// it is the late answer to a request whose key rests: then take returns that request.
func (r *waitingRoom) take(key uint32, datagram []byte) (x *exchange, packet *radius.Packet, late *request, reason DropReason) {
	x, unanswered, reason := r.find(key)
	if unanswered != nil {
		if _, wrong := unanswered.check(datagram); wrong == 0 {
			r.answeredLate(key, unanswered)
			late = unanswered
		}
	}
	if x == nil {
		return nil, nil, late, reason
	}
	packet, reason = x.request.check(datagram)
	if reason != 0 {
		r.drop(x, reason)
		return nil, nil, nil, reason
	}
	return x, packet, nil, 0
}

// drop counts a packet that is not the exchange's answer, unless the exchange has ended
// meanwhile: then its result is final.
func (r *waitingRoom) drop(x *exchange, reason DropReason) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waiting[x.key] == x {
		x.drops[reason]++
	}
}

// find returns the exchange that waits under the key. If there is none, it counts the
// packet, and returns the request for which the key rests, nil if it does not.
func (r *waitingRoom) find(key uint32) (x *exchange, unanswered *request, reason DropReason) {
	r.mu.Lock()
	defer r.mu.Unlock()
	x = r.waiting[key]
	if x != nil && x.request != nil {
		return x, nil, 0
	}
	reason = DropOtherIdentifier
	if r.keys.issued(key) {
		reason = DropLate
	}
	r.strays[reason]++
	return nil, r.keys.unanswered(key), reason
}

// answeredLate ends the rest of a key, unless another request has it by now.
func (r *waitingRoom) answeredLate(key uint32, unanswered *request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.keys.unanswered(key) == unanswered {
		r.keys.wake(key)
	}
}

// stray counts a packet that cannot be any exchange's.
func (r *waitingRoom) stray(reason DropReason) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.strays[reason]++
}

// note records a refusal or a fault with all that wait: it is not known whose
// packet it was about, so it ends nothing.
func (r *waitingRoom) note(refused bool, fault error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, x := range r.waiting {
		if refused {
			x.refused++
		} else {
			x.fault = fault
		}
	}
}

// leave takes the exchange out and makes its result final. It reports whether it did,
// since another caller may have, and whether it was the last one in a room that is
// closed.
func (r *waitingRoom) leave(x *exchange, packet *radius.Packet, err error) (removed, last bool) {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waiting[x.key] != x {
		return false, false
	}
	delete(r.waiting, x.key)
	r.emptied = now
	switch {
	case x.reserved:
	case packet != nil || x.started.IsZero():
		r.keys.release(x.key)
	default:
		r.keys.rest(x.key, x.request.unanswered(), now)
	}
	for _, reason := range []DropReason{DropMalformed, DropOtherIdentifier} {
		x.strays[reason] = r.strays[reason] - x.straysBefore[reason]
	}
	if !x.started.IsZero() {
		x.waited = now.Sub(x.started)
	}
	x.packet, x.err = packet, err
	return true, r.closed && len(r.waiting) == 0
}

// exchanges returns those that wait.
func (r *waitingRoom) exchanges() []*exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Collect(maps.Values(r.waiting))
}

// load returns how many wait, and when the latest one left.
func (r *waitingRoom) load() (waiting int, emptied time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.waiting), r.emptied
}

// empty reports whether no exchange waits.
func (r *waitingRoom) empty() bool {
	waiting, _ := r.load()
	return waiting == 0
}

// lighter reports whether fewer wait in a than in b or, if as many do, the latest one
// left a earlier.
func lighter(a, b *waitingRoom) bool {
	waitingA, emptiedA := a.load()
	waitingB, emptiedB := b.load()
	return waitingA < waitingB || waitingA == waitingB && emptiedA.Before(emptiedB)
}

// open reports whether the room would take more if it had keys left.
func (r *waitingRoom) open() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.closed
}

// close lets no exchange in any more.
func (r *waitingRoom) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
}

// done reports whether the room is closed and empty.
func (r *waitingRoom) done() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closed && len(r.waiting) == 0
}

// closeIfIdle closes the room if it has been empty for so long.
func (r *waitingRoom) closeIfIdle(now time.Time, limit time.Duration) (closed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.waiting) > 0 || now.Sub(r.emptied) < limit {
		return false
	}
	r.closed = true
	return true
}
