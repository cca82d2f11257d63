package radclient

import (
	"crypto/hmac"
	"crypto/md5" // #nosec G501 -- RFC 2865 section 3 and RFC 3579 section 3.2 are defined on MD5
	"hash"
	"sync"
)

// signer computes with a shared secret what proves that a packet comes from who
// knows it. Safe for concurrent use.
type signer struct {
	secret []byte
	states sync.Pool // of *signing: keying a hash costs as much as using it
}

// signing is a computation.
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
