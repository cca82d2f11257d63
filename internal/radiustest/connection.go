package radiustest

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
)

// connection is one of a stream server's.
type connection struct {
	server *StreamServer
	raw    net.Conn
	conn   net.Conn // raw, or TLS over it
	number int      // 1 is the first that the server has accepted

	version Version              // set by the handshake
	state   *tls.ConnectionState // set by the handshake

	writing chan struct{} // holds a value while a goroutine writes
	held    []byte        // answers not sent yet; for the one that writes
	count   int           // how many those are; for the one that writes
}

func newConnection(s *StreamServer, raw net.Conn, number int) *connection {
	c := &connection{server: s, raw: raw, conn: raw, number: number, version: RADIUS10, writing: make(chan struct{}, 1)}
	if s.tls != nil {
		c.conn = tls.Server(raw, s.tls)
	}
	return c
}

// serve reads packets until the connection ends or makes no sense any more
// (RFC 6613 section 2.6.4).
func (c *connection) serve() {
	defer c.server.leave(c)
	if !c.server.mayRead(c) || !c.handshake() {
		return
	}
	reader := bufio.NewReaderSize(c.conn, maxPacketLen)
	for {
		raw, err := readPacket(reader)
		if err != nil && len(raw) == 0 || !c.server.mayRead(c) {
			return
		}
		r := decode(raw, c.server.options.Secret, c.version)
		if err != nil {
			r.Discarded = err.Error()
		}
		r.From, r.Connection, r.TLS = c.client(), c.number, c.state
		for _, answer := range c.server.answers(r) {
			c.send(answer)
		}
		if r.Packet == nil || r.forged {
			return
		}
	}
}

// handshake does the handshake of TLS, if there is any.
func (c *connection) handshake() bool {
	conn, protected := c.conn.(*tls.Conn)
	if !protected {
		return true
	}
	if err := conn.Handshake(); err != nil {
		return false
	}
	state := conn.ConnectionState()
	c.state = &state
	var agreed bool
	c.version, agreed = c.server.speaks(state.NegotiatedProtocol)
	return agreed
}

func (c *connection) client() netip.AddrPort {
	return unmapped(c.raw.RemoteAddr().(*net.TCPAddr).AddrPort())
}

// readPacket reads one packet. With an error it returns what there is of it.
func readPacket(reader *bufio.Reader) ([]byte, error) {
	header := make([]byte, headerLen)
	if n, err := io.ReadFull(reader, header); err != nil {
		return header[:n], fmt.Errorf("the stream ends in a header: %w", err)
	}
	length := int(binary.BigEndian.Uint16(header[2:4]))
	if length < headerLen || length > maxPacketLen {
		return header, fmt.Errorf("length %d is not in %d to %d", length, headerLen, maxPacketLen)
	}
	packet := append(header, make([]byte, length-headerLen)...)
	if n, err := io.ReadFull(reader, packet[headerLen:]); err != nil {
		return packet[:headerLen+n], fmt.Errorf("the stream ends in a packet: %w", err)
	}
	return packet, nil
}

// send writes an answer, in its own time. A client that is gone is no news.
func (c *connection) send(a Answer) {
	c.server.delays.after(a.Delay, func() {
		c.writing <- struct{}{} // no mutex: a write can wait for the client
		defer func() { <-c.writing }()
		octets := a.Datagram()
		if a.cutOff != nil {
			octets = octets[:min(*a.cutOff, len(octets))]
		}
		c.held, c.count = append(c.held, octets...), c.count+1
		if a.cutOff != nil || c.count >= c.server.options.Together {
			c.flush()
		}
		if a.cutOff != nil {
			c.server.leave(c)
		}
	})
}

// flush writes the answers that were held back.
func (c *connection) flush() {
	size := len(c.held)
	if c.server.options.OctetByOctet {
		size = 1
	}
	for at := 0; at < len(c.held); at += size {
		if _, err := c.conn.Write(c.held[at : at+size]); err != nil {
			break
		}
	}
	c.held, c.count = nil, 0
}
