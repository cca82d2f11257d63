package radclient

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2869"

	"vault-plugin-auth-radius/internal/radiustest"
)

func TestStepOfTheVectorIsRead(t *testing.T) {
	t.Parallel()
	datagram := fromHex(t, "0b2a0046a470250dbde08d16367794f87987320d50127e3ad772c9b96853a22c48a1a3e686421208456e746572201206"+
		"4f54503a180600ff0a804c06000000001b060000003c")
	packet, err := radius.Parse(datagram, []byte(vectorSecret))
	require.NoError(t, err)
	step, err := Verdict{Outcome: Challenge, Attributes: packet.Attributes}.Step()
	require.NoError(t, err)
	require.Equal(t, Step{State: []byte{0x00, 0xff, 0x0a, 0x80}, Message: "Enter \nOTP:", Echo: false, Time: time.Minute}, step)
}

func TestStepHasDefaultsAndLimits(t *testing.T) {
	t.Parallel()
	step := func(attributes ...*radius.AVP) Step {
		t.Helper()
		read, err := Verdict{Attributes: attributes}.Step()
		require.NoError(t, err)
		return read
	}
	timeout := func(seconds uint32) *radius.AVP {
		return &radius.AVP{Type: rfc2865.SessionTimeout_Type, Attribute: radius.NewInteger(seconds)}
	}
	message := func(text string) *radius.AVP {
		return &radius.AVP{Type: rfc2865.ReplyMessage_Type, Attribute: radius.Attribute(text)}
	}
	require.Equal(t, Step{Time: 2 * time.Minute}, step())
	require.Equal(t, 10*time.Second, step(timeout(1)).Time)
	require.Equal(t, 10*time.Minute, step(timeout(4_000_000_000)).Time)
	short := &radius.AVP{Type: rfc2865.SessionTimeout_Type, Attribute: []byte{60}}
	require.Equal(t, 2*time.Minute, step(short).Time, "of a wrong length: as if absent")
	require.True(t, step(&radius.AVP{Type: rfc2869.Prompt_Type, Attribute: radius.NewInteger(1)}).Echo)
	require.Equal(t, strings.Repeat("a", 253)+"b\nc", step(message(strings.Repeat("a", 253)), message("b"), message("c")).Message)
	require.Equal(t, "Code[31m?", step(message("Co\x00de\x1b[31m?\r\n")).Message, "nothing that a terminal obeys")
	require.Equal(t, "\uFFFD", step(message("\xff")).Message)
}

func TestTwoStatesCannotBeAnswered(t *testing.T) {
	t.Parallel()
	state := &radius.AVP{Type: rfc2865.State_Type, Attribute: []byte("s")}
	_, err := Verdict{Attributes: radius.Attributes{state, state}}.Step()
	require.ErrorContains(t, err, "more than one State")
}

func TestAnswerGoesToTheServerThatAskedWithItsState(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		server := startAt(t, network, firstAddress, radiustest.Users{"carol": {Password: "carol-password", Code: "123456"}}.Handler())
		for _, protocol := range []Protocol{PAP, CHAP, MSCHAPv2} {
			stands := server.Addr().Addr()
			named := func(c *Config) {
				c.Servers[0].Host = "radius.example.com"
				c.Lookup = func(context.Context, string) ([]netip.Addr, error) { return []netip.Addr{stands}, nil }
			}
			carol := Credentials{Username: "carol", Password: "carol-password"}
			verdict, err := newClientAt(t, network, named).Authenticate(t.Context(), carol)
			require.NoError(t, err)
			require.Equal(t, Challenge, verdict.Outcome)
			step, err := verdict.Step()
			require.NoError(t, err)

			stands = netip.MustParseAddr("127.0.0.99") // meanwhile, or for another node
			client := newClientAt(t, network, named)
			client.config.Protocol = protocol
			_, err = client.candidates(t.Context(), bob)
			require.NoError(t, err)
			verdict, err = client.Authenticate(t.Context(), Credentials{
				Username: "carol", Password: "123456", Answers: &Challenged{Host: verdict.Host, Server: verdict.Server, State: step.State},
			})
			require.NoError(t, err)
			require.Equal(t, Accept, verdict.Outcome, "%s: an answer is sent as it is", protocol)
		}
	})
}

