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
}

// measured takes the time of an answer to a request that was sent once: an
// answer to one of several copies could be to any of them (Karn's algorithm,
// RFC 6298 section 3).
func (r *roundTrip) measured(took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
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
	if r.smoothed == 0 {
		return unmeasuredInterval
	}
	return max(minFirstInterval, min(maxInterval, r.smoothed+4*r.variation))
}
