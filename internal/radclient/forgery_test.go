package radclient

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2869"

	"vault-plugin-auth-radius/internal/radiustest"
)

func TestAcceptForAnotherServiceIsAReject(t *testing.T) {
	t.Parallel()
	for service, want := range map[uint32]Outcome{1: Accept, 2: Accept, 6: Accept, 7: Accept, 8: Accept, 10: Reject, 5: Reject, 0: Reject} {
		server := start(t, radiustest.Options{Handler: func(r *radiustest.Request) []radiustest.Answer {
			return []radiustest.Answer{r.Accept(radiustest.Attribute{Type: rfc2865.ServiceType_Type, Value: radius.NewInteger(service)})}
		}})
		verdict, err := newClient(t, server, nil).Authenticate(t.Context(), bob)
		require.NoError(t, err)
		require.Equal(t, want, verdict.Outcome, "Service-Type %d", service)
		require.Equal(t, want == Reject, strings.Contains(verdict.Reason, "another service"))
	}
}

func TestForgedAnswerIsIgnoredAndTheRealOneTaken(t *testing.T) {
	t.Parallel()
	type answer = radiustest.Answer
	tests := map[string]struct {
		forge  func(answer) answer
		reason DropReason // 0: the datagram never reaches the client's socket
		config func(*Config)
	}{
		"wrong Response Authenticator": {forge: answer.WrongAuthenticator, reason: DropWrongResponseAuthenticator},
		"wrong Response Authenticator, unsigned": {
			forge:  func(a answer) answer { return a.WithoutMessageAuthenticator().WrongAuthenticator() },
			reason: DropWrongResponseAuthenticator,
		},
		"wrong Message-Authenticator":               {forge: answer.WrongMessageAuthenticator, reason: DropWrongMessageAuthenticator},
		"wrong identifier":                          {forge: answer.WrongIdentifier, reason: DropOtherIdentifier},
		"Proxy-State without Message-Authenticator": {forge: answer.WithProxyState, reason: DropUnsolicitedProxyState},
		"truncated":                {forge: answer.Truncated, reason: DropMalformed},
		"4097 octets":              {forge: answer.Oversized, reason: DropMalformed},
		"attribute of length 0":    {forge: answer.MalformedAttributes, reason: DropMalformed},
		"attribute beyond the end": {forge: answer.OverrunAttribute, reason: DropMalformed},
		"Accounting-Response": {
			forge:  func(a answer) answer { return a.WithCode(radius.CodeAccountingResponse) },
			reason: DropUnexpectedCode,
		},
		"from another port": {forge: answer.FromOtherPort},
		"EAP-Message without Message-Authenticator": {
			forge:  func(a answer) answer { return a.With(eapMessage).WithoutMessageAuthenticator() },
			reason: DropUnsigned,
		},
		"two Message-Authenticators": {
			forge: func(a answer) answer {
				return a.With(radiustest.Attribute{Type: rfc2869.MessageAuthenticator_Type, Value: make([]byte, 16)})
			},
			reason: DropWrongMessageAuthenticator,
		},
		"Message-Authenticator of 3 octets": {
			forge: func(a answer) answer {
				return a.WithoutMessageAuthenticator().
					With(radiustest.Attribute{Type: rfc2869.MessageAuthenticator_Type, Value: make([]byte, 3)})
			},
			reason: DropWrongMessageAuthenticator,
		},
		"unsigned where it must be signed": {
			forge:  answer.WithoutMessageAuthenticator,
			reason: DropUnsigned,
			config: func(c *Config) { c.MessageAuthenticator = MessageAuthenticatorRequired },
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
				// The forgery says accept and comes first; the server says reject.
				startAt(t, network, firstAddress, func(r *radiustest.Request) []answer {
					return []answer{test.forge(r.Accept()), r.Reject("no").After(50 * time.Millisecond)}
				})
				verdict, err := newClientAt(t, network, test.config).Authenticate(t.Context(), bob)
				require.NoError(t, err)
				require.Equal(t, Reject, verdict.Outcome, "the forged accept was taken")
				require.Equal(t, 1, verdict.Sends, "a forgery must not disturb the schedule")
				if test.reason == 0 {
					require.Zero(t, verdict.Drops.Total())
				} else {
					require.Equal(t, 1, verdict.Drops[test.reason], "drops: %s", verdict.Drops)
				}
			})
		})
	}
}

func TestOddButRightAnswerIsTaken(t *testing.T) {
	t.Parallel()
	type answer = radiustest.Answer
	for name, change := range map[string]func(answer) answer{
		"unsigned":                     answer.WithoutMessageAuthenticator,
		"padded":                       answer.Padded,
		"Message-Authenticator last":   answer.MessageAuthenticatorLast,
		"Proxy-State, rightly signed":  answer.WithProxyStateSigned,
		"EAP-Message, signed":          func(a answer) answer { return a.With(eapMessage) },
		"after more than one interval": func(a answer) answer { return a.After(700 * time.Millisecond) },
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
				startAt(t, network, firstAddress, func(r *radiustest.Request) []answer {
					return []answer{change(r.Accept())}
				})
				verdict, err := newClientAt(t, network, nil).Authenticate(t.Context(), bob)
				require.NoError(t, err)
				require.Equal(t, Accept, verdict.Outcome)
			})
		})
	}
}

func TestMessageAuthenticatorIsDemandedAsConfigured(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		// The server signs accepts if the name says so, and never signs rejects.
		startAt(t, network, firstAddress, func(r *radiustest.Request) []radiustest.Answer {
			switch r.Username() {
			case "signed":
				return []radiustest.Answer{r.Accept()}
			case "unsigned":
				return []radiustest.Answer{r.Accept().WithoutMessageAuthenticator()}
			default:
				return []radiustest.Answer{r.Reject("no").WithoutMessageAuthenticator()}
			}
		})
		ask := func(client *Client, name string) error {
			_, err := client.Authenticate(t.Context(), Credentials{Username: name, Password: "p"})
			return err
		}
		dropped := func(err error) int {
			var noAnswer *NoAnswerError
			require.ErrorAs(t, err, &noAnswer)
			return noAnswer.Drops[DropUnsigned]
		}
		with := func(setting MessageAuthenticator) *Client {
			return newClientAt(t, network, func(c *Config) {
				c.MessageAuthenticator = setting
				c.ReadTimeout = 100 * time.Millisecond
			})
		}

		auto := with(MessageAuthenticatorAuto)
		require.NoError(t, ask(auto, "unsigned"), "nothing learned yet")
		require.NoError(t, ask(auto, "signed"))
		require.NoError(t, ask(auto, "rejected"), "accepts are signed, rejects need not be")
		require.Positive(t, dropped(ask(auto, "unsigned")), "once an accept was signed, they all must be")

		off := with(MessageAuthenticatorOff)
		require.NoError(t, ask(off, "signed"))
		require.NoError(t, ask(off, "unsigned"))

		required := with(MessageAuthenticatorRequired)
		require.NoError(t, ask(required, "signed"))
		require.Positive(t, dropped(ask(required, "unsigned")))
		require.Positive(t, dropped(ask(required, "rejected")))
	})
}
