package radiustest

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// secretOverTLS is the shared secret that RFC 6614 section 2.3 prescribes.
const secretOverTLS = "radsec"

// StreamOptions say how a stream server behaves.
type StreamOptions struct {
	Address string      // where to listen; default "127.0.0.1:0", any free port
	Secret  string      // shared secret; default with TLS: "radsec"
	TLS     *tls.Config // RFC 6614; nil: plain TCP, RFC 6613
	Handler Handler     // what to answer; nil: nothing

	// Versions are those that the server offers in ALPN, the best first; none: it
	// knows no ALPN and speaks RADIUS/1.0. RADIUS/1.1 alone refuses clients that
	// have not agreed on it. As with crypto/tls, TLS 1.2 will do for it.
	Versions []Version

	// OctetByOctet writes answers one octet at a time. Together holds answers
	// back until a connection has so many, and then writes them as one.
	OctetByOctet bool
	Together     int

	Discarded func(*Request) // as of Options
	Network   *Network       // as of Options
	Keep      int            // as of Options
}

// StreamServer is a running server for RADIUS over TCP or TLS.
type StreamServer struct {
	*ledger
	options  StreamOptions
	tls      *tls.Config
	listener net.Listener
	delays   *delays

	closing  sync.Once
	closeErr error // set once closing is done

	state       monitor              // what follows
	connections map[*connection]bool // guarded by state.mu; those that are open
	accepted    int                  // guarded by state.mu
	hung        bool                 // guarded by state.mu
	closed      bool                 // guarded by state.mu
}

// StartStream listens and serves until Close.
func StartStream(o StreamOptions) (*StreamServer, error) {
	if o.Secret == "" && o.TLS != nil {
		o.Secret = secretOverTLS
	}
	switch {
	case o.Secret == "":
		return nil, errors.New("the RADIUS server needs a shared secret")
	case o.TLS == nil && len(o.Versions) > 0:
		return nil, errors.New("versions of RADIUS are agreed on in TLS")
	}
	listener, err := openListener(o)
	if err != nil {
		return nil, fmt.Errorf("listen for RADIUS: %w", err)
	}
	s := &StreamServer{
		ledger:      newLedger(o.Handler, o.Keep),
		options:     o,
		tls:         withALPN(o.TLS, o.Versions),
		listener:    listener,
		delays:      newDelays(),
		state:       newMonitor(),
		connections: map[*connection]bool{},
	}
	s.discarded = o.Discarded
	s.delays.running.Go(s.accept)
	return s, nil
}

func openListener(o StreamOptions) (net.Listener, error) {
	if o.Network == nil {
		if o.Address == "" {
			o.Address = "127.0.0.1:0"
		}
		return net.Listen("tcp", o.Address)
	}
	address, err := memoryAddress(o.Address)
	if err != nil {
		return nil, err
	}
	return o.Network.listen(address)
}

// withALPN returns a configuration that offers the versions.
func withALPN(config *tls.Config, versions []Version) *tls.Config {
	if config == nil {
		return nil
	}
	config = config.Clone()
	config.NextProtos = nil
	for _, version := range versions {
		config.NextProtos = append(config.NextProtos, string(version))
	}
	return config
}

// Addr returns the address the server listens on.
func (s *StreamServer) Addr() netip.AddrPort {
	return unmapped(s.listener.Addr().(*net.TCPAddr).AddrPort())
}

// Host returns the IP address the server listens on, without brackets.
func (s *StreamServer) Host() string { return s.Addr().Addr().String() }

// Port returns the TCP port the server listens on.
func (s *StreamServer) Port() int { return int(s.Addr().Port()) }

// Accepted counts the connections so far.
func (s *StreamServer) Accepted() int {
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	return s.accepted
}

// Open counts the connections that are open now. A hung server does not notice
// those that clients close.
func (s *StreamServer) Open() int {
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	return len(s.connections)
}

// Hang stops reading, as a server does that is stuck, or ends that: packets
// wait, and so do the TLS handshakes of new connections. Answers that are
// delayed still go out.
func (s *StreamServer) Hang(on bool) {
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	s.hung = on
	s.state.announce()
}

// CloseConnections closes every connection at once, as a crash does: there is
// no farewell of TLS. A handler may call it. The server still listens.
func (s *StreamServer) CloseConnections() {
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	s.closeConnections()
}

// closeConnections runs with state.mu held.
func (s *StreamServer) closeConnections() {
	for c := range s.connections {
		_ = c.raw.Close()
	}
	clear(s.connections)
	s.state.announce()
}

// Close stops the server, drops the answers that are still delayed and waits
// until nothing of it runs any more.
func (s *StreamServer) Close() error {
	s.closing.Do(func() {
		close(s.delays.done)
		s.closeErr = s.listener.Close()
		s.shut()
		s.delays.running.Wait()
	})
	return s.closeErr
}

func (s *StreamServer) shut() {
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	s.closed = true
	s.closeConnections()
}

// accept takes connections until the listener is closed.
func (s *StreamServer) accept() {
	for {
		raw, err := s.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // about one connection, not about the listener
		}
		if c := s.enter(raw); c != nil {
			s.delays.running.Go(c.serve)
		}
	}
}

// enter counts a connection, or closes it if the server is closed.
func (s *StreamServer) enter(raw net.Conn) *connection {
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	if s.closed {
		_ = raw.Close()
		return nil
	}
	s.accepted++
	c := newConnection(s, raw, s.accepted)
	s.connections[c] = true
	return c
}

// leave closes a connection.
func (s *StreamServer) leave(c *connection) {
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	delete(s.connections, c)
	_ = c.raw.Close()
	s.state.announce()
}

// mayRead waits while the server hangs. It reports whether the connection is still
// open.
func (s *StreamServer) mayRead(c *connection) (open bool) {
	s.state.await(func(time.Time) (next time.Time, done bool) {
		open = s.connections[c]
		return time.Time{}, !open || !s.hung
	})
	return open
}

// speaks returns the version of RADIUS that a connection has agreed on, and
// whether the server will have it.
func (s *StreamServer) speaks(protocol string) (Version, bool) {
	if Version(protocol) == RADIUS11 {
		return RADIUS11, true
	}
	historic := len(s.options.Versions) == 0 || slices.Contains(s.options.Versions, RADIUS10)
	return RADIUS10, historic
}
