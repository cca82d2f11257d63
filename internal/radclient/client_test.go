package radclient

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2869"

	"vault-plugin-auth-radius/internal/radiustest"
)

const testSecret = "a-secret-of-20-octets"

var bob = Credentials{Username: "bob", Password: "bob-password"}

// start runs a server for the test.
func start(t *testing.T, options radiustest.Options) *radiustest.Server {
	t.Helper()
	options.Secret = testSecret
	server, err := radiustest.Start(options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	return server
}

// newClient makes a client of the server; change may be nil.
func newClient(t *testing.T, server *radiustest.Server, change func(*Config)) *Client {
	t.Helper()
	config := Config{
		Host:        server.Host(),
		Port:        server.Port(),
		Secret:      NewSecret(testSecret),
		ReadTimeout: 10 * time.Second,
	}
	if change != nil {
		change(&config)
	}
	client, err := New(config)
	require.NoError(t, err)
	return client
}

var eapMessage = radiustest.Attribute{Type: rfc2869.EAPMessage_Type, Value: []byte{3, 1, 0, 4}}

func accept(r *radiustest.Request) []radiustest.Answer { return []radiustest.Answer{r.Accept()} }

func TestVerdictIsWhatTheServerSays(t *testing.T) {
	t.Parallel()
	class := radiustest.Attribute{Type: rfc2865.Class_Type, Value: []byte("admins")}
	server := start(t, radiustest.Options{Handler: radiustest.Users{
		"bob":   {Password: "bob-password", Attributes: []radiustest.Attribute{class}},
		"carol": {Password: "carol-password", Code: "123456"},
	}.Handler()})
	client := newClient(t, server, nil)

	verdict, err := client.Authenticate(t.Context(), bob)
	require.NoError(t, err)
	require.Equal(t, Accept, verdict.Outcome)
	require.Equal(t, "admins", string(verdict.Attributes.Get(rfc2865.Class_Type)))
	require.Equal(t, server.Addr().String(), verdict.Server)

	verdict, err = client.Authenticate(t.Context(), Credentials{Username: "bob", Password: "wrong"})
	require.NoError(t, err)
	require.Equal(t, Reject, verdict.Outcome)

	verdict, err = client.Authenticate(t.Context(), Credentials{Username: "carol", Password: "carol-password"})
	require.NoError(t, err)
	require.Equal(t, Challenge, verdict.Outcome)
}

func TestEveryRequestIsSignedFirstAndNamesTheNAS(t *testing.T) {
	t.Parallel()
	server := start(t, radiustest.Options{Handler: accept})
	for want, config := range map[string]func(*Config){
		"vault":  nil,
		"gate-7": func(c *Config) { c.NAS.Identifier = "gate-7" },
	} {
		_, err := newClient(t, server, config).Authenticate(t.Context(), bob)
		require.NoError(t, err)
		requests := server.Requests()
		last := requests[len(requests)-1]
		require.Empty(t, last.Discarded)
		require.Equal(t, rfc2869.MessageAuthenticator_Type, last.Packet.Attributes[0].Type)
		require.True(t, last.HasMessageAuthenticator())
		require.Equal(t, want, string(last.Packet.Get(rfc2865.NASIdentifier_Type)))
	}
}

func TestEveryLoginHasAnAuthenticatorOfItsOwn(t *testing.T) {
	t.Parallel()
	const logins = 1000
	server := start(t, radiustest.Options{Handler: accept})
	client := newClient(t, server, nil)
	authenticators, identifiers := map[[16]byte]bool{}, map[byte]bool{}
	for range logins {
		_, err := client.Authenticate(t.Context(), bob)
		require.NoError(t, err)
	}
	for _, request := range server.Requests() {
		authenticators[request.Packet.Authenticator] = true
		identifiers[request.Packet.Identifier] = true
	}
	require.Len(t, authenticators, logins, "a repeated one lets an old answer be replayed (RFC 2865 section 3)")
	require.Greater(t, len(identifiers), 200)
}

func TestLoginsLeaveNothingOpen(t *testing.T) {
	server := start(t, radiustest.Options{Handler: accept})
	client := newClient(t, server, nil)
	open := func() int {
		files, err := os.ReadDir("/proc/self/fd")
		require.NoError(t, err)
		return len(files)
	}
	before := open()
	for range 50 {
		_, err := client.Authenticate(t.Context(), bob)
		require.NoError(t, err)
	}
	require.LessOrEqual(t, open(), before+5, "one socket more per login would be 50")
}

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

func TestPasswordReachesTheServerByteForByte(t *testing.T) {
	t.Parallel()
	server := start(t, radiustest.Options{Handler: accept})
	client := newClient(t, server, nil)
	for _, password := range []string{"x", "pässwörd€", "\xff\xfe not UTF-8", " spaces ", strings.Repeat("ß", 64)} {
		_, err := client.Authenticate(t.Context(), Credentials{Username: "bob", Password: password})
		require.NoError(t, err)
		requests := server.Requests()
		require.Equal(t, password, requests[len(requests)-1].Password())
	}
}

func TestCredentialsThatRADIUSCannotCarryAreNotSent(t *testing.T) {
	t.Parallel()
	server := start(t, radiustest.Options{Handler: accept})
	client := newClient(t, server, nil)
	for name, credentials := range map[string]Credentials{
		"no username":          {Username: "", Password: "p"},
		"username too long":    {Username: strings.Repeat("u", 254), Password: "p"},
		"username with NUL":    {Username: "bob\x00", Password: "p"},
		"username with line":   {Username: "bob\n", Password: "p"},
		"username not UTF-8":   {Username: "b\xffb", Password: "p"},
		"no password":          {Username: "bob", Password: ""},
		"password too long":    {Username: "bob", Password: strings.Repeat("p", 129)},
		"password with NUL":    {Username: "bob", Password: "p\x00"},
		"password of 65 runes": {Username: "bob", Password: strings.Repeat("ß", 65)},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := client.Authenticate(t.Context(), credentials)
			require.Error(t, err)
			require.Empty(t, server.Requests())
		})
	}
}

