package acct

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"vault-plugin-auth-radius/internal/fips"
)

// The fields of the config that TLS is made of.
const (
	fieldCACertificates    = "tls_ca_cert"
	fieldClientCertificate = "tls_client_cert"
	fieldClientKey         = "tls_client_key"
)

// TLS is what the two ends of a connection to PostgreSQL show and believe, as PEM
// text. All of it is optional.
type TLS struct {
	CACertificates    string // authorities for the server's certificate; empty: the system's trust store
	ClientCertificate string // with those between it and the root
	ClientKey         string
}

// checkFIPS returns a *TLSError for certificates that FIPS 140 mode has no place for, if it is on.
func (t TLS) checkFIPS() error {
	for _, given := range []struct{ field, text string }{
		{fieldCACertificates, t.CACertificates}, {fieldClientCertificate, t.ClientCertificate},
	} {
		if err := fips.CheckCertificates("", given.text); err != nil {
			return &TLSError{Field: given.field, problem: strings.TrimSpace(err.Error()), err: err}
		}
	}
	return nil
}

// TLSError means that certificates or a key cannot be used. It shows nothing of them.
type TLSError struct {
	Field   string // tls_ca_cert, tls_client_cert or tls_client_key
	problem string
	err     error // that FIPS 140 mode refuses it; nil for other problems
}

func unfit(field, problem string) *TLSError { return &TLSError{Field: field, problem: problem} }

// Unwrap returns what FIPS 140 mode has against it.
func (e *TLSError) Unwrap() error { return e.err }

// Error returns the name of the field and its problem.
func (e *TLSError) Error() string { return e.Field + " " + e.problem }

// Check checks the texts themselves. The error is a *TLSError.
func (t TLS) Check() error {
	_, _, err := t.parse()
	return err
}

// firstField returns the first of the fields that is given; empty if there is none.
func (t TLS) firstField() string {
	switch {
	case t.CACertificates != "":
		return fieldCACertificates
	case t.ClientCertificate != "":
		return fieldClientCertificate
	case t.ClientKey != "":
		return fieldClientKey
	}
	return ""
}

// parse returns the authorities, nil for the system's, and the client's certificates.
func (t TLS) parse() (roots *x509.CertPool, client []tls.Certificate, err error) {
	if t.CACertificates != "" {
		authorities, err := parseCertificates(fieldCACertificates, t.CACertificates)
		if err != nil {
			return nil, nil, err
		}
		roots = x509.NewCertPool()
		for _, authority := range authorities {
			roots.AddCert(authority)
		}
	}
	if err := t.checkFIPS(); err != nil {
		return nil, nil, err
	}
	switch {
	case t.ClientCertificate == "" && t.ClientKey == "":
		return roots, nil, nil
	case t.ClientCertificate == "":
		return nil, nil, unfit(fieldClientCertificate, "is missing: tls_client_key is of no use without it")
	case t.ClientKey == "":
		return nil, nil, unfit(fieldClientKey, "is missing: tls_client_cert is of no use without it")
	}
	if _, err := parseCertificates(fieldClientCertificate, t.ClientCertificate); err != nil {
		return nil, nil, err
	}
	if err := checkKey(t.ClientKey); err != nil {
		return nil, nil, err
	}
	pair, err := tls.X509KeyPair([]byte(t.ClientCertificate), []byte(t.ClientKey))
	if err != nil {
		return nil, nil, unfit(fieldClientKey, "is not the key of the first certificate in tls_client_cert, or of an unknown kind")
	}
	return roots, []tls.Certificate{pair}, nil
}

// parseCertificates returns the certificates of a text, and takes no other blocks: a read
// of the field would show them.
func parseCertificates(field, text string) (found []*x509.Certificate, err error) {
	rest := []byte(text)
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, unfit(field, "has something other than certificates in it: leave keys out, since the field is returned by a read")
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, unfit(field, fmt.Sprintf("has a certificate that cannot be read: number %d", len(found)+1))
		}
		found = append(found, certificate)
	}
	switch {
	case strings.Contains(string(rest), "-----BEGIN"):
		return nil, unfit(field, "has a block that is not PEM, or not all of it")
	case len(found) == 0:
		return nil, unfit(field, "has no certificate in PEM form: set the text, not the name of a file")
	}
	return found, nil
}

// checkKey returns an error unless a text is a key in PEM form that needs no password.
func checkKey(text string) error {
	block, rest := pem.Decode([]byte(text))
	for block != nil && block.Type == "EC PARAMETERS" { // openssl ecparam writes them first
		block, rest = pem.Decode(rest)
	}
	switch {
	case block == nil || !strings.HasSuffix(block.Type, "PRIVATE KEY"):
		return unfit(fieldClientKey, "has no key in PEM form: set the text, not the name of a file")
	case block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "":
		return unfit(fieldClientKey, "is encrypted: set the key without a password (openssl pkey -in FILE)")
	}
	return nil
}

// sslMode is how much TLS is wanted.
type sslMode string

// The modes of libpq.
const (
	sslDisable    sslMode = "disable"
	sslAllow      sslMode = "allow"
	sslPrefer     sslMode = "prefer"
	sslRequire    sslMode = "require"
	sslVerifyCA   sslMode = "verify-ca"
	sslVerifyFull sslMode = "verify-full"
)

var sslModes = []sslMode{sslDisable, sslAllow, sslPrefer, sslRequire, sslVerifyCA, sslVerifyFull}

// transportSecurity is what TLS to any of the servers is made of.
type transportSecurity struct {
	mode   sslMode
	direct bool // TLS at once, without asking for it
	sni    bool
	roots  *x509.CertPool // nil: the system's
	client []tls.Certificate
}

