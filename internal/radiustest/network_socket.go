package radiustest

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"
)

// memorySocket is a UDP socket on a Network. A connected one is a net.Conn and
// takes datagrams of its peer only; the others are a server's.
type memorySocket struct {
	network *Network
	local   netip.AddrPort
	remote  netip.AddrPort // invalid: not connected
	queue   *queue

	mu            sync.Mutex
	writeDeadline time.Time // guarded by mu
}

var (
	_ net.Conn = (*memorySocket)(nil)
	_ socket   = (*memorySocket)(nil)
)

func (s *memorySocket) connected() bool { return s.remote.IsValid() }

func (s *memorySocket) takesFrom(sender netip.AddrPort) bool {
	return !s.connected() || s.remote == sender
}

// Read implements net.Conn: one datagram, cut off if it is longer than b.
func (s *memorySocket) Read(b []byte) (int, error) {
	n, _, err := s.ReadFromUDPAddrPort(b)
	return n, err
}

// ReadFromUDPAddrPort reads as that of net.UDPConn does.
func (s *memorySocket) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	a, err := s.queue.take()
	if err != nil {
		return 0, netip.AddrPort{}, s.fault("read", err)
	}
	return copy(b, a.data), a.from, nil
}

// Write implements net.Conn: it sends one datagram.
func (s *memorySocket) Write(b []byte) (int, error) {
	if !s.connected() {
		return 0, s.fault("write", syscall.EDESTADDRREQ)
	}
	return s.WriteToUDPAddrPort(b, s.remote)
}

// WriteToUDPAddrPort writes as that of net.UDPConn does.
func (s *memorySocket) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	if err := s.writable(); err != nil {
		return 0, s.fault("write", err)
	}
	s.network.send(s, unmapped(to), slices.Clone(b))
	return len(b), nil
}

func (s *memorySocket) writable() error {
	s.mu.Lock()
	deadline := s.writeDeadline
	s.mu.Unlock()
	if passed(deadline, time.Now()) {
		return os.ErrDeadlineExceeded
	}
	return s.queue.fault()
}

// fault describes an error as the standard library does.
func (s *memorySocket) fault(op string, err error) error {
	if errors.Is(err, syscall.ECONNREFUSED) {
		err = os.NewSyscallError(op, err)
	}
	return &net.OpError{Op: op, Net: "udp", Source: s.LocalAddr(), Addr: s.RemoteAddr(), Err: err}
}

// LocalAddr implements net.Conn.
func (s *memorySocket) LocalAddr() net.Addr { return addressOf("udp", s.local) }

// RemoteAddr implements net.Conn.
func (s *memorySocket) RemoteAddr() net.Addr {
	if !s.connected() {
		return nil
	}
	return addressOf("udp", s.remote)
}

// SetDeadline implements net.Conn.
func (s *memorySocket) SetDeadline(t time.Time) error {
	if err := s.SetReadDeadline(t); err != nil {
		return err
	}
	return s.SetWriteDeadline(t)
}

// SetReadDeadline implements net.Conn.
func (s *memorySocket) SetReadDeadline(t time.Time) error {
	if err := s.queue.setDeadline(t); err != nil {
		return s.fault("set", err)
	}
	return nil
}

// SetWriteDeadline implements net.Conn. Writing never blocks.
func (s *memorySocket) SetWriteDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writeDeadline = t
	return nil
}

// Close implements net.Conn: it ends a Read that waits.
func (s *memorySocket) Close() error {
	if err := s.queue.close(); err != nil {
		return s.fault("close", err)
	}
	s.network.forget(s)
	return nil
}
