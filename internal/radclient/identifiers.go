package radclient

import (
	"slices"
	"time"
)

// quarantine is how long an identifier rests after a request that was not answered, if
// no late answer ends that: as long as a server may remember the request and take
// another with that identifier for its copy (RFC 5080 section 2.2.2). On a connection
// there are no copies, but an answer that is late would be a wrong one to the next
// request, and end the connection.
const quarantine = 30 * time.Second

// keys distinguish the requests on a socket or connection: they are identifiers, or
// Tokens in RADIUS/1.1. Not safe for concurrent use.
type keys interface {
	// take returns a free key; false means that all are in use or resting.
	take(now time.Time) (uint32, bool)
	// release ends the use of a key: its request was answered, or never sent.
	release(key uint32)
	// rest ends the use of a key whose request was not answered.
	rest(key uint32, sent *request, now time.Time)
	// unanswered returns the request for which the key rests; nil: it does not.
	unanswered(key uint32) *request
	// wake ends the rest of a key: its request was answered after all.
	wake(key uint32)
	// issued reports whether take has ever returned the key.
	issued(key uint32) bool
}

// identifiers are the keys of RFC 2865: one octet. The one longest unused is
// taken first (RFC 5080 section 2.2.2).
type identifiers struct {
	free    []byte // the longest unused first
	resting []resting
	taken   [256]bool // at any time
}

// resting is an identifier in quarantine.
type resting struct {
	identifier byte
	sent       *request // that was not answered
	until      time.Time
}

// newIdentifiers returns those from first to 255, starting anywhere.
func newIdentifiers(first byte, anywhere byte) *identifiers {
	count := 256 - int(first)
	free := make([]byte, 0, 2*count)
	for i := range count {
		free = append(free, first+byte((int(anywhere)+i)%count)) // #nosec G115 -- first + count is 256
	}
	return &identifiers{free: free}
}

func (i *identifiers) take(now time.Time) (uint32, bool) {
	for len(i.resting) > 0 && !now.Before(i.resting[0].until) {
		i.free = append(i.free, i.resting[0].identifier)
		i.resting[0] = resting{} // the request is garbage now
		i.resting = i.resting[1:]
	}
	if len(i.free) == 0 {
		return 0, false
	}
	identifier := i.free[0]
	i.free = i.free[1:]
	i.taken[identifier] = true
	return uint32(identifier), true
}

func (i *identifiers) release(key uint32) {
	i.free = append(i.free, byte(key)) // #nosec G115 -- take returned it
}

func (i *identifiers) rest(key uint32, sent *request, now time.Time) {
	identifier := byte(key) // #nosec G115 -- as above
	i.resting = append(i.resting, resting{identifier: identifier, sent: sent, until: now.Add(quarantine)})
}

func (i *identifiers) unanswered(key uint32) *request {
	if at := i.restingAt(key); at >= 0 {
		return i.resting[at].sent
	}
	return nil
}

func (i *identifiers) wake(key uint32) {
	if at := i.restingAt(key); at >= 0 {
		i.resting = slices.Delete(i.resting, at, at+1)
		i.release(key)
	}
}

// restingAt returns where the identifier is among those that rest; -1: it is not.
func (i *identifiers) restingAt(key uint32) int {
	return slices.IndexFunc(i.resting, func(r resting) bool { return uint32(r.identifier) == key })
}

func (i *identifiers) issued(key uint32) bool { return i.taken[byte(key)] } // #nosec G115 -- as above
