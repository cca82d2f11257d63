package radclient

import "time"

// This file has the trials of silent servers that answer no probes, by logins.

const (
	// trialInterval is how long a server that answers no probes is avoided before one
	// login tries it, at first. The time doubles up to maxTrialInterval, which is never
	// exceeded: so late may the return of a server be noticed.
	trialInterval, maxTrialInterval = time.Minute, 10 * time.Minute

	// trialJitter is how much sooner a trial may be, so that many clients do not try at
	// once.
	trialJitter = 0.05
)

// trial is an offer to one login to try a server that answers no probes.
type trial int

const (
	noTrial      trial = iota
	trialThatMay       // by a login that then moves on
	trialAnyway        // by any: the host has stopped refusing packets
)

// trialDue returns when a trial may be offered; zero: not now. One begins only when no
// earlier login waits for the server any more.
func (h *health) trialDue() time.Time {
	if h.waiting > 0 {
		return time.Time{}
	}
	return h.trialAt
}

// offerTrial lets one login try the server.
func (h *health) offerTrial(offer trial) {
	h.state, h.trial = Probing, offer
	h.trialAt, h.unheard = time.Time{}, time.Time{}
}

// takeTrial reports whether this login is the one that tries the server, which ends
// with trialEnded. moves says whether the login moves on if nothing comes back.
func (h *health) takeTrial(now time.Time, moves bool) bool {
	if h.trial == noTrial || h.trial == trialThatMay && !moves {
		return false
	}
	h.trial, h.triedAt = noTrial, now
	return true
}

// takeFirstTrial is takeTrial for a server that nothing is known of.
func (h *health) takeFirstTrial(now time.Time, moves bool) bool {
	if !moves || h.state != Unknown || !h.triedAt.IsZero() {
		return false
	}
	h.triedAt = now
	return true
}

// trialEnded notes that the login that tries the server waits for it alone no more.
func (h *health) trialEnded(now time.Time) {
	if !h.triedAt.IsZero() && (h.state == Probing || h.state == Unknown) && h.answers != supportYes {
		h.avoid(now)
	}
	h.triedAt = time.Time{}
}

// avoid makes new logins avoid a server that answers no probes, until one of
// them may try it: after a minute, and then after twice as long as before.
func (h *health) avoid(now time.Time) {
	h.state, h.trial, h.trialAt = Zombie, noTrial, time.Time{}
	if h.pace.trial == 0 {
		return
	}
	h.trialWait = min(max(2*h.trialWait, h.pace.trial), maxTrialInterval)
	since := now
	if !h.triedAt.IsZero() {
		since = h.triedAt
	}
	// Spread downwards only: the longest is a promise.
	h.trialAt = since.Add(time.Duration(float64(h.trialWait) * (1 - trialJitter*h.random())))
}
