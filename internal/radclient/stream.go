package radclient

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"
)

const (
	// connectionsPerCarrier bounds the connections to an endpoint. Each has 255
	// identifiers: in all twice as many as there can be logins that wait, so that some
	// may rest.
	connectionsPerCarrier = 32

	// minDialInterval and maxDialInterval are between attempts to connect, the
	// shorter at first.
	minDialInterval, maxDialInterval = 500 * time.Millisecond, 10 * time.Second
)

// errConnectionLost means that the connection ended before the answer came: it is
// not known whether the server has seen the request.
var errConnectionLost = errors.New("the connection was lost")

// errProbeWaits means that a probe waits already: TCP repeats it if it is lost.
var errProbeWaits = errors.New("a Status-Server waits already")

// streamCarrier carries exchanges over few lasting connections, each shared by
// many (RFC 6613, RFC 6614). TCP repeats what is lost: nothing is sent twice.
type streamCarrier struct {
	agenda *agenda
	// dial connects, within a time of its own, and returns the version of RADIUS that
	// is spoken.
	dial  func(ctx context.Context) (net.Conn, Version, error)
	stray func(DropReason) // called for a packet that belongs to no exchange
	late  func(*request)   // called for the valid answer to a request that has ended

	mu          sync.Mutex
	connections []*streamConnection // guarded by mu; in the order in which they were made
	retired     bool                // guarded by mu
	dialing     chan struct{}       // guarded by mu; closed when the dial that goes on ends; nil: none does
	failed      error               // guarded by mu; of the latest dial
	wanted      int                 // guarded by mu; exchanges that wait for a connection
	notBefore   time.Time           // guarded by mu; of the next dial
	pause       time.Duration       // guarded by mu; after the next dial that fails

	appointment // to close idle connections; on the agenda while there are several
}

func (c *streamCarrier) carry(ctx context.Context, x *exchange) {
	if x.status {
		// The caller that sends probes does not wait for a connection.
		go c.send(ctx, x) // no longer than until the exchange's deadline
		return
	}
	c.send(ctx, x)
}

func (c *streamCarrier) send(ctx context.Context, x *exchange) {
	connection, err := c.enter(ctx, x)
	if errors.Is(err, errProbeWaits) {
		x.err = errSilence
		x.onDone(x)
		return
	}
	if errors.Is(err, errPushedOut) {
		x.err = err
		x.onDone(x)
		return
	}
	if err != nil {
		x.err = fmt.Errorf("%w: %w", errNotDelivered, err)
		x.onDone(x)
		return
	}
	sent, err := x.compose(slot{version: connection.version, key: x.key})
	if err != nil {
		connection.end(x, nil, err)
		return
	}
	next, waits := connection.waiting.start(x, sent, time.Now())
	if !waits {
		return
	}
	c.agenda.add(x, next)
	connection.write(x)
}

