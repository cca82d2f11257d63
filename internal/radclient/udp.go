package radclient

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"syscall"
	"time"

	"layeh.com/radius"
)

const (
	// socketsPerCarrier bounds the sockets of an endpoint. Each has 256 identifiers:
	// enough for those that wait, and for many times as many that rest.
	socketsPerCarrier = 256

	// requestsPerSocket is after how many requests a socket is replaced: a forger of
	// answers has to guess its port.
	requestsPerSocket = 1 << 14

	// idleTime is how long a socket stays open that is not used.
	idleTime = time.Minute
)

// udpCarrier carries exchanges over a few sockets, each shared by many.
type udpCarrier struct {
	agenda  *agenda
	dial    func(ctx context.Context) (net.Conn, error)
	refused func()           // called when the host says that nothing listens on the port
	stray   func(DropReason) // called for a datagram that belongs to no exchange
	late    func(*request)   // called for the valid answer to a request that has ended

	mu      sync.Mutex
	sockets []*udpSocket // guarded by mu; in the order in which they were opened
	retired bool         // guarded by mu

	appointment // to close idle sockets; on the agenda while there are sockets
}

func (c *udpCarrier) carry(ctx context.Context, x *exchange) {
	socket, surplus, err := c.enter(ctx, x)
	if surplus != nil {
		surplus.giveUp()
	}
	if err != nil {
		x.err = fmt.Errorf("%w: %w", errNotDelivered, err)
		x.onDone(x)
		return
	}
	sent, err := x.compose(slot{version: RADIUS10, key: x.key})
	if err != nil {
		socket.end(x, nil, err)
		return
	}
	next, waits := socket.waiting.start(x, sent, time.Now())
	if !waits {
		return
	}
	c.agenda.add(x, next)
	// The first copy is the only one whose failure matters: after it a server or a
	// user may be deciding about the request, and faults pass.
	if err := socket.write(x); err != nil {
		socket.end(x, nil, fmt.Errorf("%w: %w", errNotDelivered, err))
	}
}

// enter finds the exchange a socket with a free identifier, the oldest first,
// so that the others become idle. A socket that has none left is set aside until it
// has: it still takes the late answers that end the rest of its identifiers. If too
// many are, surplus is one that the caller has to give up.
func (c *udpCarrier) enter(ctx context.Context, x *exchange) (socket, surplus *udpSocket, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	for _, socket := range c.sockets {
		if socket.enter(x, now) {
			return socket, nil, nil
		}
	}
	if len(c.sockets) >= socketsPerCarrier {
		surplus = c.takeOut()
	}
	socket, err = c.open(ctx)
	if err != nil {
		return nil, surplus, err
	}
	socket.enter(x, now)
	return socket, surplus, nil
}

// takeOut takes the socket out on which the fewest wait: mostly none does, and then it
// is the one that has rested longest. It runs with mu held.
func (c *udpCarrier) takeOut() *udpSocket {
	at := 0
	for i, socket := range c.sockets {
		if lighter(socket.waiting, c.sockets[at].waiting) {
			at = i
		}
	}
	socket := c.sockets[at]
	socket.waiting.close()
	c.sockets = slices.Delete(c.sockets, at, at+1)
	return socket
}

// open opens a socket. It runs with mu held.
func (c *udpCarrier) open(ctx context.Context) (*udpSocket, error) {
	conn, err := c.dial(ctx)
	if err != nil {
		return nil, err
	}
	var anywhere [1]byte
	_, _ = rand.Read(anywhere[:]) // never fails
	socket := &udpSocket{carrier: c, conn: conn, waiting: newWaitingRoom(newIdentifiers(0, anywhere[0]))}
	if len(c.sockets) == 0 {
		c.agenda.add(c, time.Now().Add(idleTime))
	}
	c.sockets = append(c.sockets, socket)
	go socket.read() // until the socket is closed
	return socket, nil
}

// due closes the sockets that were not used for a while.
func (c *udpCarrier) due(now time.Time) (next time.Time, again bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sockets = slices.DeleteFunc(c.sockets, func(socket *udpSocket) bool {
		idle := socket.waiting.closeIfIdle(now, idleTime)
		if idle {
			_ = socket.conn.Close()
		}
		return idle
	})
	return now.Add(idleTime), len(c.sockets) > 0
}

