package radclient

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"vault-plugin-auth-radius/internal/fairshare"
)

// endpoint is one address of a server, with what carries requests there and what is
// known of it.
type endpoint struct {
	client  *Client
	server  *server
	address netip.AddrPort
	name    string // the address as a text
	logins  carrier
	probes  carrier // of its own over UDP, so that logins cannot starve probes (RFC 5997 section 4.1)
	trip    roundTrip

	admission *fairshare.Admission // of logins; what only rests, such as an identifier, does not count

	mu     sync.Mutex
	health *health   // guarded by mu
	armed  time.Time // guarded by mu; when health is looked after; zero: not planned

	appointment // to look after health
}

// plan returns when copies of a request go out; nil: never.
func (e *endpoint) plan(budget time.Duration) *schedule {
	config := e.client.config
	if config.Retransmit == RetransmitNever || config.Transport != UDP {
		return nil
	}
	// A slow answer to one login must not cost the next one its copies.
	first := min(e.trip.firstInterval(), max(unmeasuredInterval, budget/20))
	return newSchedule(budget, first, rand.Float64)
}

// state returns what is known of the endpoint.
func (e *endpoint) state() State {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.health.state
}

// standing returns what decides whether a login goes here.
func (e *endpoint) standing() standing {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.health.standing()
}

// answersProbes reports whether the endpoint has answered a probe.
func (e *endpoint) answersProbes() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.health.answers == supportYes && e.health.heard
}

// takeTrial reports whether a login may try the endpoint, though it was silent or was
// never heard. moves says whether the login moves on if nothing comes back. The trial
// ends with trialEnded.
func (e *endpoint) takeTrial(moves bool) bool {
	now := time.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.health.takeTrial(now, moves) || e.health.takeFirstTrial(now, moves)
}

// trialEnded lets another login try the endpoint later.
func (e *endpoint) trialEnded() { e.observe((*health).trialEnded) }

// observe lets an event change health, plans when health is looked after next, and
// reports a change of state to the client.
func (e *endpoint) observe(event func(h *health, now time.Time)) {
	before, after, next := e.judge(event)
	if !next.IsZero() {
		e.client.agenda.add(e, next)
	}
	if after != before {
		e.client.stateChanged(e, before, after)
	}
}

// judge lets an event change health, and returns when health is to be looked after, if
// that is sooner than planned.
func (e *endpoint) judge(event func(h *health, now time.Time)) (before, after State, next time.Time) {
	now := time.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	before = e.health.state
	event(e.health, now)
	after = e.health.state
	// If health wants to be looked after later than planned, it says so then.
	next = e.health.next()
	if next.IsZero() || !e.armed.IsZero() && !next.Before(e.armed) {
		return before, after, time.Time{}
	}
	e.armed = next
	return before, after, next
}

func (e *endpoint) disarm() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.armed = time.Time{}
}

// due looks after health.
func (e *endpoint) due(time.Time) (next time.Time, again bool) {
	e.disarm()
	probe := false
	e.observe(func(h *health, now time.Time) { probe = h.due(now) })
	if probe {
		e.probe()
	}
	return time.Time{}, false // observe has planned what comes next
}

// probe sends a probe, once.
func (e *endpoint) probe() {
	e.probes.carry(context.Background(), &exchange{
		status:   true,
		deadline: time.Now().Add(e.client.pace().patience),
		compose:  e.newProbe,
		onDone:   e.probed,
	})
}

// probed takes the result of a probe. If it was not answered in its time, health has
// seen that before.
func (e *endpoint) probed(x *exchange) {
	e.server.counters.probed(x)
	switch {
	case x.packet != nil:
		e.observe((*health).probeAnswered)
		endpoints, _, _ := e.server.cached()
		e.server.probeAddresses(endpoints)
	case x.err != errSilence:
		e.observe((*health).probeRefused)
	}
}

// endProbes ends the probes that wait, without an answer.
func (e *endpoint) endProbes() {
	for _, x := range e.probes.exchanges() {
		if x.status {
			x.conn.end(x, nil, errNotDelivered)
		}
	}
}

// loginRefused takes the hint that nothing listens on the port.
func (e *endpoint) loginRefused() { e.observe((*health).refused) }

// answeredLate takes the valid answer to a login that had ended.
func (e *endpoint) answeredLate(late *request) {
	e.observe(func(h *health, now time.Time) { h.answeredLate(late.sentAt, now) })
}

// preferred reports whether new logins may come here first.
func (e *endpoint) preferred() bool { return preference(e.state()) == 0 }

// retire ends probing, and closes sockets and connections as soon as nothing
// waits on them.
func (e *endpoint) retire() {
	e.observe(func(h *health, _ time.Time) { h.retire() })
	e.endProbes()
	e.logins.retire()
	e.probes.retire()
}
