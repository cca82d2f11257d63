package radiustest

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

// dialStream connects to a listener, which takes a round trip.
func (n *Network) dialStream(ctx context.Context, local netip.Addr, remote netip.AddrPort) (net.Conn, error) {
	timer := time.NewTimer(2 * n.options.Latency)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	conn, err := n.connect(local, remote)
	if conn == nil && err == nil {
		<-ctx.Done()
		err = ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	return conn, nil
}

// connect returns the client's end of a new stream, or nothing if the packets for
// it vanish.
func (n *Network) connect(ip netip.Addr, remote netip.AddrPort) (*memoryStream, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.blackholes[remote] {
		return nil, nil
	}
	listener := n.listeners[remote]
	if listener == nil {
		return nil, os.NewSyscallError("connect", syscall.ECONNREFUSED)
	}
	local := n.freeAddress(ip)
	request, answer := newPipe(n.options.Latency), newPipe(n.options.Latency)
	client := &memoryStream{network: n, local: local, remote: remote, in: answer, out: request}
	n.streams[local] = client
	listener.add(&memoryStream{network: n, local: remote, remote: local, in: request, out: answer})
	return client, nil
}

// listen opens a listener for streams.
func (n *Network) listen(address netip.AddrPort) (*memoryListener, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listeners[address] != nil {
		return nil, taken("tcp", address)
	}
	l := &memoryListener{monitor: newMonitor(), network: n, address: address}
	n.listeners[address] = l
	return l, nil
}

// cut makes a stream's octets vanish both ways from now on.
func (s *memoryStream) cut() {
	for _, p := range []*pipe{s.in, s.out} {
		p.change(func() { p.cut = true })
	}
}

// memoryListener is a net.Listener on a Network.
type memoryListener struct {
	monitor
	network *Network
	address netip.AddrPort
	waiting []net.Conn // guarded by mu
	closed  bool       // guarded by mu
}

// add has a connection wait to be accepted. It runs with the network's lock
// held, under which no listener closes.
func (l *memoryListener) add(conn net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = append(l.waiting, conn)
	l.announce()
}

// Accept implements net.Listener.
func (l *memoryListener) Accept() (conn net.Conn, err error) {
	l.await(func(time.Time) (next time.Time, done bool) {
		switch {
		case l.closed:
			err = &net.OpError{Op: "accept", Net: "tcp", Addr: l.Addr(), Err: net.ErrClosed}
		case len(l.waiting) == 0:
			return time.Time{}, false
		default:
			conn, l.waiting = l.waiting[0], l.waiting[1:]
		}
		return time.Time{}, true
	})
	return conn, err
}

// Addr implements net.Listener.
func (l *memoryListener) Addr() net.Addr { return addressOf("tcp", l.address) }

// Close implements net.Listener. Connections that were not accepted are closed,
// the others are not.
func (l *memoryListener) Close() error {
	for _, conn := range l.shut() {
		_ = conn.Close()
	}
	return nil
}

func (l *memoryListener) shut() (waiting []net.Conn) {
	l.network.mu.Lock()
	defer l.network.mu.Unlock()
	if l.network.listeners[l.address] == l {
		delete(l.network.listeners, l.address)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	waiting, l.waiting = l.waiting, nil
	l.closed = true
	l.announce()
	return waiting
}

// memoryStream is one end of a TCP connection on a Network.
type memoryStream struct {
	network       *Network
	local, remote netip.AddrPort
	in, out       *pipe
	closing       sync.Once
}

var _ net.Conn = (*memoryStream)(nil)

// Read implements net.Conn.
func (s *memoryStream) Read(b []byte) (int, error) {
	n, err := s.in.read(b)
	return n, s.fault("read", err)
}

// Write implements net.Conn.
func (s *memoryStream) Write(b []byte) (int, error) {
	n, err := s.out.write(b)
	return n, s.fault("write", err)
}

// Close implements net.Conn: the other end reads what is under way, then the end
// of the stream.
func (s *memoryStream) Close() error {
	err := s.fault("close", net.ErrClosed)
	s.closing.Do(func() {
		s.out.closeWrite()
		s.in.closeRead()
		s.network.forgetStream(s)
		err = nil
	})
	return err
}

// LocalAddr implements net.Conn.
func (s *memoryStream) LocalAddr() net.Addr { return addressOf("tcp", s.local) }

// RemoteAddr implements net.Conn.
func (s *memoryStream) RemoteAddr() net.Addr { return addressOf("tcp", s.remote) }

// SetDeadline implements net.Conn.
func (s *memoryStream) SetDeadline(t time.Time) error {
	_ = s.SetReadDeadline(t)
	return s.SetWriteDeadline(t)
}

// SetReadDeadline implements net.Conn.
func (s *memoryStream) SetReadDeadline(t time.Time) error {
	s.in.change(func() { s.in.readDeadline = t })
	return nil
}

// SetWriteDeadline implements net.Conn.
func (s *memoryStream) SetWriteDeadline(t time.Time) error {
	s.out.change(func() { s.out.writeDeadline = t })
	return nil
}

// fault describes an error as the standard library does; the end of the stream
// stays as it is.
func (s *memoryStream) fault(op string, err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return &net.OpError{Op: op, Net: "tcp", Source: s.LocalAddr(), Addr: s.RemoteAddr(), Err: err}
}
