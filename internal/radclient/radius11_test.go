package radclient

import (
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"

	"vault-plugin-auth-radius/internal/radiustest"
)

// vectorAttributes are those of the vectors: the second is the password.
func vectorAttributes(password proof) radius.Attributes {
	return radius.Attributes{
		{Type: rfc2865.UserName_Type, Attribute: radius.Attribute("alice")},
		{Type: rfc2865.UserPassword_Type, Attribute: password.attributes[0].Attribute},
		{Type: rfc2865.NASIdentifier_Type, Attribute: radius.Attribute("vault")},
		{Type: rfc2865.NASPortType_Type, Attribute: radius.NewInteger(5)},
		{Type: rfc2865.ServiceType_Type, Attribute: radius.NewInteger(8)},
	}
}

func octets(t *testing.T, text string) []byte {
	t.Helper()
	raw, err := hex.DecodeString(text)
	require.NoError(t, err)
	return raw
}

func TestRequestsOfRADIUS10OverRadSecHaveTheBytesOfTheVectors(t *testing.T) {
	t.Parallel()
	hidden, err := papProof("hello", vectorAuthenticator, []byte(radsecSecret))
	require.NoError(t, err)
	sent, err := encodeRequest(
		radius.CodeAccessRequest, 0x2a, vectorAuthenticator, vectorAttributes(hidden), newSigner([]byte(radsecSecret)))
	require.NoError(t, err)
	require.Equal(t,
		"012a0052000102030405060708090a0b0c0d0e0f5012f9f14a8c8ae8df12170a6bb29bd34e830107616c696365021220"+
			"a1a4c45cfdea13cbd38dd2f8e9933b20077661756c743d0600000005060600000008",
		hex.EncodeToString(sent.wire))
	packet, signed, reason := checkAnswer(
		octets(t, "022a002ed7853d28705f59b552857809524eae995012038415b2130da21ed21fc7aa874764e0190861646d696e73"),
		sent, func(radius.Code) bool { return true })
	require.Zero(t, reason)
	require.True(t, signed)
	require.Equal(t, "admins", string(packet.Get(rfc2865.Class_Type)))
}

func TestRequestsOfRADIUS11HaveTheBytesOfTheVectors(t *testing.T) {
	t.Parallel()
	plain, err := plainProof(Credentials{Password: "hello"})
	require.NoError(t, err)
	sent, err := encodeRequest11(radius.CodeAccessRequest, 0xdeadbeef, vectorAttributes(plain))
	require.NoError(t, err)
	require.Equal(t,
		"01000035deadbeef0000000000000000000000000107616c696365020768656c6c6f20077661756c743d0600000005060600000008",
		hex.EncodeToString(sent.wire))
	packet, reason := checkAnswer11(octets(t, "0200001cdeadbeef000000000000000000000000190861646d696e73"), sent)
	require.Zero(t, reason)
	require.Equal(t, radius.CodeAccessAccept, packet.Code)
	require.Equal(t, "admins", string(packet.Get(rfc2865.Class_Type)))
}

func TestTokensCountOn(t *testing.T) {
	overStreams(t, radiustest.StreamOptions{Handler: accept}, func(t *testing.T, s *stream) {
		client := s.client(t, func(c *Config) { c.StatusCheck = StatusCheckOff })
		for range 300 {
			_, err := client.Authenticate(t.Context(), bob)
			require.NoError(t, err)
		}
		requests := s.server.Requests()
		if requests[0].Version != radiustest.RADIUS11 {
			return
		}
		for i, request := range requests {
			require.Equal(t, requests[0].Token()+uint32(i), request.Token()) // #nosec G115 -- 300
		}
	})
}
