package radclient

import (
	"crypto/hmac"
	"crypto/md5" // #nosec G501 -- RFC 2865 section 3 defines the Response Authenticator on MD5
	"encoding/binary"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2869"
)

// checkAnswer tells whether a datagram from the server is the answer to the
// request. If it is, it returns the packet and no reason; if not, the reason to
// drop it and go on waiting. mustSign tells whether an answer of a code has to
// carry a Message-Authenticator.
func checkAnswer(datagram []byte, sent *request, mustSign func(radius.Code) bool) (packet *radius.Packet, signed bool, reason DropReason) {
	if len(datagram) < headerLen {
		return nil, false, DropMalformed
	}
	length := int(binary.BigEndian.Uint16(datagram[2:4]))
	if length < headerLen || length > maxPacketLen || length > len(datagram) {
		return nil, false, DropMalformed
	}
	// Octets beyond the length are padding and part of no hash (RFC 2865 section 3).
	wire := datagram[:length]

	// The Response Authenticator cannot tell a wrong identifier: it is computed
	// over the answer's own.
	if wire[1] != sent.identifier {
		return nil, false, DropOtherIdentifier
	}
	packet, err := radius.Parse(wire, sent.secret)
	if err != nil {
		return nil, false, DropMalformed
	}
	if !answersAccessRequest(packet.Code) {
		return nil, false, DropUnexpectedCode
	}

	switch offsets := findMessageAuthenticators(wire); len(offsets) {
	case 0:
		if mustSign(packet.Code) {
			return nil, false, DropUnsigned
		}
	case 1:
		value := packet.Get(rfc2869.MessageAuthenticator_Type)
		if len(value) != messageAuthenticatorLen ||
			!hmac.Equal(value, messageAuthenticator(wire, offsets[0], sent.authenticator, sent.secret)) {
			return nil, false, DropWrongMessageAuthenticator
		}
		signed = true
	default:
		return nil, false, DropWrongMessageAuthenticator
	}

	if !hmac.Equal(wire[4:headerLen], responseAuthenticator(wire, sent)) {
		return nil, false, DropWrongResponseAuthenticator
	}
	// EAP without a signature can be forged (RFC 3579 section 3.1).
	if _, found := packet.Lookup(rfc2869.EAPMessage_Type); found && !signed {
		return nil, false, DropUnsigned
	}
	// A server copies Proxy-State from the request, and no request of ours has
	// one. Unsigned, it is what the Blast-RADIUS attack needs to forge an answer.
	if _, found := packet.Lookup(rfc2865.ProxyState_Type); found && !signed {
		return nil, false, DropUnsolicitedProxyState
	}
	return packet, signed, 0
}

// codeProtocolError is Protocol-Error (RFC 7930 section 4).
const codeProtocolError radius.Code = 52

// answersAccessRequest tells whether a packet of the code can answer an
// Access-Request (RFC 2865 section 4, RFC 7930 section 4).
func answersAccessRequest(code radius.Code) bool {
	switch code {
	case radius.CodeAccessAccept, radius.CodeAccessReject, radius.CodeAccessChallenge, codeProtocolError:
		return true
	}
	return false
}

// responseAuthenticator computes what an answer's header must hold: MD5 over
// the answer with the request's authenticator in the header, then the secret
// (RFC 2865 section 3).
func responseAuthenticator(wire []byte, sent *request) []byte {
	sum := md5.New() // #nosec G401 -- the protocol's own
	sum.Write(wire[:4])
	sum.Write(sent.authenticator[:])
	sum.Write(wire[headerLen:])
	sum.Write(sent.secret)
	return sum.Sum(nil)
}
