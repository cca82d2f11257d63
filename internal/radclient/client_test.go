package radclient

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
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
		Servers:     []Server{{Host: server.Host(), Port: server.Port(), Secret: NewSecret(testSecret)}},
		ReadTimeout: 10 * time.Second,
	}
	if change != nil {
		change(&config)
	}
	client, err := New(config)
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return client
}

// onlyEndpoint returns the endpoint of a client that has one.
func onlyEndpoint(t *testing.T, client *Client) *endpoint {
	t.Helper()
	endpoints, err := client.candidates(t.Context(), bob)
	require.NoError(t, err)
	require.Len(t, endpoints, 1)
	return endpoints[0]
}

var eapMessage = radiustest.Attribute{Type: rfc2869.EAPMessage_Type, Value: []byte{3, 1, 0, 4}}

func accept(r *radiustest.Request) []radiustest.Answer { return []radiustest.Answer{r.Accept()} }

func TestVerdictIsWhatTheServerSays(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		class := radiustest.Attribute{Type: rfc2865.Class_Type, Value: []byte("admins")}
		server := startAt(t, network, firstAddress, radiustest.Users{
			"bob":   {Password: "bob-password", Attributes: []radiustest.Attribute{class}},
			"carol": {Password: "carol-password", Code: "123456"},
		}.Handler())
		client := newClientAt(t, network, nil)

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
	})
}

func TestEveryRequestIsSignedFirstAndNamesTheNAS(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		server := startAt(t, network, firstAddress, accept)
		for want, config := range map[string]func(*Config){
			"vault":  nil,
			"gate-7": func(c *Config) { c.NAS.Identifier = "gate-7" },
		} {
			_, err := newClientAt(t, network, config).Authenticate(t.Context(), bob)
			require.NoError(t, err)
			requests := server.Requests()
			last := requests[len(requests)-1]
			require.Empty(t, last.Discarded)
			require.Equal(t, rfc2869.MessageAuthenticator_Type, last.Packet.Attributes[0].Type)
			require.True(t, last.HasMessageAuthenticator())
			require.Equal(t, want, string(last.Packet.Get(rfc2865.NASIdentifier_Type)))
		}
	})
}

func TestEveryLoginHasAnAuthenticatorOfItsOwn(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		const logins = 1000
		server := startAt(t, network, firstAddress, accept)
		client := newClientAt(t, network, nil)
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
	})
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

func TestPasswordReachesTheServerByteForByte(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		server := startAt(t, network, firstAddress, accept)
		client := newClientAt(t, network, nil)
		for _, password := range []string{"x", "pässwörd€", "\xff\xfe not UTF-8", " spaces ", strings.Repeat("ß", 64)} {
			_, err := client.Authenticate(t.Context(), Credentials{Username: "bob", Password: password})
			require.NoError(t, err)
			requests := server.Requests()
			require.Equal(t, password, requests[len(requests)-1].Password())
		}
	})
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
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		server := startAt(t, network, firstAddress, accept)
		_, err := newClientAt(t, network, nil).Authenticate(t.Context(),
			Credentials{Username: strings.Repeat("u", 253), Password: strings.Repeat("p", 128)})
		require.NoError(t, err)
		require.Len(t, server.Requests(), 1)
	})
}

func TestCopiesAreTheSameBytesFromTheSamePort(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		server := startAt(t, network, firstAddress, func(r *radiustest.Request) []radiustest.Answer {
			if r.Copy < 3 {
				return nil
			}
			return []radiustest.Answer{r.Accept()}
		})
		verdict, err := newClientAt(t, network, nil).Authenticate(t.Context(), bob)
		require.NoError(t, err)
		require.Equal(t, 3, verdict.Sends)
		requests := server.Requests()
		require.Len(t, requests, 3)
		for _, copied := range requests[1:] {
			require.Equal(t, requests[0].Raw, copied.Raw)
			require.Equal(t, requests[0].From, copied.From)
		}
		require.Equal(t, 1, server.Distinct())
	})
}

func TestSilenceEndsWithAnErrorThatSaysWhatToCheck(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		server := startAt(t, network, firstAddress, nil)
		client := newClientAt(t, network, func(c *Config) { c.ReadTimeout = 300 * time.Millisecond })
		begin := time.Now()
		_, err := client.Authenticate(t.Context(), bob)
		require.Equal(t, 300*time.Millisecond, time.Since(begin))

		var noAnswer *NoAnswerError
		require.ErrorAs(t, err, &noAnswer)
		require.Equal(t, server.Host(), noAnswer.Host)
		require.Equal(t, server.Port(), noAnswer.Port)
		require.Equal(t, 2, noAnswer.Sends)
		require.ErrorContains(t, err, fmt.Sprintf("%s port %d", server.Host(), server.Port()))
		require.ErrorContains(t, err, "check that the server runs")
		require.NotContains(t, err.Error(), testSecret)
		require.NotContains(t, err.Error(), bob.Password)
	})
}

func TestWrongSecretIsNamedAsTheThingToCheck(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		startAt(t, network, firstAddress, func(r *radiustest.Request) []radiustest.Answer {
			return []radiustest.Answer{r.Accept().WrongAuthenticator()}
		})
		client := newClientAt(t, network, func(c *Config) { c.ReadTimeout = 100 * time.Millisecond })
		_, err := client.Authenticate(t.Context(), bob)
		require.ErrorContains(t, err, "wrong Response Authenticator (is the secret the same on the server?)")
	})
}

func TestCancelledLoginEndsAtOnce(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		seen := make(chan struct{}, 16)
		startAt(t, network, firstAddress, func(*radiustest.Request) []radiustest.Answer {
			seen <- struct{}{}
			return nil
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			_, err := newClientAt(t, network, func(c *Config) {
				c.ReadTimeout = time.Hour
				c.Retransmit = RetransmitNever // no copy wakes it up
			}).Authenticate(ctx, bob)
			ended <- err
		}()
		<-seen
		began := time.Now()
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
		require.Zero(t, time.Since(began))
	})
}

func TestConfigWithoutWhatIsNeededMakesNoClient(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Config){
		"no server":             func(c *Config) { c.Servers = nil },
		"no host":               func(c *Config) { c.Servers[0].Host = "" },
		"port 0":                func(c *Config) { c.Servers[0].Port = 0 },
		"port 65536":            func(c *Config) { c.Servers[0].Port = 65536 },
		"no secret":             func(c *Config) { c.Servers[0].Secret = Secret{} },
		"no time":               func(c *Config) { c.ReadTimeout = 0 },
		"NAS-Identifier of 254": func(c *Config) { c.NAS.Identifier = strings.Repeat("n", 254) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := Config{Servers: []Server{{Host: "127.0.0.1", Port: 1812, Secret: NewSecret("s")}}, ReadTimeout: time.Second}
			_, err := New(config)
			require.NoError(t, err)
			change(&config)
			_, err = New(config)
			require.Error(t, err)
		})
	}
}
