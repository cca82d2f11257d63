package radclient

import (
	"sync"
	"time"
)

const (
	// unmeasuredInterval is the wait for an answer before the second copy while
	// no answer has been timed. RFC 5080 section 2.2.1 starts at 2 s; here a
	// person is waiting.
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

// firstInterval is how long to wait for an answer before the second copy, at
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
