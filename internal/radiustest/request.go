package radiustest

import (
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

// Request is one datagram that reached the server.
type Request struct {
	Packet *radius.Packet // decoded; nil when it could not be
	Raw    []byte         // as received, padding included
	From   netip.AddrPort // the client's socket

	// Copy numbers the transmissions of one request (same source, identifier
	// and authenticator): 1 is the first, 2 the first retransmission. Copies
	// lost on the way in are counted.
	Copy int

	// Discarded says why the handler did not see this datagram; empty when it
	// did.
	Discarded string

	messageAuthenticator bool
}

// Username returns User-Name, or "" when there is none.
func (r *Request) Username() string {
	if r.Packet == nil {
		return ""
	}
	return string(r.Packet.Get(typeUserName))
}

// Password returns User-Password with the hiding of RFC 2865 section 5.2
// undone, or "" when there is none.
func (r *Request) Password() string {
	if r.Packet == nil {
		return ""
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

// HasMessageAuthenticator reports whether the request carries
// Message-Authenticator. Handlers never see a wrong one: such a request is
// discarded.
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
