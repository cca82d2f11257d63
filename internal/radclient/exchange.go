package radclient

import (
	"errors"
	"time"

	"layeh.com/radius"
)

var (
	// errNotDelivered means that no server has seen the request: it could not be
	// sent at all.
	errNotDelivered = errors.New("the request was not delivered")

	// errSilence means that the time was up.
	errSilence = errors.New("no answer in time")

	// errServerDead means that the server was found dead before it answered.
	errServerDead = errors.New("the server is dead")

	// errFull means that too many logins wait, and that this one had no better claim
	// to a place: nothing was sent.
	errFull = errors.New("too many logins wait for the server")

	// errPushedOut means that a login gave its place to one with a better claim.
	errPushedOut = errors.New("too many logins wait for the server, and this one has given up its place")
)

// maxWaiting bounds the logins that wait for an endpoint.
const maxWaiting = 4096

// exchange is one request to one endpoint and the wait for its answer. A
// carrier sends the request, takes the answer and ends the exchange, once.
type exchange struct {
	deadline time.Time   // when the wait ends
	status   bool        // a probe, not a login
	others   []*endpoint // where a login can go on

	// compose makes the request, once the transport knows where it goes.
	compose func(at slot) (*request, error)
	// copies is when the request is sent again; nil: never.
	copies *schedule
	// onDone is called when the fields below are final. It must not block.
	// Until then they are guarded by the mutex of the room.
	onDone func(*exchange)

	request *request
	started time.Time     // when the first copy went out; zero: none did
	waited  time.Duration // from then to the end
	sends   int
	refused int // times the host said that nothing listens on the port
	drops   Drops
	strays  Drops // meanwhile; it is not known which requests they were meant to answer
	fault   error // of the network, the latest after the first copy
	packet  *radius.Packet
	err     error // what ended the wait; nil with a packet

	conn         conn // which carries it
	key          uint32
	reserved     bool // the key is not one of those issued
	straysBefore Drops
	appointment  // for the next copy or the end
}

// exchangeConn is a socket or a connection that carries exchanges.
type conn interface {
	room() *waitingRoom
	// sendCopy sends the request once more.
	sendCopy(x *exchange)
	// end ends the exchange, unless it has ended.
	end(x *exchange, packet *radius.Packet, err error)
}

// networkFault returns what the network had to do with the end; nil: nothing.
func (x *exchange) networkFault() error {
	if errors.Is(x.err, errConnectionLost) {
		return x.err
	}
	return x.fault
}

// slot is where a request goes: the version of RADIUS that is spoken there, and the
// key that distinguishes it from the others that wait for an answer there.
type slot struct {
	version Version
	key     uint32 // the Identifier; in RADIUS/1.1 the Token
}

// nextAppointment returns when the exchange has to be looked after: for the next
// copy, or for the end.
func (x *exchange) nextAppointment() time.Time {
	if x.copies != nil {
		if at, more := x.copies.next(); more {
			return x.started.Add(at)
		}
	}
	return x.deadline
}

// due sends the next copy, or ends the wait.
func (x *exchange) due(now time.Time) (next time.Time, again bool) {
	if !now.Before(x.deadline) {
		x.conn.end(x, nil, errSilence)
		return time.Time{}, false
	}
	next, waits := x.conn.room().nextCopy(x)
	if waits {
		x.conn.sendCopy(x)
	}
	return next, waits
}
