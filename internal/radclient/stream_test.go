package radclient

import (
	"crypto/tls"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"

	"vault-plugin-auth-radius/internal/radiustest"
	"vault-plugin-auth-radius/internal/tlstest"
)

const radsecName = "radius.example.com"

// credentialsOf are what both ends of TLS show and believe.
type credentialsOf struct{ server, client *tlstest.Identity }

// newCredentials issues certificates; changes to the server's may be nil.
func newCredentials(t *testing.T, change func(*tlstest.CertificateOptions)) credentialsOf {
	t.Helper()
	authority, err := tlstest.NewAuthority("Example CA")
	require.NoError(t, err)
	issue := func(options tlstest.CertificateOptions) *tlstest.Identity {
		certificate, err := authority.Issue(options)
		require.NoError(t, err)
		return &tlstest.Identity{Certificate: certificate, Trusts: authority}
	}
	server := tlstest.CertificateOptions{Names: []string{radsecName, "127.0.0.1"}}
	if change != nil {
		change(&server)
	}
	return credentialsOf{server: issue(server), client: issue(tlstest.CertificateOptions{Names: []string{"vault.example.com"}})}
}

func (c credentialsOf) serverTLS(t *testing.T) *tls.Config {
	t.Helper()
	config, err := c.server.Server()
	require.NoError(t, err)
	return config
}

// clientTLS is the client's part of the config.
func (c credentialsOf) clientTLS() TLSConfig {
	return TLSConfig{
		CACertificates:    string(c.client.Trusts.PEM()),
		ClientCertificate: string(c.client.Certificate.PEM),
		ClientKey:         NewSecret(string(c.client.Certificate.KeyPEM)),
		ServerName:        radsecName,
	}
}

// streams are the ways to speak RADIUS over a stream.
var streams = map[string]struct {
	transport Transport
	version   Version
	offers    []radiustest.Version
}{
	"TCP":                 {transport: TCP},
	"TLS":                 {transport: TLS},
	"TLS with RADIUS/1.1": {transport: TLS, version: RADIUS11, offers: []radiustest.Version{radiustest.RADIUS11}},
	"TLS, agreed on the way": {
		transport: TLS, version: VersionAuto,
		offers: []radiustest.Version{radiustest.RADIUS11, radiustest.RADIUS10},
	},
}

// stream is a server on a stream, and a client of it.
type stream struct {
	network *radiustest.Network
	options radiustest.StreamOptions
	server  *radiustest.StreamServer
	config  Config
}

// restart runs the server anew.
func (s *stream) restart(t *testing.T) {
	t.Helper()
	server, err := radiustest.StartStream(s.options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	s.server = server
}

func (s *stream) client(t *testing.T, change func(*Config)) *Client {
	t.Helper()
	config := s.config
	if change != nil {
		change(&config)
	}
	client, err := New(config)
	require.NoError(t, err)
	t.Cleanup(func() {
		client.Close()
		time.Sleep(config.ReadTimeout) // for logins that wait, if the test has failed
	})
	return client
}

// overStreams runs a test over each kind of stream, in virtual time.
func overStreams(t *testing.T, options radiustest.StreamOptions, test func(t *testing.T, s *stream)) {
	t.Helper()
	t.Parallel()
	for name, kind := range streams {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &stream{network: radiustest.NewNetwork(radiustest.NetworkOptions{Latency: 500 * time.Microsecond}), options: options}
				s.options.Network, s.options.Address, s.options.Versions = s.network, firstAddress.String(), kind.offers
				s.options.Secret = testSecret
				s.config = Config{
					Servers:     []Server{serverAt(firstAddress)},
					Transport:   kind.transport,
					ReadTimeout: 10 * time.Second,
					Dial:        s.network.Dial,
				}
				if kind.transport == TLS {
					credentials := newCredentials(t, nil)
					s.options.TLS, s.options.Secret = credentials.serverTLS(t), ""
					s.config.TLS = credentials.clientTLS()
					s.config.TLS.Version = kind.version
				}
				s.restart(t)
				test(t, s)
			})
		})
	}
}

func TestLoginsOverStreamsAreDecidedByTheServer(t *testing.T) {
	users := radiustest.Users{"bob": {Password: "bob-password"}, "carol": {Password: "carol-password", Code: "123456"}}
	overStreams(t, radiustest.StreamOptions{Handler: users.Handler()}, func(t *testing.T, s *stream) {
		for _, protocol := range []Protocol{PAP, CHAP} {
			client := s.client(t, func(c *Config) { c.Protocol = protocol })
			verdict, err := client.Authenticate(t.Context(), bob)
			require.NoError(t, err)
			if protocol == PAP { // the scripted server knows no other
				require.Equal(t, Accept, verdict.Outcome)
			}
			require.Equal(t, 1, verdict.Sends, "%s %+v", protocol, verdict)
		}
		client := s.client(t, nil)
		verdict, err := client.Authenticate(t.Context(), Credentials{Username: "bob", Password: "wrong"})
		require.NoError(t, err)
		require.Equal(t, Reject, verdict.Outcome)

		verdict, err = client.Authenticate(t.Context(), Credentials{Username: "carol", Password: "carol-password"})
		require.NoError(t, err)
		require.Equal(t, Challenge, verdict.Outcome)
		step, err := verdict.Step()
		require.NoError(t, err)
		verdict, err = client.Authenticate(t.Context(), Credentials{
			Username: "carol", Password: "123456", Answers: &Challenged{Host: verdict.Host, Server: verdict.Server, State: step.State},
		})
		require.NoError(t, err)
		require.Equal(t, Accept, verdict.Outcome)
	})
}

