package radiustest

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5" // #nosec G501 -- RADIUS is defined on MD5
	"encoding/binary"
	"encoding/hex"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
)

// verdict is what a careful client finds out about a datagram. Only the octets
// and the RFCs count: nothing here is shared with the code under test.
type verdict struct {
	lengthFits           bool // 20 <= Length <= 4096 and Length <= octets received
	attributesFit        bool
	identifierMatches    bool
	responseAuthentic    bool
	messageAuthenticator string // "first", "later", "absent" or "wrong"
	proxyState           bool
	padding              int
}

func inspect(datagram, request []byte, secret string) verdict {
	length := int(binary.BigEndian.Uint16(datagram[2:4]))
	v := verdict{
		lengthFits:           length >= 20 && length <= 4096 && length <= len(datagram),
		identifierMatches:    datagram[1] == request[1],
		messageAuthenticator: "absent",
		padding:              max(0, len(datagram)-length),
	}
	packet := datagram[:min(length, len(datagram))]

	hashed := slices.Concat(packet[:4], request[4:20], packet[20:], []byte(secret))
	sum := md5.Sum(hashed) // #nosec G401 -- RFC 2865 section 3
	v.responseAuthentic = bytes.Equal(sum[:], packet[4:20])

	at := 20
	for at+2 <= len(packet) && packet[at+1] >= 2 && at+int(packet[at+1]) <= len(packet) {
		value := packet[at+2 : at+int(packet[at+1])]
		switch packet[at] {
		case 33:
			v.proxyState = true
		case 80:
			zeroed := slices.Concat(packet[:4], request[4:20], packet[20:at+2], make([]byte, 16), packet[at+18:])
			mac := hmac.New(md5.New, []byte(secret))
			mac.Write(zeroed)
			switch {
			case !bytes.Equal(mac.Sum(nil), value):
				v.messageAuthenticator = "wrong"
			case at == 20:
				v.messageAuthenticator = "first"
			default:
				v.messageAuthenticator = "later"
			}
		}
		at += int(packet[at+1])
	}
	v.attributesFit = at == len(packet)
	return v
}

func TestForgeriesAreWrongInOneWayOnly(t *testing.T) {
	t.Parallel()
	r := vectorAsked(t)
	right := verdict{
		lengthFits: true, attributesFit: true, identifierMatches: true,
		responseAuthentic: true, messageAuthenticator: "first",
	}
	tests := map[string]struct {
		forge   func(Answer) Answer
		differs func(*verdict)
	}{
		"none": {func(a Answer) Answer { return a }, func(*verdict) {}},
		"without Message-Authenticator": {
			Answer.WithoutMessageAuthenticator, func(v *verdict) { v.messageAuthenticator = "absent" },
		},
		"Message-Authenticator last": {
			Answer.MessageAuthenticatorLast, func(v *verdict) { v.messageAuthenticator = "later" },
		},
		"wrong Message-Authenticator": {
			Answer.WrongMessageAuthenticator, func(v *verdict) { v.messageAuthenticator = "wrong" },
		},
		"Proxy-State": {
			Answer.WithProxyState, func(v *verdict) { v.proxyState, v.messageAuthenticator = true, "absent" },
		},
		"Proxy-State, signed": {Answer.WithProxyStateSigned, func(v *verdict) { v.proxyState = true }},
		"wrong authenticator": {Answer.WrongAuthenticator, func(v *verdict) { v.responseAuthentic = false }},
		"wrong identifier":    {Answer.WrongIdentifier, func(v *verdict) { v.identifierMatches = false }},
		"other code":          {func(a Answer) Answer { return a.WithCode(5) }, func(*verdict) {}},
		"truncated":           {Answer.Truncated, func(v *verdict) { v.lengthFits = false }},
		"oversized":           {Answer.Oversized, func(v *verdict) { v.lengthFits = false }},
		"other Length":        {func(a Answer) Answer { return a.WithLength(5000) }, func(v *verdict) { v.lengthFits = false }},
		"padded":              {Answer.Padded, func(v *verdict) { v.padding = len("padding") }},
		"malformed attribute": {Answer.MalformedAttributes, func(v *verdict) { v.attributesFit = false }},
		"overrun attribute":   {Answer.OverrunAttribute, func(v *verdict) { v.attributesFit = false }},
		"from another port":   {Answer.FromOtherPort, func(*verdict) {}},
		"combined": {
			func(a Answer) Answer { return a.WrongAuthenticator().Padded().WithProxyState().WrongIdentifier() },
			func(v *verdict) {
				*v = verdict{
					lengthFits: true, attributesFit: true, messageAuthenticator: "absent",
					proxyState: true, padding: len("padding"),
				}
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := right
			test.differs(&want)
			answer := r.Accept(Attribute{Type: 25, Value: []byte("admins")})
			forged := inspect(test.forge(answer).Datagram(), r.Raw, vectorSecret)
			require.Equal(t, want, forged)
			require.Equal(t, right, inspect(answer.Datagram(), r.Raw, vectorSecret), "the original changed")
		})
	}
}

