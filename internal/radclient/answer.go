package radclient

import (
	"crypto/hmac"
	"encoding/binary"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2869"
)

// checkAnswer reports whether a datagram from the server is the answer to the
// request. If it is, it returns the packet and no reason; if not, the reason to
// drop it and go on waiting. mustSign reports whether an answer of a code has to
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

	// The Response Authenticator does not show a wrong identifier: it is computed
	// over the answer's own.
	if wire[1] != sent.identifier {
		return nil, false, DropOtherIdentifier
	}
	found, wellFormed := scanAttributes(wire)
	if !wellFormed {
		return nil, false, DropMalformed
	}
	code := radius.Code(wire[0])
	if !answers(code, sent.code) {
		return nil, false, DropUnexpectedCode
	}

	switch {
	case found.signatures == 0 && mustSign(code):
		return nil, false, DropUnsigned
	case found.signatures > 1, found.signatures == 1 && !validMessageAuthenticator(wire, found.signatureAt, sent):
		return nil, false, DropWrongMessageAuthenticator
	}
	signed = found.signatures == 1

	authenticator := sent.signer.responseAuthenticator(wire, &sent.authenticator)
	if !hmac.Equal(wire[4:headerLen], authenticator[:]) {
		return nil, false, DropWrongResponseAuthenticator
	}
	// EAP without a signature can be forged (RFC 3579 section 3.1).
	if found.eapMessage && !signed {
		return nil, false, DropUnsigned
	}
	// A server copies Proxy-State from the request, and no request of ours has
	// one. Unsigned, it is what the Blast-RADIUS attack needs to forge an answer.
	if found.proxyState && !signed {
		return nil, false, DropUnsolicitedProxyState
	}
	packet, err := radius.Parse(wire, sent.signer.secret)
	if err != nil {
		return nil, false, DropMalformed
	}
	return packet, signed, 0
}

// attributeScan holds what decides whether a packet is believed.
type attributeScan struct {
	signatures             int // Message-Authenticators
	signatureAt            int // offset of the value of the last
	eapMessage, proxyState bool
}

// scanAttributes walks over a packet's attributes; false means that they are not
// well formed.
func scanAttributes(wire []byte) (found attributeScan, wellFormed bool) {
	at := headerLen
	for at+2 <= len(wire) && wire[at+1] >= 2 {
		switch radius.Type(wire[at]) {
		case rfc2869.MessageAuthenticator_Type:
			found.signatures++
			found.signatureAt = at + 2
		case rfc2869.EAPMessage_Type:
			found.eapMessage = true
		case rfc2865.ProxyState_Type:
			found.proxyState = true
		}
		at += int(wire[at+1])
	}
	return found, at == len(wire)
}

// validMessageAuthenticator reports whether the Message-Authenticator at the offset
// is valid.
func validMessageAuthenticator(wire []byte, at int, sent *request) bool {
	if wire[at-1] != 2+messageAuthenticatorLen {
		return false
	}
	want := sent.signer.messageAuthenticator(wire, at, &sent.authenticator)
	return hmac.Equal(wire[at:at+messageAuthenticatorLen], want[:])
}

// codeProtocolError is Protocol-Error (RFC 7930 section 4).
const codeProtocolError radius.Code = 52

// answers reports whether a packet of the code can answer a request: an
// Access-Request (RFC 2865 section 4, RFC 7930 section 4), or a Status-Server,
// which servers for accounting answer as well (RFC 5997 section 4.1).
func answers(code, request radius.Code) bool {
	switch code {
	case radius.CodeAccessAccept, radius.CodeAccessReject, radius.CodeAccessChallenge, codeProtocolError:
		return true
	case radius.CodeAccountingResponse:
		return request == radius.CodeStatusServer
	}
	return false
}
