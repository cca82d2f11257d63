package radiustest

import (
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// alice is the user of the vectors.
func alice() Handler {
	return Users{"alice": {Password: "hello", Attributes: []Attribute{{Type: 25, Value: []byte("admins")}}}}.Handler()
}

func startStream(tb testing.TB, o StreamOptions) *StreamServer {
	tb.Helper()
	if o.Secret == "" && o.TLS == nil {
		o.Secret = vectorSecret
	}
	if o.Network != nil {
		o.Address = memoryServer
	}
	s, err := StartStream(o)
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, s.Close()) })
	return s
}

// dialStream opens a connection, with TLS if a configuration is given. On
// loopback its reads fail in the end rather than hang.
func dialStream(tb testing.TB, s *StreamServer, config *tls.Config) net.Conn {
	tb.Helper()
	var conn net.Conn
	var err error
	if n := s.options.Network; n != nil {
		conn, err = n.Dial(tb.Context(), "tcp", netip.Addr{}, s.Addr())
		require.NoError(tb, err)
	} else {
		conn, err = (&net.Dialer{}).DialContext(tb.Context(), "tcp", s.Addr().String())
		require.NoError(tb, err)
		require.NoError(tb, conn.SetDeadline(time.Now().Add(time.Minute)))
	}
	tb.Cleanup(func() { _ = conn.Close() })
	if config != nil {
		conn = tls.Client(conn, config)
	}
	return conn
}

// next reads one packet.
func next(tb testing.TB, conn net.Conn) []byte {
	tb.Helper()
	packet := make([]byte, 4096)
	_, err := io.ReadFull(conn, packet[:4])
	require.NoError(tb, err)
	length := binary.BigEndian.Uint16(packet[2:4])
	require.True(tb, length >= 4 && length <= 4096, "Length is %d", length)
	_, err = io.ReadFull(conn, packet[4:length])
	require.NoError(tb, err)
	return packet[:length]
}

func requireEnd(tb testing.TB, conn net.Conn) {
	tb.Helper()
	_, err := conn.Read(make([]byte, 1))
	require.ErrorIs(tb, err, io.EOF)
}

// bothTLS returns configurations for a server and a client that trust each other.
func bothTLS(tb testing.TB) (server, client *tls.Config) {
	tb.Helper()
	a := newAuthority(tb)
	server, err := newIdentity(tb, a, serverName).Server()
	require.NoError(tb, err)
	return server, clientTLS(tb, a)
}
