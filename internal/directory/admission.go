package directory

import (
	"context"
	"errors"
	"sync"

	"vault-plugin-auth-radius/internal/fairshare"
)

// maxWaiting bounds the logins that wait for a server at once, each with a connection of
// its own.
const maxWaiting = 512

// errPushedOut ends the wait of a login that gave its place to one with a better claim.
var errPushedOut = errors.New("too many logins wait for the directory, and this one has given up its place")

// admission bounds the logins that wait for a server, with fair shares, as
// [fairshare.Room] has them. Safe for concurrent use; the zero value is open, and nobody
// waits.
type admission struct {
	mu   sync.Mutex
	room *fairshare.Room[context.CancelCauseFunc] // guarded by mu; nil until a login enters
}

// place is where a login waits.
type place = fairshare.Place[context.CancelCauseFunc]

// enter lets a login in; nil means that it is refused. pushOut ends the login's wait, if
// it has to give up its place later.
func (a *admission) enter(share fairshare.Share, pushOut context.CancelCauseFunc) *place {
	entered, pushedOut := a.takePlace(share, pushOut)
	if pushedOut != nil {
		pushedOut.Value(errPushedOut)
	}
	return entered
}

func (a *admission) takePlace(share fairshare.Share, pushOut context.CancelCauseFunc) (entered, pushedOut *place) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.room == nil {
		a.room = fairshare.NewRoom[context.CancelCauseFunc](maxWaiting)
	}
	return a.room.Enter(share, pushOut)
}

// leave ends the wait of a login. One that was pushed out has left already.
func (a *admission) leave(entered *place) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.room.Leave(entered)
}