func TestLongestCredentialsAreSent(t *testing.T) {
	t.Parallel()
	server := start(t, radiustest.Options{Handler: accept})
	_, err := newClient(t, server, nil).Authenticate(t.Context(),
		Credentials{Username: strings.Repeat("u", 253), Password: strings.Repeat("p", 128)})
	require.NoError(t, err)
	require.Len(t, server.Requests(), 1)
}

func TestForgedAnswerIsIgnoredAndTheRealOneTaken(t *testing.T) {
	t.Parallel()
	type answer = radiustest.Answer
	tests := map[string]struct {
		forge  func(answer) answer
		reason DropReason // 0: the datagram never reaches the client's socket
		config func(*Config)
	}{
		"wrong Response Authenticator":              {forge: answer.WrongAuthenticator, reason: DropWrongResponseAuthenticator},
		"wrong Response Authenticator, unsigned":    {forge: func(a answer) answer { return a.WithoutMessageAuthenticator().WrongAuthenticator() }, reason: DropWrongResponseAuthenticator},
		"wrong Message-Authenticator":               {forge: answer.WrongMessageAuthenticator, reason: DropWrongMessageAuthenticator},
		"wrong identifier":                          {forge: answer.WrongIdentifier, reason: DropOtherIdentifier},
		"Proxy-State without Message-Authenticator": {forge: answer.WithProxyState, reason: DropUnsolicitedProxyState},
		"truncated":                {forge: answer.Truncated, reason: DropMalformed},
		"4097 octets":              {forge: answer.Oversized, reason: DropMalformed},
		"attribute of length 0":    {forge: answer.MalformedAttributes, reason: DropMalformed},
		"attribute beyond the end": {forge: answer.OverrunAttribute, reason: DropMalformed},
		"Accounting-Response":      {forge: func(a answer) answer { return a.WithCode(radius.CodeAccountingResponse) }, reason: DropUnexpectedCode},
		"from another port":        {forge: answer.FromOtherPort},
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
				return a.WithoutMessageAuthenticator().With(radiustest.Attribute{Type: rfc2869.MessageAuthenticator_Type, Value: make([]byte, 3)})
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
			t.Parallel()
			// The forgery says accept and comes first; the server says reject.
			server := start(t, radiustest.Options{Handler: func(r *radiustest.Request) []answer {
				return []answer{test.forge(r.Accept()), r.Reject("no").After(50 * time.Millisecond)}
			}})
			verdict, err := newClient(t, server, test.config).Authenticate(t.Context(), bob)
			require.NoError(t, err)
			require.Equal(t, Reject, verdict.Outcome, "the forged accept was taken")
			require.Equal(t, 1, verdict.Sends, "a forgery must not disturb the schedule")
			if test.reason == 0 {
				require.Zero(t, verdict.Drops.Total())
			} else {
				require.Equal(t, 1, verdict.Drops[test.reason], "drops: %s", verdict.Drops)
			}
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
			t.Parallel()
			server := start(t, radiustest.Options{Handler: func(r *radiustest.Request) []answer {
				return []answer{change(r.Accept())}
			}})
			verdict, err := newClient(t, server, nil).Authenticate(t.Context(), bob)
			require.NoError(t, err)
			require.Equal(t, Accept, verdict.Outcome)
		})
	}
}

