package radclient

import "time"

// pace is how fast a server is judged.
type pace struct {
	suspicion time.Duration // silence after a request, before a round of probes
	rounds    time.Duration // between rounds, while an old request waits
	idle      bool          // rounds while no login waits as well
	interval  time.Duration // between the probes of a round
	window    time.Duration // silence after which a server that answers no probes is avoided
	trial     time.Duration // from silence to the first trial by a login; 0: there are none
	patience  time.Duration // how long an answer to a probe is taken
	connects  bool          // a probe may have to wait for a connection
	rest      time.Duration // between any two probes, at least
	deadRest  time.Duration // between those to a dead server; 0: what deadWait says
	misses    int           // probes left unanswered before the verdict
	revivals  int           // probes in a row that a dead server has to answer
}

// udpPace judges a server within 3.5 s: a round is six probes, of which on a
// network that loses a fifth of the packets each way a server that lives leaves
// all unanswered once in 460 rounds.
var udpPace = pace{
	suspicion: time.Second, rounds: 10 * time.Second, interval: 400 * time.Millisecond,
	patience: verdictMisses * 400 * time.Millisecond, misses: verdictMisses, revivals: revivalAnswers,
}

// streamPace leaves TCP the time to repair a loss, and looks after idle
// connections as well (RFC 3539 section 3.4).
var streamPace = pace{
	suspicion: 3 * time.Second, rounds: 10 * time.Second, idle: true, connects: true, interval: time.Second,
	patience: verdictMisses * time.Second, misses: verdictMisses, revivals: revivalAnswers,
}

const (
	// verdictMisses is how many Status-Server are left unanswered before the verdict. A
	// refused probe counts twice: the host said that nothing is there.
	verdictMisses = 6

	// refusedInterval is between the probes of a round that are refused.
	refusedInterval = 100 * time.Millisecond

	// learningProbes is how many probes find out whether a server that has
	// answered a login answers probes as well.
	learningProbes = 5

	// revivalAnswers is how many Status-Server in a row a dead server has to answer
	// (RFC 3539 section 3.4.1).
	revivalAnswers = 3

	// revivalInterval is between the first of those and the next.
	revivalInterval = time.Second

	// minDeadInterval and maxDeadInterval are between the probes of a dead
	// server, the shorter at first.
	minDeadInterval, maxDeadInterval = time.Second, 10 * time.Second
)

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
