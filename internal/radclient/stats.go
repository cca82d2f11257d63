package radclient

import (
	"crypto/x509"
	"net/netip"
	"slices"
	"sync"
	"time"

	"vault-plugin-auth-radius/internal/certificates"
)

// roundTripsKept is how many of the latest round trips the percentiles are of.
const roundTripsKept = 1024

// Stats hold what a client has seen of a server, and those before it that it continues.
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
	InFlight    int    // logins that wait there now

	ProbesSent     uint64 // Status-Server, or logins of the test user, which count nowhere else
	ProbesAnswered uint64

	Sent          uint64 // packets, copies included
	Retransmitted uint64 // copies after the first
	Drops         Drops  // datagrams that were not the answer

	LastAnswer time.Time // zero if there was none
	RoundTrips Histogram // of answers to logins that were sent once

	// CertificateEnd is when the first certificate ends of the chain that the server showed
	// at the latest handshake; zero if there was none, or not with this transport.
	CertificateEnd time.Time

	latest []time.Duration // some of the latest round trips, in no order
}

// RoundTrip returns what so many percent of the latest answers to logins that were sent once
// took at the most; 0 if there was none.
func (s Stats) RoundTrip(percent int) time.Duration {
	return percentile(slices.Sorted(slices.Values(s.latest)), percent)
}

// counters add up Stats. Safe for concurrent use.
type counters struct {
	mu    sync.Mutex
	stats Stats // guarded by mu
	next  int   // guarded by mu; where the next of the latest round trips goes
}

func newCounters() *counters { return &counters{stats: Stats{RoundTrips: newHistogram()}} }

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
	if x.sends == 1 {
		c.roundTrip(x.waited)
	}
}

// roundTrip runs with mu held.
func (c *counters) roundTrip(duration time.Duration) {
	c.stats.RoundTrips.add(duration)
	if len(c.stats.latest) < roundTripsKept {
		c.stats.latest = append(c.stats.latest, duration)
		return
	}
	c.stats.latest[c.next] = duration
	c.next = (c.next + 1) % roundTripsKept
}

// entered counts a login that waits.
func (c *counters) entered() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.InFlight++
}

// left counts a login that waits no more.
func (c *counters) left() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.InFlight--
}

// shown notes the chain of the server's certificate.
func (c *counters) shown(chain []*x509.Certificate) {
	end := certificates.End(chain)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.CertificateEnd = end
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
	c.mu.Lock()
	defer c.mu.Unlock()
	stats := c.stats
	stats.RoundTrips, stats.latest = c.stats.RoundTrips.clone(), slices.Clone(c.stats.latest)
	return stats
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

// Stats returns what was seen so far of each of the client's servers.
func (c *Client) Stats() []Stats {
	var all []Stats
	for _, s := range c.servers {
		stats := s.counters.read()
		stats.Host, stats.Port = s.config.Host, s.config.Port
		if c.config.Transport != TLS {
			stats.CertificateEnd = time.Time{}
		}
		endpoints, _, _ := s.cached()
		for _, e := range endpoints {
			stats.Addresses = append(stats.Addresses, AddressState{Address: e.address, State: e.state()})
		}
		all = append(all, stats)
	}
	return all
}
