// Package radiustest is a RADIUS authentication server for tests and for trying
// things out, over UDP (Start), TCP and TLS (StartStream): it answers as a script
// says, late, lossily or wrongly if need be. It keeps no secrets and is not meant for
// real networks.
//
// It also has what such tests need: a Network in memory, an Authority for
// certificates, and FreeRADIUS and radsecproxy as they really are.
package radiustest

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
)

// Options say how a server behaves.
type Options struct {
	Address string  // where to listen; default "127.0.0.1:0", any free port
	Secret  string  // shared secret
	Handler Handler // what to answer; nil: nothing
	Loss    Loss    // zero: nothing is lost

	// Discarded, if set, is called with each datagram that the handler does not see;
	// Request.Discarded says why.
	Discarded func(*Request)

	// Network, if set, is what the server listens on instead of this host's
	// loopback: at Address, with a port.
	Network *Network

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
	*ledger
	options Options
	conn    socket // asked by clients
	other   socket // for answers from another port
	delays  *delays

	closing  sync.Once
	closeErr error // set once closing is done
}

// Start listens and serves until Close.
func Start(o Options) (*Server, error) {
	if o.Secret == "" {
		return nil, errors.New("the RADIUS server needs a shared secret")
	}
	conn, other, err := openSockets(o)
	if err != nil {
		return nil, err
	}
	s := &Server{ledger: newLedger(o.Handler, o.Keep), options: o, conn: conn, other: other, delays: newDelays()}
	s.loss, s.discarded = o.Loss, o.Discarded
	s.delays.running.Go(s.serve)
	return s, nil
}

// Addr returns the address the server listens on.
func (s *Server) Addr() netip.AddrPort {
	return unmapped(s.conn.LocalAddr().(*net.UDPAddr).AddrPort())
}

// Host returns the IP address the server listens on, without brackets.
func (s *Server) Host() string { return s.Addr().Addr().String() }

// Port returns the UDP port the server listens on.
func (s *Server) Port() int { return int(s.Addr().Port()) }

// Close stops the server, drops the answers that are still delayed and waits
// until nothing of it runs any more.
func (s *Server) Close() error {
	s.closing.Do(func() {
		close(s.delays.done)
		s.closeErr = errors.Join(s.conn.Close(), s.other.Close())
		s.delays.running.Wait()
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
		r := decode(slices.Clone(buffer[:n]), s.options.Secret, RADIUS10)
		r.From = unmapped(from)
		for _, answer := range s.answers(r) {
			s.send(answer, from)
		}
	}
}

// send writes an answer, in its own time.
func (s *Server) send(a Answer, to netip.AddrPort) {
	conn := s.conn
	if a.OtherPort {
		conn = s.other
	}
	s.delays.after(a.Delay, func() {
		// A client that is gone, or a server being closed: as a network, say nothing.
		_, _ = conn.WriteToUDPAddrPort(a.Datagram(), to)
	})
}

func unmapped(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
