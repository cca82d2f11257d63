package radclient

import (
	"context"
	"errors"
	"sync"

	"vault-plugin-auth-radius/internal/fairshare"
)

// maxWaiting bounds the logins that wait for an endpoint.
const maxWaiting = 4096

var (
	// errFull means that too many logins wait, and that this one had no better claim
	// to a place: nothing was sent.
	errFull = errors.New("too many logins wait for the server")

	// errPushedOut means that a login gave its place to one with a better claim.
	errPushedOut = errors.New("too many logins wait for the server, and this one has given up its place")
)

// admission bounds the logins that wait for an endpoint, with fair shares, as
// [fairshare.Room] has them. What only rests, such as an identifier, does not count.
// Safe for concurrent use; the zero value is open, and nobody waits.
type admission struct {
	mu   sync.Mutex
	room *fairshare.Room[context.CancelCauseFunc] // guarded by mu; nil until a login enters
}

// ticket is the place of a login that waits.
type ticket = fairshare.Place[context.CancelCauseFunc]

// enter lets a login in; nil means that it is refused. pushOut ends the login's wait,
// if it has to give up its place later.
func (a *admission) enter(share fairshare.Share, pushOut context.CancelCauseFunc) *ticket {
	entered, pushedOut := a.takePlace(share, pushOut)
	if pushedOut != nil {
		pushedOut.Value(errPushedOut)
	}
	return entered
}

func (a *admission) takePlace(share fairshare.Share, pushOut context.CancelCauseFunc) (entered, pushedOut *ticket) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.room == nil {
		a.room = fairshare.NewRoom[context.CancelCauseFunc](maxWaiting)
	}
	return a.room.Enter(share, pushOut)
}

// leave ends the wait of a login. One that was pushed out has left already.
func (a *admission) leave(entered *ticket) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.room.Leave(entered)
}
