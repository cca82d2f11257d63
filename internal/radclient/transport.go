package radclient

import "context"

// Transport says how requests travel.
type Transport string

// The transports.
const (
	UDP Transport = "udp" // RFC 2865
	TCP Transport = "tcp" // RFC 6613
	TLS Transport = "tls" // RadSec, RFC 6614
)

// Transports are those that there are.
var Transports = []Transport{UDP, TCP, TLS}

// carrier carries exchanges to one endpoint, over sockets or connections that
// it opens when they are needed.
type carrier interface {
	// carry sends the exchange's request and ends the exchange later, in every
	// case. It may block while a connection is made, no longer than until the
	// exchange's deadline.
	carry(ctx context.Context, x *exchange)
	// exchanges returns those that wait.
	exchanges() []*exchange
	// reset closes what cannot be used any more after the server was found dead.
	reset()
	// retire closes sockets and connections as soon as nothing waits on them.
	// The carrier still works after it.
	retire()
}
