package directory

import (
	"sync/atomic"
	"time"
)

// State is what is known of a server.
type State string

// The states.
const (
	Alive State = "alive"
	Dead  State = "dead" // it could not be reached, and is tried again
)

// Change is a change of the state of a server.
type Change struct {
	Server string // host:port
	To     State
	Err    error // why it is dead
}

// Stats hold what was seen of a server since the client was made.
type Stats struct {
	Host        string
	Port        int
	State       State
	LastAnswer  time.Time // zero: none yet
	Accepted    uint64
	Rejected    uint64
	Unavailable uint64 // logins that got no answer
	FailedOver  uint64 // logins that came from a server before it
	Full        uint64 // logins that had no place among those that wait, or lost it
}

// counters add up a server's Stats.
type counters struct {
	lastAnswer                                  atomic.Int64 // Unix, in nanoseconds
	accepted, rejected, unavailable, failedOver atomic.Uint64
	full                                        atomic.Uint64
}
