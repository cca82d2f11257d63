package soak

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

const (
	// failuresKept is how many messages of failures a run shows.
	failuresKept = 20

	// The machine is busy if a request that Vault answers alone takes so long, a hundred times as long as usual,
	// or if some process waits for a processor in so many percent of a second. Hashes of passwords, which take
	// a processor for long, feel the latter more. Around that, it is taken to be busy as well.
	busyFrom     = 100 * time.Millisecond
	busyPressure = 60
	busyAround   = time.Second
)

// machine stands for a server in outages: it is away while the machine is busy with other things.
const machine = "(machine)"

// kind is a kind of request, a row of the table.
type kind struct {
	name string

	// server, if it has a name, is a server without which the request takes longer: what overlaps its
	// outages has no part in the times. If dependsOn is set, the request may fail then as well.
	server    string
	dependsOn bool

	// control is set of what Vault answers without the plugin: its times tell how busy the machine is, and
	// are held to no limit.
	control bool
}

// errRefused is what a request returns that was refused as it had to be.
var errRefused = errors.New("refused, as expected")

// errNotInTime is in the error of a request that the plugin has refused as it took too long: a password whose
// turn to be hashed did not come, a server that did not answer, an attempt that could not be stored.
var errNotInTime = errors.New("not in time")

// counts are what became of the requests of a kind.
type counts struct {
	kind      kind
	succeeded int
	refused   int // as they had to be
	away      int // failed while their server was away
	busy      int // not in time while the machine was busy
	failed    int // for no such reason

	first, last []time.Duration // times of the two windows
}

// sent returns how many requests of the kind there were.
func (c *counts) sent() int { return c.succeeded + c.refused + c.away + c.busy + c.failed }

// tally counts requests by their kinds. Its methods may be called by several goroutines.
type tally struct {
	plan    Plan
	started time.Time
	outages *outages

	mu       sync.Mutex
	kinds    map[string]*counts // guarded by mu
	failures []failure          // in the order in which they ended; guarded by mu
}

// failure is a request that has failed, which may have an excuse, or another fault, which has no kind.
type failure struct {
	kind         kind
	begun, ended time.Time
	err          error
}

func newTally(plan Plan, started time.Time, away *outages) *tally {
	return &tally{plan: plan, started: started, outages: away, kinds: map[string]*counts{}}
}

// record counts a request by the error that it has returned.
func (t *tally) record(k kind, begun, ended time.Time, err error) {
	if k.control && ended.Sub(begun) >= busyFrom {
		t.outages.add(machine, span{begun.Add(-busyAround), ended.Add(busyAround)})
	}
	overlap := k.server != "" && t.outages.overlap(k.server, begun, ended)
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.kinds[k.name]
	if c == nil {
		c = &counts{kind: k}
		t.kinds[k.name] = c
	}
	switch {
	case err == nil:
		c.succeeded++
	case errors.Is(err, errRefused):
		c.refused++
	default:
		t.failures = append(t.failures, failure{k, begun, ended, err})
		return
	}
	if overlap {
		return
	}
	switch t.plan.window(begun.Sub(t.started)) {
	case firstWindow:
		c.first = append(c.first, ended.Sub(begun))
	case lastWindow:
		c.last = append(c.last, ended.Sub(begun))
	}
}

// note counts a fault that is no request's.
func (t *tally) note(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failures = append(t.failures, failure{err: err})
}

// result is what a tally comes to.
type result struct {
	kinds    []*counts // sorted by name
	failed   int
	messages []string // of the first failures
}

// result returns what the tally comes to, once the last request has ended: only then all outages are known.
func (t *tally) result() result {
	t.mu.Lock()
	defer t.mu.Unlock()
	var r result
	for _, f := range t.failures {
		switch c := t.kinds[f.kind.name]; {
		case c != nil && f.kind.dependsOn && t.outages.overlap(f.kind.server, f.begun, f.ended):
			c.away++
		case c != nil && errors.Is(f.err, errNotInTime) && t.outages.overlap(machine, f.begun, f.ended):
			c.busy++
		case c != nil:
			c.failed++
			r.fail(fmt.Sprintf("%s, after %s: %v", f.kind.name, f.begun.Sub(t.started).Round(time.Millisecond), f.err))
		default:
			r.fail(f.err.Error())
		}
	}
	for _, c := range t.kinds {
		slices.Sort(c.first)
		slices.Sort(c.last)
		r.kinds = append(r.kinds, c)
	}
	slices.SortFunc(r.kinds, func(a, b *counts) int { return cmp.Compare(a.kind.name, b.kind.name) })
	return r
}

// fail counts a failure without an excuse.
func (r *result) fail(message string) {
	r.failed++
	if len(r.messages) < failuresKept {
		r.messages = append(r.messages, message)
	}
}
