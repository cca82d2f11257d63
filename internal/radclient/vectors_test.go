package radclient

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
)

// The packets below use secret testing123, request authenticator 00 01 … 0f
// and identifier 2a. They were computed from the RFCs outside this project.
const vectorSecret = "testing123"

var vectorAuthenticator = [16]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}

func TestAccessRequestHasTheBytesOfTheVector(t *testing.T) {
	t.Parallel()
	sent, err := encodeRequest(radius.CodeAccessRequest, 0x2a, vectorAuthenticator,
		radius.Attributes{
			{Type: rfc2865.UserName_Type, Attribute: radius.Attribute("alice")},
			{Type: rfc2865.UserPassword_Type, Attribute: hidden(t, "hello")},
			{Type: rfc2865.NASIdentifier_Type, Attribute: radius.Attribute("vault")},
			{Type: rfc2865.NASPortType_Type, Attribute: radius.NewInteger(5)},
			{Type: rfc2865.ServiceType_Type, Attribute: radius.NewInteger(8)},
		},
		newSigner([]byte(vectorSecret)))
	require.NoError(t, err)
	require.Equal(t,
		"012a0052000102030405060708090a0b0c0d0e0f501285cff77a24654bd188cdf5c5e6cbf3cc0107616c6963650212fe"+
			"8b65a61bfd7a1a104607240014828b20077661756c743d0600000005060600000008",
		hex.EncodeToString(sent.wire))
}

func TestPasswordIsHiddenAsTheVectorsSay(t *testing.T) {
	t.Parallel()
	for password, want := range map[string]string{
		"hello":             "fe8b65a61bfd7a1a104607240014828b",
		"0123456789abcdef":  "a6df3bf940c84c2d287f66466370e7ed",
		"0123456789abcdefg": "a6df3bf940c84c2d287f66466370e7ed65a814dea05f4f990007505920bd8742",
		"pässwörd€":         "e62dadb9078ab9ac6222e5a6ac14828b",
	} {
		require.Equal(t, want, hex.EncodeToString(hidden(t, password)), "password %q", password)
	}
	longest := hex.EncodeToString(hidden(t, strings.Repeat("A", 128)))
	require.Len(t, longest, 2*128)
	require.True(t, strings.HasPrefix(longest, "d7af488b35bc3b5b510746654155c3ca"))
	require.True(t, strings.HasSuffix(longest, "be92fd6f70b582c89bc09653fbf5e2ed"))
}

// hidden returns the User-Password of a request with the password.
func hidden(t *testing.T, password string) []byte {
	t.Helper()
	proof, err := papProof(password, vectorAuthenticator, []byte(vectorSecret))
	require.NoError(t, err)
	require.Len(t, proof.attributes, 1)
	return proof.attributes.Get(rfc2865.UserPassword_Type)
}

func TestAnswersAreJudgedAsTheVectorsSay(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		datagram string
		required bool
		want     DropReason // 0: taken
		code     radius.Code
		signed   bool
	}{
		"accept": {
			datagram: "022a002e37ba2d51bf9900c9e6db359e18b6e7be5012f5280f151199942cd2ec511309feea24190861646d696e73",
			required: true, code: radius.CodeAccessAccept, signed: true,
		},
		"accept, Message-Authenticator last": {
			datagram: "022a002e60865463360d6caafefa3a9862db7e95190861646d696e7350122e6828a4afe44943a56969984400f591",
			required: true, code: radius.CodeAccessAccept, signed: true,
		},
		"accept, padded": {
			datagram: "022a002e37ba2d51bf9900c9e6db359e18b6e7be5012f5280f151199942cd2ec511309feea24190861646d696e730000ff",
			required: true, code: radius.CodeAccessAccept, signed: true,
		},
		"challenge": {
			datagram: "0b2a0046a470250dbde08d16367794f87987320d50127e3ad772c9b96853a22c48a1a3e686421208456e746572201206" +
				"4f54503a180600ff0a804c06000000001b060000003c",
			code: radius.CodeAccessChallenge, signed: true,
		},
		"reject": {
			datagram: "032a002e11b53018009d5d28cf88127b6b96a4dd501286097e0a05ca2de6fc1a898c61aca269120864656e696564",
			code:     radius.CodeAccessReject, signed: true,
		},
		"unsigned": {
			datagram: "022a001cd0d2252f28283f27083ad87ffd456af9190861646d696e73",
			code:     radius.CodeAccessAccept,
		},
		"unsigned where it must be signed": {
			datagram: "022a001cd0d2252f28283f27083ad87ffd456af9190861646d696e73",
			required: true, want: DropUnsigned,
		},
		"wrong Message-Authenticator, right Response Authenticator": {
			datagram: "022a002e693da204537ef0b35bdf764a0d1530805012f4280f151199942cd2ec511309feea24190861646d696e73",
			want:     DropWrongMessageAuthenticator,
		},
		"Proxy-State, unsigned": {
			datagram: "022a00182c73eb22f0bdc599981cafbc2955c28d2104dead",
			want:     DropUnsolicitedProxyState,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			datagram, err := hex.DecodeString(test.datagram)
			require.NoError(t, err)
			sent := &request{
				code: radius.CodeAccessRequest, identifier: 0x2a,
				authenticator: vectorAuthenticator, signer: newSigner([]byte(vectorSecret)),
			}
			packet, signed, reason := checkAnswer(datagram, sent, func(radius.Code) bool { return test.required })
			require.Equal(t, test.want, reason, "dropped: %s", reason)
			if test.want != 0 {
				require.Nil(t, packet)
				return
			}
			require.Equal(t, test.code, packet.Code)
			require.Equal(t, test.signed, signed)
		})
	}
}