// askForPush asks a user with a password to confirm on the phone, and accepts an empty
// answer.
func askForPush(r *radiustest.Request) []radiustest.Answer {
	switch {
	case r.Packet.Code == radius.CodeStatusServer:
		return []radiustest.Answer{r.Accept()}
	case string(r.State()) != "push":
		return []radiustest.Answer{r.Challenge([]byte("push"), "Confirm on the phone, then press Enter")}
	case r.Password() != "":
		return []radiustest.Answer{r.Reject("this is no code")}
	}
	return []radiustest.Answer{r.Accept()}
}

// pressEnter logs in up to the question, and answers it with nothing.
func pressEnter(t *testing.T, client *Client) {
	t.Helper()
	verdict, err := client.Authenticate(t.Context(), bob)
	require.NoError(t, err)
	require.Equal(t, Challenge, verdict.Outcome)
	step, err := verdict.Step()
	require.NoError(t, err)
	answers := &Challenged{Host: verdict.Host, Server: verdict.Server, State: step.State}
	verdict, err = client.Authenticate(t.Context(), Credentials{Username: "bob", Answers: answers})
	require.NoError(t, err)
	require.Equal(t, Accept, verdict.Outcome)
}

func TestChallengeCanBeAnsweredWithNothing(t *testing.T) {
	t.Parallel()
	server := start(t, radiustest.Options{Handler: askForPush})
	for _, protocol := range Protocols {
		pressEnter(t, newClient(t, server, func(c *Config) { c.Protocol = protocol }))
		requests := server.Requests()
		last := requests[len(requests)-1]
		require.Len(t, last.Packet.Get(rfc2865.UserPassword_Type), 16, "%s: one block, of padding alone", protocol)
		hidden, err := radius.UserPassword(last.Packet.Get(rfc2865.UserPassword_Type), []byte(testSecret), last.Packet.Authenticator[:])
		require.NoError(t, err)
		require.Empty(t, hidden)
		require.Nil(t, last.Packet.Get(rfc2865.CHAPPassword_Type))
	}
}

func TestChallengeCanBeAnsweredWithNothingOverStreams(t *testing.T) {
	overStreams(t, radiustest.StreamOptions{Handler: askForPush}, func(t *testing.T, s *stream) {
		for _, protocol := range Protocols {
			pressEnter(t, s.client(t, func(c *Config) { c.Protocol = protocol }))
			requests := s.server.Requests()
			i := len(requests) - 1
			for requests[i].State() == nil { // a probe
				i--
			}
			last := requests[i]
			sent, there := last.Packet.Lookup(rfc2865.UserPassword_Type)
			if last.Version == radiustest.RADIUS11 {
				require.False(t, there, "it would have one octet at least")
			} else {
				require.Len(t, sent, 16)
			}
		}
	})
}

func TestEmptyPasswordOfANewLoginIsNeverSent(t *testing.T) {
	t.Parallel()
	server := start(t, radiustest.Options{Handler: accept})
	for _, protocol := range Protocols {
		_, err := newClient(t, server, func(c *Config) { c.Protocol = protocol }).Authenticate(t.Context(), Credentials{Username: "bob"})
		require.ErrorContains(t, err, "password cannot be empty")
	}
	require.Empty(t, server.Requests())
	require.NoError(t, CheckResponse(""))
	for name, password := range map[string]string{"long": strings.Repeat("x", 129), "NUL": "a\x00b"} {
		require.Error(t, CheckResponse(password), name)
	}
}

func TestRequestWithoutPasswordAndStateIsNotMade(t *testing.T) {
	t.Parallel()
	for name, credentials := range map[string]Credentials{
		"new login": {Username: "bob"},
		"no State":  {Username: "bob", Answers: &Challenged{}},
	} {
		_, err := plainProof(credentials)
		require.ErrorIs(t, err, errEmptyResponse, name)
	}
}
