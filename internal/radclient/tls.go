package radclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"time"

	"vault-plugin-auth-radius/internal/fips"
)

// radsecSecret is the shared secret of RADIUS over TLS, which protects nothing
// there (RFC 6614 section 2.3).
const radsecSecret = "radsec"

// TLSVersion is the least version of TLS that is spoken.
type TLSVersion string

// The versions of TLS.
const (
	TLS12 TLSVersion = "tls12"
	TLS13 TLSVersion = "tls13"
)

// TLSVersions are the settings that there are.
var TLSVersions = []TLSVersion{TLS12, TLS13}

// TLSConfig says how a client and a server of RADIUS over TLS prove their identities
// (RFC 6614).
type TLSConfig struct {
	CACertificates    string // PEM: those that may sign the server's certificate; never the system's
	ClientCertificate string // PEM, with those between it and the root; empty: none
	ClientKey         Secret // PEM
	ServerName        string // in the server's certificate; empty: the host of the config
	MinVersion        TLSVersion
	Version           Version
}

// ALPN names (RFC 9765 section 3.3).
const (
	alpn10 = "radius/1.0"
	alpn11 = "radius/1.1"
)

// Check returns what is wrong, naming the config field; nil: nothing.
func (t TLSConfig) Check() error {
	_, err := t.config("")
	return err
}

// CheckGiven is Check for a transport that has no use for certificates yet: there need
// be none, but those that are given can be used.
func (t TLSConfig) CheckGiven() error {
	if t.CACertificates != "" {
		return t.Check()
	}
	_, err := t.clientCertificates()
	return err
}

// clientCertificates returns what the client shows; nil: nothing.
func (t TLSConfig) clientCertificates() ([]tls.Certificate, error) {
	if (t.ClientCertificate == "") != t.ClientKey.Empty() {
		return nil, errors.New("tls_client_cert and tls_client_key belong together: give both or neither")
	}
	if t.ClientCertificate == "" {
		return nil, nil
	}
	if err := fips.CheckCertificates("tls_client_cert", t.ClientCertificate); err != nil {
		return nil, err
	}
	certificate, err := tls.X509KeyPair([]byte(t.ClientCertificate), t.ClientKey.bytes())
	if err != nil {
		// The cause says which of them, and shows neither.
		return nil, fmt.Errorf("tls_client_cert and tls_client_key: %w", err)
	}
	return []tls.Certificate{certificate}, nil
}

// config returns what crypto/tls needs for a server.
func (t TLSConfig) config(host string) (*tls.Config, error) {
	config := &tls.Config{
		ServerName: t.ServerName, MinVersion: tls.VersionTLS12, RootCAs: x509.NewCertPool(),
		VerifyConnection: fips.CheckConnection,
	}
	if config.ServerName == "" {
		config.ServerName = host
	}
	if !config.RootCAs.AppendCertsFromPEM([]byte(t.CACertificates)) {
		return nil, errors.New("tls_ca_cert has no certificate in PEM form: give those that may sign the server's")
	}
	err := fips.CheckCertificates("tls_ca_cert", t.CACertificates)
	if err != nil {
		return nil, err
	}
	if config.Certificates, err = t.clientCertificates(); err != nil {
		return nil, err
	}
	if t.MinVersion == TLS13 {
		config.MinVersion = tls.VersionTLS13
	}
	switch t.Version {
	case RADIUS11:
		config.NextProtos = []string{alpn11}
		config.MinVersion = tls.VersionTLS13 // RFC 9765 section 3.4
	case VersionAuto:
		config.NextProtos = []string{alpn11, alpn10}
		config.MinVersion = tls.VersionTLS13
	}
	return config, nil
}

// handshake starts TLS and returns the version of RADIUS that is spoken. shown is called with
// the server's certificates, once they are known to be its own.
func (t TLSConfig) handshake(
	ctx context.Context, conn net.Conn, config *tls.Config, shown func(chain []*x509.Certificate),
) (net.Conn, Version, error) {
	secured := tls.Client(conn, config)
	tickets := &ticketWatch{conn: secured}
	config.ClientSessionCache = tickets
	if err := secured.HandshakeContext(ctx); err != nil {
		return nil, "", explainTLS(err)
	}
	shown(secured.ConnectionState().PeerCertificates)
	if err := awaitVerdict(secured, len(config.Certificates) > 0); err != nil {
		return nil, "", err
	}
	tickets.over.Store(true)
	if err := secured.SetReadDeadline(time.Time{}); err != nil {
		return nil, "", err
	}
	// Go refuses what was not offered, but does not mind if nothing was chosen.
	switch chosen := secured.ConnectionState().NegotiatedProtocol; {
	case chosen == alpn11:
		return secured, RADIUS11, nil
	case t.Version == RADIUS11:
		return nil, "", &tlsError{text: "the server does not speak RADIUS/1.1: see radius_version"}
	}
	return secured, RADIUS10, nil
}

