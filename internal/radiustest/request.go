package radiustest

import (
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"

	"layeh.com/radius"
)

// The attribute types that the server itself reads and writes.
const (
	typeUserName             radius.Type = 1  // RFC 2865 section 5.1
	typeUserPassword         radius.Type = 2  // RFC 2865 section 5.2
	typeReplyMessage         radius.Type = 18 // RFC 2865 section 5.18
	typeState                radius.Type = 24 // RFC 2865 section 5.24
	typeProxyState           radius.Type = 33 // RFC 2865 section 5.33
	typeMessageAuthenticator radius.Type = 80 // RFC 3579 section 3.2
)

// Attribute is one attribute of an answer, as it is on the wire.
type Attribute struct {
	Type  radius.Type
	Value []byte // octets beyond the 253rd do not fit (RFC 2865 section 5) and are cut off
}

// Request is one datagram, or one packet of a stream, that reached the server.
type Request struct {
	// Packet is decoded; nil when it could not be. That of RADIUS/1.1 has Token and
	// Reserved-2 for its Authenticator.
	Packet  *radius.Packet
	Raw     []byte         // as received, padding included
	From    netip.AddrPort // the client's socket
	Version Version        // how to read Raw

	// Connection numbers the connections that a stream server has accepted, from
	// 1; 0 over UDP. TLS is the connection's, if it is protected.
	Connection int
	TLS        *tls.ConnectionState

	// Copy numbers the transmissions of one request (same source, identifier
	// and authenticator, or Token): 1 is the first, 2 the first retransmission.
	// Copies lost on the way in are counted.
	Copy int

	// Discarded says why the handler did not see this datagram; empty when it
	// did.
	Discarded string

	messageAuthenticator bool
	forged               bool // Message-Authenticator is wrong
}

// decode parses a packet and says whether a server has to discard it.
func decode(raw []byte, secret string, version Version) *Request {
	r := &Request{Raw: raw, Version: version}
	packet, err := radius.Parse(raw, []byte(secret))
	if err != nil {
		r.Discarded = err.Error()
		return r
	}
	r.Packet = packet
	length := binary.BigEndian.Uint16(raw[2:4])
	present, right := checkMessageAuthenticator(raw[:length], packet.Secret)
	r.messageAuthenticator = present
	switch {
	case packet.Code != radius.CodeAccessRequest && packet.Code != radius.CodeStatusServer:
		r.Discarded = fmt.Sprintf("packet code %d", packet.Code)
	case version == RADIUS11:
	case present && !right:
		r.forged = true
		r.Discarded = "wrong Message-Authenticator: the secrets differ"
	case !present && packet.Code == radius.CodeStatusServer:
		r.Discarded = "Status-Server without Message-Authenticator (RFC 5997 section 3)"
	}
	return r
}

// Username returns User-Name, or "" when there is none.
func (r *Request) Username() string {
	if r.Packet == nil {
		return ""
	}
	return string(r.Packet.Get(typeUserName))
}

// Password returns User-Password with the hiding of RFC 2865 section 5.2
// undone, which RADIUS/1.1 does not have, or "" when there is none.
func (r *Request) Password() string {
	if r.Packet == nil {
		return ""
	}
	if r.Version == RADIUS11 {
		return string(r.Packet.Get(typeUserPassword))
	}
	password, err := radius.UserPassword(r.Packet.Get(typeUserPassword), r.Packet.Secret, r.Packet.Authenticator[:])
	if err != nil {
		return ""
	}
	return string(password)
}

// State returns the State attribute (RFC 2865 section 5.24), nil when there is
// none.
func (r *Request) State() []byte {
	if r.Packet == nil {
		return nil
	}
	return r.Packet.Get(typeState)
}

// Token returns the Token of RADIUS/1.1 (RFC 9765 section 4.2), which answers
// carry too.
func (r *Request) Token() uint32 {
	if r.Packet == nil || r.Version != RADIUS11 {
		return 0
	}
	return binary.BigEndian.Uint32(r.Packet.Authenticator[:4])
}

// HasMessageAuthenticator reports whether the request carries
// Message-Authenticator. Handlers never see a wrong one: such a request is
// discarded, except with RADIUS/1.1, which ignores it.
func (r *Request) HasMessageAuthenticator() bool { return r.messageAuthenticator }

// Accept answers with Access-Accept, signed.
func (r *Request) Accept(attributes ...Attribute) Answer {
	return r.answer(radius.CodeAccessAccept, attributes)
}

// Reject answers with Access-Reject, signed, and message as Reply-Message;
// empty: no Reply-Message.
func (r *Request) Reject(message string) Answer {
	return r.answer(radius.CodeAccessReject, replyMessage(message))
}

// Challenge answers with Access-Challenge, signed: Reply-Message, State, then
// the attributes given. An empty message or state is left out.
func (r *Request) Challenge(state []byte, message string, attributes ...Attribute) Answer {
	list := replyMessage(message)
	if len(state) > 0 {
		list = append(list, Attribute{Type: typeState, Value: state})
	}
	return r.answer(radius.CodeAccessChallenge, append(list, attributes...))
}

func (r *Request) answer(code radius.Code, attributes []Attribute) Answer {
	return Answer{
		version:    r.Version,
		code:       code,
		identifier: r.Packet.Identifier,
		request:    r.Packet.Authenticator,
		secret:     r.Packet.Secret,
		attributes: slices.Clone(attributes),
	}
}

// replyMessage cuts a text into as many Reply-Message attributes as it needs
// (RFC 2865 section 5.18).
func replyMessage(text string) []Attribute {
	var list []Attribute
	for chunk := range slices.Chunk([]byte(text), maxValueLen) {
		list = append(list, Attribute{Type: typeReplyMessage, Value: chunk})
	}
	return list
}
