package radclient

import (
	"net/netip"
	"slices"
	"sync"
	"time"
)

// roundTripsKept is how many of the latest round trips the percentiles are of.
const roundTripsKept = 1024

// Stats hold what a client has seen of a server since it was made.
type Stats struct {
	Host      string
	Port      int
	Addresses []AddressState // that the host stands for at the moment; none before the first login

	Accepted    uint64 // logins by outcome
	Rejected    uint64
	Challenged  uint64
	TimedOut    uint64 // no valid answer in time
	Unreachable uint64 // not sent, or Protocol-Error
	Full        uint64 // no place among those that wait
	FailedOver  uint64 // of these three: went on to another server
	Abandoned   uint64 // by the client, before there was an answer

	ProbesSent     uint64 // Status-Server, or logins of the test user, which count nowhere else
	ProbesAnswered uint64

	Sent          uint64 // packets, copies included
	Retransmitted uint64 // copies after the first
	Drops         Drops  // datagrams that were not the answer

	LastAnswer time.Time // zero if there was none
	// RoundTripP50 and RoundTripP99 are of the latest answers to logins that
	// were sent once; 0 if there was none.
	RoundTripP50 time.Duration
	RoundTripP99 time.Duration
}

// counters add up Stats. Safe for concurrent use.
type counters struct {
	mu         sync.Mutex
	stats      Stats           // guarded by mu; without percentiles
	roundTrips []time.Duration // guarded by mu; the latest, in no order
	next       int             // guarded by mu; where the next one goes
}

// exchanged counts the packets of an exchange that has ended.
func (c *counters) exchanged(x *exchange) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.Sent += uint64(x.sends)                    // #nosec G115 -- counts from 0
	c.stats.Retransmitted += uint64(max(0, x.sends-1)) // #nosec G115 -- as above
	for reason, count := range x.drops {
		c.stats.Drops[reason] += count
	}
	if x.packet == nil {
		return
	}
	c.stats.LastAnswer = time.Now()
	switch {
	case x.sends > 1:
		return
	case len(c.roundTrips) < roundTripsKept:
		c.roundTrips = append(c.roundTrips, x.waited)
	default:
		c.roundTrips[c.next] = x.waited
		c.next = (c.next + 1) % roundTripsKept
	}
}

// ended counts a login.
func (c *counters) ended(verdict Verdict, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case isNoAnswer(err):
		c.stats.TimedOut++
	case isFull(err):
		c.stats.Full++
	case err != nil:
		c.stats.Unreachable++
	case verdict.Outcome == Accept:
		c.stats.Accepted++
	case verdict.Outcome == Challenge:
		c.stats.Challenged++
	default:
		c.stats.Rejected++
	}
}

// abandoned counts a login whose client has gone away.
func (c *counters) abandoned() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.Abandoned++
}

// dropped counts a packet that belonged to no exchange.
func (c *counters) dropped(reason DropReason) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.Drops[reason]++
}

// outrun counts a login that another server has answered first.
func (c *counters) outrun() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.TimedOut++
}

// failedOver counts a login that went on to another server.
func (c *counters) failedOver() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.FailedOver++
}

// probed counts a probe that has ended.
func (c *counters) probed(x *exchange) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.ProbesSent += uint64(x.sends) // #nosec G115 -- counts from 0
	for reason, count := range x.drops {
		c.stats.Drops[reason] += count
	}
	if x.packet != nil {
		c.stats.ProbesAnswered++
		c.stats.LastAnswer = time.Now()
	}
}

func (c *counters) read() Stats {
	stats, roundTrips := c.copied()
	slices.Sort(roundTrips)
	stats.RoundTripP50 = percentile(roundTrips, 50)
	stats.RoundTripP99 = percentile(roundTrips, 99)
	return stats
}

func (c *counters) copied() (Stats, []time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stats, slices.Clone(c.roundTrips)
}

// percentile returns the smallest value that so many percent of the sorted ones
// do not exceed; 0 if there are none.
func percentile(sorted []time.Duration, percent int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[(len(sorted)*percent+99)/100-1]
}

// AddressState is what is known of an address.
type AddressState struct {
	Address netip.AddrPort
	State   State
}

// State returns the best state of the server's addresses: where a login would go.
func (s Stats) State() State {
	best := Unknown
	for i, address := range s.Addresses {
		if i == 0 || preference(address.State) < preference(best) {
			best = address.State
		}
	}
	return best
}

// Stats returns what the client has seen so far of each of its servers.
func (c *Client) Stats() []Stats {
	var all []Stats
	for _, s := range c.servers {
		stats := s.counters.read()
		stats.Host, stats.Port = s.config.Host, s.config.Port
		endpoints, _, _ := s.cached()
		for _, e := range endpoints {
			stats.Addresses = append(stats.Addresses, AddressState{Address: e.address, State: e.state()})
		}
		all = append(all, stats)
	}
	return all
}
