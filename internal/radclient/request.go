package radclient

import (
	"crypto/rand"
	"errors"
	"fmt"

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

// request is an Access-Request as it goes over the wire. Every copy is the
// same bytes, so that the server can tell a copy from a new login (RFC 2865
// section 2.5, RFC 5080 section 2.2.2).
type request struct {
	wire          []byte
	identifier    byte
	authenticator [16]byte
	secret        []byte
	proof         proof
}

// newRequest builds a request with a fresh random identifier and authenticator.
func (c *Client) newRequest(credentials Credentials) (*request, error) {
	var random [1 + 16 + 1 + 16 + 16]byte
	// rand.Read never fails: it ends the process if the system has no randomness.
	_, _ = rand.Read(random[:])
	authenticator, secret := [16]byte(random[1:17]), c.config.Secret.bytes()

	if err := errors.Join(CheckUsername(credentials.Username), CheckPassword(credentials.Password)); err != nil {
		return nil, err
	}
	protocol := c.config.Protocol
	if credentials.Answers != nil {
		protocol = PAP // an answer is a User-Password, whatever the password was (RFC 2865 section 4.4)
	}
	made, err := protocol.prove(credentials, randomness{
		identifier:    random[17],
		challenge:     [16]byte(random[18:34]),
		peerChallenge: [16]byte(random[34:]),
	}, authenticator, secret)
	if err != nil {
		return nil, err
	}
	var attributes radius.Attributes
	attributes.Add(rfc2865.UserName_Type, radius.Attribute(credentials.Username))
	attributes = append(attributes, made.attributes...)
	attributes = append(attributes, c.attributes...)
	if credentials.ClientAddress != "" {
		attributes.Add(rfc2865.CallingStationID_Type, radius.Attribute(credentials.ClientAddress))
	}
	if credentials.Answers != nil && credentials.Answers.State != nil {
		attributes.Add(rfc2865.State_Type, credentials.Answers.State)
	}
	sent, err := encodeRequest(random[0], authenticator, attributes, secret)
	if err != nil {
		return nil, err
	}
	sent.proof = made
	return sent, nil
}

// encodeRequest builds an Access-Request: Message-Authenticator first, so that
// the answer's MD5 state cannot be steered by what follows it, then the given
// attributes, in order. It fails, and nothing may be sent, if any of them
// cannot be encoded.
func encodeRequest(identifier byte, authenticator [16]byte, attributes radius.Attributes, secret []byte) (*request, error) {
	packet := &radius.Packet{
		Code:          radius.CodeAccessRequest,
		Identifier:    identifier,
		Authenticator: authenticator,
		Secret:        secret,
	}
	packet.Add(rfc2869.MessageAuthenticator_Type, make([]byte, messageAuthenticatorLen))
	packet.Attributes = append(packet.Attributes, attributes...)

	wire, err := packet.Encode()
	if err != nil {
		return nil, fmt.Errorf("encoding the Access-Request: %w", err)
	}
	offset := headerLen + 2
	copy(wire[offset:], messageAuthenticator(wire, offset, authenticator, secret))
	return &request{wire: wire, identifier: identifier, authenticator: authenticator, secret: secret}, nil
}
