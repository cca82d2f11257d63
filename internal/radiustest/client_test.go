package radiustest

import (
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
)

// accepting answers everything with Access-Accept.
func accepting(r *Request) []Answer { return []Answer{r.Accept()} }

func start(tb testing.TB, o Options) *Server {
	tb.Helper()
	if o.Secret == "" {
		o.Secret = vectorSecret
	}
	s, err := Start(o)
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, s.Close()) })
	return s
}

// dial opens a client socket whose reads fail in the end rather than hang.
func dial(tb testing.TB, to netip.AddrPort) *net.UDPConn {
	tb.Helper()
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = conn.Close() })
	require.NoError(tb, conn.SetDeadline(time.Now().Add(time.Minute)))
	return conn
}

// login builds an Access-Request with a Message-Authenticator.
func login(tb testing.TB, username, password string, more ...Attribute) []byte {
	tb.Helper()
	return loginWith(tb, vectorSecret, username, password, more...)
}

// identifiers counts on: requests with the same one, from one port, replace each
// other.
var identifiers atomic.Uint32

func loginWith(tb testing.TB, secret, username, password string, more ...Attribute) []byte {
	tb.Helper()
	packet := radius.New(radius.CodeAccessRequest, []byte(secret))
	packet.Identifier = byte(identifiers.Add(1))
	packet.Add(typeMessageAuthenticator, make([]byte, 16))
	require.NoError(tb, rfc2865.UserName_SetString(packet, username))
	require.NoError(tb, rfc2865.UserPassword_SetString(packet, password))
	for _, attribute := range more {
		packet.Add(attribute.Type, attribute.Value)
	}
	return sign(tb, packet)
}

// sign fills in the Message-Authenticator of a request whose first attribute it
// is.
func sign(tb testing.TB, packet *radius.Packet) []byte {
	tb.Helper()
	raw, err := packet.Encode()
	require.NoError(tb, err)
	sum := messageAuthenticator(raw, packet.Authenticator, headerLen+2, packet.Secret)
	copy(raw[headerLen+2:], sum[:])
	return raw
}

func send(tb testing.TB, conn net.Conn, datagram []byte) {
	tb.Helper()
	_, err := conn.Write(datagram)
	require.NoError(tb, err)
}

func receive(tb testing.TB, conn net.Conn) []byte {
	tb.Helper()
	buffer := make([]byte, 1<<16)
	n, err := conn.Read(buffer)
	require.NoError(tb, err)
	return buffer[:n]
}