// RADIUS/1.1 has nothing that could be forged in a header but the Token.
func TestForgeriesOfRADIUS11(t *testing.T) {
	t.Parallel()
	const token, reserved, class = "deadbeef", "000000000000000000000000", "190861646d696e73"
	tests := map[string]struct {
		forge func(Answer) Answer
		want  string
	}{
		"none":                {func(a Answer) Answer { return a }, "0200001c" + token + reserved + class},
		"wrong Token":         {Answer.WrongIdentifier, "0200001c" + "deadbef0" + reserved + class},
		"wrong authenticator": {Answer.WrongAuthenticator, "0200001c" + token + "000000000000000000000001" + class},
		"wrong Message-Authenticator": {
			Answer.WrongMessageAuthenticator,
			"0200002e" + token + reserved + "501200000000000000000000000000000000" + class,
		},
		"Message-Authenticator last": {Answer.MessageAuthenticatorLast, "0200001c" + token + reserved + class},
		"without it":                 {Answer.WithoutMessageAuthenticator, "0200001c" + token + reserved + class},
		"Proxy-State":                {Answer.WithProxyState, "02000022" + token + reserved + class + "2106deaddead"},
		"other code":                 {func(a Answer) Answer { return a.WithCode(52) }, "3400001c" + token + reserved + class},
		"other Length":               {func(a Answer) Answer { return a.WithLength(5000) }, "02001388" + token + reserved + class},
	}
	r := decode(unhex(t, vector11Request), "", RADIUS11)
	require.Empty(t, r.Discarded)
	for name, test := range tests {
		answer := test.forge(r.Accept(Attribute{Type: 25, Value: []byte("admins")}))
		require.Equal(t, test.want, hex.EncodeToString(answer.Datagram()), name)
	}
}

func TestOversizedIsOneOctetTooLong(t *testing.T) {
	t.Parallel()
	r := vectorAsked(t)
	// Each length leaves another remainder for the last attribute to fill.
	for length := range 254 {
		answer := r.Accept(Attribute{Type: 25, Value: make([]byte, length)})
		datagram := answer.Oversized().Datagram()
		require.Len(t, datagram, 4097)
		require.Equal(t, uint16(4097), binary.BigEndian.Uint16(datagram[2:4]))
		v := inspect(datagram, r.Raw, vectorSecret)
		require.True(t, v.attributesFit && v.responseAuthentic)
		require.Equal(t, "first", v.messageAuthenticator)
	}
}

func TestTruncatedLacksOneOctet(t *testing.T) {
	t.Parallel()
	datagram := vectorAsked(t).Reject("denied").Truncated().Datagram()
	require.Equal(t, len(datagram)+1, int(binary.BigEndian.Uint16(datagram[2:4])))
}

func TestLongMessagesAreSplit(t *testing.T) {
	t.Parallel()
	text := string(bytes.Repeat([]byte("long "), 100))
	packet, err := radius.Parse(vectorAsked(t).Reject(text).Datagram(), []byte(vectorSecret))
	require.NoError(t, err)
	var joined []byte
	for _, attribute := range packet.Attributes {
		if attribute.Type == typeReplyMessage {
			joined = append(joined, attribute.Attribute...)
		}
	}
	require.Equal(t, text, string(joined))
}
