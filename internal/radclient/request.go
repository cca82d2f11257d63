package radclient

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2869"
)

const (
	// headerLen is the length in octets of code, identifier, length and
	// authenticator (RFC 2865 section 3).
	headerLen = 20

	// MaxValueLen is the longest attribute value in octets: 255 less the type
	// and length octets (RFC 2865 section 5).
	MaxValueLen = 253

	// maxPacketLen is the longest packet in octets (RFC 2865 section 3).
	maxPacketLen = radius.MaxPacketLength
)

// request is an Access-Request or a Status-Server as it goes over the wire. Every
// copy is the same bytes, so that the server can distinguish a copy from a new login
// (RFC 2865 section 2.5, RFC 5080 section 2.2.2).
type request struct {
	wire          []byte
	version       Version
	code          radius.Code
	identifier    byte
	authenticator [16]byte
	signer        *signer
	proof         proof
	server        *server        // that is asked
	address       netip.AddrPort // of the server, of an Access-Request
	password      string         // in an Access-Request
	sentAt        time.Time      // when the first copy went out
}

// judge returns the verdict after the server's proof, and the texts of a reject.
func (r *request) judge(verdict Verdict) Verdict {
	verdict = r.proof.check(verdict)
	if verdict.Outcome != Reject {
		return verdict
	}
	secrets := []string{r.password}
	if r.server.client.config.Transport != TLS { // where it is public
		secrets = append(secrets, string(r.server.signer.secret))
	}
	verdict.ReplyMessage = rejectMessage(verdict.Attributes, secrets)
	return verdict
}

// newAccessRequest builds a request that goes to the endpoint.
func (e *endpoint) newAccessRequest(credentials Credentials, at slot) (*request, error) {
	sent, err := e.server.newAccessRequest(credentials, at)
	if err != nil {
		return nil, err
	}
	sent.address = e.address
	return sent, nil
}

// newAccessRequest builds a request with a fresh random authenticator.
func (s *server) newAccessRequest(credentials Credentials, at slot) (*request, error) {
	var random [16 + 1 + 16 + 16]byte
	// rand.Read never fails: it ends the process if the system has no randomness.
	_, _ = rand.Read(random[:])
	authenticator := [16]byte(random[:16])

	protocol := s.client.config.Protocol
	if credentials.Answers != nil {
		protocol = PAP // an answer is a User-Password, whatever the password was (RFC 2865 section 4.4)
	}
	prove := func() (proof, error) {
		return protocol.prove(credentials, randomness{
			identifier:    random[16],
			challenge:     [16]byte(random[17:33]),
			peerChallenge: [16]byte(random[33:]),
		}, authenticator, s.signer.secret)
	}
	if at.version == RADIUS11 && protocol == PAP {
		prove = func() (proof, error) { return plainProof(credentials) }
	}
	proven, err := prove()
	if err != nil {
		return nil, err
	}
	attributes := slices.Concat(proven.attributes, s.client.RequestAttributes(credentials))
	if credentials.Answers != nil && credentials.Answers.State != nil {
		attributes.Add(rfc2865.State_Type, credentials.Answers.State)
	}
	sent, err := s.encode(radius.CodeAccessRequest, at, authenticator, attributes)
	if err != nil {
		return nil, err
	}
	sent.proof, sent.password = proven, credentials.Password
	return sent, nil
}

// RequestAttributes returns the attributes of a request, without the proof of the
// password.
func (c *Client) RequestAttributes(credentials Credentials) radius.Attributes {
	return RequestAttributes(c.nas, credentials)
}

// RequestAttributes returns the attributes of a request, with those of the NAS as
// [NAS.Attributes] returns them, and without the proof of the password.
func RequestAttributes(nas radius.Attributes, credentials Credentials) radius.Attributes {
	var attributes radius.Attributes
	attributes.Add(rfc2865.UserName_Type, radius.Attribute(credentials.Username))
	attributes = append(attributes, nas...)
	if credentials.ClientAddress != "" {
		attributes.Add(rfc2865.CallingStationID_Type, radius.Attribute(credentials.ClientAddress))
	}
	return append(attributes, credentials.Attributes...)
}

// newProbe builds a probe, as the config has it.
func (e *endpoint) newProbe(at slot) (*request, error) {
	if e.client.config.StatusCheck == StatusCheckRequest {
		return e.newAccessRequest(e.client.config.StatusRequest, at)
	}
	return e.server.newStatusServer(at)
}

