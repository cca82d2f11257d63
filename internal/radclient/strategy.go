package radclient

import "slices"

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

// choose gives the endpoint that a login asks: of the best state there is, the
// first in the order given. An endpoint that is to be tried, since nothing is
// known of it but that it was dead, goes first if no better one stands before
// it; one login does that.
func choose(endpoints []*endpoint) *endpoint {
	var best *endpoint
	for _, e := range endpoints {
		state := e.state()
		switch {
		case state == Probing && (best == nil || preference(best.state()) > 0) && e.takeTrial():
			return e
		case best == nil || preference(state) < preference(best.state()):
			best = e
		}
	}
	return best
}

// without gives the endpoints but one.
func without(endpoints []*endpoint, left *endpoint) []*endpoint {
	if len(endpoints) == 1 {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(endpoints), func(e *endpoint) bool { return e == left })
}

// turned gives the endpoints starting with the turn-th.
func turned(endpoints []*endpoint, turn uint64) []*endpoint {
	first := int(turn % uint64(len(endpoints))) // #nosec G115 -- less than the length
	return slices.Concat(endpoints[first:], endpoints[:first])
}
