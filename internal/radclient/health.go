package radclient

import "time"

// State is what is known of one address of a server.
type State string

// The states. New logins prefer addresses that are unknown or alive.
const (
	Unknown State = "unknown" // nothing was heard of it yet
	Alive   State = "alive"   // the latest sign of it was one of life
	Zombie  State = "zombie"  // silent, maybe dead
	Dead    State = "dead"    // the verdict of probes or refusals: silence alone is none
	Probing State = "probing" // was dead and is being tried again
)

// StatusCheck says whether probes, which are Status-Server (RFC 5997) or logins of a
// test user, distinguish a dead server from a slow user.
type StatusCheck string

const (
	// StatusCheckAuto probes where there is another server to go to, and
	// believes in silence only where the server has answered a probe before.
	StatusCheckAuto StatusCheck = "auto"
	// StatusCheckOn probes always and takes silence for death.
	StatusCheckOn StatusCheck = "on"
	// StatusCheckOff never probes.
	StatusCheckOff StatusCheck = "off"
	// StatusCheckRequest probes with logins of a test user, for servers that answer
	// no Status-Server, and takes silence for death.
	StatusCheckRequest StatusCheck = "request"
)

// StatusChecks are the settings that there are.
var StatusChecks = []StatusCheck{StatusCheckAuto, StatusCheckOn, StatusCheckOff, StatusCheckRequest}

// probing says what probes are for at the moment.
type probing int

const (
	probingNot   probing = iota
	probingLearn         // does the server answer probes?
	probingRound         // is the server dead?
	probingDead          // does the server live again?
)

// health judges one address of a server from what is seen of it. Its methods take
// events, and next returns when something is due; it reads no clock and sends nothing.
// Not safe for concurrent use.
type health struct {
	pace   pace
	check  StatusCheck // auto only where there is another server to go to
	random func() float64

	state     State
	answers   support   // to probes
	waiting   int       // requests that wait
	unheard   time.Time // the first request sent after the latest sign of life; zero: none
	nextAt    time.Time // when a round of probes starts though nothing was sent since
	fruitless bool      // the latest round proved nothing
	mode      probing
	probeAt   time.Time     // when to send the next probe, if paced lets it go; zero: not
	probedAt  time.Time     // when the latest probe was sent
	judgeAt   time.Time     // when the latest probe counts as missed; zero: none waits
	misses    int           // of this round
	learning  int           // probes left
	revived   int           // probes answered in a row by a dead server
	deadWait  time.Duration // between probes of a dead server

	probedUntried bool          // probed before any login
	heard         bool          // a valid answer, at any time
	silence       time.Duration // of earlier waits that were given up, since the latest sign of life
	sentAt        time.Time     // the latest request
	trialAt       time.Time     // when a login may try a server that answers no probes; zero: not
	trialWait     time.Duration // from a trial to the next
	trial         trial         // that a login may take
	triedAt       time.Time     // when the trial began that goes on; zero: none does
}

// standing holds what decides whether a login goes to a server.
type standing struct {
	state  State
	trial  trial
	heard  bool      // a valid answer, at any time
	silent bool      // found so, and no probe can show more
	sentAt time.Time // the latest request
}

func (h *health) standing() standing {
	silent := h.answers != supportYes && (h.state == Zombie || h.state == Probing)
	return standing{state: h.state, trial: h.trial, heard: h.heard, silent: silent, sentAt: h.sentAt}
}

// support is whether a server answers probes.
type support int

const (
	supportUnknown support = iota
	supportYes
	supportNo
)

func newHealth(pace pace, check StatusCheck, random func() float64) *health {
	h := &health{pace: pace, check: check, random: random, state: Unknown}
	if check == StatusCheckOn || check == StatusCheckRequest {
		h.answers = supportYes
	}
	return h
}

// sent notes that a request was sent.
func (h *health) sent(now time.Time) {
	h.waiting++
	h.sentAt = now
	if h.unheard.IsZero() {
		h.unheard = now
	}
}

// answered notes a valid answer to a login: the server lives.
func (h *health) answered(now time.Time) {
	h.waiting--
	h.heardOf(now)
}

