package radiustest

import (
	"net/netip"
	"slices"
	"sync"
)

// ledger holds what a server has received, and the handler that decides its answers.
type ledger struct {
	loss      Loss
	keep      int
	discarded func(*Request)
	handling  chan struct{} // holds a value while a handler runs

	mu       sync.Mutex
	handler  Handler                      // guarded by mu
	requests []Request                    // guarded by mu
	history  *recent[requestKey, history] // guarded by mu
	distinct int                          // guarded by mu
}

// history is what the server knows of one request and its copies.
type history struct {
	sent    int  // copies so far, lost ones included
	arrived bool // at least one was not lost
}

// requestKey holds what identifies duplicates (RFC 5080 section 2.2.2). Where RADIUS/1.1
// has its Token, others have the authenticator.
type requestKey struct {
	from          netip.AddrPort
	identifier    byte
	authenticator [16]byte
}

func newLedger(handler Handler, keep int) *ledger {
	return &ledger{
		keep:     keep,
		handling: make(chan struct{}, 1),
		handler:  handler,
		history:  newRecent[requestKey, history](keep),
	}
}

// SetHandler changes what is answered from the next request on.
func (l *ledger) SetHandler(h Handler) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.handler = h
}

// Requests returns everything received so far, in order: copies and discarded
// ones included, those lost on the way in not.
func (l *ledger) Requests() []Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.requests)
}

// Distinct counts the requests received so far, each once however often it was
// sent: source, identifier and authenticator (or Token) distinguish them.
func (l *ledger) Distinct() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.distinct
}

// answers takes a request through loss, checks and the handler, and returns what
// is to be sent.
func (l *ledger) answers(r *Request) []Answer {
	handler, lost := l.record(r)
	if lost {
		return nil
	}
	l.handling <- struct{}{} // no mutex: a test's handler may wait for the test
	defer func() { <-l.handling }()
	switch {
	case r.Discarded != "":
		if l.discarded != nil {
			l.discarded(r)
		}
		return nil
	case handler == nil:
		return nil
	}
	answers := handler(r)
	if l.loss.LosesAnswer(r.Username(), r.Copy) {
		return nil
	}
	return answers
}

// record numbers a request and remembers it unless it is lost. It returns the
// handler of this moment.
func (l *ledger) record(r *Request) (handler Handler, lost bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.number(r) {
		return nil, true
	}
	if l.keep > 0 && len(l.requests) >= 2*l.keep {
		l.requests = slices.Clone(l.requests[l.keep:])
	}
	l.requests = append(l.requests, *r)
	return l.handler, false
}

// number sets r.Copy, counts the request if it is new and reports whether this
// copy is lost. It runs with mu held.
func (l *ledger) number(r *Request) (lost bool) {
	r.Copy = 1
	if r.Packet == nil {
		return l.loss.LosesRequest("", r.Copy)
	}
	key := requestKey{from: r.From, identifier: r.Packet.Identifier, authenticator: r.Packet.Authenticator}
	h, _ := l.history.get(key)
	h.sent++
	r.Copy = h.sent
	lost = l.loss.LosesRequest(r.Username(), r.Copy)
	if !lost && !h.arrived {
		h.arrived = true
		l.distinct++
	}
	l.history.put(key, h)
	return lost
}
