package radclient

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// race is a login that was sent to a server which had been found silent, and that moves
// on to the next one when the response window is over. The first valid answer of any of
// them decides it.
type race struct {
	*login
	ctx       context.Context
	remaining []*endpoint // not asked yet
	results   chan result
	branches  sync.WaitGroup
	waiting   []branch    // no result yet
	window    *time.Timer // when the login moves on
}

// branch is one endpoint that was asked.
type branch struct {
	*endpoint
	trial bool
}

// end ends the endpoint's trial, if this is one.
func (b branch) end() {
	if b.trial {
		b.trialEnded()
	}
}

// result is what came of a branch.
type result struct {
	branch
	verdict Verdict
	err     error
}

// race asks the first, and then as many of the remaining ones as it needs.
func (l *login) race(ctx context.Context, first branch, remaining []*endpoint) (Verdict, error) {
	ctx, cancel := context.WithCancel(ctx)
	r := &race{login: l, ctx: ctx, remaining: remaining, results: make(chan result, 1+len(remaining))}
	defer func() {
		cancel()
		r.branches.Wait()
	}()
	r.window = time.NewTimer(first.client.config.ResponseWindow)
	defer r.window.Stop()
	r.ask(first)
	var failed error
	for {
		select {
		case result := <-r.results:
			r.ended(result)
			switch {
			case result.err == nil:
				r.outrun()
				return result.verdict, nil
			case failed == nil:
				failed = result.err
			default:
				failed = fmt.Errorf("%w; and %w", failed, result.err)
			}
			if mayGoOn(result.err) && len(r.remaining) > 0 && r.hasTime() && ctx.Err() == nil {
				result.server.counters.failedOver()
				r.moveOn()
			}
			if len(r.waiting) == 0 {
				return Verdict{}, failed
			}
		case <-r.window.C:
			latest := r.waiting[len(r.waiting)-1]
			latest.end()
			if len(r.remaining) > 0 {
				latest.server.counters.failedOver()
				r.moveOn()
			}
		}
	}
}

// ask sends the login to an endpoint, and waits for its result beside others.
func (r *race) ask(b branch) {
	r.waiting = append(r.waiting, b)
	remaining := r.remaining
	r.branches.Go(func() {
		verdict, err := r.login.ask(r.ctx, b.endpoint, remaining)
		b.end()
		r.results <- result{b, verdict, err}
	})
}

// moveOn asks the next endpoint. From one that is silent as well, or was never heard,
// the login moves on again.
func (r *race) moveOn() {
	next, trial := r.pick(r.remaining)
	r.remaining = remove(r.remaining, next.endpoint)
	r.window.Stop()
	if len(r.remaining) > 0 && (trial || next.silent || !next.heard) && r.mayMove(next.endpoint) {
		remains := time.Until(r.deadline)
		r.window.Reset(min(next.client.config.ResponseWindow, remains/2))
	}
	r.ask(branch{next.endpoint, trial})
}

// ended counts the result of an endpoint, which waits no more.
func (r *race) ended(result result) {
	r.waiting = slices.DeleteFunc(r.waiting, func(b branch) bool { return b.endpoint == result.endpoint })
	if result.err != nil && r.ctx.Err() != nil {
		result.server.counters.abandoned()
		return
	}
	result.server.counters.ended(result.verdict, result.err)
}

// outrun counts those that still wait: they were not answered before another.
func (r *race) outrun() {
	for _, b := range r.waiting {
		b.server.counters.outrun()
	}
}
