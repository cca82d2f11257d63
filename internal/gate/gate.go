// Package gate counts the requests that a process is at, and lets no more in when it is
// about to end.
package gate

import "sync"

// Gate is open until it is shut, which it then stays.
type Gate struct {
	mu     sync.Mutex
	inside int           // guarded by mu
	shut   bool          // guarded by mu
	empty  chan struct{} // closed when the gate is shut and nothing is inside
}

// New returns an open gate.
func New() *Gate { return &Gate{empty: make(chan struct{})} }

// Enter lets a request in, which has to Leave. It reports false, and lets nothing in, if
// the gate is shut.
func (g *Gate) Enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut {
		return false
	}
	g.inside++
	return true
}

// Leave ends a request that was let in.
func (g *Gate) Leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	if g.shut && g.inside == 0 {
		close(g.empty)
	}
}

// Shut lets nothing more in. It returns a channel that is closed when all that was let in
// has left.
func (g *Gate) Shut() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.shut && g.inside == 0 {
		close(g.empty)
	}
	g.shut = true
	return g.empty
}
