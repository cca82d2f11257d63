package directory

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"sync"

	"vault-plugin-auth-radius/internal/fips"
)

// tls returns the configuration of TLS with a server: whom it believes, and what it shows.
func (c Config) tls(host string) (*tls.Config, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(c.CACertificates)) {
		return nil, errors.New("`ssl_cert` has no certificate in PEM form: give those of who may sign the directory's")
	}
	for _, given := range []struct{ field, text string }{
		{"`ssl_cert`", c.CACertificates}, {"`tls_client_cert`", c.ClientCertificate},
	} {
		if err := fips.CheckCertificates(given.field, given.text); err != nil {
			return nil, err
		}
	}
	config := &tls.Config{
		ServerName: cmp.Or(c.ServerName, host), RootCAs: pool, MinVersion: tls.VersionTLS12,
		VerifyConnection: fips.CheckConnection,
	}
	if (c.ClientCertificate == "") != (c.ClientKey == "") {
		return nil, errors.New("`tls_client_cert` and `tls_client_key` belong together: give both or neither")
	}
	if c.ClientCertificate != "" {
		pair, err := tls.X509KeyPair([]byte(c.ClientCertificate), []byte(c.ClientKey))
		if err != nil {
			// The cause says which of them, and shows neither.
			return nil, fmt.Errorf("`tls_client_cert` and `tls_client_key`: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// tlsConn is a TLS connection that remembers how it ended, of which go-ldap keeps a text
// only. With TLS 1.3 the server refuses a client's certificate, or demands one, after the
// handshake: the first read fails.
type tlsConn struct {
	*tls.Conn
	wanted bool // the server asked for a client certificate; set by the handshake
	shown  bool // there was one

	mu       sync.Mutex
	received bool  // guarded by mu; the server has said something in LDAP
	ended    error // guarded by mu; the first fault
}

// secure starts TLS on a connection.
func secure(ctx context.Context, raw net.Conn, config *tls.Config) (*tlsConn, error) {
	c := &tlsConn{shown: len(config.Certificates) > 0}
	config = config.Clone()
	// The certificate is shown whichever signers the server names: it says then that it
	// does not trust this one's. crypto/tls would show none.
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		c.wanted = true
		if c.shown {
			return &config.Certificates[0], nil
		}
		return &tls.Certificate{}, nil
	}
	c.Conn = tls.Client(raw, config)
	if err := c.HandshakeContext(ctx); err != nil {
		return c, c.explain(err)
	}
	return c, nil
}

// Read implements [net.Conn].
func (c *tlsConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.note(n > 0, err)
	return n, err
}

// Write implements [net.Conn].
func (c *tlsConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.note(false, err)
	return n, err
}

func (c *tlsConn) note(received bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.received = c.received || received
	if c.ended == nil && !c.received {
		c.ended = err
	}
}

// fault returns why the server ended the connection before it said anything; nil if it
// did not, or if TLS has nothing to do with it.
func (c *tlsConn) fault() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended == nil {
		return nil
	}
	err := c.explain(c.ended)
	var ended *tlsEndedError
	if !errors.As(err, &ended) {
		return nil
	}
	return err
}

// explain returns a tlsEndedError for a fault that may be about the client's certificate,
// or that the server has said something of; others as they are.
func (c *tlsConn) explain(err error) error {
	var network *net.OpError
	isAlert := errors.As(err, &network) && network.Op == "remote error"
	switch {
	case c.wanted && !c.shown:
		return &tlsEndedError{"it asked for a client certificate, and ended the connection: set tls_client_cert and tls_client_key", err}
	case isAlert && alertTexts[network.Err.Error()] != "":
		return &tlsEndedError{alertTexts[network.Err.Error()], err}
	case c.wanted:
		return &tlsEndedError{"it seems not to accept the client certificate: it ended the connection:" +
			" see tls_client_cert, and its log", err}
	case isAlert:
		return &tlsEndedError{"it ended TLS: see its log", err}
	}
	return err
}

// tlsEndedError says why a server ended TLS, and what to do.
type tlsEndedError struct {
	text string
	err  error
}

func (e *tlsEndedError) Error() string { return fmt.Sprintf("%s (%v)", e.text, e.err) }

func (e *tlsEndedError) Unwrap() error { return e.err }

// alertTexts say what a server's alerts mean that are about the client (RFC 8446 section
// 6.2). Go has no type for them: they are known by Go's texts.
var alertTexts = map[string]string{
	"tls: bad certificate":                "it refused the client certificate: see tls_client_cert, and its log",
	"tls: unsupported certificate":        "it refused the client certificate: its kind is not supported",
	"tls: revoked certificate":            "it refused the client certificate: it is revoked",
	"tls: expired certificate":            "it refused the client certificate: it has expired",
	"tls: unknown certificate":            "it refused the client certificate: see its log",
	"tls: unknown certificate authority":  "it does not know who signed the client certificate: see tls_client_cert, and its log",
	"tls: access denied":                  "it refused the client certificate: it is not allowed",
	"tls: protocol version not supported": "it speaks no TLS 1.2 or 1.3",
}
