//go:build protocol

package radiustest

import (
	"context"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"

	"vault-plugin-auth-radius/internal/daemontest"
)

const awkward = `p"a\ss %{x} pässwörd€ 'q`

func startFreeRADIUS(tb testing.TB, o FreeRADIUSOptions) *FreeRADIUS {
	tb.Helper()
	o.Secret = vectorSecret
	f, err := StartFreeRADIUS(tb.Context(), tb.TempDir(), o)
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, f.Stop()) })
	return f
}

func address(f *FreeRADIUS) netip.AddrPort { return onLoopback(f.Port()) }

func onLoopback(port int) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(port))
}

// ask sends a request and returns the answer, checked against its authenticator.
func ask(tb testing.TB, f *FreeRADIUS, request []byte) []byte {
	tb.Helper()
	conn := dial(tb, address(f))
	send(tb, conn, request)
	answer := receive(tb, conn)
	require.True(tb, radius.IsAuthenticResponse(answer, request, []byte(vectorSecret)))
	return answer
}

func TestFreeRADIUSChecksPasswords(t *testing.T) {
	t.Parallel()
	everyOctet := make([]byte, 0, 255)
	for c := 1; c <= 255; c++ {
		everyOctet = append(everyOctet, byte(c))
	}
	users := map[string]string{
		"bob":              "hello",
		"eve":              awkward,
		"low":              string(everyOctet[:127]),
		"high":             string(everyOctet[127:]), // 128 octets, the most RFC 2865 section 5.2 allows
		`ö "d'd\ %{x} #,`:  "hello",
		"$INCLUDE nothing": "hello",
		"DEFAULT":          "hello",
	}
	f := startFreeRADIUS(t, FreeRADIUSOptions{Users: users})
	for name, password := range users {
		require.Equal(t, byte(radius.CodeAccessAccept), ask(t, f, login(t, name, password))[0], "%q", name)
		require.Equal(t, byte(radius.CodeAccessReject), ask(t, f, login(t, name, password[1:]))[0], "%q", name)
	}
	require.Equal(t, byte(radius.CodeAccessReject), ask(t, f, login(t, "nobody", "hello"))[0])
	require.NoError(t, f.Stop()) // the log is whole only then
	require.Contains(t, f.Log(), "Login OK: [bob]")
	require.NotContains(t, f.Log(), awkward)
}

func TestFreeRADIUSReplyAttributes(t *testing.T) {
	t.Parallel()
	f := startFreeRADIUS(t, FreeRADIUSOptions{
		Users: map[string]string{"bob": "hello", "eve": "hello"},
		ReplyAttributes: map[string][]string{
			"bob": {"Class := 0x61646d696e73", `Filter-Id := "vpn users"`, "Session-Timeout := 60"},
		},
	})
	packet, err := radius.Parse(ask(t, f, login(t, "bob", "hello")), []byte(vectorSecret))
	require.NoError(t, err)
	require.Equal(t, "admins", string(rfc2865.Class_Get(packet)))
	require.Equal(t, "vpn users", rfc2865.FilterID_GetString(packet))
	require.EqualValues(t, 60, rfc2865.SessionTimeout_Get(packet))
	require.Len(t, ask(t, f, login(t, "eve", "hello")), headerLen)
}

func TestFreeRADIUSSignsAnswers(t *testing.T) {
	t.Parallel()
	status := radius.New(radius.CodeStatusServer, []byte(vectorSecret))
	status.Add(typeMessageAuthenticator, make([]byte, 16))
	requests := map[string][]byte{
		"accept":        login(t, "bob", "hello"),
		"reject":        login(t, "bob", "wrong"),
		"unknown user":  login(t, "nobody", "hello"),
		"Status-Server": sign(t, status),
	}
	for want, signing := range map[string]bool{"first": true, "absent": false} {
		f := startFreeRADIUS(t, FreeRADIUSOptions{
			Users:           map[string]string{"bob": "hello"},
			ReplyAttributes: map[string][]string{"bob": {"Class := 0x61"}},
			SignAnswers:     signing,
		})
		for name, request := range requests {
			answer := inspect(ask(t, f, request), request, vectorSecret)
			require.Equal(t, want, answer.messageAuthenticator, name)
		}
	}
}

