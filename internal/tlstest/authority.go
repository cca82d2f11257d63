// Package tlstest makes authorities and certificates for tests.
package tlstest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

const (
	// validity is how long certificates are valid, before and after they are made.
	validity = 24 * time.Hour
	// authorityValidity is how long an authority is: certificates may be made for longer than a day.
	authorityValidity = 365 * validity
)

// Authority issues certificates for tests. In a bubble of testing/synctest, whose
// clock starts in the past, create it there.
type Authority struct {
	certificate *Certificate
	parsed      *x509.Certificate
}

// CertificateOptions say what is in a certificate.
type CertificateOptions struct {
	CommonName string             // default: the first of Names
	Names      []string           // subjectAltName: DNS names and IP addresses
	Usages     []x509.ExtKeyUsage // default: for servers and for clients
	From       time.Time          // default: a day ago
	Until      time.Time          // default: in a day
	Key        crypto.Signer      // default: a new one (ECDSA P-256)
}

// Certificate is a certificate with its key.
type Certificate struct {
	PEM    []byte
	KeyPEM []byte // PKCS #8
}

// Identity is what one end of TLS needs: a certificate to show and the authority
// whose certificates it trusts.
type Identity struct {
	Certificate *Certificate
	Trusts      *Authority
}

// NewAuthority returns an authority that no program trusts yet.
func NewAuthority(name string) (*Authority, error) {
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             time.Now().Add(-validity),
		NotAfter:              time.Now().Add(authorityValidity),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	certificate, err := sealed(template, nil, nil, nil)
	if err != nil {
		return nil, fmt.Errorf("authority %s: %w", name, err)
	}
	pair, err := certificate.TLS()
	if err != nil {
		return nil, fmt.Errorf("authority %s: %w", name, err)
	}
	return &Authority{certificate: certificate, parsed: pair.Leaf}, nil
}

// PEM returns the authority's own certificate, for programs that are to trust it.
func (a *Authority) PEM() []byte { return a.certificate.PEM }

// Pool holds the authority's own certificate.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.parsed)
	return pool
}

// Issue makes a certificate.
func (a *Authority) Issue(o CertificateOptions) (*Certificate, error) {
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: o.CommonName},
		NotBefore:   o.From,
		NotAfter:    o.Until,
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: o.Usages,
	}
	for _, name := range o.Names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	if o.CommonName == "" && len(o.Names) > 0 {
		template.Subject.CommonName = o.Names[0]
	}
	if len(o.Usages) == 0 {
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	}
	if o.From.IsZero() {
		template.NotBefore = time.Now().Add(-validity)
	}
	if o.Until.IsZero() {
		template.NotAfter = time.Now().Add(validity)
	}
	pair, err := a.certificate.TLS()
	if err != nil {
		return nil, err
	}
	certificate, err := sealed(template, o.Key, a.parsed, pair.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("certificate for %q: %w", template.Subject.CommonName, err)
	}
	return certificate, nil
}

// sealed makes a certificate with a key, or a new one. Without a parent it signs itself.
func sealed(template *x509.Certificate, key crypto.Signer, parent *x509.Certificate, signer any) (*Certificate, error) {
	var err error
	if key == nil {
		if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			return nil, err
		}
	}
	if parent == nil {
		parent, signer = template, key
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)); err != nil {
		return nil, err
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return nil, err
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return &Certificate{
		PEM:    pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}),
		KeyPEM: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}),
	}, nil
}

// TLS returns the certificate as crypto/tls takes it.
func (c *Certificate) TLS() (tls.Certificate, error) { return tls.X509KeyPair(c.PEM, c.KeyPEM) }

// Write writes the files name.pem and name.key, for the owner only, and returns
// their paths.
func (c *Certificate) Write(dir, name string) (certificate, key string, err error) {
	certificate, key = filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key")
	if err := os.WriteFile(certificate, c.PEM, 0o600); err != nil {
		return "", "", fmt.Errorf("certificate: %w", err)
	}
	if err := os.WriteFile(key, c.KeyPEM, 0o600); err != nil {
		return "", "", fmt.Errorf("key of a certificate: %w", err)
	}
	return certificate, key, nil
}

// Server returns a configuration for a server that wants certificates from clients.
func (i *Identity) Server() (*tls.Config, error) {
	pair, err := i.Certificate.TLS()
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{pair},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    i.Trusts.Pool(),
	}, nil
}

// Client returns a configuration for a client of the server with that name.
func (i *Identity) Client(serverName string) (*tls.Config, error) {
	pair, err := i.Certificate.TLS()
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{pair},
		RootCAs:      i.Trusts.Pool(),
		ServerName:   serverName,
	}, nil
}

// Write writes the files name.pem, name.key and ca.pem; nothing if there is no
// identity.
func (i *Identity) Write(dir, name string) error {
	if i == nil {
		return nil
	}
	if _, _, err := i.Certificate.Write(dir, name); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "ca.pem"), i.Trusts.PEM(), 0o600); err != nil {
		return fmt.Errorf("certificate of an authority: %w", err)
	}
	return nil
}
