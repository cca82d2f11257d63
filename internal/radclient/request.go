package radclient

import (
	"crypto/rand"
	"fmt"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2869"
)

const (
	// headerLen is the length in octets of code, identifier, length and
	// authenticator (RFC 2865 section 3).
	headerLen = 20

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
}

// newRequest builds a request with a fresh random identifier and authenticator.
func newRequest(credentials Credentials, attributes radius.Attributes, secret Secret) (*request, error) {
	var random [17]byte
	// rand.Read never fails: it ends the process if the system has no randomness.
	_, _ = rand.Read(random[:])
	return encodeRequest(random[0], [16]byte(random[1:]), credentials, attributes, secret.bytes())
}

// encodeRequest builds an Access-Request: Message-Authenticator first, so that
// the answer's MD5 state cannot be steered by what follows it, then User-Name,
// User-Password, the given attributes and Calling-Station-Id. It fails, and nothing may
// be sent, if any of them cannot be encoded.
func encodeRequest(identifier byte, authenticator [16]byte, credentials Credentials, attributes radius.Attributes, secret []byte) (*request, error) {
	if err := CheckUsername(credentials.Username); err != nil {
		return nil, err
	}
	if err := CheckPassword(credentials.Password); err != nil {
		return nil, err
	}
	hidden, err := radius.NewUserPassword([]byte(credentials.Password), secret, authenticator[:])
	if err != nil {
		return nil, fmt.Errorf("hiding the password: %w", err)
	}
	packet := &radius.Packet{
		Code:          radius.CodeAccessRequest,
		Identifier:    identifier,
		Authenticator: authenticator,
		Secret:        secret,
	}
	packet.Add(rfc2869.MessageAuthenticator_Type, make([]byte, messageAuthenticatorLen))
	packet.Add(rfc2865.UserName_Type, radius.Attribute(credentials.Username))
	packet.Add(rfc2865.UserPassword_Type, hidden)
	packet.Attributes = append(packet.Attributes, attributes...)
	if credentials.ClientAddress != "" {
		packet.Add(rfc2865.CallingStationID_Type, radius.Attribute(credentials.ClientAddress))
	}

	wire, err := packet.Encode()
	if err != nil {
		return nil, fmt.Errorf("encoding the Access-Request: %w", err)
	}
	offset := headerLen + 2
	copy(wire[offset:], messageAuthenticator(wire, offset, authenticator, secret))
	return &request{wire: wire, identifier: identifier, authenticator: authenticator, secret: secret}, nil
}
