package soak

import (
	"fmt"
	"time"
)

const (
	// shortest is the least that a run takes: each window has an outage and some samples.
	shortest = 30 * time.Second

	// strictFrom is how long a run is whose memory and times are held to the limits, not only
	// its goroutines and files: before, caches still fill, and windows are too short for a p99.
	strictFrom = 30 * time.Minute

	// longestPeriod is how often the restarted server goes away in a long run.
	longestPeriod = time.Minute
)

// Plan says when a run does what, counted from its start.
type Plan struct {
	Length time.Duration
	WarmUp time.Duration // before the first window
	Window time.Duration // how long the first and the last one are
	Period time.Duration // between two outages of the restarted server; the first is after half of it
	Away   time.Duration // how long it is stopped
}

// NewPlan returns the plan of a run of a length. One of an hour warms up for five minutes, and compares ten
// minutes with the last ten; others in proportion.
func NewPlan(length time.Duration) (Plan, error) {
	if length < shortest {
		return Plan{}, fmt.Errorf("a soak of %s is too short: give %s or more", length, shortest)
	}
	period := min(longestPeriod, length/3)
	return Plan{
		Length: length,
		WarmUp: length / 12,
		Window: length / 6,
		Period: period,
		Away:   period / 6,
	}, nil
}

// Strict reports whether the run is long enough to hold memory and times to the limits.
func (p Plan) Strict() bool { return p.Length >= strictFrom }

// window says which part of a run something belongs to.
type window int

const (
	between     window = iota // neither of the two
	firstWindow               // after the warm-up
	lastWindow
)

// window returns the window that a time after the start is in.
func (p Plan) window(since time.Duration) window {
	switch {
	case since >= p.WarmUp && since < p.WarmUp+p.Window:
		return firstWindow
	case since >= p.Length-p.Window && since < p.Length:
		return lastWindow
	}
	return between
}
