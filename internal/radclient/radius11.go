package radclient

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
)

// Version is a version of RADIUS. It differs from another in the packet's
// header and in what is hidden with the secret.
type Version string

const (
	// RADIUS10 is the RADIUS of RFC 2865.
	RADIUS10 Version = "1.0"
	// RADIUS11 leaves the protection to TLS (RFC 9765).
	RADIUS11 Version = "1.1"
	// VersionAuto is RADIUS11 where the server speaks it, else RADIUS10.
	VersionAuto Version = "auto"
)

// Versions are the settings that there are.
var Versions = []Version{RADIUS10, RADIUS11, VersionAuto}

// tokensPerConnection is how many requests of RADIUS/1.1 wait on a connection.
const tokensPerConnection = 256

// tokens are the keys of RADIUS/1.1: they count on (RFC 9765 section 4.2).
type tokens struct {
	first, next uint32
	waiting     int
}

func newTokens(first uint32) *tokens { return &tokens{first: first, next: first} }

func (t *tokens) take(time.Time) (uint32, bool) {
	if t.waiting >= tokensPerConnection {
		return 0, false
	}
	t.waiting++
	t.next++
	return t.next - 1, true
}

func (t *tokens) release(uint32)                   { t.waiting-- }
func (t *tokens) rest(uint32, *request, time.Time) { t.waiting-- } // no Token is issued twice
func (t *tokens) unanswered(uint32) *request       { return nil }
func (t *tokens) wake(uint32)                      {}
func (t *tokens) issued(key uint32) bool           { return key-t.first < t.next-t.first }

// encodeRequest11 builds a request of RADIUS/1.1: TLS protects it, so there is
// no authenticator and nothing is hidden (RFC 9765 section 4).
func encodeRequest11(code radius.Code, token uint32, attributes radius.Attributes) (*request, error) {
	wire := make([]byte, headerLen, 256)
	wire[0] = byte(code) // #nosec G115 -- a code is one octet
	binary.BigEndian.PutUint32(wire[4:], token)
	wire, err := appendAttributes(wire, attributes)
	if err != nil {
		return nil, fmt.Errorf("encoding the %s: %w", code, err)
	}
	return &request{wire: wire, code: code, version: RADIUS11}, nil
}

// checkAnswer11 is checkAnswer for RADIUS/1.1. The Token has matched.
func checkAnswer11(wire []byte, sent *request) (*radius.Packet, DropReason) {
	attributes, err := radius.ParseAttributes(wire[headerLen:])
	if err != nil {
		return nil, DropMalformed
	}
	code := radius.Code(wire[0])
	if !answers(code, sent.code) {
		return nil, DropUnexpectedCode
	}
	return &radius.Packet{Code: code, Attributes: attributes}, 0
}

// errEmptyResponse is returned for a request that would prove nothing, and name no
// login that the server has begun.
var errEmptyResponse = errors.New("RADIUS/1.1 cannot carry an empty answer to a challenge without a State (RFC 9765 section 5.1.1)")

// plainProof returns a User-Password of RADIUS/1.1, which has one octet or more (RFC 9765
// section 5.1.1). An empty answer to a challenge has none: the State alone will do
// (RFC 2865 section 4.1).
func plainProof(credentials Credentials) (proof, error) {
	var attributes radius.Attributes
	switch {
	case credentials.Password != "":
		attributes.Add(rfc2865.UserPassword_Type, radius.Attribute(credentials.Password))
	case credentials.Answers == nil || credentials.Answers.State == nil:
		return proof{}, errEmptyResponse
	}
	return proof{attributes: attributes}, nil
}
