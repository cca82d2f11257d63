package radclient

import (
	"slices"
	"time"
)

// Strategy says which of several servers a login asks.
type Strategy string

const (
	// Failover asks the first server that lives, in the order of the config.
	Failover Strategy = "failover"
	// RoundRobin asks those that live in turn.
	RoundRobin Strategy = "round_robin"
)

// Strategies are the settings that there are.
var Strategies = []Strategy{Failover, RoundRobin}

// FailoverOnTrial says whether a login tries a server that was found silent, and
// moves on to the next one if nothing comes back within the response window.
type FailoverOnTrial string

const (
	// FailoverOnTrialAuto has logins do so where it costs no user a second push: the
	// read timeout is too short for a user to act, the server has sent no challenge,
	// and the login answers none.
	FailoverOnTrialAuto FailoverOnTrial = "auto"
	// FailoverOnTrialAlways has each login do so that answers no challenge.
	FailoverOnTrialAlways FailoverOnTrial = "true"
	// FailoverOnTrialNever leaves a server that was found silent alone, as long as
	// another one is not.
	FailoverOnTrialNever FailoverOnTrial = "false"
)

// FailoverOnTrials are the settings that there are.
var FailoverOnTrials = []FailoverOnTrial{FailoverOnTrialAuto, FailoverOnTrialAlways, FailoverOnTrialNever}

// timeForUser is the read timeout from which on a user may have to act.
const timeForUser = 30 * time.Second

// tries reports whether logins may try a server that was found silent.
func (c Config) tries() bool {
	switch {
	case c.ResponseWindow <= 0 || c.FailoverOnTrial == FailoverOnTrialNever:
		return false
	case c.FailoverOnTrial == FailoverOnTrialAlways:
		return true
	}
	return c.ReadTimeout < timeForUser
}

// mayMove reports whether the login may move on to another server although this one
// may still answer.
func (l *login) mayMove(e *endpoint) bool {
	config := e.client.config
	return l.credentials.Answers == nil && config.tries() &&
		(config.FailoverOnTrial == FailoverOnTrialAlways || !e.server.challenges.Load())
}

// preference orders states: logins go where it is least.
func preference(state State) int {
	switch state {
	case Unknown, Alive:
		return 0
	case Zombie:
		return 1
	default:
		return 2
	}
}

// preference orders servers as that of states does. Of one that is waiting to be tried no
// more is known than of one that is silent.
func (s standing) preference() int {
	if s.trial != noTrial {
		return preference(Zombie)
	}
	return preference(s.state)
}

// candidate is an endpoint that a login may ask, and what is known of it.
type candidate struct {
	*endpoint
	standing
}

// pick returns the endpoint that the login asks next, and whether as a trial.
func (l *login) pick(endpoints []*endpoint) (chosen candidate, trial bool) {
	if len(endpoints) == 1 {
		return candidate{endpoints[0], endpoints[0].standing()}, false
	}
	candidates := make([]candidate, 0, len(endpoints))
	for _, e := range endpoints {
		candidates = append(candidates, candidate{e, e.standing()})
	}
	if chosen, found := l.trial(candidates); found {
		return chosen, true
	}
	l.sortHeardFirst(candidates)
	return best(candidates), false
}

// trial returns the endpoint that this login tries, if there is one to try: no better one
// stands before it, unless all are asked in turn.
func (l *login) trial(candidates []candidate) (candidate, bool) {
	for _, c := range candidates {
		unheard := c.unheardOf(candidates)
		if (c.standing.trial != noTrial || unheard) && c.takeTrial(l.mayMove(c.endpoint)) {
			return c, true
		}
		if c.preference() == 0 && !unheard && c.client.config.Strategy != RoundRobin {
			break
		}
	}
	return candidate{}, false
}

// unheardOf reports whether the address has never answered, and another one of the same
// name has.
func (c candidate) unheardOf(candidates []candidate) bool {
	return !c.heard && c.standing.state == Unknown &&
		slices.ContainsFunc(candidates, func(other candidate) bool { return other.server == c.server && other.heard })
}

// sortHeardFirst puts those addresses of a name first that have answered. The places of
// servers stay as they are. Where all are asked in turn and no login may try an address,
// one that was never asked has its turn: else it would have none.
func (l *login) sortHeardFirst(candidates []candidate) {
	for i, c := range candidates {
		turn := c.client.config.Strategy == RoundRobin && c.sentAt.IsZero() && !l.mayMove(c.endpoint)
		if c.heard || turn {
			continue
		}
		for j := i + 1; j < len(candidates); j++ {
			if candidates[j].server == c.server && candidates[j].heard {
				candidates[i], candidates[j] = candidates[j], c
				break
			}
		}
	}
}

// best returns the first candidate of the best state there is; of silent ones, the one
// that was left in peace for longest, so that none takes all logins in vain.
func best(candidates []candidate) candidate {
	chosen := candidates[0]
	for _, c := range candidates[1:] {
		better := c.preference() < chosen.preference()
		rested := c.preference() == chosen.preference() && c.silent && chosen.silent && c.sentAt.Before(chosen.sentAt)
		if better || rested {
			chosen = c
		}
	}
	return chosen
}

// remove returns the endpoints without one.
func remove(endpoints []*endpoint, removed *endpoint) []*endpoint {
	if len(endpoints) == 1 {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(endpoints), func(e *endpoint) bool { return e == removed })
}

// rotate returns the endpoints starting with the turn-th.
func rotate(endpoints []*endpoint, turn uint64) []*endpoint {
	first := int(turn % uint64(len(endpoints))) // #nosec G115 -- less than the length
	return slices.Concat(endpoints[first:], endpoints[:first])
}
