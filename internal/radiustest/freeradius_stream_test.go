//go:build protocol

package radiustest

import (
	"crypto/tls"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
)

// dialTLS connects to a server on loopback. Its reads fail in the end rather than
// hang.
func dialTLS(tb testing.TB, port int, config *tls.Config) *tls.Conn {
	tb.Helper()
	conn, err := tls.Dial("tcp", onLoopback(port).String(), config)
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = conn.Close() })
	require.NoError(tb, conn.SetDeadline(time.Now().Add(time.Minute)))
	return conn
}

// statusServer builds a Status-Server.
func statusServer(tb testing.TB, secret string) []byte {
	tb.Helper()
	packet := radius.New(radius.CodeStatusServer, []byte(secret))
	packet.Add(typeMessageAuthenticator, make([]byte, 16))
	return sign(tb, packet)
}

// askOver asks on a stream and returns the answer's code.
func askOver(tb testing.TB, conn net.Conn, secret string, request []byte) radius.Code {
	tb.Helper()
	send(tb, conn, request)
	answer := next(tb, conn)
	require.True(tb, radius.IsAuthenticResponse(answer, request, []byte(secret)))
	return radius.Code(answer[0])
}

func TestFreeRADIUSOverTCP(t *testing.T) {
	t.Parallel()
	f := startFreeRADIUS(t, FreeRADIUSOptions{Users: map[string]string{"bob": "hello"}, TCP: true})
	conn, err := net.Dial("tcp", onLoopback(f.TCPPort()).String())
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	require.Equal(t, radius.CodeAccessAccept, askOver(t, conn, vectorSecret, login(t, "bob", "hello")))
	require.Equal(t, radius.CodeAccessReject, askOver(t, conn, vectorSecret, login(t, "bob", "wrong")))
	require.Equal(t, radius.CodeAccessAccept, askOver(t, conn, vectorSecret, statusServer(t, vectorSecret)))
	require.Equal(t, byte(radius.CodeAccessAccept), ask(t, f, login(t, "bob", "hello"))[0], "UDP as well")
}

func TestFreeRADIUSOverTLS(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	f := startFreeRADIUS(t, FreeRADIUSOptions{Users: map[string]string{"bob": "hello"}, TLS: newIdentity(t, a, serverName)})
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		config, err := newIdentity(t, a, "vault").Client(serverName)
		require.NoError(t, err)
		config.MaxVersion = version
		conn := dialTLS(t, f.TLSPort(), config)
		require.Equal(t, version, conn.ConnectionState().Version)
		for password, want := range map[string]radius.Code{"hello": radius.CodeAccessAccept, "wrong": radius.CodeAccessReject} {
			require.Equal(t, want, askOver(t, conn, secretOverTLS, loginWith(t, secretOverTLS, "bob", password)))
		}
		require.Equal(t, radius.CodeAccessAccept, askOver(t, conn, secretOverTLS, statusServer(t, secretOverTLS)))
	}
	require.Equal(t, byte(radius.CodeAccessAccept), ask(t, f, login(t, "bob", "hello"))[0], "UDP as well")
}

func TestFreeRADIUSWantsCertificatesOfItsAuthority(t *testing.T) {
	t.Parallel()
	a, other := newAuthority(t), newAuthority(t)
	f := startFreeRADIUS(t, FreeRADIUSOptions{TLS: newIdentity(t, a, serverName)})
	for name, certificates := range map[string][]tls.Certificate{
		"none":              nil,
		"another authority": clientTLS(t, other).Certificates,
	} {
		config := clientTLS(t, a)
		config.Certificates = certificates
		conn := dialTLS(t, f.TLSPort(), config) // of TLS 1.3: the server's opinion comes later
		_, err := conn.Read(make([]byte, 1))
		require.Error(t, err, name)
		require.NotErrorIs(t, err, os.ErrDeadlineExceeded, name)
	}
}

func TestFreeRADIUSLeavesStatusServerUnanswered(t *testing.T) {
	t.Parallel()
	f := startFreeRADIUS(t, FreeRADIUSOptions{Users: map[string]string{"bob": "hello"}, IgnoreStatusServer: true})
	conn := dial(t, address(f))
	send(t, conn, statusServer(t, vectorSecret))
	request := login(t, "bob", "hello")
	send(t, conn, request)
	require.True(t, radius.IsAuthenticResponse(receive(t, conn), request, []byte(vectorSecret)))
	require.NoError(t, f.Stop())
	requireNothing(t, conn, time.Second) // all that it sent is here
}

func TestFreeRADIUSHoldsAnswers(t *testing.T) {
	t.Parallel()
	const hold = 500 * time.Millisecond
	f := startFreeRADIUS(t, FreeRADIUSOptions{
		Users: map[string]string{"bob": "hello", "eve": "hello", "ill": "hello"},
		Holds: map[string]time.Duration{"eve": hold, "ill": MaxHold},
	})
	conn := dial(t, address(f))
	held, wrong, prompt := login(t, "eve", "hello"), login(t, "eve", "wrong"), login(t, "bob", "hello")
	began := time.Now()
	for _, request := range [][]byte{login(t, "ill", "hello"), held, wrong, prompt} {
		send(t, conn, request)
	}
	codes := map[byte]byte{} // of answers, by the identifiers of requests
	for range 3 {            // which do not wait for the answer to "ill"
		answer := receive(t, conn)
		if codes[answer[1]] = answer[0]; answer[1] != prompt[1] {
			require.GreaterOrEqual(t, time.Since(began), hold)
		}
	}
	accept, reject := byte(radius.CodeAccessAccept), byte(radius.CodeAccessReject)
	require.Equal(t, map[byte]byte{held[1]: accept, wrong[1]: reject, prompt[1]: accept}, codes)
	require.NoError(t, f.Stop(), "an answer is still held")
}

func TestFreeRADIUSStartsOnThePortsOfAnother(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	options := FreeRADIUSOptions{Users: map[string]string{"bob": "hello"}, TCP: true, TLS: newIdentity(t, a, serverName)}
	first := startFreeRADIUS(t, options)
	config, err := newIdentity(t, a, "vault").Client(serverName)
	require.NoError(t, err)
	old := dialTLS(t, first.TLSPort(), config)
	require.Equal(t, radius.CodeAccessAccept, askOver(t, old, secretOverTLS, statusServer(t, secretOverTLS)))

	require.NoError(t, first.Restart())
	_, err = old.Read(make([]byte, 1))
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "its connections are gone")
	require.Error(t, err)
	dialTLS(t, first.TLSPort(), config)
	require.NoError(t, first.Stop())

	options.Port, options.TCPPort, options.TLSPort = first.Port(), first.TCPPort(), first.TLSPort()
	options.Users = map[string]string{"eve": "hello"}
	second := startFreeRADIUS(t, options)
	require.Equal(t, first.Port(), second.Port())
	require.Equal(t, first.TCPPort(), second.TCPPort())
	require.Equal(t, first.TLSPort(), second.TLSPort())
	require.Equal(t, byte(radius.CodeAccessAccept), ask(t, second, login(t, "eve", "hello"))[0])
	dialTLS(t, second.TLSPort(), config)
}
