package radclient

import (
	"crypto/hmac"
	"crypto/md5" // #nosec G501 -- RFC 2865 section 5.3 defines CHAP on MD5
	"fmt"
	"strings"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
)

// Protocol says how a request proves that the user knows the password.
type Protocol string

const (
	// PAP sends the password, hidden with the secret (RFC 2865 section 5.2).
	// The server can check it against any kind of store.
	PAP Protocol = "pap"
	// CHAP sends a digest of a challenge and the password (RFC 2865 section
	// 5.3). The server needs the password in clear.
	CHAP Protocol = "chap"
	// MSCHAPv2 sends a response that the server can check with the password's
	// NT hash, and demands that the server proves to know it too (RFC 2548
	// section 2.3, RFC 2759).
	MSCHAPv2 Protocol = "mschapv2"
)

// Protocols are those that there are.
var Protocols = []Protocol{PAP, CHAP, MSCHAPv2}

// randomness holds what a proof may need: one request, one fresh value.
type randomness struct {
	identifier    byte
	challenge     [16]byte
	peerChallenge [16]byte
}

// proof is the part of a request that proves the knowledge of the password.
type proof struct {
	attributes radius.Attributes
	// success is what a server that knows the password answers, as
	// MS-CHAP2-Success; nil means that it need not prove anything.
	success []byte
}

// prove makes the proof for a request with the authenticator.
func (p Protocol) prove(credentials Credentials, random randomness, authenticator [16]byte, secret []byte) (proof, error) {
	switch p {
	case CHAP:
		return chapProof(credentials.Password, random), nil
	case MSCHAPv2:
		return msCHAPv2Proof(credentials, random)
	default:
		return papProof(credentials.Password, authenticator, secret)
	}
}

// check turns an accept from a server that did not prove what it had to into a
// reject: the server that answered does not know the password.
func (p proof) check(verdict Verdict) Verdict {
	switch verdict.Outcome {
	case Accept:
		if p.success != nil && !hmac.Equal(p.success, msCHAP2Success(verdict.Attributes)) {
			verdict.Outcome = Reject
			verdict.Reason = "the server accepted, but did not prove that it knows the password (MS-CHAP2-Success)"
		}
	case Reject:
		if reason := msCHAPErrorReason(verdict.Attributes); reason != "" {
			verdict.Reason = reason
		}
	}
	return verdict
}

// withoutDomain cuts DOMAIN\ off a name: MS-CHAP hashes the name without it
// (RFC 2759 section 4).
func withoutDomain(name string) string {
	if _, user, found := strings.Cut(name, `\`); found {
		return user
	}
	return name
}

// papProof returns a User-Password (RFC 2865 section 5.2).
func papProof(password string, authenticator [16]byte, secret []byte) (proof, error) {
	hidden, err := radius.NewUserPassword([]byte(password), secret, authenticator[:])
	if err != nil {
		return proof{}, fmt.Errorf("hiding the password: %w", err)
	}
	return proof{attributes: radius.Attributes{{Type: rfc2865.UserPassword_Type, Attribute: hidden}}}, nil
}

// chapProof returns a CHAP-Password with a CHAP-Challenge of its own, which RFC 2865
// section 5.40 allows always and RADIUS over TLS may need.
func chapProof(password string, random randomness) proof {
	var attributes radius.Attributes
	attributes.Add(rfc2865.CHAPPassword_Type, chapPassword(random.identifier, password, random.challenge[:]))
	attributes.Add(rfc2865.CHAPChallenge_Type, random.challenge[:])
	return proof{attributes: attributes}
}

// chapPassword returns the identifier and MD5 over identifier, password and
// challenge (RFC 2865 section 5.3, RFC 1994 section 4.1).
func chapPassword(identifier byte, password string, challenge []byte) []byte {
	sum := md5.New() // #nosec G401 -- the protocol's own
	sum.Write([]byte{identifier})
	sum.Write([]byte(password))
	sum.Write(challenge)
	return sum.Sum([]byte{identifier})
}
