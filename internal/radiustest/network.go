package radiustest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

// firstEphemeralPort is the lowest port that the network chooses itself
// (RFC 6335 section 6).
const firstEphemeralPort = 49152

// The addresses of clients that do not say where they dial from: those set
// aside for documentation (RFC 5737, RFC 3849).
var (
	clientIPv4 = netip.MustParseAddr("192.0.2.100")
	clientIPv6 = netip.MustParseAddr("2001:db8::100")
)

// NetworkOptions say how a network in memory behaves.
type NetworkOptions struct {
	Latency time.Duration // one way, the same for all datagrams and octets

	// RequestLoss and AnswerLoss are the shares of datagrams lost on the way to
	// servers and on the way back, 0 (none) to 1 (all). Each datagram is drawn
	// for on its own, whatever is in it. Streams lose nothing.
	RequestLoss, AnswerLoss float64

	// Seed decides the fate of the first, second, third datagram of each
	// direction. Which login sends which of them is up to the goroutines.
	Seed uint64
}

// Network is a network in memory, for tests in the virtual time of
// testing/synctest. It has the servers that listen on it and the clients that
// Dial, and runs no goroutines of its own. In a bubble, create it there.
type Network struct {
	options NetworkOptions

	mu         sync.Mutex
	sockets    map[netip.AddrPort]*memorySocket   // guarded by mu
	listeners  map[netip.AddrPort]*memoryListener // guarded by mu
	streams    map[netip.AddrPort]*memoryStream   // guarded by mu; the clients' ends
	blackholes map[netip.AddrPort]bool            // guarded by mu
	requests   *rand.Rand                         // guarded by mu
	answers    *rand.Rand                         // guarded by mu
	lastPort   uint16                             // guarded by mu; the ephemeral port given last
}

// NewNetwork returns a network without servers.
func NewNetwork(o NetworkOptions) *Network {
	return &Network{
		options:    o,
		sockets:    map[netip.AddrPort]*memorySocket{},
		listeners:  map[netip.AddrPort]*memoryListener{},
		streams:    map[netip.AddrPort]*memoryStream{},
		blackholes: map[netip.AddrPort]bool{},
		requests:   rand.New(rand.NewPCG(o.Seed, 0)), // #nosec G404 -- has to repeat
		answers:    rand.New(rand.NewPCG(o.Seed, 1)), // #nosec G404 -- has to repeat
		lastPort:   firstEphemeralPort - 1,
	}
}

// Dial connects to a server, as a net.Dialer does. For network "udp" nothing is
// sent, and a datagram that arrives where no server listens fails a later Read or
// Write with ECONNREFUSED. For "tcp" that fails at once, and a Dial into a
// blackhole waits until ctx ends. An invalid source leaves its choice to the
// network; the port is always chosen.
func (n *Network) Dial(ctx context.Context, network string, source netip.Addr, remote netip.AddrPort) (net.Conn, error) {
	conn, err := n.dial(ctx, network, source.Unmap(), unmapped(remote))
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Addr: addressOf(network, remote), Err: err}
	}
	return conn, nil
}

func (n *Network) dial(ctx context.Context, network string, source netip.Addr, remote netip.AddrPort) (net.Conn, error) {
	local, err := sourceFor(source, remote)
	if err != nil {
		return nil, err
	}
	switch network {
	case "udp":
		return n.open(netip.AddrPortFrom(local, 0), remote)
	case "tcp":
		return n.dialStream(ctx, local, remote)
	default:
		return nil, net.UnknownNetworkError(network)
	}
}

// Blackhole makes everything to and from a server's address vanish, or ends
// that. No error says so: to clients the server is silent. What is under way
// still arrives. Streams that were open when it began never carry anything
// again.
func (n *Network) Blackhole(address netip.AddrPort, on bool) {
	address = unmapped(address)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.blackholes[address] = on
	for _, stream := range n.streams {
		if on && stream.remote == address {
			stream.cut()
		}
	}
}

// open opens a socket, connected if remote is valid. Port 0 is replaced by a
// free one.
func (n *Network) open(local, remote netip.AddrPort) (*memorySocket, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if local.Port() == 0 {
		local = n.freeAddress(local.Addr())
	}
	if n.sockets[local] != nil {
		return nil, taken("udp", local)
	}
	s := &memorySocket{network: n, local: local, remote: remote, queue: newQueue()}
	n.sockets[local] = s
	return s, nil
}

// freeAddress returns the address with a port that no socket or stream has. It runs
// with mu held.
func (n *Network) freeAddress(ip netip.Addr) netip.AddrPort {
	for {
		n.lastPort = max(n.lastPort+1, firstEphemeralPort) // 65535 is followed by the first
		address := netip.AddrPortFrom(ip, n.lastPort)
		if n.sockets[address] == nil && n.streams[address] == nil {
			return address
		}
	}
}

// send puts a datagram on its way, or not.
func (n *Network) send(from *memorySocket, to netip.AddrPort, data []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	there, back := n.requests, n.answers
	thereLoss, backLoss := n.options.RequestLoss, n.options.AnswerLoss
	if !from.connected() { // a server's
		there, thereLoss = n.answers, n.options.AnswerLoss
	}
	if n.blackholes[from.local] || n.blackholes[to] || there.Float64() < thereLoss {
		return
	}
	arrives := time.Now().Add(n.options.Latency)
	if target := n.sockets[to]; target != nil && target.takesFrom(from.local) {
		target.queue.put(arrival{at: arrives, from: from.local, data: data})
		return
	}
	// ICMP port unreachable. As with the kernel, only connected sockets see it.
	if from.connected() && back.Float64() >= backLoss {
		from.queue.put(arrival{at: arrives.Add(n.options.Latency), err: syscall.ECONNREFUSED})
	}
}

// forget takes a closed socket off the network.
func (n *Network) forget(s *memorySocket) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.sockets[s.local] == s {
		delete(n.sockets, s.local)
	}
}

// forgetStream takes a stream off the network when its client closes it.
func (n *Network) forgetStream(s *memoryStream) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.streams[s.local] == s {
		delete(n.streams, s.local)
	}
}

// taken returns the error of listening where another server does.
func taken(network string, address netip.AddrPort) error {
	err := os.NewSyscallError("bind", syscall.EADDRINUSE)
	return &net.OpError{Op: "listen", Net: network, Addr: addressOf(network, address), Err: err}
}

// sourceFor checks the source address of a client, or chooses it.
func sourceFor(source netip.Addr, remote netip.AddrPort) (netip.Addr, error) {
	switch {
	case !remote.IsValid() || remote.Port() == 0:
		return source, fmt.Errorf("%s is no address and port", remote)
	case source.IsValid() && source.Is4() != remote.Addr().Is4():
		return source, fmt.Errorf("%s and %s are not of the same IP version", source, remote.Addr())
	case source.IsValid():
		return source, nil
	case remote.Addr().Is4():
		return clientIPv4, nil
	default:
		return clientIPv6, nil
	}
}

// addressOf returns the address as the standard library has it.
func addressOf(network string, a netip.AddrPort) net.Addr {
	if network == "tcp" {
		return net.TCPAddrFromAddrPort(a)
	}
	return net.UDPAddrFromAddrPort(a)
}
