package radiustest

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
)

// receiveBuffer is the size in octets asked of the kernel for datagrams not yet
// read: bursts of parallel logins should be lost by Loss only.
const receiveBuffer = 4 << 20

// socket is what the server needs of a UDP socket.
type socket interface {
	ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error)
	WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error)
	LocalAddr() net.Addr
	Close() error
}

// openSockets opens the socket that clients ask and another one on the same IP
// address.
func openSockets(o Options) (conn, other socket, err error) {
	if o.Network != nil {
		return openInMemory(o.Network, o.Address)
	}
	return openOnLoopback(o.Address)
}

func openOnLoopback(address string) (conn, other socket, err error) {
	if address == "" {
		address = "127.0.0.1:0"
	}
	local, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return nil, nil, fmt.Errorf("RADIUS server address %q: %w", address, err)
	}
	first, err := net.ListenUDP("udp", local)
	if err != nil {
		return nil, nil, fmt.Errorf("listen for RADIUS: %w", err)
	}
	if err := first.SetReadBuffer(receiveBuffer); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("receive buffer of %s: %w", first.LocalAddr(), err), first.Close())
	}
	second, err := net.ListenUDP("udp", &net.UDPAddr{IP: local.IP, Zone: local.Zone})
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("open a second RADIUS port: %w", err), first.Close())
	}
	return first, second, nil
}

func openInMemory(n *Network, address string) (conn, other socket, err error) {
	local, err := memoryAddress(address)
	if err != nil {
		return nil, nil, err
	}
	first, err := n.open(local, netip.AddrPort{})
	if err != nil {
		return nil, nil, fmt.Errorf("listen for RADIUS: %w", err)
	}
	second, err := n.open(netip.AddrPortFrom(local.Addr(), 0), netip.AddrPort{})
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("open a second RADIUS port: %w", err), first.Close())
	}
	return first, second, nil
}

// memoryAddress parses the address of a server on a Network, where names are not looked
// up, and clients could not learn a port that was chosen.
func memoryAddress(address string) (netip.AddrPort, error) {
	local, err := netip.ParseAddrPort(address)
	if err != nil || local.Port() == 0 {
		return netip.AddrPort{}, fmt.Errorf("RADIUS server address %q: on a network in memory, give an IP address and a port", address)
	}
	return unmapped(local), nil
}