// verdictTime is how long the server's word on the client's certificate is
// waited for. With TLS 1.3 it comes after the handshake, and a request that
// crosses it makes the system throw it away.
const verdictTime = 100 * time.Millisecond

// awaitVerdict waits until the server has refused the client's certificate, or
// shows by a session ticket, or by silence, that it has not. shown says whether there
// was a certificate to refuse.
func awaitVerdict(conn *tls.Conn, shown bool) error {
	if conn.ConnectionState().Version < tls.VersionTLS13 {
		return nil // it was part of the handshake
	}
	if err := conn.SetReadDeadline(time.Now().Add(verdictTime)); err != nil {
		return err
	}
	_, err := conn.Read(make([]byte, 1))
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil
	case err == nil:
		return &tlsError{text: "the server spoke first, which RADIUS servers do not"}
	case isTLSError(explainTLS(err)):
		return explainTLS(err)
	}
	if !shown {
		return &tlsError{alertTexts["tls: certificate required"], err}
	}
	return &tlsError{"the server seems not to accept the client certificate: it ended TLS after the handshake:" +
		" see tls_client_cert, and the server's log", err}
}

// ticketWatch ends the wait for the verdict when a session ticket comes. It keeps
// none: a session is never resumed (RFC 9765 section 3.5).
type ticketWatch struct {
	conn *tls.Conn
	over atomic.Bool // the wait
}

// Get implements [tls.ClientSessionCache].
func (*ticketWatch) Get(string) (*tls.ClientSessionState, bool) { return nil, false }

// Put implements [tls.ClientSessionCache].
func (w *ticketWatch) Put(string, *tls.ClientSessionState) {
	if !w.over.Load() {
		_ = w.conn.SetReadDeadline(time.Now())
	}
}

// tlsError holds what the two do not agree about, and what to do.
type tlsError struct {
	text string
	err  error
}

func (e *tlsError) Error() string {
	if e.err == nil {
		return e.text
	}
	return fmt.Sprintf("%s (%v)", e.text, e.err)
}

func (e *tlsError) Unwrap() error { return e.err }

// isTLSError reports whether it is of no use to try again.
func isTLSError(err error) bool {
	var disagreement *tlsError
	return errors.As(err, &disagreement)
}

// alertTexts say what the server's alerts mean (RFC 8446 section 6.2). Go has no
// type for them: they are known by Go's texts.
var alertTexts = map[string]string{
	"tls: certificate required": "the server wants a client certificate: set tls_client_cert and tls_client_key",
	"tls: handshake failure": "the server refused the handshake, maybe for want of a client certificate:" +
		" see tls_client_cert, and the server's log",
	"tls: bad certificate": "the server refused the client certificate, or wants one:" +
		" see tls_client_cert, and the server's log",
	"tls: unsupported certificate": "the server refused the client certificate: its kind is not supported",
	"tls: revoked certificate":     "the server refused the client certificate: it is revoked",
	"tls: expired certificate":     "the server refused the client certificate: it has expired",
	"tls: unknown certificate":     "the server refused the client certificate: see the server's log",
	"tls: unknown certificate authority": "the server does not know who signed the client certificate:" +
		" see its ca_file, or tls_client_cert",
	"tls: access denied": "the server refused the client certificate: it is not allowed",
	"tls: protocol version not supported": "the server does not speak the version of TLS that is demanded:" +
		" see tls_min_version and radius_version",
	"tls: no application protocol": "the server does not speak the version of RADIUS that is demanded: see radius_version",
}

// explainTLS turns a fault of TLS into a tlsError; others stay as they are.
func explainTLS(err error) error {
	var authority x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	var record tls.RecordHeaderError
	var network *net.OpError
	switch {
	case errors.As(err, &authority):
		return &tlsError{"the server's certificate is not signed by tls_ca_cert", err}
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return &tlsError{"the server's certificate has expired, or is not valid yet", err}
	case errors.As(err, &invalid):
		return &tlsError{"the server's certificate is not valid", err}
	case errors.As(err, &name):
		return &tlsError{"the server's certificate is for another name: see host and tls_server_name", err}
	case fips.AsRefused(err) != nil:
		return &tlsError{fips.AsRefused(err).Error(), err}
	case errors.As(err, &record):
		return &tlsError{"the server does not speak TLS on that port", err}
	case errors.As(err, &network) && network.Op == "remote error":
		text, known := alertTexts[network.Err.Error()]
		if !known {
			text = "the server ended TLS: see its log"
		}
		return &tlsError{text, err}
	}
	return err
}