// answeredLate notes a valid answer to a login that was sent at that time and has ended
// since. An impatient client says nothing of the server, so the answer shows life as
// ever, unless it is slower than logins wait where they move on.
func (h *health) answeredLate(sentAt, now time.Time) {
	if now.Sub(sentAt) < h.pace.window {
		h.heardOf(now)
	}
}

// heardOf notes that the server lives: it has answered a login.
func (h *health) heardOf(now time.Time) {
	h.alive(now)
	if h.check == StatusCheckAuto && h.answers == supportUnknown {
		h.learn(now)
	}
}

// learn finds out whether the server answers probes.
func (h *health) learn(now time.Time) {
	h.mode, h.learning, h.probeAt = probingLearn, learningProbes, now
}

// probeUntried finds out whether a server lives that no login was sent to yet: another
// address of its name answers probes, or the config says that they are answered.
func (h *health) probeUntried(now time.Time) {
	switch {
	case h.heard || h.probedUntried || h.mode != probingNot || h.check == StatusCheckOff || h.check == StatusCheckRequest:
		return
	case h.check == StatusCheckOn:
		h.startRound(now)
	default:
		h.learn(now)
	}
	h.probedUntried = true
}

// unanswered notes that a login stopped waiting. Clients that give up before the
// window is over add up to one: else a dead server would never be avoided.
func (h *health) unanswered(now time.Time) {
	h.waiting--
	if h.waiting > 0 || h.mode != probingNot || h.unheard.IsZero() {
		return
	}
	if waited := now.Sub(h.unheard); waited >= h.pace.suspicion {
		h.silence += waited
	}
	h.unheard = time.Time{}
	if h.mayFallSilent() && h.silence >= h.pace.window {
		h.avoid(now)
	}
}

// refused notes that a host said that nothing listens on the port, or that it
// could not be reached at all.
func (h *health) refused(now time.Time) {
	switch {
	case h.state == Dead || h.state == Probing:
		return
	case h.check == StatusCheckOff:
		if h.state != Zombie {
			h.avoid(now)
		}
	case h.mode == probingNot || h.mode == probingLearn:
		h.startRound(now)
	}
	if h.check == StatusCheckRequest {
		h.state = Zombie // the probe may have to rest first
	}
}

// probeAnswered notes a valid answer to a probe.
func (h *health) probeAnswered(now time.Time) {
	h.answers = supportYes
	h.judgeAt = time.Time{}
	if h.mode != probingDead {
		h.alive(now)
		return
	}
	h.revived++
	if h.revived >= h.pace.revivals {
		h.alive(now)
		return
	}
	h.state, h.probeAt = Probing, now.Add(revivalInterval)
}

// probeRefused notes that a probe found nothing listening.
func (h *health) probeRefused(now time.Time) {
	h.judgeAt = time.Time{}
	switch h.mode {
	case probingLearn:
		h.startRound(now)
		h.miss(now, 2, refusedInterval)
	case probingRound:
		h.miss(now, 2, refusedInterval)
	case probingDead:
		h.stillDead(now)
	}
}

// due does what is due and reports whether to send a probe.
func (h *health) due(now time.Time) (sendProbe bool) {
	if reached(now, h.judgeAt) {
		h.judgeAt = time.Time{}
		h.probeMissed(now)
	}
	if reached(now, h.windowEnd()) {
		h.avoid(now)
	}
	if reached(now, h.trialDue()) {
		h.offerTrial(trialThatMay)
	}
	if reached(now, h.roundStart()) {
		h.startRound(now)
	}
	if !reached(now, h.paced(h.probeAt)) {
		return false
	}
	h.probeAt, h.probedAt, h.judgeAt = time.Time{}, now, now.Add(h.probeTime())
	return true
}

// probeTime returns how long a probe has to be answered. One to a dead server of which
// silence would be news has the time for its connection as well: without one it ends as
// refused.
func (h *health) probeTime() time.Duration {
	if h.mode == probingDead && h.answers != supportYes && h.pace.connects {
		return h.pace.patience + h.pace.interval
	}
	return h.pace.interval
}

