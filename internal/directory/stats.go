package directory

import (
	"crypto/x509"
	"sync/atomic"
	"time"

	"vault-plugin-auth-radius/internal/certificates"
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

// Stats hold what a client has seen of a server, and those before it that it continues.
type Stats struct {
	Host        string
	Port        int
	State       State
	LastAnswer  time.Time // zero: none yet
	Accepted    uint64
	Rejected    uint64
	Unavailable uint64 // logins that got no answer
	Full        uint64 // logins that had no place among those that wait, or lost it
	FailedOver  uint64 // of these two: went on to another server
	InFlight    int    // logins that wait there now

	// CertificateEnd is when the first certificate ends of the chain that the server showed
	// at the latest handshake; zero if there was none, or there is no TLS.
	CertificateEnd time.Time
}

// counters add up a server's Stats.
type counters struct {
	lastAnswer                                  atomic.Int64 // Unix, in nanoseconds
	accepted, rejected, unavailable, failedOver atomic.Uint64
	full                                        atomic.Uint64
	inFlight                                    atomic.Int64
	certificateEnd                              atomic.Int64 // Unix, in seconds
}

// shown notes the chain of the server's certificate.
func (c *counters) shown(chain []*x509.Certificate) {
	c.certificateEnd.Store(certificates.End(chain).Unix())
}

// History is what a client has seen of its servers, for the client that takes its place. The
// zero History is of a client that there never was.
type History struct {
	servers map[string]*counters // by host and port
}

// History returns what the client has seen, and will see: its logins may still be under way
// when another client goes on with it.
func (c *Client) History() History {
	servers := make(map[string]*counters, len(c.servers))
	for _, server := range c.servers {
		servers[server.name] = server.counters
	}
	return History{servers}
}

// Continue has the client go on with the counters of the servers that the client before it had
// as well. Those of other servers end with that client. It is called before the first login.
func (c *Client) Continue(before History) {
	for _, server := range c.servers {
		if seen := before.servers[server.name]; seen != nil {
			server.counters = seen
		}
	}
}
