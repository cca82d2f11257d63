package radclient

import (
	"sync"
	"time"
)

// Retransmit says whether a request is sent again.
type Retransmit string

const (
	// RetransmitAuto sends copies until an answer comes.
	RetransmitAuto Retransmit = "auto"
	// RetransmitNever sends one packet, for servers that send a push for each.
	RetransmitNever Retransmit = "never"
)

// Retransmits are the settings that there are.
var Retransmits = []Retransmit{RetransmitAuto, RetransmitNever}

const (
	// maxInterval is the longest wait between two copies, before jitter.
	maxInterval = 4 * time.Second

	// lastCopyLead is how long before the end the last copy goes out, so that
	// an answer to it can still arrive.
	lastCopyLead = time.Second

	// jitter spreads intervals, so that logins that were lost together do not
	// come back together (RFC 5080 section 2.2.1).
	jitter = 0.1
)

// schedule says when copies of a request go out: at once, then after intervals
// that double, and once more shortly before the end. Times count from the start
// of the exchange.
type schedule struct {
	last     time.Duration // when the last copy goes out
	at       time.Duration // when the latest one went out
	interval time.Duration // to the next one
	random   func() float64
}

// newSchedule plans an exchange that may take budget, with the wait before the
// second copy. random returns values in [0, 1).
func newSchedule(budget, first time.Duration, random func() float64) *schedule {
	return &schedule{last: budget - min(lastCopyLead, budget/4), interval: first, random: random}
}

// next returns the time of the copy after the latest; false if that was the last.
func (s *schedule) next() (time.Duration, bool) {
	if s.at >= s.last {
		return 0, false
	}
	s.at = min(s.at+spread(s.interval, s.random), s.last)
	s.interval = min(2*s.interval, maxInterval)
	return s.at, true
}

// spread varies an interval by up to ±10 %.
func spread(interval time.Duration, random func() float64) time.Duration {
	return time.Duration(float64(interval) * (1 + jitter*(2*random()-1)))
}

const (
	// unmeasuredInterval is the wait for an answer before the second copy while
	// no answer has been timed. RFC 5080 section 2.2.1 starts at 2 s; here a user
	// is waiting.
	unmeasuredInterval = 500 * time.Millisecond

	// minFirstInterval is the shortest wait before the second copy.
	minFirstInterval = 200 * time.Millisecond
)

// roundTrip estimates how long a server takes to answer, as TCP does (RFC 6298
// section 2). Safe for concurrent use; the zero value has measured nothing.
type roundTrip struct {
	mu        sync.Mutex
	smoothed  time.Duration // guarded by mu; 0 until something is measured
	variation time.Duration // guarded by mu
	backedOff time.Duration // guarded by mu; 0 unless the latest answer was to several copies
}

// answered takes the time that an answer took, and to how many copies it came.
// An answer to one of several could be to any of them, so it measures nothing
// (Karn's algorithm, RFC 6298 section 3). But a server that is always slower
// than the interval would never be measured: until it is, wait twice as long as
// that answer took (section 5.5).
func (r *roundTrip) answered(took time.Duration, copies int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if copies > 1 {
		r.backedOff = 2 * took
		return
	}
	r.backedOff = 0
	if r.smoothed == 0 {
		r.smoothed, r.variation = max(took, 1), took/2
		return
	}
	r.variation += ((r.smoothed - took).Abs() - r.variation) / 4
	r.smoothed += (took - r.smoothed) / 8
}

// firstInterval returns how long to wait for an answer before the second copy, at
// most maxInterval.
func (r *roundTrip) firstInterval() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	interval := unmeasuredInterval
	if r.smoothed > 0 {
		interval = max(minFirstInterval, r.smoothed+4*r.variation)
	}
	return min(maxInterval, max(interval, r.backedOff))
}
