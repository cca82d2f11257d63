package radiustest

import (
	"encoding/hex"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
)

// The exchange below was computed independently of this package. The request
// is alice's, with password hello and secret testing123.
const (
	vectorSecret  = "testing123"
	vectorRequest = "012a0052000102030405060708090a0b0c0d0e0f501285cff77a24654bd188cdf5c5e6cbf3cc0107616c696365" +
		"0212fe8b65a61bfd7a1a104607240014828b20077661756c743d0600000005060600000008"
)

// vectorAsked is the request as a handler sees it.
func vectorAsked(tb testing.TB) *Request {
	tb.Helper()
	r := decode(unhex(tb, vectorRequest), vectorSecret, RADIUS10)
	require.Empty(tb, r.Discarded)
	return r
}

func unhex(tb testing.TB, text string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(text)
	require.NoError(tb, err)
	return b
}

func TestRequestIsDecoded(t *testing.T) {
	t.Parallel()
	r := vectorAsked(t)
	require.Equal(t, "alice", r.Username())
	require.Equal(t, "hello", r.Password())
	require.Nil(t, r.State())
	require.True(t, r.HasMessageAuthenticator())
}

func TestAnswersMatchVectors(t *testing.T) {
	t.Parallel()
	r := vectorAsked(t)
	class := Attribute{Type: 25, Value: []byte("admins")}
	text := func(s string) Attribute { return Attribute{Type: typeReplyMessage, Value: []byte(s)} }

	tests := map[string]struct {
		answer Answer
		want   string
	}{
		"accept": {
			r.Accept(class),
			"022a002e37ba2d51bf9900c9e6db359e18b6e7be5012f5280f151199942cd2ec511309feea24190861646d696e73",
		},
		"accept, Message-Authenticator last": {
			r.Accept(class).MessageAuthenticatorLast(),
			"022a002e60865463360d6caafefa3a9862db7e95190861646d696e7350122e6828a4afe44943a56969984400f591",
		},
		"accept, Message-Authenticator wrong": {
			r.Accept(class).WrongMessageAuthenticator(),
			"022a002e693da204537ef0b35bdf764a0d1530805012f4280f151199942cd2ec511309feea24190861646d696e73",
		},
		"accept, Message-Authenticator absent": {
			r.Accept(class).WithoutMessageAuthenticator(),
			"022a001cd0d2252f28283f27083ad87ffd456af9190861646d696e73",
		},
		"accept with Proxy-State": {
			r.Accept().With(Attribute{Type: typeProxyState, Value: []byte{0xde, 0xad}}).WithoutMessageAuthenticator(),
			"022a00182c73eb22f0bdc599981cafbc2955c28d2104dead",
		},
		"challenge": {
			r.Challenge(nil, "",
				text("Enter "), text("OTP:"),
				Attribute{Type: typeState, Value: []byte{0x00, 0xff, 0x0a, 0x80}},
				Attribute{Type: 76, Value: []byte{0, 0, 0, 0}},
				Attribute{Type: 27, Value: []byte{0, 0, 0, 60}}),
			"0b2a0046a470250dbde08d16367794f87987320d50127e3ad772c9b96853a22c48a1a3e686421208456e7465722012064f54503a" +
				"180600ff0a804c06000000001b060000003c",
		},
		"reject": {
			r.Reject("denied"),
			"032a002e11b53018009d5d28cf88127b6b96a4dd501286097e0a05ca2de6fc1a898c61aca269120864656e696564",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.want, hex.EncodeToString(test.answer.Datagram()))
		})
	}
}

// TestResponseAuthenticatorOfRFC2865 replays the exchange of RFC 2865 section
// 7.1, which has no Message-Authenticator.
func TestResponseAuthenticatorOfRFC2865(t *testing.T) {
	t.Parallel()
	request := unhex(t, "010000380f403f9473978057bd83d5cb98f4227a01066e656d6f02120dbe708d93d413ce3196e43f782a0aee"+
		"0406c0a80110050600000003")
	accept := unhex(t, "0200002686fe220e7624ba2a1005f6bf9b55e0b20606000000010f06000000000e06c0a80103")
	authenticator := responseAuthenticator(accept, [16]byte(request[4:20]), []byte("xyzzy5461"))
	require.Equal(t, accept[4:20], authenticator[:])

	packet, err := radius.Parse(request, []byte("xyzzy5461"))
	require.NoError(t, err)
	require.Equal(t, "arctangent", (&Request{Packet: packet}).Password())
}

func TestCheckMessageAuthenticator(t *testing.T) {
	t.Parallel()
	good := unhex(t, vectorRequest)
	wrong := slices.Clone(good)
	wrong[25] ^= 0x80
	twice := append(slices.Clone(good), good[20:38]...)
	setLength(twice, len(twice))
	short := append(slices.Clone(good[:20]), 80, 3, 0)
	setLength(short, len(short))
	// RFC 5997 section 6.1, whose secret is another.
	status := unhex(t, "0cda00268a54f4686fb394c52866e302185d062350125a665e2e1e8411f3e243822097c84fa3")

	tests := map[string]struct {
		packet         []byte
		secret         string
		present, right bool
	}{
		"right":         {good, vectorSecret, true, true},
		"other secret":  {good, "other", true, false},
		"a bit flipped": {wrong, vectorSecret, true, false},
		"twice":         {twice, vectorSecret, true, false},
		"wrong length":  {short, vectorSecret, true, false},
		"absent":        {good[:20], vectorSecret, false, false},
		"Status-Server": {status, "xyzzy5461", true, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			present, right := checkMessageAuthenticator(test.packet, []byte(test.secret))
			require.Equal(t, test.present, present)
			require.Equal(t, test.right, right)
		})
	}
}
