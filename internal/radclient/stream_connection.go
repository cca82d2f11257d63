package radclient

import (
	"bufio"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"layeh.com/radius"
)

const (
	// statusIdentifier is kept for Status-Server, so that there is always one for
	// the watchdog (RFC 6613 section 2.6.5).
	statusIdentifier = 0

	// writeTimeout bounds sending a packet: a server that takes none has ended.
	writeTimeout = 5 * time.Second
)

// errStale means that the request was not delivered, because a connection that
// had worked has ended: a new one may do.
var errStale = fmt.Errorf("%w: the connection has ended", errNotDelivered)

// errWrongAnswer means that the peer does not know the secret, or that octets
// were lost: nothing that follows can be believed (RFC 6613 section 2.6.4).
var errWrongAnswer = errors.New("the server sent a packet that is wrong")

// streamConnection is a connection with those that wait on it.
type streamConnection struct {
	carrier *streamCarrier
	conn    net.Conn
	version Version
	waiting *waitingRoom
	heard   atomic.Pointer[time.Time] // the latest valid answer; nil: none

	writing sync.Mutex // one packet after another
}

func newStreamConnection(carrier *streamCarrier, conn net.Conn, version Version) *streamConnection {
	var random [4]byte
	_, _ = rand.Read(random[:]) // never fails
	var keys keys = newIdentifiers(statusIdentifier+1, random[0])
	if version == RADIUS11 {
		keys = newTokens(binary.BigEndian.Uint32(random[:]))
	}
	return &streamConnection{carrier: carrier, conn: conn, version: version, waiting: newWaitingRoom(keys)}
}

// enter assigns the exchange a key, and reports whether there was one left. It runs
// with the carrier's mutex held.
func (s *streamConnection) enter(x *exchange) bool {
	entered := false
	switch {
	case x.status && s.version == RADIUS10:
		entered = s.waiting.enterAs(x, statusIdentifier)
	default:
		entered = s.waiting.enter(x, time.Now())
	}
	if entered {
		x.conn = s
		if s.carrier.retired {
			s.waiting.close()
		}
	}
	return entered
}

func (s *streamConnection) room() *waitingRoom { return s.waiting }

// sendCopy does nothing: TCP sends copies.
func (s *streamConnection) sendCopy(*exchange) {}

// write sends the request. A packet that is not sent as a whole is never seen by
// the server.
func (s *streamConnection) write(x *exchange) {
	if err := s.send(x.request.wire); err != nil {
		why := errNotDelivered
		if s.heard.Load() != nil {
			why = errStale
		}
		s.end(x, nil, fmt.Errorf("%w: %w", why, err))
		s.fail(fmt.Errorf("%w: %w", errConnectionLost, err))
	}
}

func (s *streamConnection) send(packet []byte) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	_, err := s.conn.Write(packet)
	return err
}

// read takes packets until the connection ends.
func (s *streamConnection) read() {
	reader := bufio.NewReader(s.conn)
	for {
		packet, err := readPacket(reader)
		if err == nil {
			err = s.take(packet)
		}
		if err != nil {
			s.ended(err)
			return
		}
	}
}

// readPacket reads as many octets as the packet's Length says (RFC 6613 section
// 2.6).
func readPacket(reader io.Reader) ([]byte, error) {
	var header [headerLen]byte
	if _, err := io.ReadFull(reader, header[:]); err != nil {
		return nil, err
	}
	length := int(binary.BigEndian.Uint16(header[2:4]))
	if length < headerLen || length > maxPacketLen {
		return nil, fmt.Errorf("%w: it says that it has %d octets", errWrongAnswer, length)
	}
	packet := make([]byte, length)
	copy(packet, header[:])
	_, err := io.ReadFull(reader, packet[headerLen:])
	return packet, err
}

// take ends the exchange that waits for the packet. A packet that is wrong ends the
// connection; one that no exchange waits for does not.
func (s *streamConnection) take(packet []byte) error {
	key := uint32(packet[1])
	if s.version == RADIUS11 {
		key = binary.BigEndian.Uint32(packet[4:8])
	}
	x, answer, late, reason := s.waiting.take(key, packet)
	if x != nil || late != nil {
		now := time.Now()
		s.heard.Store(&now)
	}
	if late != nil {
		s.carrier.late(late)
	}
	switch {
	case x != nil:
		s.end(x, answer, nil)
		return nil
	case reason == DropOtherIdentifier || reason == DropLate:
		s.carrier.stray(reason)
		return nil
	case reason == DropUnexpectedCode:
		return nil
	}
	return fmt.Errorf("%w: %s", errWrongAnswer, reason)
}

// ended ends the connection after reading has failed. If the server has said
// nothing on it yet, it was TLS that failed, such as for the client's
// certificate, and the server has seen no request.
func (s *streamConnection) ended(err error) {
	var alert *tlsError
	if s.heard.Load() == nil && errors.As(explainTLS(err), &alert) {
		s.carrier.lost(s, alert)
		s.fail(fmt.Errorf("%w: %w", errNotDelivered, alert))
		return
	}
	if errors.Is(err, io.EOF) {
		err = errors.New("the server closed it")
	}
	s.fail(fmt.Errorf("%w: %w", errConnectionLost, err))
}

// fail ends what waits on the connection, and closes it: in this order, or the
// reader would end it for another reason first.
func (s *streamConnection) fail(err error) {
	s.carrier.lost(s, nil)
	s.waiting.close()
	for _, x := range s.waiting.exchanges() {
		s.end(x, nil, err)
	}
	_ = s.conn.Close()
}

func (s *streamConnection) end(x *exchange, packet *radius.Packet, err error) {
	removed, _ := s.waiting.leave(x, packet, err)
	if !removed {
		return
	}
	s.carrier.agenda.remove(x)
	if errors.Is(err, errSilence) && !s.heardSince(x.started) {
		s.waiting.close() // others may fare better on a new connection
	}
	s.closeIfDone()
	x.onDone(x)
}

func (s *streamConnection) heardSince(then time.Time) bool {
	heard := s.heard.Load()
	return heard != nil && heard.After(then)
}

// giveUp closes a connection that was taken out. Those that still wait on it lose their
// places; a probe has waited in vain.
func (s *streamConnection) giveUp() {
	for _, x := range s.waiting.exchanges() {
		if x.status {
			s.end(x, nil, errSilence)
		} else {
			s.end(x, nil, errPushedOut)
		}
	}
	_ = s.conn.Close()
}

// closeIfDone closes a connection that takes no more exchanges and has none.
func (s *streamConnection) closeIfDone() {
	if s.waiting.done() {
		s.carrier.lost(s, nil)
		_ = s.conn.Close()
	}
}