func TestMessageAuthenticatorIsDemandedAsConfigured(t *testing.T) {
	t.Parallel()
	// The server signs accepts if the name says so, and never signs rejects.
	server := start(t, radiustest.Options{Handler: func(r *radiustest.Request) []radiustest.Answer {
		switch r.Username() {
		case "signed":
			return []radiustest.Answer{r.Accept()}
		case "unsigned":
			return []radiustest.Answer{r.Accept().WithoutMessageAuthenticator()}
		default:
			return []radiustest.Answer{r.Reject("no").WithoutMessageAuthenticator()}
		}
	}})
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
		return newClient(t, server, func(c *Config) {
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
}

func TestCopiesAreTheSameBytesFromTheSamePort(t *testing.T) {
	t.Parallel()
	server := start(t, radiustest.Options{Handler: func(r *radiustest.Request) []radiustest.Answer {
		if r.Copy < 3 {
			return nil
		}
		return []radiustest.Answer{r.Accept()}
	}})
	verdict, err := newClient(t, server, nil).Authenticate(t.Context(), bob)
	require.NoError(t, err)
	require.Equal(t, 3, verdict.Sends)
	requests := server.Requests()
	require.Len(t, requests, 3)
	for _, copied := range requests[1:] {
		require.Equal(t, requests[0].Raw, copied.Raw)
		require.Equal(t, requests[0].From, copied.From)
	}
	require.Equal(t, 1, server.Distinct())
}

func TestSilenceEndsWithAnErrorThatSaysWhatToCheck(t *testing.T) {
	t.Parallel()
	server := start(t, radiustest.Options{})
	client := newClient(t, server, func(c *Config) { c.ReadTimeout = 300 * time.Millisecond })
	begin := time.Now()
	_, err := client.Authenticate(t.Context(), bob)
	require.GreaterOrEqual(t, time.Since(begin), 300*time.Millisecond)

	var noAnswer *NoAnswerError
	require.ErrorAs(t, err, &noAnswer)
	require.Equal(t, server.Host(), noAnswer.Host)
	require.Equal(t, server.Port(), noAnswer.Port)
	require.Equal(t, 2, noAnswer.Sends)
	require.ErrorContains(t, err, fmt.Sprintf("%s port %d", server.Host(), server.Port()))
	require.ErrorContains(t, err, "check that the server runs")
	require.NotContains(t, err.Error(), testSecret)
	require.NotContains(t, err.Error(), bob.Password)
}

func TestWrongSecretIsNamedAsTheThingToCheck(t *testing.T) {
	t.Parallel()
	server := start(t, radiustest.Options{Handler: func(r *radiustest.Request) []radiustest.Answer {
		return []radiustest.Answer{r.Accept().WrongAuthenticator()}
	}})
	client := newClient(t, server, func(c *Config) { c.ReadTimeout = 100 * time.Millisecond })
	_, err := client.Authenticate(t.Context(), bob)
	require.ErrorContains(t, err, "wrong Response Authenticator (is the secret the same on the server?)")
}

func TestCancelledLoginEndsAtOnce(t *testing.T) {
	t.Parallel()
	seen := make(chan struct{}, 16)
	server := start(t, radiustest.Options{Handler: func(*radiustest.Request) []radiustest.Answer {
		seen <- struct{}{}
		return nil
	}})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := newClient(t, server, func(c *Config) {
			c.ReadTimeout = time.Hour
			c.Retransmit = RetransmitNever // no copy wakes it up
		}).Authenticate(ctx, bob)
		ended <- err
	}()
	<-seen
	cancel()
	select {
	case err := <-ended:
		require.ErrorIs(t, err, context.Canceled)
	case <-time.After(10 * time.Second):
		t.Fatal("the login goes on")
	}
}

func TestServerOnIPv6IsAsked(t *testing.T) {
	t.Parallel()
	server := start(t, radiustest.Options{Address: "[::1]:0", Handler: accept})
	require.Equal(t, "::1", server.Host())
	verdict, err := newClient(t, server, nil).Authenticate(t.Context(), bob)
	require.NoError(t, err)
	require.Equal(t, Accept, verdict.Outcome)
}

func TestHostNameIsLookedUpAtEveryLogin(t *testing.T) {
	t.Parallel()
	first := start(t, radiustest.Options{Address: "127.0.0.1:0", Handler: accept})
	second := start(t, radiustest.Options{Address: fmt.Sprintf("127.0.0.2:%d", first.Port()), Handler: accept})
	now := first.Addr().Addr()
	client := newClient(t, first, func(c *Config) {
		c.Host = "radius.example.com"
		c.Lookup = func(_ context.Context, host string) ([]netip.Addr, error) {
			require.Equal(t, "radius.example.com", host)
			return []netip.Addr{now}, nil
		}
	})
	for _, server := range []*radiustest.Server{first, second} {
		now = server.Addr().Addr()
		verdict, err := client.Authenticate(t.Context(), bob)
		require.NoError(t, err)
		require.Equal(t, server.Addr().String(), verdict.Server)
	}
}

func TestAddressWhereNothingListensIsPassedOver(t *testing.T) {
	t.Parallel()
	server := start(t, radiustest.Options{Handler: accept})
	client := newClient(t, server, func(c *Config) {
		c.Host = "localhost"
		c.Lookup = func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr("::1"), server.Addr().Addr()}, nil
		}
	})
	verdict, err := client.Authenticate(t.Context(), bob)
	require.NoError(t, err)
	require.Equal(t, server.Addr().String(), verdict.Server)
}

