package radiustest

import (
	"encoding/binary"
	"slices"
	"time"

	"layeh.com/radius"
)

// signature says what becomes of Message-Authenticator.
type signature int

const (
	signed signature = iota
	signedLast
	unsigned
	signedWrongly
)

// Answer is one datagram to send back, or one packet on a stream. Request.Accept,
// Reject and Challenge make correct ones; the methods below return changed
// copies, among them every forgery that a client has to withstand. Changes can
// be combined, in any order: they describe the packet, which is built and signed
// when it is sent.
//
// RADIUS/1.1 has no authenticators: where an answer of it would have a wrong
// one, receivers have to ignore it (RFC 9765 sections 4 and 5), and the
// answer is right.
type Answer struct {
	Delay     time.Duration // from the arrival of the request
	OtherPort bool          // send from a port that the client did not ask; not on streams

	version    Version
	code       radius.Code
	identifier byte
	request    [16]byte // authenticator of the request, or Token and Reserved-2
	secret     []byte
	attributes []Attribute
	signature  signature

	skipped   byte    // how far the identifier, or Token, is from that of the request
	tail      []byte  // after the attributes, counted in Length
	padding   []byte  // after the packet, not counted in Length
	oversized bool    // fill up to one octet more than is allowed
	missing   int     // octets that Length counts and the datagram lacks
	length    *uint16 // instead of the right Length
	flipped   bool    // one bit of the Response Authenticator is wrong
	cutOff    *int    // octets of a stream to send before the connection closes
}

// Code returns the answer's packet code.
func (a Answer) Code() radius.Code { return a.code }

// After delays the answer by d.
func (a Answer) After(d time.Duration) Answer {
	a.Delay = d
	return a
}

// WithoutMessageAuthenticator leaves Message-Authenticator out; the Response
// Authenticator is right. Older servers answer like this.
func (a Answer) WithoutMessageAuthenticator() Answer {
	a.signature = unsigned
	return a
}

// MessageAuthenticatorLast puts a right Message-Authenticator behind all other
// attributes, where many servers have it.
func (a Answer) MessageAuthenticatorLast() Answer {
	a.signature = signedLast
	return a
}

// WrongMessageAuthenticator flips one bit of Message-Authenticator; the
// Response Authenticator covers the wrong value and is right. In RADIUS/1.1 it
// adds one of zeros.
func (a Answer) WrongMessageAuthenticator() Answer {
	a.signature = signedWrongly
	return a
}

// WithProxyState adds a Proxy-State that the client never sent and leaves
// Message-Authenticator out; the Response Authenticator is right. This is the
// shape of a Blast-RADIUS forgery (CVE-2024-3596).
func (a Answer) WithProxyState() Answer {
	return a.WithProxyStateSigned().WithoutMessageAuthenticator()
}

// WithProxyStateSigned adds a Proxy-State that the client never sent to an
// answer that is otherwise right: odd, but not forged.
func (a Answer) WithProxyStateSigned() Answer {
	return a.With(Attribute{Type: typeProxyState, Value: []byte{0xde, 0xad, 0xde, 0xad}})
}

// WrongAuthenticator flips one bit of the Response Authenticator. A
// Message-Authenticator does not cover it and stays right. In RADIUS/1.1 the bit
// is one of Reserved-2.
func (a Answer) WrongAuthenticator() Answer {
	a.flipped = true
	return a
}

// WrongIdentifier answers the next identifier, or the next Token. The Response
// Authenticator is right for it: it does not tie an answer to the identifier of
// the request.
func (a Answer) WrongIdentifier() Answer {
	a.skipped++
	return a
}

// WithCode changes the packet code; the answer is signed anew.
func (a Answer) WithCode(code radius.Code) Answer {
	a.code = code
	return a
}

// Truncated makes Length one octet longer than the datagram (RFC 2865
// section 3: to be discarded). On a stream, that octet is the next packet's.
func (a Answer) Truncated() Answer {
	a.missing = 1
	return a
}

// Oversized fills the packet up to 4097 octets, one more than RFC 2865
// section 3 allows; everything else about it is right.
func (a Answer) Oversized() Answer {
	a.oversized = true
	return a
}

// WithLength writes another Length. The authenticators cover it and the whole
// packet.
func (a Answer) WithLength(length uint16) Answer {
	a.length = &length
	return a
}

