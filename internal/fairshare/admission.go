package fairshare

import (
	"context"
	"sync"
)

// Admission bounds how many wait, as a [Room] does, and ends the wait of those that are
// pushed out. It is safe for concurrent use.
type Admission struct {
	pushedOut error

	mu   sync.Mutex
	room *Room[context.CancelCauseFunc] // guarded by mu
}

// Ticket is the place of one that an Admission has let in.
type Ticket = Place[context.CancelCauseFunc]

// NewAdmission returns an Admission that lets so many wait at a time. pushedOut is the
// cause with which the wait of those ends that have to leave their places.
func NewAdmission(limit int, pushedOut error) *Admission {
	return &Admission{pushedOut: pushedOut, room: NewRoom[context.CancelCauseFunc](limit)}
}

// Enter lets one in, whose wait the function end ends if it has to leave its place
// later. The ticket, which Leave takes back, is nil if it is refused.
func (a *Admission) Enter(share Share, end context.CancelCauseFunc) *Ticket {
	entered, pushedOut := a.take(share, end)
	if pushedOut != nil {
		pushedOut.Value(a.pushedOut)
	}
	return entered
}

func (a *Admission) take(share Share, end context.CancelCauseFunc) (entered, pushedOut *Ticket) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.room.Enter(share, end)
}

// Leave takes a ticket back. One that was pushed out has left already.
func (a *Admission) Leave(ticket *Ticket) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.room.Leave(ticket)
}

// Len returns how many wait.
func (a *Admission) Len() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.room.Len()
}
