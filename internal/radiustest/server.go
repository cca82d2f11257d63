// Package radiustest is a RADIUS authentication server for tests and for trying
// things out: it answers what a script tells it to, late, lossily or wrongly if
// need be. It keeps no secrets and is not meant for real networks.
package radiustest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"layeh.com/radius"
)

// receiveBuffer is the size in octets asked of the kernel for datagrams not yet
// read: bursts of parallel logins should be lost by Loss only.
const receiveBuffer = 4 << 20

// Options say how a server behaves.
type Options struct {
	Address string  // where to listen; default "127.0.0.1:0", any free port
	Secret  string  // shared secret
	Handler Handler // what to answer; nil: nothing
	Loss    Loss    // zero: nothing is lost

	// Discarded, if set, is told of each datagram that the handler does not see;
	// Request.Discarded says why.
	Discarded func(*Request)

	// Keep is how many of the latest requests the server remembers, for
	// Requests and to number copies; zero: all of them.
	Keep int
}

// Handler decides what to answer: nothing, one answer or several. It is called
// for each copy of an Access-Request or Status-Server, one at a time; to answer
// late it uses Answer.After and does not wait itself.
type Handler func(*Request) []Answer

// Server is a running server.
type Server struct {
	options Options
	conn    *net.UDPConn // asked by clients
	other   *net.UDPConn // for answers from another port
	done    chan struct{}
	running sync.WaitGroup

	closing  sync.Once
	closeErr error // set once closing is done

	mu       sync.Mutex
	handler  Handler                      // guarded by mu
	requests []Request                    // guarded by mu
	history  *recent[requestKey, history] // guarded by mu
	distinct int                          // guarded by mu
}

// history is what the server knows of one request and its copies.
type history struct {
	sent    int  // copies so far, lost ones included
	arrived bool // at least one was not lost
}

// requestKey is what RFC 5080 section 2.2.2 tells duplicates by.
type requestKey struct {
	from          netip.AddrPort
	identifier    byte
	authenticator [16]byte
}

// Start listens and serves until Close.
func Start(o Options) (*Server, error) {
	if o.Secret == "" {
		return nil, errors.New("the RADIUS server needs a shared secret")
	}
	if o.Address == "" {
		o.Address = "127.0.0.1:0"
	}
	address, err := net.ResolveUDPAddr("udp", o.Address)
	if err != nil {
		return nil, fmt.Errorf("RADIUS server address %q: %w", o.Address, err)
	}
	conn, err := net.ListenUDP("udp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for RADIUS: %w", err)
	}
	if err := conn.SetReadBuffer(receiveBuffer); err != nil {
		return nil, errors.Join(fmt.Errorf("receive buffer of %s: %w", conn.LocalAddr(), err), conn.Close())
	}
	other, err := net.ListenUDP("udp", &net.UDPAddr{IP: address.IP, Zone: address.Zone})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open a second RADIUS port: %w", err), conn.Close())
	}
	s := &Server{options: o, conn: conn, other: other, done: make(chan struct{}), handler: o.Handler}
	s.history = newRecent[requestKey, history](o.Keep)
	s.running.Go(s.serve)
	return s, nil
}

// Addr is where the server listens.
func (s *Server) Addr() netip.AddrPort {
	return unmapped(s.conn.LocalAddr().(*net.UDPAddr).AddrPort())
}

// Host is the IP address the server listens on, without brackets.
func (s *Server) Host() string { return s.Addr().Addr().String() }

// Port is the UDP port the server listens on.
func (s *Server) Port() int { return int(s.Addr().Port()) }

// SetHandler changes what is answered from the next request on.
func (s *Server) SetHandler(h Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handler = h
}

// Requests returns every datagram received so far, in order: copies and
// discarded ones included, those lost on the way in not.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Distinct counts the requests received so far, each once however often it was
// sent: source, identifier and authenticator tell them apart.
func (s *Server) Distinct() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.distinct
}

