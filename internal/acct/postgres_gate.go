package acct

import (
	"context"
	"sync"
	"time"
)

// Pauses between trials of a server that is away. Where nothing listens a trial costs
// nothing; where a server answers, it costs that server a process.
const (
	pauseRefused  = 50 * time.Millisecond
	pauseAnswered = 400 * time.Millisecond
)

// gate keeps calls from a server that is away. While all is well they pass. Once there
// is a doubt, one call at a time tries the server: the others wait for the first trial,
// and fail at once as long as trials fail. The zero gate is open.
type gate struct {
	mu    sync.Mutex
	doubt bool          // guarded by mu
	trial chan struct{} // guarded by mu; closed when the trial that is under way ends; nil: none is
	err   error         // guarded by mu; why the latest trial failed; nil: there was none since the doubt
	until time.Time     // guarded by mu; when the next trial may begin
}

// refuses returns the reason why calls fail at once; nil if they do not.
func (g *gate) refuses() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.doubt && (g.trial != nil || time.Now().Before(g.until)) {
		return g.err
	}
	return nil
}

// doubtful reports whether the server may be away.
func (g *gate) doubtful() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.doubt
}

// enter lets a call pass, or returns why the server is away. If the call is a trial,
// leave has to follow.
func (g *gate) enter(ctx context.Context) (trial bool, err error) {
	for {
		trial, wait, err := g.admit()
		if wait == nil {
			return trial, err
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}

// admit does a step of enter: wait is not nil if the trial that is under way has to end
// first.
func (g *gate) admit() (trial bool, wait <-chan struct{}, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case !g.doubt:
		return false, nil, nil
	case g.trial != nil && g.err == nil:
		return false, g.trial, nil
	case g.trial != nil, time.Now().Before(g.until):
		return false, nil, g.err
	}
	g.trial = make(chan struct{})
	return true, nil, nil
}

// leave ends a trial. An err keeps the gate shut, but for a trial after the pause.
func (g *gate) leave(err error, pause time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.doubt, g.err, g.until = err != nil, err, time.Now().Add(pause)
	close(g.trial)
	g.trial = nil
}

// suspect begins a doubt, if there is none.
func (g *gate) suspect() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.doubt {
		g.doubt, g.err, g.until = true, nil, time.Time{}
	}
}

// shut is for a call that has found the server away, though it was no trial.
func (g *gate) shut(err error, pause time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.trial == nil {
		g.doubt, g.err, g.until = true, err, time.Now().Add(pause)
	}
}