// Padded adds octets beyond Length, which receivers have to ignore (RFC 2865 section
// 3): this answer is right. On a stream they are read as the start of the
// next packet, whose Length is then more than is allowed.
func (a Answer) Padded() Answer {
	a.padding = []byte("padding")
	return a
}

// MalformedAttributes ends the packet with an attribute whose length is 0; the
// authenticators are right.
func (a Answer) MalformedAttributes() Answer {
	a.tail = []byte{byte(typeReplyMessage), 0, 'x', 'x'}
	return a
}

// OverrunAttribute ends the packet with an attribute that claims more octets
// than are left; the authenticators are right.
func (a Answer) OverrunAttribute() Answer {
	a.tail = []byte{byte(typeReplyMessage), 5, 'x', 'x'}
	return a
}

// FromOtherPort sends a right answer from a port that the client did not ask.
func (a Answer) FromOtherPort() Answer {
	a.OtherPort = true
	return a
}

// CutOff closes a stream's connection after the first octets of the answer, 0
// for before it. It means nothing over UDP.
func (a Answer) CutOff(octets int) Answer {
	a.cutOff = &octets
	return a
}

// With adds an attribute behind the others.
func (a Answer) With(attribute Attribute) Answer {
	a.attributes = append(slices.Clone(a.attributes), attribute)
	return a
}

// Datagram returns the octets that go on the wire.
func (a Answer) Datagram() []byte {
	packet := make([]byte, headerLen)
	packet[0] = byte(a.code) // #nosec G115 -- one octet on the wire

	signatureAt := 0
	if a.signature == signedWrongly || a.signature == signed && a.version != RADIUS11 {
		packet, signatureAt = appendBlankSignature(packet)
	}
	for _, attribute := range a.attributes {
		packet = appendAttribute(packet, attribute)
	}
	if a.oversized {
		packet = fill(packet, maxPacketLen+1-len(a.tail))
	}
	if a.signature == signedLast && a.version != RADIUS11 {
		packet, signatureAt = appendBlankSignature(packet)
	}
	packet = append(packet, a.tail...)
	setLength(packet, len(packet)+a.missing)
	if a.length != nil {
		setLength(packet, int(*a.length))
	}
	if a.version == RADIUS11 {
		a.addToken(packet)
	} else {
		a.sign(packet, signatureAt)
	}
	return append(packet, a.padding...)
}

// sign fills in the identifier and the authenticators; signatureAt is where
// Message-Authenticator's value is, 0 if there is none.
func (a Answer) sign(packet []byte, signatureAt int) {
	packet[1] = a.identifier + a.skipped
	if signatureAt > 0 {
		sum := messageAuthenticator(packet, a.request, signatureAt, a.secret)
		if a.signature == signedWrongly {
			sum[0] ^= 1
		}
		copy(packet[signatureAt:], sum[:])
	}
	sum := responseAuthenticator(packet, a.request, a.secret)
	if a.flipped {
		sum[0] ^= 1
	}
	copy(packet[4:], sum[:])
}

// addToken fills in the header of RADIUS/1.1 (RFC 9765 section 4.1).
func (a Answer) addToken(packet []byte) {
	token := binary.BigEndian.Uint32(a.request[:4]) + uint32(a.skipped)
	binary.BigEndian.PutUint32(packet[4:], token)
	if a.flipped {
		packet[headerLen-1] ^= 1
	}
}

// appendBlankSignature appends a Message-Authenticator of zeros and returns
// where its value starts.
func appendBlankSignature(packet []byte) (longer []byte, at int) {
	longer = appendAttribute(packet, Attribute{Type: typeMessageAuthenticator, Value: make([]byte, 16)})
	return longer, len(packet) + 2
}

func appendAttribute(packet []byte, attribute Attribute) []byte {
	value := attribute.Value[:min(len(attribute.Value), maxValueLen)]
	packet = append(packet, byte(attribute.Type), byte(2+len(value))) // #nosec G115 -- one octet each on the wire
	return append(packet, value...)
}

// fill appends attributes until the packet is size octets long.
func fill(packet []byte, size int) []byte {
	for len(packet) < size {
		left := size - len(packet)
		length := min(left, 2+maxValueLen)
		if left-length == 1 {
			length-- // an attribute takes two octets at least: leave that many
		}
		packet = appendAttribute(packet, Attribute{Type: typeReplyMessage, Value: make([]byte, length-2)})
	}
	return packet
}