// newTransportSecurity reads settings and certificates, and refuses what would have no
// effect. The error is a *URLError or a *TLSError.
func newTransportSecurity(s urlSettings, certificates TLS) (*transportSecurity, error) {
	roots, client, err := certificates.parse()
	if err != nil {
		return nil, err
	}
	t := &transportSecurity{
		mode:   s.sslMode(certificates),
		direct: s[settingSSLNegotiation] == "direct",
		sni:    s.or(settingSSLSNI, "1") == "1",
		roots:  roots,
		client: client,
	}
	field := certificates.firstField()
	system := s[settingSSLRootCert] == systemRoots
	switch {
	case !slices.Contains(sslModes, t.mode):
		return nil, &URLError{}
	case !slices.Contains([]string{"", "postgres", "direct"}, s[settingSSLNegotiation]):
		return nil, s.unknownValue(settingSSLNegotiation)
	case !slices.Contains([]string{"", "0", "1"}, s[settingSSLSNI]):
		return nil, s.unknownValue(settingSSLSNI)
	case system && t.mode != sslVerifyFull:
		return nil, &URLError{problem: "has sslrootcert=system, which needs sslmode=verify-full"}
	case t.direct && (t.mode == sslDisable || t.mode == sslAllow):
		return nil, &URLError{problem: "has sslnegotiation=direct, which needs sslmode=verify-full, or require or verify-ca"}
	case system && roots != nil:
		return nil, unfit(fieldCACertificates, "has no effect with sslrootcert=system in connection_url: remove one of them")
	case field != "" && !slices.ContainsFunc(s.hosts(), isNotSocket):
		return nil, unfit(field, "has no effect, since connection_url names sockets, where there is no TLS: remove it")
	case field != "" && t.mode == sslDisable:
		return nil, unfit(field, "has no effect with sslmode=disable in connection_url: remove it, or use sslmode=verify-full")
	case roots != nil && !t.verifies():
		return nil, &TLSError{
			Field:   fieldCACertificates,
			problem: fmt.Sprintf("has no effect with sslmode=%s in connection_url: use sslmode=verify-full", t.mode),
		}
	}
	return t, nil
}

// sslMode returns the mode that the settings come to, as with libpq: authorities make
// require verify them, and those of the system the name as well.
func (s urlSettings) sslMode(certificates TLS) sslMode {
	mode := sslMode(s.or(settingSSLMode, string(sslPrefer)))
	switch {
	case s[settingSSLMode] == "" && s[settingSSLRootCert] == systemRoots:
		return sslVerifyFull
	case mode == sslPrefer && s[settingSSLNegotiation] == "direct":
		mode = sslRequire
	}
	if mode == sslRequire && certificates.CACertificates != "" {
		return sslVerifyCA
	}
	return mode
}

// verifies reports whether the server has to prove its identity.
func (t *transportSecurity) verifies() bool { return t.mode == sslVerifyCA || t.mode == sslVerifyFull }

// configs returns the configurations to try with a host, in order; nil is a connection without TLS.
func (t *transportSecurity) configs(host string) []*tls.Config {
	switch {
	case t.mode == sslDisable || !isNotSocket(host):
		return []*tls.Config{nil}
	case t.mode == sslAllow:
		return []*tls.Config{nil, t.config(host)}
	case t.mode == sslPrefer:
		return []*tls.Config{t.config(host), nil}
	}
	return []*tls.Config{t.config(host)}
}

func (t *transportSecurity) config(host string) *tls.Config {
	config := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: t.roots, Certificates: t.client}
	if t.direct {
		config.NextProtos = []string{"postgresql"}
	}
	if t.mode == sslVerifyFull || (t.sni && net.ParseIP(host) == nil) {
		config.ServerName = host
	}
	if t.mode != sslVerifyFull {
		config.InsecureSkipVerify = true // #nosec G402 -- the operator's sslmode; verify-ca verifies all but the name, below
	}
	if t.mode == sslVerifyCA {
		config.VerifyConnection = t.verifyChain
	}
	return config
}

// verifyChain verifies the server's certificate, but not its name.
func (t *transportSecurity) verifyChain(state tls.ConnectionState) error {
	if len(state.PeerCertificates) == 0 {
		return errors.New("the server has no certificate")
	}
	options := x509.VerifyOptions{Roots: t.roots, Intermediates: x509.NewCertPool()}
	for _, certificate := range state.PeerCertificates[1:] {
		options.Intermediates.AddCert(certificate)
	}
	_, err := state.PeerCertificates[0].Verify(options)
	return err
}

// warnings returns warnings about hosts that do not have to prove their identity.
func (t *transportSecurity) warnings(hosts []string) (found []string) {
	if t.verifies() {
		return nil
	}
	for _, host := range hosts {
		if isNotSocket(host) && !isLoopback(host) {
			found = append(found, fmt.Sprintf(
				"connection_url: sslmode=%s does not verify the certificate of %s: a host between could take its place, "+
					"read what is stored, and ask for the password; use sslmode=verify-full, and tls_ca_cert unless the system knows the authority",
				t.mode, host,
			))
		}
	}
	return found
}

// isNotSocket reports whether a host is not a folder of Unix sockets.
func isNotSocket(host string) bool {
	network, _ := pgconn.NetworkAddress(host, 0)
	return network != "unix"
}

// isLoopback reports whether a host is this one.
func isLoopback(host string) bool {
	if strings.EqualFold(strings.TrimSuffix(host, "."), "localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback()
}
