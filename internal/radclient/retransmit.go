package radclient

import "time"

const (
	// firstInterval is the wait for an answer before the second copy. RFC 5080
	// section 2.2.1 starts at 2 s; here a person is waiting.
	firstInterval = 500 * time.Millisecond

	// maxInterval is the longest wait between two copies, before jitter.
	maxInterval = 4 * time.Second

	// lastCopyLead is how long before the end the last copy goes out, so that
	// an answer to it can still arrive.
	lastCopyLead = time.Second

	// jitter spreads intervals, so that logins that were lost together do not
	// come back together (RFC 5080 section 2.2.1).
	jitter = 0.1
)

// sendTimes gives the times, from the start of an exchange that may take
// budget, at which copies of the request go out: at once, then after intervals
// that double, and once more shortly before the end. random gives values in
// [0, 1).
func sendTimes(budget time.Duration, random func() float64) []time.Duration {
	last := budget - min(lastCopyLead, budget/4)
	times := []time.Duration{0}
	interval := firstInterval
	for at := spread(interval, random); at < last; at += spread(interval, random) {
		times = append(times, at)
		interval = min(2*interval, maxInterval)
	}
	return append(times, last)
}

// spread varies an interval by up to ±10 %.
func spread(interval time.Duration, random func() float64) time.Duration {
	return time.Duration(float64(interval) * (1 + jitter*(2*random()-1)))
}