func TestManyLoginsShareFewConnections(t *testing.T) {
	handler := func(r *radiustest.Request) []radiustest.Answer {
		var number int
		_, _ = fmt.Sscanf(r.Username(), "user-%d", &number)
		class := radiustest.Attribute{Type: rfc2865.Class_Type, Value: []byte(r.Username())}
		return []radiustest.Answer{r.Accept(class).After(time.Duration(number*7919%600) * time.Millisecond)}
	}
	for name, options := range map[string]radiustest.StreamOptions{
		"each answer":      {Handler: handler},
		"octet by octet":   {Handler: handler, OctetByOctet: true},
		"answers together": {Handler: handler, Together: 3},
	} {
		t.Run(name, func(t *testing.T) {
			overStreams(t, options, func(t *testing.T, s *stream) {
				client := s.client(t, func(c *Config) { c.StatusCheck = StatusCheckOff })
				users := 600
				if options.Together > 0 {
					users = 85 * options.Together // the server waits for the last ones of each connection
				}
				var running sync.WaitGroup
				for i := range users {
					running.Go(func() {
						name := fmt.Sprintf("user-%d", i)
						verdict, err := client.Authenticate(t.Context(), Credentials{Username: name, Password: "p"})
						if err != nil || string(verdict.Attributes.Get(rfc2865.Class_Type)) != name {
							t.Errorf("%s has the answer to %s: %v", name, verdict.Attributes.Get(rfc2865.Class_Type), err)
						}
					})
				}
				running.Wait()
				require.Equal(t, users, len(s.server.Requests()), "nothing is sent twice on a stream")
				require.LessOrEqual(t, s.server.Accepted(), 3)
			})
		})
	}
}

func TestSlowAnswerOnAStreamIsWaitedForWithoutCopies(t *testing.T) {
	overStreams(t, radiustest.StreamOptions{Handler: func(r *radiustest.Request) []radiustest.Answer {
		if r.Packet.Code == radius.CodeStatusServer {
			return []radiustest.Answer{r.Accept()}
		}
		return []radiustest.Answer{r.Accept().After(30 * time.Second)}
	}}, func(t *testing.T, s *stream) {
		verdict, err := s.client(t, func(c *Config) { c.ReadTimeout = time.Minute }).Authenticate(t.Context(), bob)
		require.NoError(t, err)
		require.Equal(t, Accept, verdict.Outcome)
		require.Equal(t, 1, s.server.Accepted())
	})
}

func TestWrongAnswerEndsTheConnection(t *testing.T) {
	t.Parallel()
	for name, forge := range map[string]func(radiustest.Answer) radiustest.Answer{
		"wrong Response Authenticator":  radiustest.Answer.WrongAuthenticator,
		"wrong Message-Authenticator":   radiustest.Answer.WrongMessageAuthenticator,
		"malformed attributes":          radiustest.Answer.MalformedAttributes,
		"Length beyond the end":         radiustest.Answer.Truncated,
		"more octets than a packet may": radiustest.Answer.Oversized,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				network := radiustest.NewNetwork(radiustest.NetworkOptions{})
				server, err := radiustest.StartStream(radiustest.StreamOptions{
					Network: network, Address: firstAddress.String(), Secret: testSecret,
					Handler: func(r *radiustest.Request) []radiustest.Answer {
						return []radiustest.Answer{forge(r.Accept()), r.Accept()}
					},
				})
				require.NoError(t, err)
				client, err := New(Config{
					Servers:     []Server{serverAt(firstAddress)},
					Transport:   TCP,
					ReadTimeout: 5 * time.Second,
					StatusCheck: StatusCheckOff,
					Dial:        network.Dial,
				})
				require.NoError(t, err)
				_, err = client.Authenticate(t.Context(), bob)
				require.Error(t, err)
				client.Close()
				synctest.Wait()
				require.Zero(t, server.Open())
				require.NoError(t, server.Close())
			})
		})
	}
}

func TestAnswerToNoRequestLeavesTheConnection(t *testing.T) {
	overStreams(t, radiustest.StreamOptions{Handler: func(r *radiustest.Request) []radiustest.Answer {
		return []radiustest.Answer{r.Accept().WrongIdentifier(), r.Accept()}
	}}, func(t *testing.T, s *stream) {
		client := s.client(t, nil)
		for range 3 {
			_, err := client.Authenticate(t.Context(), bob)
			require.NoError(t, err)
		}
		require.Equal(t, 1, s.server.Accepted())
	})
}

func TestClosedClientFinishesItsLoginsOnStreams(t *testing.T) {
	overStreams(t, radiustest.StreamOptions{Handler: func(r *radiustest.Request) []radiustest.Answer {
		return []radiustest.Answer{r.Accept().After(5 * time.Second)}
	}}, func(t *testing.T, s *stream) {
		client := s.client(t, nil)
		time.AfterFunc(2*time.Second, client.Close)
		for _, login := range traffic(t, client, 10, 4*time.Second) {
			require.NoError(t, login.err, "begun before or after the end")
		}
		synctest.Wait()
		time.Sleep(time.Second)
		require.Zero(t, s.server.Open())
	})
}

func TestNoMessageAuthenticatorIsDemandedOverTLS(t *testing.T) {
	handler := func(r *radiustest.Request) []radiustest.Answer {
		return []radiustest.Answer{r.Accept().WithoutMessageAuthenticator()}
	}
	overStreams(t, radiustest.StreamOptions{Handler: handler}, func(t *testing.T, s *stream) {
		client := s.client(t, func(c *Config) { c.MessageAuthenticator = MessageAuthenticatorRequired })
		_, err := client.Authenticate(t.Context(), bob)
		require.Equal(t, s.config.Transport == TLS, err == nil, "nobody can forge what TLS protects")
	})
}