// newStatusServer builds a probe: it names the NAS and no user (RFC 5997 section 3).
func (s *server) newStatusServer(at slot) (*request, error) {
	var authenticator [16]byte
	_, _ = rand.Read(authenticator[:])
	return s.encode(radius.CodeStatusServer, at, authenticator, s.client.nas)
}

// encode builds a request in the version that is spoken where it goes.
func (s *server) encode(code radius.Code, at slot, authenticator [16]byte, attributes radius.Attributes) (sent *request, err error) {
	if at.version == RADIUS11 {
		sent, err = encodeRequest11(code, at.key, attributes)
	} else {
		sent, err = encodeRequest(code, byte(at.key), authenticator, attributes, s.signer) // #nosec G115 -- an identifier
	}
	if err != nil {
		return nil, err
	}
	sent.server = s
	return sent, nil
}

// unanswered returns the part of the request that checks a late answer: nothing of
// the password.
func (r *request) unanswered() *request {
	return &request{
		version: r.version, code: r.code, identifier: r.identifier, authenticator: r.authenticator,
		signer: r.signer, server: r.server, address: r.address, sentAt: r.sentAt,
	}
}

// check takes or drops a datagram, and learns which codes the address signs.
func (r *request) check(datagram []byte) (*radius.Packet, DropReason) {
	if r.version == RADIUS11 {
		return checkAnswer11(datagram, r)
	}
	packet, signed, reason := checkAnswer(datagram, r, r.mustSign)
	if reason == 0 && signed && r.code == radius.CodeAccessRequest {
		r.server.client.signed.learn(r.address, packet.Code)
	}
	return packet, reason
}

// mustSign reports whether an answer of the code has to carry a
// Message-Authenticator. One to a probe need not, since it logs no user in, nor one
// over TLS, which cannot be forged.
func (r *request) mustSign(code radius.Code) bool {
	if r.code == radius.CodeStatusServer || r.server.client.config.Transport == TLS {
		return false
	}
	switch r.server.client.config.MessageAuthenticator {
	case MessageAuthenticatorRequired:
		return true
	case MessageAuthenticatorOff:
		return false
	default:
		return r.server.client.signed.demanded(r.address, code)
	}
}

// encodeRequest builds a request: Message-Authenticator first, so that the
// answer's MD5 state cannot be steered by what follows it, then the given
// attributes, in order. It fails, and nothing may be sent, if any of them cannot
// be encoded.
func encodeRequest(
	code radius.Code, identifier byte, authenticator [16]byte, attributes radius.Attributes, signer *signer,
) (*request, error) {
	wire := make([]byte, 0, 256)
	wire = append(wire, byte(code), identifier, 0, 0) // #nosec G115 -- a code is one octet
	wire = append(wire, authenticator[:]...)
	wire = append(wire, byte(rfc2869.MessageAuthenticator_Type), 2+messageAuthenticatorLen)
	wire = append(wire, zeros[:]...)
	wire, err := appendAttributes(wire, attributes)
	if err != nil {
		return nil, fmt.Errorf("encoding the %s: %w", code, err)
	}
	offset := headerLen + 2
	signature := signer.messageAuthenticator(wire, offset, &authenticator)
	copy(wire[offset:], signature[:])
	return &request{wire: wire, version: RADIUS10, code: code, identifier: identifier, authenticator: authenticator, signer: signer}, nil
}

// appendAttributes ends a packet with its attributes, in order, and sets its
// Length.
func appendAttributes(wire []byte, attributes radius.Attributes) ([]byte, error) {
	for _, attribute := range attributes {
		if len(attribute.Attribute) > MaxValueLen {
			return nil, fmt.Errorf("the value of attribute %d is longer than %d octets", attribute.Type, MaxValueLen)
		}
		wire = append(wire, byte(attribute.Type), byte(2+len(attribute.Attribute))) // #nosec G115 -- both fit into one octet
		wire = append(wire, attribute.Attribute...)
	}
	if len(wire) > maxPacketLen {
		return nil, fmt.Errorf("it has %d octets, and %d is the most", len(wire), maxPacketLen)
	}
	binary.BigEndian.PutUint16(wire[2:], uint16(len(wire))) // #nosec G115 -- at most maxPacketLen
	return wire, nil
}
