package radclient

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"layeh.com/radius"

	"vault-plugin-auth-radius/internal/bindaddress"
)

// Client asks RADIUS servers. It is safe for concurrent use.
type Client struct {
	config  Config
	nas     radius.Attributes // of every request
	servers []*server
	agenda  agenda
	signed  signedAnswers // of all servers
	turn    atomic.Uint64 // of round_robin
	closed  atomic.Bool
}

// New prepares a client. It opens nothing: sockets are opened when they are
// needed.
func New(config Config) (*Client, error) {
	if err := config.check(); err != nil {
		return nil, fmt.Errorf("radclient: %w", err)
	}
	nas, err := config.NAS.Attributes()
	if err != nil {
		return nil, fmt.Errorf("radclient: %w", err)
	}
	client := &Client{config: config.withDefaults(), nas: nas}
	for _, server := range config.Servers {
		client.servers = append(client.servers, newServer(client, server))
	}
	return client, nil
}

// Close closes the client's sockets, each as soon as no login waits on it, and
// ends what it does on its own. It disturbs no login: even one that comes later
// works, with a socket of its own.
func (c *Client) Close() {
	c.closed.Store(true)
	for _, e := range c.endpoints() {
		e.retire()
	}
}

// Authenticate asks a server about the credentials and returns its verdict. The
// error is a [NoAnswerError], an [UnreachableError], a [FullError], a [ProtocolError],
// or the context's own if that ended first. Credentials that RADIUS cannot carry are
// an error too, and then nothing was sent.
//
// A login goes on to another server only if the first certainly did not see it,
// said that it did not process it, or was found dead: silence may be a user
// looking for a phone, and a second request would be a second push. It does
// not stay with a server that had been found silent before, where [FailoverOnTrial]
// lets it move on.
func (c *Client) Authenticate(ctx context.Context, credentials Credentials) (Verdict, error) {
	if err := errors.Join(CheckUsername(credentials.Username), credentials.checkPassword()); err != nil {
		return Verdict{}, err
	}
	login := &login{credentials: credentials, deadline: time.Now().Add(c.config.ReadTimeout)}
	candidates, err := c.candidates(ctx, credentials)
	if err != nil {
		return Verdict{}, err
	}
	verdict, err := login.decide(ctx, candidates)
	if err != nil && ctx.Err() != nil {
		return Verdict{}, fmt.Errorf("login abandoned: %w", ctx.Err())
	}
	return verdict, err
}

// candidates returns the endpoints that the login may ask, in the order of
// preference: all of them, or the one whose challenge is answered.
func (c *Client) candidates(ctx context.Context, credentials Credentials) ([]*endpoint, error) {
	if challenge := credentials.Answers; challenge != nil {
		e, err := c.challengeEndpoint(challenge)
		return []*endpoint{e}, err
	}
	var found []*endpoint
	var failed error
	for i, s := range c.servers {
		endpoints, err := s.current(ctx)
		switch {
		case err != nil && ctx.Err() != nil:
			s.counters.abandoned()
			return nil, fmt.Errorf("login abandoned: %w", ctx.Err())
		case err != nil:
			s.counters.ended(Verdict{}, err)
			failed = cmp.Or(failed, err)
		case len(found) == 0:
			for _, passed := range c.servers[:i] { // none of them has an address
				passed.counters.failedOver()
			}
		}
		found = append(found, endpoints...)
	}
	if len(found) == 0 {
		return nil, failed
	}
	if c.config.Strategy == RoundRobin {
		found = rotate(found, c.turn.Add(1)-1)
	}
	return found, nil
}

// challengeEndpoint returns the endpoint whose challenge is answered, even if the
// server's name stands for others by now.
func (c *Client) challengeEndpoint(challenge *Challenged) (*endpoint, error) {
	address, err := netip.ParseAddrPort(challenge.Server)
	if err != nil {
		return nil, fmt.Errorf("the server that asked: %w", err)
	}
	for _, s := range c.servers {
		if s.name == challenge.Host {
			return s.endpointAt(address), nil
		}
	}
	return nil, fmt.Errorf("the server that asked, %s, is not configured any more", challenge.Host)
}

