package radclient

import "time"

// Probes that are logins of a test user reach the user store and the server's log, so
// they are few: one at a time, and never twice.
const (
	// requestInterval is the least time between two of them.
	requestInterval = 5 * time.Second

	// deadRequestInterval is the least time between two to a dead server.
	deadRequestInterval = 30 * time.Second

	// requestMisses is how many are left unanswered before the verdict. A network that
	// loses a fifth of the packets each way leaves one unanswered of a server that lives
	// with a probability of 0.36, and four in a row once in 60 rounds. New logins do not
	// wait for the verdict: they avoid the server after the first.
	requestMisses = 4

	// requestRevivals is how many a dead server has to answer. The answer is what a login
	// gets, and to ask for several in a row would keep a server out for minutes on a
	// network that loses packets.
	requestRevivals = 1
)

// requestPace judges a server by requests of a test user, each of which is waited for as
// long as the window.
func requestPace(window time.Duration) pace {
	rest := max(requestInterval, window)
	return pace{
		suspicion: udpPace.suspicion,
		rounds:    udpPace.rounds,
		interval:  window,
		patience:  rest, // an answer after the window is one all the same
		rest:      rest,
		deadRest:  max(deadRequestInterval, rest),
		misses:    requestMisses,
		revivals:  requestRevivals,
	}
}

// paced returns the time of a probe, or a later one if the latest probe is too recent. A
// zero time stays.
func (h *health) paced(at time.Time) time.Time {
	earliest := h.probedAt.Add(h.pace.rest)
	if at.IsZero() || !at.Before(earliest) {
		return at
	}
	return earliest
}

// deadProbe returns when a dead server is probed next.
func (h *health) deadProbe(now time.Time) time.Time {
	if h.pace.deadRest > 0 {
		// Spread, as all intervals are, but never shorter.
		return h.probedAt.Add(h.pace.deadRest + time.Duration(jitter*h.random()*float64(h.pace.deadRest)))
	}
	wait := h.deadWait
	h.deadWait = min(2*wait, maxDeadInterval)
	return now.Add(spread(wait, h.random))
}
