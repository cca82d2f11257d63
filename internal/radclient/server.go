package radclient

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"vault-plugin-auth-radius/internal/fairshare"
)

const (
	// lookupLife is how long the addresses of a host name are used.
	lookupLife = 30 * time.Second

	// refreshTime bounds looking up a name again: the old addresses may do.
	refreshTime = time.Second
)

// server is one of the servers of the config, with the endpoints that its name
// stands for at the moment.
type server struct {
	client   *Client
	config   Server
	name     string // host and port
	signer   *signer
	counters *counters

	challenges atomic.Bool // it has sent a challenge: a user may have to act

	lookups   chan struct{} // holds a value while a login looks the name up
	mu        sync.Mutex
	endpoints []*endpoint // guarded by mu; in the resolver's order of preference
	failed    error       // guarded by mu; of the latest lookup
	lookupAt  time.Time   // guarded by mu; when the name is to be looked up again
}

func newServer(client *Client, config Server) *server {
	secret := config.Secret.bytes()
	if client.config.Transport == TLS {
		secret = []byte(radsecSecret)
	}
	return &server{
		client: client, config: config, name: config.String(), signer: newSigner(secret), counters: newCounters(),
		lookups: make(chan struct{}, 1),
	}
}

func (s *server) unreachable(err error) error {
	return &UnreachableError{Host: s.config.Host, Port: s.config.Port, Err: err}
}

// current returns the server's endpoints, at least one. Mostly they are cached. If
// not, it looks up the name: one login does, and the others wait for it if they
// have no older addresses to use.
func (s *server) current(ctx context.Context) ([]*endpoint, error) {
	endpoints, err, fresh := s.cached()
	if fresh {
		return endpoints, err
	}
	limit := s.client.lookupTime()
	if len(endpoints) > 0 {
		limit = refreshTime
		select {
		case s.lookups <- struct{}{}:
		default:
			return endpoints, nil
		}
	} else {
		select {
		case s.lookups <- struct{}{}:
		case <-ctx.Done():
			return nil, s.unreachable(ctx.Err())
		}
	}
	defer func() { <-s.lookups }()
	if endpoints, err, fresh := s.cached(); fresh { // another login was faster
		return endpoints, err
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return s.lookUp(ctx, endpoints)
}

// lookUp returns the endpoints of the addresses that the name stands for now. If the
// lookup fails, the old ones are used on.
func (s *server) lookUp(ctx context.Context, old []*endpoint) ([]*endpoint, error) {
	addresses, err := s.resolve(ctx)
	if err != nil {
		return s.store(old, s.unreachable(err))
	}
	gone := map[netip.AddrPort]*endpoint{}
	for _, e := range old {
		gone[e.address] = e
	}
	endpoints := make([]*endpoint, 0, len(addresses))
	for _, address := range addresses {
		e := gone[address]
		if e == nil {
			e = s.newEndpoint(address, len(addresses) > 1)
		}
		delete(gone, address)
		endpoints = append(endpoints, e)
	}
	for _, e := range gone {
		e.retire()
	}
	if s.client.config.StatusCheck == StatusCheckOn || slices.ContainsFunc(endpoints, (*endpoint).answersProbes) {
		s.probeAddresses(endpoints)
	}
	return s.store(endpoints, nil)
}

// probeAddresses finds out which of several addresses live, before a login is sent
// there.
func (s *server) probeAddresses(endpoints []*endpoint) {
	if len(endpoints) < 2 {
		return
	}
	for _, e := range endpoints {
		e.observe((*health).probeUntried)
	}
}

// store keeps the result of a lookup until it is time for the next. Only a server
// that has no address at all is looked up sooner, if there is no other to ask.
func (s *server) store(endpoints []*endpoint, err error) ([]*endpoint, error) {
	life := lookupLife
	switch {
	case len(endpoints) > 0:
		err = nil
	case len(s.client.servers) == 1:
		life = refreshTime
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endpoints, s.failed, s.lookupAt = endpoints, err, time.Now().Add(life)
	return endpoints, err
}

// cached returns the result of the latest lookup, and reports whether it may still
// be used without another.
func (s *server) cached() (endpoints []*endpoint, failed error, fresh bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.endpoints, s.failed, time.Now().Before(s.lookupAt)
}

// expireLookup has the name looked up before the next login: the server may have
// moved.
func (s *server) expireLookup() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed == nil {
		s.lookupAt = time.Time{}
	}
}

// endpointAt returns the endpoint with the address. If the name stands for others
// by now it is made for one login only.
func (s *server) endpointAt(address netip.AddrPort) *endpoint {
	endpoints, _, _ := s.cached()
	for _, e := range endpoints {
		if e.address == address {
			return e
		}
	}
	e := s.newEndpoint(address, false)
	e.retire()
	return e
}

// newEndpoint returns the endpoint for an address; others says whether the server's
// name stands for more.
func (s *server) newEndpoint(address netip.AddrPort, others bool) *endpoint {
	client := s.client
	e := &endpoint{
		client: client, server: s, address: address, name: address.String(),
		admission: fairshare.NewAdmission(maxWaiting, errPushedOut),
	}
	check := client.config.StatusCheck
	if check == StatusCheckAuto && !others && len(client.servers) == 1 && client.config.Transport == UDP {
		check = StatusCheckOff // nothing would come of it
	}
	e.health = newHealth(client.pace(), check, rand.Float64)
	if client.config.Transport == UDP {
		dial := func(ctx context.Context) (net.Conn, error) { return client.dial(ctx, "udp", address) }
		e.logins = &udpCarrier{
			agenda: &client.agenda, dial: dial, refused: e.loginRefused, stray: s.counters.dropped, late: e.answeredLate,
		}
		tooLate := func(*request) {} // probes are waited for as long as their answers count
		e.probes = &udpCarrier{agenda: &client.agenda, dial: dial, refused: e.endProbes, stray: s.counters.dropped, late: tooLate}
	} else {
		dial := func(ctx context.Context) (net.Conn, Version, error) {
			return client.connect(ctx, s, address)
		}
		e.logins = &streamCarrier{agenda: &client.agenda, dial: dial, stray: s.counters.dropped, late: e.answeredLate}
		e.probes = e.logins // the watchdog is about the connection
	}
	if client.closed.Load() {
		e.retire()
	}
	return e
}

// resolve returns the server's addresses, at least one, in the resolver's order of
// preference.
func (s *server) resolve(ctx context.Context) ([]netip.AddrPort, error) {
	port := uint16(s.config.Port) // #nosec G115 -- New checked the range
	if address, err := netip.ParseAddr(s.config.Host); err == nil {
		return []netip.AddrPort{netip.AddrPortFrom(address, port)}, nil
	}
	found, err := s.client.config.Lookup(ctx, s.config.Host)
	if err != nil {
		return nil, fmt.Errorf("looking up the host: %w", err)
	}
	if len(found) == 0 {
		return nil, errors.New("the host has no address")
	}
	addresses := make([]netip.AddrPort, 0, len(found))
	for _, address := range found {
		if resolved := netip.AddrPortFrom(address.Unmap(), port); !slices.Contains(addresses, resolved) {
			addresses = append(addresses, resolved)
		}
	}
	return addresses, nil
}

func systemLookup(ctx context.Context, host string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}
