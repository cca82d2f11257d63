package radclient

import (
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
	"layeh.com/radius/rfc2759"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/vendors/microsoft"

	"vault-plugin-auth-radius/internal/radiustest"
)

func fromHex(t *testing.T, text string) []byte {
	t.Helper()
	octets, err := hex.DecodeString(text)
	require.NoError(t, err)
	return octets
}

func TestCHAPPasswordHasTheBytesOfTheVectors(t *testing.T) {
	t.Parallel()
	// RFC 2865 section 7.2.
	require.Equal(t, "16e97557c316185895f293ff6344077275",
		hex.EncodeToString(chapPassword(0x16, "arctangent", fromHex(t, "2aee86f08d0d55969ca5978e0d3367a2"))))
	// Computed outside this project.
	require.Equal(t, "075694f06ba6105ba5775fe81fab295965",
		hex.EncodeToString(chapPassword(0x07, "hello", vectorAuthenticator[:])))
}

// The example of RFC 2759 section 9.2.
func TestMSCHAPv2ResponseHasTheBytesOfTheVector(t *testing.T) {
	t.Parallel()
	for _, username := range []string{"User", `DOMAIN\User`} {
		response, err := msCHAPv2Proof(Credentials{Username: username, Password: "clientPass"}, randomness{
			identifier:    1,
			challenge:     [16]byte(fromHex(t, "5b5d7c7d7b3f2f3e3c2c602132262628")),
			peerChallenge: [16]byte(fromHex(t, "21402324255e262a28295f2b3a337c7e")),
		})
		require.NoError(t, err)
		require.Equal(t, "\x01S=407A5589115FD0D6209F510FE9C04566932CDA56", string(response.success))
		packet := &radius.Packet{Attributes: response.attributes}
		require.Equal(t, "5b5d7c7d7b3f2f3e3c2c602132262628", hex.EncodeToString(microsoft.MSCHAPChallenge_Get(packet)))
		require.Equal(t, "000001371934010021402324255e262a28295f2b3a337c7e000000000000000082309ecd8d708b5ea08faa3981cd83544233114a3d85d6df",
			hex.EncodeToString(response.attributes[1].Attribute), "%s", username)
	}
}

func TestNTHashOfANonASCIIPasswordIsOfItsUTF16(t *testing.T) {
	t.Parallel()
	for password, want := range map[string]string{
		"pässwörd€": "7f20bf6e69d97371914a8807579cab5c",
		"p😀":        "ff2fe73a072cf9ba38094a9caa713cf2",
	} {
		utf16, err := rfc2759.ToUTF16([]byte(password))
		require.NoError(t, err)
		require.Equal(t, want, hex.EncodeToString(rfc2759.NTPasswordHash(utf16)))
	}
}

func TestRequestHasExactlyOneProof(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		server := startAt(t, network, firstAddress, accept)
		proofs := map[Protocol][]radius.Type{
			PAP:      {rfc2865.UserPassword_Type},
			CHAP:     {rfc2865.CHAPPassword_Type, rfc2865.CHAPChallenge_Type},
			MSCHAPv2: {rfc2865.VendorSpecific_Type, rfc2865.VendorSpecific_Type},
		}
		for protocol, want := range proofs {
			_, err := newClientAt(t, network, func(c *Config) { c.Protocol = protocol }).Authenticate(t.Context(), bob)
			require.NoError(t, err)
			requests := server.Requests()
			var sent []radius.Type
			for _, attribute := range requests[len(requests)-1].Packet.Attributes {
				switch attribute.Type {
				case rfc2865.UserPassword_Type, rfc2865.CHAPPassword_Type, rfc2865.CHAPChallenge_Type, rfc2865.VendorSpecific_Type:
					sent = append(sent, attribute.Type)
				}
			}
			require.Equal(t, want, sent, protocol)
		}
	})
}

// mschapServer checks nothing and answers with an MS-CHAP2-Success that change
// may spoil; nil leaves it out.
func mschapServer(password string, change func(success []byte) []byte) radiustest.Handler {
	return func(r *radiustest.Request) []radiustest.Answer {
		response := microsoft.MSCHAP2Response_Get(r.Packet)
		success, err := rfc2759.GenerateAuthenticatorResponse(
			microsoft.MSCHAPChallenge_Get(r.Packet), response[2:18], response[26:50], []byte(r.Username()), []byte(password))
		if err != nil {
			return nil
		}
		value := change(append([]byte{response[0]}, success...))
		if value == nil {
			return []radiustest.Answer{r.Accept()}
		}
		packet := &radius.Packet{}
		if err := microsoft.MSCHAP2Success_Set(packet, value); err != nil {
			return nil
		}
		return []radiustest.Answer{r.Accept(radiustest.Attribute{Type: rfc2865.VendorSpecific_Type, Value: packet.Attributes[0].Attribute})}
	}
}

func TestMSCHAPv2ServerMustProveThatItKnowsThePassword(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		password string
		change   func([]byte) []byte
		want     Outcome
	}{
		"right":                      {bob.Password, func(s []byte) []byte { return s }, Accept},
		"right, with text after":     {bob.Password, func(s []byte) []byte { return append(s, " M=welcome"...) }, Accept},
		"of another password":        {"another", func(s []byte) []byte { return s }, Reject},
		"one digit changed":          {bob.Password, func(s []byte) []byte { s[len(s)-1] ^= 1; return s }, Reject},
		"of another identifier":      {bob.Password, func(s []byte) []byte { s[0]++; return s }, Reject},
		"cut":                        {bob.Password, func(s []byte) []byte { return s[:len(s)-1] }, Reject},
		"none":                       {bob.Password, func([]byte) []byte { return nil }, Reject},
		"of the right one, no ident": {bob.Password, func(s []byte) []byte { return s[1:] }, Reject},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
				startAt(t, network, firstAddress, mschapServer(test.password, test.change))
				verdict, err := newClientAt(t, network, func(c *Config) { c.Protocol = MSCHAPv2 }).Authenticate(t.Context(), bob)
				require.NoError(t, err)
				require.Equal(t, test.want, verdict.Outcome)
				if test.want == Reject {
					require.Contains(t, verdict.Reason, "did not prove")
				}
			})
		})
	}
}

func TestMSCHAPErrorSaysWhy(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"\x01E=648 R=0 C=00112233445566778899aabbccddeeff V=3 M=Password expired": "the password has expired (MS-CHAP error 648)",
		"\nE=647 R=0":             "the account is disabled (MS-CHAP error 647)",
		"E=646 R=0":               "logon is not allowed at this hour (MS-CHAP error 646)",
		"\xffR=1 E=691":           "wrong username or password (MS-CHAP error 691)",
		"\x01E=12345 R=0":         "unknown reason (MS-CHAP error 12345)",
		"\x01R=0 M=E":             "",
		"\x01E=x":                 "",
		"\x01M=NOTE=691 is a lie": "",
	} {
		packet := &radius.Packet{}
		require.NoError(t, microsoft.MSCHAPError_Set(packet, []byte(text)))
		require.Equal(t, want, msCHAPErrorReason(packet.Attributes), "%q", text)
	}
	require.Empty(t, msCHAPErrorReason(nil))
}