// The examples of RFC 2865 section 7, secret xyzzy5461.
func TestAnswersOfRFC2865Section7AreTaken(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		authenticator string // of the request
		datagram      string
		code          radius.Code
	}{
		"7.1 accept": {
			"0f403f9473978057bd83d5cb98f4227a",
			"0200002686fe220e7624ba2a1005f6bf9b55e0b20606000000010f06000000000e06c0a80103",
			radius.CodeAccessAccept,
		},
		"7.3 challenge": {
			"f3a47a1f6a6d76710b947ab93041a039",
			"0b02004e36f3c8764ae8c71157403c0c71ff9c4512304368616c6c656e67652033323736393433302e2020456e746572" +
				"20726573706f6e73652061742070726f6d70742e180a3332373639343330",
			radius.CodeAccessChallenge,
		},
		"7.3 reject": {
			"b122556d428a13d0d6253807c457ecf0",
			"03030014a42f4fca45916c4e09c8340f9e746aa0",
			radius.CodeAccessReject,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			datagram, err := hex.DecodeString(test.datagram)
			require.NoError(t, err)
			authenticator, err := hex.DecodeString(test.authenticator)
			require.NoError(t, err)
			sent := &request{
				code: radius.CodeAccessRequest, identifier: datagram[1],
				authenticator: [16]byte(authenticator), signer: newSigner([]byte("xyzzy5461")),
			}
			packet, _, reason := checkAnswer(datagram, sent, func(radius.Code) bool { return false })
			require.Zero(t, reason, "dropped: %s", reason)
			require.Equal(t, test.code, packet.Code)
		})
	}
}

func TestStatusServerIsThatOfRFC5997Section6(t *testing.T) {
	t.Parallel()
	octets := func(text string) []byte {
		raw, err := hex.DecodeString(text)
		require.NoError(t, err)
		return raw
	}
	const wire = "0cda00268a54f4686fb394c52866e302185d062350125a665e2e1e8411f3e243822097c84fa3"
	sent, err := encodeRequest(radius.CodeStatusServer, 0xda, [16]byte(octets(wire)[4:20]), nil, newSigner([]byte("xyzzy5461")))
	require.NoError(t, err)
	require.Equal(t, wire, hex.EncodeToString(sent.wire))

	required := func(radius.Code) bool { return false }
	packet, signed, reason := checkAnswer(octets("02da0014ef0d552a4bf2d693ec2b6fe8b5411d66"), sent, required)
	require.Zero(t, reason)
	require.False(t, signed)
	require.Equal(t, radius.CodeAccessAccept, packet.Code)

	// Section 6.3's request has Message-Authenticator last; the answer does not
	// depend on that.
	sent = &request{
		code: radius.CodeStatusServer, identifier: 0x47,
		authenticator: [16]byte(octets("bf58de56ae408ad3b70c8513f9b03fbe")), signer: newSigner([]byte("xyzzy5461")),
	}
	_, _, reason = checkAnswer(octets("0247003446f43e62fd0354424cbbebfd6d214e06122052414449555320536572766572207570203220646179732c2031"+
		"383a3430"), sent, required)
	require.Zero(t, reason)
}

func TestAccountingResponseAnswersProbesOnly(t *testing.T) {
	t.Parallel()
	for _, code := range []radius.Code{radius.CodeAccessAccept, radius.CodeAccessReject, radius.CodeAccessChallenge, codeProtocolError} {
		require.True(t, answers(code, radius.CodeAccessRequest))
		require.True(t, answers(code, radius.CodeStatusServer))
	}
	require.True(t, answers(radius.CodeAccountingResponse, radius.CodeStatusServer))
	require.False(t, answers(radius.CodeAccountingResponse, radius.CodeAccessRequest))
	require.False(t, answers(radius.CodeAccessRequest, radius.CodeStatusServer))
}