// enter finds the exchange a connection with a free key, or waits for one.
func (c *streamCarrier) enter(ctx context.Context, x *exchange) (*streamConnection, error) {
	connection, wait, err := c.tryEnter(x, false)
	if wait == nil {
		return connection, err
	}
	ctx, cancel := context.WithDeadline(ctx, x.deadline)
	defer cancel()
	c.want(1)
	defer c.want(-1)
	for wait != nil {
		select {
		case <-wait:
			connection, wait, err = c.tryEnter(x, true)
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	return connection, err
}

// tryEnter finds the exchange a connection that is there, or returns what to wait
// for: the connection that is being made, or the time when one may be. waited says
// whether the exchange has done so before.
func (c *streamCarrier) tryEnter(x *exchange, waited bool) (*streamConnection, <-chan struct{}, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	open := false
	for _, connection := range c.connections {
		if connection.enter(x) {
			return connection, nil, nil
		}
		open = open || connection.waiting.open()
	}
	if x.status && open {
		return nil, nil, errProbeWaits
	}
	pause := time.Until(c.notBefore)
	switch {
	case c.dialing != nil:
		return nil, c.dialing, nil
	case pause <= 0, x.status && !waited: // probes have a pace of their own
		c.dialing = make(chan struct{})
		go c.connect(!x.status) // no longer than a dial may take
		return nil, c.dialing, nil
	case x.status, len(x.others) > 0, c.notBefore.After(x.deadline), isTLSError(c.failed) && !open:
		if open {
			return nil, nil, fmt.Errorf("%w: %w", errFull, c.failed) // it takes no more connections
		}
		return nil, nil, c.failed
	}
	return nil, after(pause), nil
}

// after returns a channel that is closed when the time is over.
func after(pause time.Duration) <-chan struct{} {
	over := make(chan struct{})
	time.AfterFunc(pause, func() { close(over) })
	return over
}

// connect makes a connection, or notes why it cannot, and, unless it was for a
// probe, when it may be tried again.
func (c *streamCarrier) connect(backOff bool) {
	conn, version, err := c.dial(context.Background())
	if surplus := c.connected(conn, version, err, backOff); surplus != nil {
		surplus.giveUp()
	}
}

// connected takes what came of a dial. If there are too many connections now, surplus is
// one that the caller has to give up.
func (c *streamCarrier) connected(conn net.Conn, version Version, err error, backOff bool) (surplus *streamConnection) {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.dialing)
	c.dialing = nil
	switch {
	case err != nil && backOff:
		// The server may take no more connections: one that only rests is in the way.
		if surplus = c.lightest(); surplus != nil && surplus.waiting.empty() {
			c.takeOut(surplus)
			c.pause = 0
		} else {
			surplus = nil
		}
		c.failedNow(err)
		return surplus
	case err != nil:
		c.failed = err
		return nil
	}
	c.failed, c.pause = nil, 0
	if len(c.connections) >= connectionsPerCarrier {
		surplus = c.lightest()
		c.takeOut(surplus)
	}
	connection := newStreamConnection(c, conn, version)
	c.connections = append(c.connections, connection)
	if len(c.connections) == 2 {
		c.agenda.add(c, time.Now().Add(idleTime))
	}
	go connection.read() // until the connection ends
	return surplus
}

// lightest returns the connection on which the fewest wait: mostly none does, and then
// it is the one that has rested longest; nil: there is none. It runs with mu held.
func (c *streamCarrier) lightest() *streamConnection {
	var found *streamConnection
	for _, connection := range c.connections {
		if found == nil || lighter(connection.waiting, found.waiting) {
			found = connection
		}
	}
	return found
}

// takeOut takes a connection out that is to be given up. It runs with mu held.
func (c *streamCarrier) takeOut(connection *streamConnection) {
	connection.waiting.close()
	c.connections = slices.DeleteFunc(c.connections, func(other *streamConnection) bool { return other == connection })
}

// due closes the connections that were not used for a while, but for the first, which
// lasts.
func (c *streamCarrier) due(now time.Time) (next time.Time, again bool) {
	idle, remaining := c.takeOutIdle(now)
	for _, connection := range idle {
		_ = connection.conn.Close()
	}
	return now.Add(idleTime), remaining > 1
}

// takeOutIdle returns the connections to close, and how many remain.
func (c *streamCarrier) takeOutIdle(now time.Time) (idle []*streamConnection, remaining int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var used []*streamConnection
	for i, connection := range c.connections {
		if i > 0 && connection.waiting.closeIfIdle(now, idleTime) {
			idle = append(idle, connection)
		} else {
			used = append(used, connection)
		}
	}
	c.connections = used
	return idle, len(used)
}

// want counts the exchanges that wait for a connection. After the last one, a retired
// carrier closes those that none has taken.
func (c *streamCarrier) want(more int) {
	if c.countWanted(more) {
		c.retire()
	}
}

// countWanted reports whether the carrier is retired and no exchange waits any more.
func (c *streamCarrier) countWanted(more int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wanted += more
	return c.retired && c.wanted == 0
}

// failedNow notes that the server cannot be reached. It runs with mu held.
func (c *streamCarrier) failedNow(err error) {
	c.pause = max(c.pause, minDialInterval)
	c.failed, c.notBefore = err, time.Now().Add(spread(c.pause, rand.Float64))
	c.pause = min(2*c.pause, maxDialInterval)
}

// lost takes a connection away that has ended. One that ended before the server
// said anything counts as one that could not be made.
func (c *streamCarrier) lost(connection *streamConnection, refused error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.connections = slices.DeleteFunc(c.connections, func(other *streamConnection) bool { return other == connection })
	if len(c.connections) < 2 {
		c.agenda.remove(c)
	}
	if refused != nil {
		c.failedNow(refused)
	}
}

func (c *streamCarrier) exchanges() []*exchange {
	var found []*exchange
	for _, connection := range c.open() {
		found = append(found, connection.waiting.exchanges()...)
	}
	return found
}

func (c *streamCarrier) open() []*streamConnection {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.connections)
}

func (c *streamCarrier) retire() {
	for _, connection := range c.markRetired() {
		connection.waiting.close()
		connection.closeIfDone()
	}
}

func (c *streamCarrier) markRetired() []*streamConnection {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.retired = true
	return slices.Clone(c.connections)
}

// reset closes the connections of a server that is dead.
func (c *streamCarrier) reset() {
	for _, connection := range c.open() {
		connection.fail(errServerDead)
	}
}
