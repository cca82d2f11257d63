package radclient

import "time"

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
// second copy. random gives values in [0, 1).
func newSchedule(budget, first time.Duration, random func() float64) *schedule {
	return &schedule{last: budget - min(lastCopyLead, budget/4), interval: first, random: random}
}

// next gives the time of the copy after the latest; false if that was the last.
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
