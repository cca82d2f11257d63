package radiustest

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
)

// decodeFrom decodes a request as if it had come from a client's port.
func decodeFrom(tb testing.TB, raw []byte, port uint16) *Request {
	tb.Helper()
	r := decode(raw, vectorSecret, RADIUS10)
	r.From = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port)
	require.Empty(tb, r.Discarded)
	return r
}

// answered returns the one answer, encoded and decoded.
func answered(tb testing.TB, h Handler, raw []byte) *radius.Packet {
	tb.Helper()
	answers := h(decodeFrom(tb, raw, 1))
	require.Len(tb, answers, 1)
	packet, err := radius.Parse(answers[0].Datagram(), []byte(vectorSecret))
	require.NoError(tb, err)
	return packet
}

func knownUsers() Users {
	return Users{
		"bob":   {Password: "bob-password", Attributes: []Attribute{{Type: 25, Value: []byte("admins")}}},
		"carol": {Password: "carol-password", Code: "123456", Attributes: []Attribute{{Type: 25, Value: []byte("staff")}}},
		"dave":  {Password: "dave-password", Code: "654321"},
	}
}

func TestUsersCheckPasswords(t *testing.T) {
	t.Parallel()
	h := knownUsers().Handler()
	accept := answered(t, h, login(t, "bob", "bob-password"))
	require.Equal(t, radius.CodeAccessAccept, accept.Code)
	require.Equal(t, "admins", string(accept.Get(25)))

	for _, pair := range [][2]string{
		{"bob", "wrong"},
		{"bob", ""},
		{"nobody", "bob-password"},
		{"nobody", ""},
		{"carol", "123456"},
	} {
		require.Equal(t, radius.CodeAccessReject, answered(t, h, login(t, pair[0], pair[1])).Code, "%q", pair)
	}
}

func TestUsersChallenge(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		username string
		code     string
		state    func(real []byte) []byte
		want     radius.Code
	}{
		"right code":          {"carol", "123456", func(s []byte) []byte { return s }, radius.CodeAccessAccept},
		"wrong code":          {"carol", "000000", func(s []byte) []byte { return s }, radius.CodeAccessReject},
		"password again":      {"carol", "carol-password", func(s []byte) []byte { return s }, radius.CodeAccessReject},
		"somebody else":       {"dave", "654321", func(s []byte) []byte { return s }, radius.CodeAccessReject},
		"user without a code": {"bob", "", func(s []byte) []byte { return s }, radius.CodeAccessReject},
		"made-up state":       {"carol", "123456", func([]byte) []byte { return []byte("made up") }, radius.CodeAccessReject},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := knownUsers().Handler()
			challenge := answered(t, h, login(t, "carol", "carol-password"))
			require.Equal(t, radius.CodeAccessChallenge, challenge.Code)
			require.Equal(t, "Enter your one-time code", string(challenge.Get(typeReplyMessage)))
			require.Len(t, challenge.Get(typeState), stateLen)

			state := Attribute{Type: typeState, Value: test.state(challenge.Get(typeState))}
			require.Equal(t, test.want, answered(t, h, login(t, test.username, test.code, state)).Code)
		})
	}
}

func TestStateWorksOnce(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		firstCode string
		want      radius.Code
	}{
		"after success": {"123456", radius.CodeAccessAccept},
		"after failure": {"000000", radius.CodeAccessReject},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := knownUsers().Handler()
			challenge := answered(t, h, login(t, "carol", "carol-password"))
			state := Attribute{Type: typeState, Value: challenge.Get(typeState)}
			require.Equal(t, test.want, answered(t, h, login(t, "carol", test.firstCode, state)).Code)
			require.Equal(t, radius.CodeAccessReject, answered(t, h, login(t, "carol", "123456", state)).Code)
		})
	}
}

func TestStatesDiffer(t *testing.T) {
	t.Parallel()
	h := knownUsers().Handler()
	first := answered(t, h, login(t, "carol", "carol-password"))
	second := answered(t, h, login(t, "carol", "carol-password"))
	require.NotEqual(t, first.Get(typeState), second.Get(typeState))
}

func TestCopiesGetTheSameAnswer(t *testing.T) {
	t.Parallel()
	h := knownUsers().Handler()
	datagram := func(raw []byte, port uint16) []byte { return h(decodeFrom(t, raw, port))[0].Datagram() }

	first := login(t, "carol", "carol-password")
	challenge := datagram(first, 1)
	require.Equal(t, challenge, datagram(first, 1), "a copy of the first step")
	require.NotEqual(t, challenge, datagram(first, 2), "the same octets from another client")

	packet, err := radius.Parse(challenge, []byte(vectorSecret))
	require.NoError(t, err)
	second := login(t, "carol", "123456", Attribute{Type: typeState, Value: packet.Get(typeState)})
	accept := datagram(second, 1)
	require.Equal(t, byte(radius.CodeAccessAccept), accept[0])
	require.Equal(t, accept, datagram(second, 1), "a copy of the second step")
}
