package soak

import (
	"sync"
	"time"
)

// outages are the times when servers were away.
type outages struct {
	mu    sync.Mutex
	spans map[string][]span // by server, in their order; guarded by mu
}

// span is a time from its start to its end.
type span struct {
	from, until time.Time // until is zero as long as it lasts
}

// begin notes that a server goes away. It is called before the server is stopped.
func (o *outages) begin(server string, at time.Time) {
	o.add(server, span{from: at})
}

// add notes a time when a server was away.
func (o *outages) add(server string, s span) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.spans == nil {
		o.spans = map[string][]span{}
	}
	o.spans[server] = append(o.spans[server], s)
}

// end notes that a server is back. It is called once the server answers.
func (o *outages) end(server string, at time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	spans := o.spans[server]
	if len(spans) > 0 {
		spans[len(spans)-1].until = at
	}
}

// overlap reports whether a server was away at any moment of a request.
func (o *outages) overlap(server string, begun, ended time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	spans := o.spans[server]
	for i := len(spans) - 1; i >= 0; i-- { // the latest is the likeliest
		if s := spans[i]; !s.from.After(ended) && (s.until.IsZero() || !s.until.Before(begun)) {
			return true
		}
	}
	return false
}

// count returns how often a server went away.
func (o *outages) count(server string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.spans[server])
}
