package radclient

import (
	"crypto/hmac"
	"crypto/md5" // #nosec G501 -- RFC 2865 section 3 and RFC 3579 section 3.2 are defined on MD5
	"hash"
	"net/netip"
	"sync"

	"layeh.com/radius"
)

// MessageAuthenticator says when an answer must carry a Message-Authenticator
// (RFC 3579 section 3.2). Every Access-Request carries one and every one that
// an answer carries is verified, whatever the setting.
type MessageAuthenticator string

const (
	// MessageAuthenticatorAuto demands one in an address's answers of a code once
	// that address has put one into an answer of that code. Some servers sign
	// accepts only, so codes are learned one by one.
	MessageAuthenticatorAuto MessageAuthenticator = "auto"
	// MessageAuthenticatorRequired demands one in every answer.
	MessageAuthenticatorRequired MessageAuthenticator = "required"
	// MessageAuthenticatorOff never demands one.
	MessageAuthenticatorOff MessageAuthenticator = "off"
)

// MessageAuthenticators are the settings that there are.
var MessageAuthenticators = []MessageAuthenticator{MessageAuthenticatorAuto, MessageAuthenticatorRequired, MessageAuthenticatorOff}

// maxSignedAnswers bounds what is remembered of signed answers. Only an answer that
// proves the shared secret adds to it.
const maxSignedAnswers = 4096

// signedAnswer is a code of the answers that come from an address.
type signedAnswer struct {
	address netip.AddrPort
	code    radius.Code
}

// signedAnswers remembers which answers were signed, by the address that they came from,
// whatever the name is that led there: of several servers behind one name some may sign
// and others not. It forgets nothing, so that an address which DNS drops and returns has
// to go on signing: otherwise an attacker that can strip signatures had to wait for that
// only. Safe for concurrent use; the zero value remembers nothing.
type signedAnswers struct {
	mu    sync.RWMutex
	codes map[signedAnswer]struct{} // guarded by mu
}

// learn notes that the address has signed an answer of the code.
func (s *signedAnswers) learn(address netip.AddrPort, code radius.Code) {
	if s.demanded(address, code) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.codes == nil {
		s.codes = map[signedAnswer]struct{}{}
	}
	if len(s.codes) < maxSignedAnswers {
		s.codes[signedAnswer{unmapped(address), code}] = struct{}{}
	}
}

// demanded reports whether answers of the code from the address have to be signed: one
// was before, or there is no room to remember that this one was.
func (s *signedAnswers) demanded(address netip.AddrPort, code radius.Code) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, signed := s.codes[signedAnswer{unmapped(address), code}]
	return signed || len(s.codes) >= maxSignedAnswers
}

// unmapped returns the address as it is written without IPv6 around IPv4.
func unmapped(address netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(address.Addr().Unmap(), address.Port())
}

// messageAuthenticatorLen is the length of the attribute's value in octets
// (RFC 3579 section 3.2).
const messageAuthenticatorLen = 16

// signer computes the proofs that a packet comes from a holder of the shared secret.
// Safe for concurrent use.
type signer struct {
	secret []byte
	states sync.Pool // of *signing: keying a hash costs as much as using it
}

// signing holds the state of a computation.
type signing struct {
	mac, digest hash.Hash
	sum         [md5.Size]byte
}

func newSigner(secret []byte) *signer {
	s := &signer{secret: secret}
	s.states.New = func() any { return &signing{mac: hmac.New(md5.New, secret), digest: md5.New()} } // #nosec G401 -- the protocol's own
	return s
}

// zeros stand for a Message-Authenticator while it is computed.
var zeros [messageAuthenticatorLen]byte

// messageAuthenticator computes the value for a packet: HMAC-MD5 over it with
// the request's authenticator in the header and zeros in place of the value at
// the offset (RFC 3579 section 3.2).
func (s *signer) messageAuthenticator(packet []byte, offset int, requestAuthenticator *[16]byte) [messageAuthenticatorLen]byte {
	state := s.states.Get().(*signing)
	defer s.states.Put(state)
	state.mac.Reset()
	state.mac.Write(packet[:4])
	state.mac.Write(requestAuthenticator[:])
	state.mac.Write(packet[headerLen:offset])
	state.mac.Write(zeros[:])
	state.mac.Write(packet[offset+messageAuthenticatorLen:])
	state.mac.Sum(state.sum[:0])
	return state.sum
}

// responseAuthenticator computes what an answer's header must hold: MD5 over
// the answer with the request's authenticator in the header, then the secret
// (RFC 2865 section 3).
func (s *signer) responseAuthenticator(packet []byte, requestAuthenticator *[16]byte) [md5.Size]byte {
	state := s.states.Get().(*signing)
	defer s.states.Put(state)
	state.digest.Reset()
	state.digest.Write(packet[:4])
	state.digest.Write(requestAuthenticator[:])
	state.digest.Write(packet[headerLen:])
	state.digest.Write(s.secret)
	state.digest.Sum(state.sum[:0])
	return state.sum
}