// next returns when due has something to do; zero: not before something happens.
func (h *health) next() time.Time {
	var first time.Time
	for _, at := range []time.Time{h.judgeAt, h.windowEnd(), h.trialDue(), h.roundStart(), h.paced(h.probeAt)} {
		if !at.IsZero() && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	return first
}

// retire ends judging: the server keeps the state that it has.
func (h *health) retire() {
	h.check, h.mode, h.pace.window, h.pace.trial = StatusCheckOff, probingNot, 0, 0
	h.probeAt, h.judgeAt, h.trialAt = time.Time{}, time.Time{}, time.Time{}
}

// alive notes a sign of life.
func (h *health) alive(now time.Time) {
	h.state, h.heard, h.unheard, h.silence, h.fruitless = Alive, true, time.Time{}, 0, false
	h.mode, h.probeAt, h.judgeAt = probingNot, time.Time{}, time.Time{}
	h.nextAt = now.Add(spread(h.pace.rounds, h.random))
	h.misses, h.revived = 0, 0
	h.trial, h.trialAt, h.trialWait = noTrial, time.Time{}, 0
}

// roundStart returns when a round of probes starts; zero: not now.
func (h *health) roundStart() time.Time {
	switch {
	case h.check == StatusCheckOff || h.answers == supportNo || h.mode != probingNot:
		return time.Time{}
	case !h.unheard.IsZero() && !h.fruitless:
		return h.paced(h.unheard.Add(h.pace.suspicion))
	case h.waiting > 0 || h.pace.idle && h.state == Alive:
		return h.paced(h.nextAt)
	}
	return time.Time{}
}

func (h *health) startRound(now time.Time) {
	h.mode, h.misses, h.probeAt, h.judgeAt = probingRound, 0, now, time.Time{}
}

// probeMissed notes that the latest probe was not answered in its time. An
// answer that comes later counts all the same.
func (h *health) probeMissed(now time.Time) {
	switch h.mode {
	case probingLearn:
		h.learning--
		h.probeAt = now
		if h.learning == 0 {
			h.mode, h.probeAt = probingNot, time.Time{}
			if h.heard { // else it may not live
				h.answers = supportNo
			}
		}
	case probingRound:
		h.miss(now, 1, 0)
	case probingDead:
		if h.answers == supportYes {
			h.stillDead(now)
			return
		}
		// Refused before, silent now: a server listens again.
		h.mode = probingNot
		h.offerTrial(trialAnyway)
	}
}

// miss counts a probe of a round, and pronounces the verdict with the last. Of
// a server that may not know Status-Server, only refusals count.
func (h *health) miss(now time.Time, weight int, pause time.Duration) {
	h.misses += weight
	h.probeAt = now.Add(pause)
	certain := weight > 1 || h.answers == supportYes
	switch {
	case h.misses >= h.pace.misses && certain:
		h.state, h.mode, h.deadWait, h.revived = Dead, probingDead, minDeadInterval, 0
		h.trial, h.trialAt = noTrial, time.Time{} // probes show when it lives again
		h.stillDead(now)
	case h.misses >= h.pace.misses:
		// Silence proves nothing here.
		h.mode, h.probeAt, h.fruitless = probingNot, time.Time{}, true
		h.nextAt = now.Add(spread(h.pace.rounds, h.random))
		if h.state == Zombie && h.trialAt.IsZero() {
			h.avoid(now)
		}
	case certain:
		h.state = Zombie
	}
}

// stillDead plans the next probe of a dead server.
func (h *health) stillDead(now time.Time) {
	h.state, h.revived = Dead, 0
	h.probeAt = h.deadProbe(now)
}

// windowEnd returns when a server is avoided that answers neither logins nor, as far
// as is known, probes; zero: not now.
func (h *health) windowEnd() time.Time {
	if h.unheard.IsZero() || !h.mayFallSilent() {
		return time.Time{}
	}
	return h.unheard.Add(h.pace.window - h.silence)
}

// mayFallSilent reports whether silence makes logins avoid the server.
func (h *health) mayFallSilent() bool {
	return h.answers != supportYes && h.pace.window > 0 && (h.state == Unknown || h.state == Alive || h.state == Probing)
}

// reached reports whether the time has come; a zero time never does.
func reached(now, at time.Time) bool { return !at.IsZero() && !now.Before(at) }