func (c *udpCarrier) retire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.retired = true
	for _, socket := range c.sockets {
		socket.waiting.close()
	}
	c.closeDone()
}

// sweep closes the sockets that take no more exchanges and have none.
func (c *udpCarrier) sweep() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closeDone()
}

// closeDone is sweep with mu held.
func (c *udpCarrier) closeDone() {
	c.sockets = slices.DeleteFunc(c.sockets, func(socket *udpSocket) bool {
		done := socket.waiting.done()
		if done {
			_ = socket.conn.Close()
		}
		return done
	})
	if len(c.sockets) == 0 {
		c.agenda.remove(c)
	}
}

// reset does nothing: a datagram finds the server when it lives again.
func (c *udpCarrier) reset() {}

func (c *udpCarrier) exchanges() []*exchange {
	c.mu.Lock()
	defer c.mu.Unlock()
	var found []*exchange
	for _, socket := range c.sockets {
		found = append(found, socket.waiting.exchanges()...)
	}
	return found
}

// udpSocket is connected: it takes datagrams from the endpoint's address and
// port only.
type udpSocket struct {
	carrier *udpCarrier
	conn    net.Conn
	waiting *waitingRoom
}

// enter assigns the exchange an identifier, and reports whether there was one left. A
// socket that has served long enough, or is the last one, takes no more. It runs with
// the carrier's mutex held.
func (s *udpSocket) enter(x *exchange, now time.Time) bool {
	if !s.waiting.enter(x, now) {
		return false
	}
	x.conn = s
	if s.carrier.retired || s.waiting.admitted() >= requestsPerSocket {
		s.waiting.close()
	}
	return true
}

func (s *udpSocket) room() *waitingRoom { return s.waiting }

func (s *udpSocket) sendCopy(x *exchange) {
	if err := s.write(x); err != nil {
		s.waiting.note(false, err)
	}
}

// write sends the request. The refusal of an earlier packet is not a fault of this one.
func (s *udpSocket) write(x *exchange) error {
	_, err := s.conn.Write(x.request.wire)
	if errors.Is(err, syscall.ECONNREFUSED) {
		s.noteRefused()
		_, err = s.conn.Write(x.request.wire)
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return nil
	}
	return err
}

// read takes datagrams until the socket is closed, or returns nothing but errors.
func (s *udpSocket) read() {
	var buffer [maxPacketLen + 1]byte
	for faults := 0; faults < 100; {
		n, err := s.conn.Read(buffer[:])
		switch {
		case err == nil:
			faults = 0
			s.take(buffer[:n])
		case errors.Is(err, net.ErrClosed):
			return
		case errors.Is(err, syscall.ECONNREFUSED):
			s.noteRefused()
		default:
			faults++
			s.waiting.note(false, err)
		}
	}
	s.waiting.close()
	s.carrier.sweep()
}

func (s *udpSocket) take(datagram []byte) {
	if len(datagram) < headerLen {
		s.waiting.stray(DropMalformed)
		s.carrier.stray(DropMalformed)
		return
	}
	x, packet, late, reason := s.waiting.take(uint32(datagram[1]), datagram)
	if late != nil {
		s.carrier.late(late)
	}
	switch {
	case x != nil:
		s.end(x, packet, nil)
	case reason == DropOtherIdentifier || reason == DropLate:
		s.carrier.stray(reason)
	}
}

func (s *udpSocket) noteRefused() {
	s.waiting.note(true, nil)
	s.carrier.refused()
}

func (s *udpSocket) end(x *exchange, packet *radius.Packet, err error) {
	removed, last := s.waiting.leave(x, packet, err)
	if !removed {
		return
	}
	s.carrier.agenda.remove(x)
	if last {
		s.carrier.sweep()
	}
	x.onDone(x)
}

// giveUp closes a socket that was taken out. Those that still wait on it lose their
// places.
func (s *udpSocket) giveUp() {
	for _, x := range s.waiting.exchanges() {
		s.end(x, nil, errPushedOut)
	}
	_ = s.conn.Close()
}
