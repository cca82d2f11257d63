//go:build protocol

package directorytest

import (
	"net"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/tlstest"
)

func newIdentity(t *testing.T, name string) *tlstest.Identity {
	t.Helper()
	authority, err := tlstest.NewAuthority("Directory CA")
	require.NoError(t, err)
	certificate, err := authority.Issue(tlstest.CertificateOptions{Names: []string{name, "localhost"}})
	require.NoError(t, err)
	return &tlstest.Identity{Certificate: certificate, Trusts: authority}
}

func TestOpenLDAPStopsAndStartsAgain(t *testing.T) {
	t.Parallel()
	l, err := StartOpenLDAP(t.Context(), t.TempDir(), OpenLDAPOptions{
		Users: map[string]string{"bob": "bob-password", "bob, jr": "x"}, Groups: map[string][]string{"staff": {"bob"}},
		TLS: newIdentity(t, "127.0.0.1"),
	})
	require.NoError(t, err)
	require.NoError(t, l.Stop())
	_, err = net.DialTimeout("tcp", net.JoinHostPort(l.Host(), strconv.Itoa(l.Port())), time.Minute)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	require.NoError(t, l.Restart())
}

func Test389DSKnowsItsUsersAndStartsAgain(t *testing.T) {
	t.Parallel()
	users := []DS389User{{UID: "bob", Password: "bob-password", Lines: "mail: bob@example.org"}}
	d, err := Start389DS(t.Context(), t.TempDir(), DS389Options{Users: users})
	require.NoError(t, err)
	bind := func() error {
		conn, err := ldap.DialURL("ldap://" + net.JoinHostPort(d.Host(), strconv.Itoa(d.Port())))
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close() }()
		return conn.Bind(PersonDN("bob"), "bob-password")
	}
	require.NoError(t, bind())
	require.NoError(t, d.Stop())
	require.Error(t, bind())
	require.NoError(t, d.Restart())
	require.NoError(t, bind())
	require.NoError(t, d.Stop())
}