// Close stops the server, drops the answers that are still delayed and waits
// until nothing of it runs any more.
func (s *Server) Close() error {
	s.closing.Do(func() {
		close(s.done)
		s.closeErr = errors.Join(s.conn.Close(), s.other.Close())
		s.running.Wait()
	})
	return s.closeErr
}

// serve reads datagrams until the socket is closed.
func (s *Server) serve() {
	buffer := make([]byte, 1<<16)
	for {
		n, from, err := s.conn.ReadFromUDPAddrPort(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // about one datagram, not about the socket
		}
		s.receive(slices.Clone(buffer[:n]), unmapped(from))
	}
}

// receive takes one datagram through loss, checks, the handler and sending.
func (s *Server) receive(raw []byte, from netip.AddrPort) {
	r := s.decode(raw, from)
	handler, lost := s.record(r)
	switch {
	case lost:
		return
	case r.Discarded != "":
		if s.options.Discarded != nil {
			s.options.Discarded(r)
		}
		return
	case handler == nil:
		return
	}
	for _, answer := range handler(r) {
		if s.options.Loss.LosesAnswer(r.Username(), r.Copy) {
			continue
		}
		s.send(answer, from)
	}
}

// decode parses a datagram and says whether a server has to discard it.
func (s *Server) decode(raw []byte, from netip.AddrPort) *Request {
	r := &Request{Raw: raw, From: from}
	packet, err := radius.Parse(raw, []byte(s.options.Secret))
	if err != nil {
		r.Discarded = err.Error()
		return r
	}
	r.Packet = packet
	length := binary.BigEndian.Uint16(raw[2:4])
	present, right := checkMessageAuthenticator(raw[:length], packet.Secret)
	r.messageAuthenticator = present
	switch {
	case packet.Code != radius.CodeAccessRequest && packet.Code != radius.CodeStatusServer:
		r.Discarded = fmt.Sprintf("packet code %d", packet.Code)
	case present && !right:
		r.Discarded = "wrong Message-Authenticator: the secrets differ"
	case !present && packet.Code == radius.CodeStatusServer:
		r.Discarded = "Status-Server without Message-Authenticator (RFC 5997 section 3)"
	}
	return r
}

// record numbers a request and remembers it unless it is lost. It returns the
// handler of this moment.
func (s *Server) record(r *Request) (handler Handler, lost bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.number(r) {
		return nil, true
	}
	if keep := s.options.Keep; keep > 0 && len(s.requests) >= 2*keep {
		s.requests = slices.Clone(s.requests[keep:])
	}
	s.requests = append(s.requests, *r)
	return s.handler, false
}

// number sets r.Copy, counts the request if it is new and reports whether this
// copy is lost. It runs with mu held.
func (s *Server) number(r *Request) (lost bool) {
	r.Copy = 1
	if r.Packet == nil {
		return s.options.Loss.LosesRequest("", r.Copy)
	}
	key := requestKey{from: r.From, identifier: r.Packet.Identifier, authenticator: r.Packet.Authenticator}
	h, _ := s.history.get(key)
	h.sent++
	r.Copy = h.sent
	lost = s.options.Loss.LosesRequest(r.Username(), r.Copy)
	if !lost && !h.arrived {
		h.arrived = true
		s.distinct++
	}
	s.history.put(key, h)
	return lost
}

// send writes an answer, in its own time.
func (s *Server) send(a Answer, to netip.AddrPort) {
	conn := s.conn
	if a.OtherPort {
		conn = s.other
	}
	write := func() {
		// A client that is gone, or a server being closed: as a network, say nothing.
		_, _ = conn.WriteToUDPAddrPort(a.Datagram(), to)
	}
	if a.Delay <= 0 {
		write()
		return
	}
	s.running.Go(func() {
		timer := time.NewTimer(a.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
			write()
		case <-s.done:
		}
	})
}

func unmapped(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