func TestSilentAddressIsNotLeftForAnother(t *testing.T) {
	t.Parallel()
	silent := start(t, radiustest.Options{Address: "127.0.0.1:0"})
	other := start(t, radiustest.Options{Address: fmt.Sprintf("127.0.0.2:%d", silent.Port()), Handler: accept})
	client := newClient(t, silent, func(c *Config) {
		c.Host = "radius.example.com"
		c.ReadTimeout = 200 * time.Millisecond
		c.Lookup = func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{silent.Addr().Addr(), other.Addr().Addr()}, nil
		}
	})
	_, err := client.Authenticate(t.Context(), bob)
	var noAnswer *NoAnswerError
	require.ErrorAs(t, err, &noAnswer)
	require.Empty(t, other.Requests(), "silence may be a person who looks for a phone")
}

func TestServerThatDiesOverTheLoginIsNotLeftForAnotherAddress(t *testing.T) {
	t.Parallel()
	dying, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	address := dying.LocalAddr().(*net.UDPAddr).AddrPort()
	other := start(t, radiustest.Options{Address: fmt.Sprintf("127.0.0.2:%d", address.Port()), Handler: accept})
	client := newClient(t, other, func(c *Config) {
		c.Host = "radius.example.com"
		c.ReadTimeout = time.Second
		c.Lookup = func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr("::ffff:127.0.0.1"), other.Addr().Addr()}, nil
		}
	})
	ended := make(chan error, 1)
	go func() {
		_, err := client.Authenticate(t.Context(), bob)
		ended <- err
	}()
	_, err = dying.Read(make([]byte, 4096)) // has the first copy; the second is refused
	require.NoError(t, err)
	require.NoError(t, dying.Close())
	var noAnswer *NoAnswerError
	require.ErrorAs(t, <-ended, &noAnswer)
	require.Positive(t, noAnswer.Refused)
	require.Empty(t, other.Requests(), "the first server may have sent a push already")
}