// endpoints returns those that are known.
func (c *Client) endpoints() []*endpoint {
	var found []*endpoint
	for _, s := range c.servers {
		endpoints, _, _ := s.cached()
		found = append(found, endpoints...)
	}
	return found
}

// dialTime bounds making a connection.
func (c *Client) dialTime() time.Duration {
	if c.config.DialTimeout > 0 {
		return min(c.config.ReadTimeout, c.config.DialTimeout)
	}
	return c.config.ReadTimeout
}

// lookupTime bounds looking up a host of which nothing is known. If there are
// other servers, there has to be time left to ask them.
func (c *Client) lookupTime() time.Duration {
	limit := c.dialTime()
	if len(c.servers) > 1 {
		limit = min(limit, c.config.ReadTimeout/time.Duration(2*len(c.servers)))
	}
	return limit
}

// stateChanged reacts to a change of an endpoint's state: logins that wait for a
// dead server go on to one that lives.
func (c *Client) stateChanged(e *endpoint, from, to State) {
	if c.config.Changed != nil {
		c.config.Changed(Change{Server: e.server.config, Address: e.address, From: from, To: to})
	}
	if to == Dead {
		e.logins.reset()
	}
	for _, e := range c.endpoints() {
		if e.state() != Dead {
			continue
		}
		for _, x := range e.logins.exchanges() {
			if slices.ContainsFunc(x.others, (*endpoint).preferred) {
				x.conn.end(x, nil, errServerDead)
			}
		}
	}
}

// pace returns how fast servers are judged.
func (c *Client) pace() pace {
	pace := udpPace
	switch {
	case c.config.StatusCheck == StatusCheckRequest:
		pace = requestPace(c.config.ResponseWindow)
	case c.config.Transport != UDP:
		pace = streamPace
	}
	pace.window = c.config.ResponseWindow
	if c.config.tries() {
		pace.trial = trialInterval
	}
	return pace
}

// dial opens a socket or a connection: it takes packets from that address and
// port only.
func (c *Client) dial(ctx context.Context, network string, remote netip.AddrPort) (net.Conn, error) {
	source, err := bindaddress.Choose(c.config.BindAddress, remote.Addr())
	if err != nil {
		return nil, err
	}
	return c.config.Dial(ctx, network, source, remote)
}

// connect makes a connection to a server's address, within the time for that.
func (c *Client) connect(ctx context.Context, s *server, remote netip.AddrPort) (net.Conn, Version, error) {
	ctx, cancel := context.WithTimeout(ctx, c.dialTime())
	defer cancel()
	conn, err := c.dial(ctx, "tcp", remote)
	if err != nil || c.config.Transport == TCP {
		return conn, RADIUS10, err
	}
	config, err := c.config.TLS.config(s.config.Host)
	if err != nil {
		return nil, "", errors.Join(err, conn.Close())
	}
	secured, version, err := c.config.TLS.handshake(ctx, conn, config, s.counters.shown)
	if err != nil {
		_ = conn.Close() // the handshake's fault is the one that matters
	}
	return secured, version, err
}

// receiveBuffer is the size in octets asked of the system for answers that are
// not read yet.
const receiveBuffer = 1 << 20

// systemDial opens a socket or a connection of the system.
func systemDial(ctx context.Context, network string, source netip.Addr, remote netip.AddrPort) (net.Conn, error) {
	dialer := &net.Dialer{}
	if source.IsValid() { // else LocalAddr must be a nil interface
		dialer.LocalAddr = net.UDPAddrFromAddrPort(netip.AddrPortFrom(source, 0))
		if network == "tcp" {
			dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(source, 0))
		}
	}
	conn, err := dialer.DialContext(ctx, network, remote.String())
	if socket, ok := conn.(*net.UDPConn); ok {
		// The answers to all logins that wait may come at once. If the system grants
		// less, copies make up for what is lost.
		_ = socket.SetReadBuffer(receiveBuffer)
	}
	return conn, err
}
