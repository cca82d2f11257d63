package daemontest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
)

// Ports of servers are of this range. The system takes the ports of clients, and
// those of servers that ask for any, from higher ones.
const (
	firstPort = 20000
	ports     = 12000
)

// claimAttempts is how many ports or addresses are looked at for a free one.
const claimAttempts = 1000

var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// FreePort returns a port of 127.0.0.1 that nothing uses, for TCP as well as UDP.
// Until ctx ends no other test is given it, in this process or in others, so that
// a server that stops finds it free when it starts again.
func FreePort(ctx context.Context) (int, error) { return FreePorts(ctx, 1) }

// FreePorts returns the first of count ports in a row, each as of FreePort.
func FreePorts(ctx context.Context, count int) (first int, err error) {
	for range claimAttempts {
		first = firstPort + rand.IntN(ports-count) // #nosec G404 -- to look in different places is enough
		if claimPorts(ctx, first, count) {
			return first, nil
		}
	}
	return 0, fmt.Errorf("no %d ports in a row are free from %d to %d", count, firstPort, firstPort+ports-1)
}

// claimPorts reports whether it could claim all of the ports.
func claimPorts(ctx context.Context, first, count int) bool {
	claims := make([]net.Listener, 0, count)
	for port := first; port < first+count; port++ {
		claim, err := hold(fmt.Sprintf("port/%d", port))
		if err == nil {
			claims = append(claims, claim)
		}
		if err != nil || !unused(netip.AddrPortFrom(loopback, uint16(port))) { // #nosec G115 -- in the range above
			release(claims)
			return false
		}
	}
	context.AfterFunc(ctx, func() { release(claims) })
	return true
}

// FreeAddress returns an address of 127.0.0.0/8 for a server whose ports cannot be
// chosen. Until ctx ends no other test is given it.
func FreeAddress(ctx context.Context) (netip.Addr, error) {
	for range claimAttempts {
		third, fourth := byte(rand.IntN(256)), byte(1+rand.IntN(254)) // #nosec G115 G404 -- in range, and as above
		address := netip.AddrFrom4([4]byte{127, 77, third, fourth})
		if claim, err := hold("address/" + address.String()); err == nil {
			context.AfterFunc(ctx, func() { release([]net.Listener{claim}) })
			return address, nil
		}
	}
	return netip.Addr{}, errors.New("no loopback address is free")
}

// hold claims a name as long as the listener is open, and no longer than this
// process runs: it is that of an abstract Unix socket of Linux.
func hold(name string) (net.Listener, error) {
	return net.Listen("unix", "@vault-plugin-auth-radius/"+name)
}

func release(claims []net.Listener) {
	for _, claim := range claims {
		_ = claim.Close()
	}
}

// unused reports whether nothing has the port: programs that are no tests claim
// nothing.
func unused(address netip.AddrPort) bool {
	udp, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(address))
	if err != nil {
		return false
	}
	defer func() { _ = udp.Close() }()
	tcp, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(address))
	if err != nil {
		return false
	}
	return tcp.Close() == nil
}
