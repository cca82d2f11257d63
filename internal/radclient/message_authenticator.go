package radclient

import (
	"crypto/hmac"
	"crypto/md5" // #nosec G501 -- RFC 3579 section 3.2 defines Message-Authenticator on HMAC-MD5
	"sync/atomic"

	"layeh.com/radius"
	"layeh.com/radius/rfc2869"
)

// MessageAuthenticator says when an answer must carry a Message-Authenticator
// (RFC 3579 section 3.2). Every Access-Request carries one and every one that
// an answer carries is verified, whatever the setting.
type MessageAuthenticator string

const (
	// MessageAuthenticatorAuto demands one in answers of a code once the server
	// has put one into an answer of that code. Some servers sign accepts only,
	// so codes are learned one by one.
	MessageAuthenticatorAuto MessageAuthenticator = "auto"
	// MessageAuthenticatorRequired demands one in every answer.
	MessageAuthenticatorRequired MessageAuthenticator = "required"
	// MessageAuthenticatorOff never demands one.
	MessageAuthenticatorOff MessageAuthenticator = "off"
)

// MessageAuthenticators are the settings that there are.
var MessageAuthenticators = []MessageAuthenticator{MessageAuthenticatorAuto, MessageAuthenticatorRequired, MessageAuthenticatorOff}

// signedCodes remembers the codes of the answers that a server has signed.
// Safe for concurrent use.
type signedCodes [256]atomic.Bool

func (s *signedCodes) learn(code radius.Code)    { s[byte(code)].Store(true) }   // #nosec G115 -- the code was read from one octet
func (s *signedCodes) has(code radius.Code) bool { return s[byte(code)].Load() } // #nosec G115 -- as above

// messageAuthenticatorLen is the length of the attribute's value in octets
// (RFC 3579 section 3.2).
const messageAuthenticatorLen = md5.Size

// findMessageAuthenticators gives the offsets of the values of the
// Message-Authenticator attributes in a packet whose attributes are well formed.
func findMessageAuthenticators(packet []byte) []int {
	var offsets []int
	for at := headerLen; at < len(packet); at += int(packet[at+1]) {
		if radius.Type(packet[at]) == rfc2869.MessageAuthenticator_Type {
			offsets = append(offsets, at+2)
		}
	}
	return offsets
}

// messageAuthenticator computes the value for a packet: HMAC-MD5 over it with
// the request's authenticator in the header and zeros in place of the value at
// the offset (RFC 3579 section 3.2).
func messageAuthenticator(packet []byte, offset int, requestAuthenticator [16]byte, secret []byte) []byte {
	sum := hmac.New(md5.New, secret)
	sum.Write(packet[:4])
	sum.Write(requestAuthenticator[:])
	sum.Write(packet[headerLen:offset])
	sum.Write(make([]byte, messageAuthenticatorLen))
	sum.Write(packet[offset+messageAuthenticatorLen:])
	return sum.Sum(nil)
}
