package radclient

import (
	"sync/atomic"

	"layeh.com/radius"
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
const messageAuthenticatorLen = 16
