package acct

import (
	"net"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/fipstest"
)

// The identifiers of sessions are FreeRADIUS's MD5 in FIPS 140 mode, too: they are no cryptography,
// and others would break the tie to what FreeRADIUS has in its own tables.
func TestUniqueIDsAreTheSameInFIPSMode(t *testing.T) {
	if !fipstest.Only(t) {
		return
	}
	// printf %s 'alice,s1,,,7,7' | md5sum
	p := Packet{Attributes: Attributes{Username: "alice", SessionID: "s1"}, NASPort: "7"}
	p.NASPortID = "7"
	require.Equal(t, "d8f9680825ead5857e89c11345bfe728", uniqueID(p))
	// printf %s 'x,earlier,1' | md5sum
	require.Equal(t, "638b02c13732f25b5bd661790200d280", earlierID("x", 1))
}

// A server that wants a password as MD5 gets none: the driver's own digest would end the process.
func TestPasswordsAreNotSentAsMD5InFIPSMode(t *testing.T) {
	if !fipstest.Only(t) {
		return
	}
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- serveMD5(listener) }()
	settings, err := parseURL("postgres://u:p@" + listener.Addr().String() + "/d?sslmode=disable")
	require.NoError(t, err)
	config, err := settings.config(TLS{})
	require.NoError(t, err)
	_, err = pgx.ConnectConfig(t.Context(), config.ConnConfig)
	require.ErrorContains(t, err, "server requested md5 authentication")
	require.NoError(t, listener.Close())
	require.NoError(t, <-served)

	for methods, want := range map[string]string{
		"":                   "!md5",
		"md5":                "",
		"scram-sha-256":      "scram-sha-256",
		"md5, scram-sha-256": "scram-sha-256",
		"!password":          "!password,!md5",
		"!none,!md5":         "!none,!md5",
	} {
		require.Equal(t, want, withoutMD5(methods), "%q", methods)
	}
	settings, err = parseURL("postgres://u:p@127.0.0.1/d?sslmode=disable&require_auth=md5")
	require.NoError(t, err)
	_, err = settings.config(TLS{})
	require.ErrorAs(t, err, new(*URLError))
	require.ErrorContains(t, err, "is refused in FIPS 140 mode")
}

// serveMD5 asks one client for a password as MD5.
func serveMD5(listener net.Listener) error {
	conn, err := listener.Accept()
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	backend := pgproto3.NewBackend(conn, conn)
	if _, err := backend.ReceiveStartupMessage(); err != nil {
		return err
	}
	backend.Send(&pgproto3.AuthenticationMD5Password{Salt: [4]byte{1, 2, 3, 4}})
	if err := backend.Flush(); err != nil {
		return err
	}
	_, _ = backend.Receive() // the client leaves, or sends what it must not
	return nil
}