func TestFreeRADIUSRequiresMessageAuthenticator(t *testing.T) {
	t.Parallel()
	packet := radius.New(radius.CodeAccessRequest, []byte(vectorSecret))
	require.NoError(t, rfc2865.UserName_SetString(packet, "bob"))
	require.NoError(t, rfc2865.UserPassword_SetString(packet, "hello"))
	unsigned, err := packet.Encode()
	require.NoError(t, err)
	users := map[string]string{"bob": "hello"}

	lenient := startFreeRADIUS(t, FreeRADIUSOptions{Users: users})
	require.Equal(t, byte(radius.CodeAccessAccept), ask(t, lenient, unsigned)[0])

	strict := startFreeRADIUS(t, FreeRADIUSOptions{Users: users, RequireMessageAuthenticator: true})
	conn := dial(t, address(strict))
	signed := login(t, "bob", "hello")
	send(t, conn, unsigned)
	send(t, conn, signed)
	require.True(t, radius.IsAuthenticResponse(receive(t, conn), signed, []byte(vectorSecret)))
	require.NoError(t, strict.Stop())
	requireNothing(t, conn, time.Second) // all that it sent is here
}

func TestFreeRADIUSSetUsers(t *testing.T) {
	t.Parallel()
	f := startFreeRADIUS(t, FreeRADIUSOptions{Users: map[string]string{"bob": "old"}})
	port := f.Port()
	require.Equal(t, byte(radius.CodeAccessAccept), ask(t, f, login(t, "bob", "old"))[0])
	require.NoError(t, f.SetUsers(map[string]string{"bob": "new"}))
	require.Equal(t, port, f.Port())
	require.Equal(t, byte(radius.CodeAccessReject), ask(t, f, login(t, "bob", "old"))[0])
	require.Equal(t, byte(radius.CodeAccessAccept), ask(t, f, login(t, "bob", "new"))[0])

	require.Error(t, f.SetUsers(map[string]string{"bob": "a\x00b"}))
	require.Equal(t, byte(radius.CodeAccessAccept), ask(t, f, login(t, "bob", "new"))[0], "nothing changed")
}

func TestFreeRADIUSStops(t *testing.T) {
	t.Parallel()
	f := startFreeRADIUS(t, FreeRADIUSOptions{Users: map[string]string{"bob": "hello"}})
	require.NoError(t, f.Stop())
	require.NoError(t, f.Stop(), "stopping twice")
	require.Contains(t, f.Log(), "Exiting normally")
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: f.Port()})
	require.NoError(t, err, "the port is free again")
	require.NoError(t, conn.Close())
}

func TestFreeRADIUSEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	f, err := StartFreeRADIUS(ctx, t.TempDir(), FreeRADIUSOptions{Secret: vectorSecret})
	require.NoError(t, err)
	cancel()
	require.NoError(t, f.Stop())
	require.Contains(t, f.Log(), "Exiting normally")
}

func TestFreeRADIUSKeepsItsFilesPrivate(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "raddb")
	f, err := StartFreeRADIUS(t.Context(), dir, FreeRADIUSOptions{Secret: vectorSecret})
	require.NoError(t, err)
	require.NoError(t, f.Stop())
	for name, want := range map[string]os.FileMode{"": 0o700, "users": 0o600, "radiusd.conf": 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Equal(t, want, info.Mode().Perm(), "%q", name)
	}
}

func TestFreeRADIUSExplainsAFailedStart(t *testing.T) {
	t.Parallel()
	_, err := StartFreeRADIUS(t.Context(), t.TempDir(), FreeRADIUSOptions{
		Secret:          vectorSecret,
		Users:           map[string]string{"bob": "hello"},
		ReplyAttributes: map[string][]string{"bob": {"Session-Timeout := soon"}},
	})
	require.ErrorContains(t, err, `"soon"`)
}

func TestFreeRADIUSPortTaken(t *testing.T) {
	t.Parallel()
	f := startFreeRADIUS(t, FreeRADIUSOptions{})
	require.NoError(t, f.Stop())
	start(t, Options{Address: address(f).String()})
	require.ErrorIs(t, f.SetUsers(nil), daemontest.ErrPortTaken)
}
