package tlstest

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

const serverName = "radius.example.test"

func newAuthority(tb testing.TB) *Authority {
	tb.Helper()
	a, err := NewAuthority("Test CA")
	require.NoError(tb, err)
	return a
}

func issue(tb testing.TB, a *Authority, o CertificateOptions) *Certificate {
	tb.Helper()
	c, err := a.Issue(o)
	require.NoError(tb, err)
	return c
}

func serverTLS(tb testing.TB, a *Authority, o CertificateOptions) *tls.Config {
	tb.Helper()
	config, err := (&Identity{Certificate: issue(tb, a, o), Trusts: a}).Server()
	require.NoError(tb, err)
	return config
}

func clientTLS(tb testing.TB, a *Authority, o CertificateOptions, serverName string) *tls.Config {
	tb.Helper()
	config, err := (&Identity{Certificate: issue(tb, a, o), Trusts: a}).Client(serverName)
	require.NoError(tb, err)
	return config
}

// connected returns both ends of a connection.
func connected(t *testing.T) (client, server net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, listener.Close()) }()
	client, err = net.Dial("tcp4", listener.Addr().String())
	require.NoError(t, err)
	server, err = listener.Accept()
	require.NoError(t, err)
	return client, server
}

// handshake has the two talk TLS and returns the server's error and the
// client's.
func handshake(t *testing.T, server, client *tls.Config) (serverErr, clientErr error) {
	t.Helper()
	c, s := connected(t)
	done := make(chan error, 1)
	go func() {
		done <- tls.Server(s, server).Handshake()
		_ = s.Close()
	}()
	conn := tls.Client(c, client)
	clientErr = conn.Handshake()
	if clientErr == nil { // in TLS 1.3 the server's opinion comes later
		_, _ = conn.Read(make([]byte, 1))
	}
	_ = c.Close()
	return <-done, clientErr
}

func TestCertificatesAreTrusted(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	server := serverTLS(t, a, CertificateOptions{Names: []string{serverName, "127.0.0.1", "::1"}})
	for _, name := range []string{serverName, "127.0.0.1", "::1"} {
		client := clientTLS(t, a, CertificateOptions{CommonName: "vault"}, name)
		serverErr, clientErr := handshake(t, server, client)
		require.NoError(t, serverErr, name)
		require.NoError(t, clientErr, name)
	}
}

func TestCertificatesThatServersMustNotShow(t *testing.T) {
	t.Parallel()
	a, other := newAuthority(t), newAuthority(t)
	good := CertificateOptions{Names: []string{serverName}}
	var host x509.HostnameError
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	reason := func(want x509.InvalidReason) func(*testing.T) {
		return func(t *testing.T) { require.Equal(t, want, invalid.Reason) }
	}
	tests := []struct {
		name   string
		issuer *Authority
		change func(*CertificateOptions)
		target any
		also   func(*testing.T)
	}{
		{"other authority", other, func(*CertificateOptions) {}, &unknown, nil},
		{"other name", a, func(o *CertificateOptions) { o.Names = []string{"other.example.test"} }, &host, nil},
		{"common name only", a, func(o *CertificateOptions) { o.Names, o.CommonName = nil, serverName }, &host, nil},
		{"expired", a, func(o *CertificateOptions) { o.Until = time.Now().Add(-time.Minute) }, &invalid, reason(x509.Expired)},
		{"not valid yet", a, func(o *CertificateOptions) { o.From = time.Now().Add(time.Minute) }, &invalid, reason(x509.Expired)},
		{
			"a client's", a,
			func(o *CertificateOptions) { o.Usages = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} },
			&invalid, reason(x509.IncompatibleUsage),
		},
	}
	for _, test := range tests {
		options := good
		test.change(&options)
		server := serverTLS(t, a, good)
		pair, err := issue(t, test.issuer, options).TLS()
		require.NoError(t, err)
		server.Certificates = []tls.Certificate{pair}
		serverErr, clientErr := handshake(t, server, clientTLS(t, a, good, serverName))
		require.Error(t, serverErr, test.name)
		require.ErrorAs(t, clientErr, test.target, test.name)
		if test.also != nil {
			test.also(t)
		}
	}
}

func TestServersWantCertificatesOfTheirAuthority(t *testing.T) {
	t.Parallel()
	a, other := newAuthority(t), newAuthority(t)
	good := CertificateOptions{Names: []string{serverName}}
	server := serverTLS(t, a, good)

	stranger := clientTLS(t, other, good, serverName)
	stranger.RootCAs = a.Pool()
	serverErr, _ := handshake(t, server, stranger)
	require.ErrorAs(t, serverErr, new(x509.UnknownAuthorityError))

	bare := clientTLS(t, a, good, serverName)
	bare.Certificates = nil
	serverErr, _ = handshake(t, server, bare)
	require.ErrorContains(t, serverErr, "didn't provide a certificate")
}

func TestCertificateFiles(t *testing.T) {
	t.Parallel()
	a, dir := newAuthority(t), t.TempDir()
	c := issue(t, a, CertificateOptions{Names: []string{serverName}})
	certificate, key, err := c.Write(dir, "server")
	require.NoError(t, err)
	for path, want := range map[string][]byte{certificate: c.PEM, key: c.KeyPEM} {
		written, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, want, written)
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
	pair, err := tls.LoadX509KeyPair(certificate, key)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(a.PEM()))
	_, err = pair.Leaf.Verify(x509.VerifyOptions{DNSName: serverName, Roots: pool})
	require.NoError(t, err)
	require.Equal(t, serverName, pair.Leaf.Subject.CommonName)

	_, _, err = c.Write(dir+"/missing", "server")
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestCertificatesLastADayByDefault(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, err := NewAuthority("Example CA")
		require.NoError(t, err)
		for until, want := range map[time.Time]time.Duration{{}: validity, time.Now().Add(9 * validity): 9 * validity} {
			pair, err := issue(t, a, CertificateOptions{Names: []string{"radius.example.com"}, Until: until}).TLS()
			require.NoError(t, err)
			require.Equal(t, want, time.Until(pair.Leaf.NotAfter))
			require.True(t, pair.Leaf.NotAfter.Before(a.parsed.NotAfter), "the authority is valid as long")
		}
	})
}