func TestServerThatRestartsDuringTheLoginIsReached(t *testing.T) {
	t.Parallel()
	dying, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	address := dying.LocalAddr().(*net.UDPAddr).AddrPort()
	client, err := New(Config{Host: "127.0.0.1", Port: int(address.Port()), Secret: NewSecret(testSecret), ReadTimeout: 10 * time.Second})
	require.NoError(t, err)

	verdicts := make(chan Verdict, 1)
	go func() {
		verdict, err := client.Authenticate(t.Context(), bob)
		if err != nil {
			t.Error(err)
		}
		verdicts <- verdict
	}()
	_, err = dying.Read(make([]byte, 4096)) // has the first copy, and dies of it
	require.NoError(t, err)
	require.NoError(t, dying.Close())
	start(t, radiustest.Options{Address: address.String(), Handler: accept})
	verdict := <-verdicts
	require.Equal(t, Accept, verdict.Outcome)
	require.Greater(t, verdict.Sends, 1)
}

func TestPortWhereNothingListensIsSaidSoInTheEnd(t *testing.T) {
	t.Parallel()
	gone := start(t, radiustest.Options{})
	client := newClient(t, gone, func(c *Config) { c.ReadTimeout = 200 * time.Millisecond })
	require.NoError(t, gone.Close())
	begin := time.Now()
	_, err := client.Authenticate(t.Context(), bob)
	require.ErrorContains(t, err, "nothing listens on that port")
	require.GreaterOrEqual(t, time.Since(begin), 200*time.Millisecond, "the server may be starting")
	var noAnswer *NoAnswerError
	require.ErrorAs(t, err, &noAnswer)
	require.Equal(t, 2, noAnswer.Sends)
}

func TestHostThatCannotBeLookedUpIsNamed(t *testing.T) {
	t.Parallel()
	server := start(t, radiustest.Options{Handler: accept})
	cause := errors.New("no such host")
	tests := map[string]func(context.Context, string) ([]netip.Addr, error){
		"failure":    func(context.Context, string) ([]netip.Addr, error) { return nil, cause },
		"no address": func(context.Context, string) ([]netip.Addr, error) { return nil, nil },
		"too slow": func(ctx context.Context, _ string) ([]netip.Addr, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		},
	}
	for name, lookup := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := newClient(t, server, func(c *Config) {
				c.Host = "radius.example.com"
				c.DialTimeout = 50 * time.Millisecond
				c.Lookup = lookup
			})
			_, err := client.Authenticate(t.Context(), bob)
			var unreachable *UnreachableError
			require.ErrorAs(t, err, &unreachable)
			require.ErrorContains(t, err, "radius.example.com port")
		})
	}
}

func TestConfigWithoutWhatIsNeededMakesNoClient(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Config){
		"no host":               func(c *Config) { c.Host = "" },
		"port 0":                func(c *Config) { c.Port = 0 },
		"port 65536":            func(c *Config) { c.Port = 65536 },
		"no secret":             func(c *Config) { c.Secret = Secret{} },
		"no time":               func(c *Config) { c.ReadTimeout = 0 },
		"NAS-Identifier of 254": func(c *Config) { c.NAS.Identifier = strings.Repeat("n", 254) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := Config{Host: "127.0.0.1", Port: 1812, Secret: NewSecret("s"), ReadTimeout: time.Second}
			_, err := New(config)
			require.NoError(t, err)
			change(&config)
			_, err = New(config)
			require.Error(t, err)
		})
	}
}
