// Package fips says whether FIPS 140-3 mode is on, and what it has no place for.
//
// Go's mode has two steps: with GODEBUG=fips140=on approved functions come from the Go
// Cryptographic Module, and others such as MD5 still work; with fips140=only the others fail or
// panic. What this plugin refuses is the same in both: who turns the mode on wants approved
// functions, and a mount that works in one step works in the other.
package fips

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/fips140"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// Enabled reports whether FIPS 140-3 mode is on: GODEBUG=fips140=on or fips140=only. A program
// that was built with GOFIPS140 is in the first of them unless its environment says otherwise.
func Enabled() bool { return fips140.Enabled() }

// Mode returns the mode as GODEBUG has it: "only", "on", or "off".
func Mode() string {
	switch {
	case fips140.Enforced():
		return "only"
	case fips140.Enabled():
		return "on"
	}
	return "off"
}

// Refused returns the text about something that the mode has no place for: what it is, beginning
// with its field; why; and what to do instead.
func Refused(what, why, remedy string) string {
	return fmt.Sprintf("%s is refused in FIPS 140 mode, %s: %s", what, why, remedy)
}

// Identifier runs a function that computes an identifier, not a secret, with a digest that FIPS
// 140 does not approve. Its use is no cryptography: other programs compute the same identifiers.
func Identifier(compute func()) { fips140.WithoutEnforcement(compute) }

// An approved RSA key has an even number of bits, minRSABits or more (SP 800-131A), and an odd
// exponent above maxRefusedExponent (FIPS 186-5 section 5.4).
const (
	minRSABits         = 2048
	maxRefusedExponent = 1 << 16
)

// CheckCertificates returns an error, beginning with the field, if the mode is on and PEM text has
// a certificate with a key that it has no place for. Text that cannot be read is left to others.
func CheckCertificates(field, text string) error {
	if !Enabled() {
		return nil
	}
	return checkCertificates(field, text)
}

func checkCertificates(field, text string) error {
	rest := []byte(text)
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return nil
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			continue
		}
		if err := checkCertificate(field+" with the certificate of", certificate); err != nil {
			return err
		}
	}
}

// checkCertificate returns a *RefusedError for a certificate with a key that the mode has no place
// for. what begins its text, before the certificate's subject.
func checkCertificate(what string, certificate *x509.Certificate) error {
	kind := unapprovedKey(certificate.PublicKey)
	if kind == "" {
		return nil
	}
	return NewRefusedError(
		fmt.Sprintf("%s %.80q", what, certificate.Subject.String()),
		"since its key is "+kind,
		"use RSA of 2048 bits or more, ECDSA with P-256, P-384 or P-521, or Ed25519",
	)
}

// CheckConnection returns a *RefusedError if the mode is on and each chain of the certificate that a
// TLS server has shown has a key that the mode has no place for. It is for [tls.Config]'s
// VerifyConnection: crypto/tls looks at the sizes of keys and at curves alone.
func CheckConnection(state tls.ConnectionState) error {
	if !Enabled() {
		return nil
	}
	var refused error
	for _, chain := range state.VerifiedChains {
		err := checkChain(chain)
		if err == nil {
			return nil
		}
		if refused == nil {
			refused = err
		}
	}
	return refused
}

// checkChain returns a *RefusedError for the first certificate that the mode has no place for.
func checkChain(chain []*x509.Certificate) error {
	what := "the server's certificate, of"
	for _, certificate := range chain {
		if err := checkCertificate(what, certificate); err != nil {
			return err
		}
		what = "a certificate that signs the server's, of"
	}
	return nil
}

// AsRefused returns the *RefusedError in err, or that of a TLS connection that ended because the mode
// has no place for a certificate that the server has shown; nil for other errors.
func AsRefused(err error) error {
	var refused *RefusedError
	var unverified *tls.CertificateVerificationError
	switch {
	case errors.As(err, &refused):
		return refused
	case Enabled() && errors.As(err, &unverified):
		return checkChain(unverified.UnverifiedCertificates)
	}
	return nil
}

// RefusedError means that the mode has no place for a certificate or a setting.
type RefusedError struct{ text string }

// NewRefusedError returns the error with the text of Refused.
func NewRefusedError(what, why, remedy string) *RefusedError {
	return &RefusedError{Refused(what, why, remedy)}
}

// Error returns what is refused, why, and what to do.
func (e *RefusedError) Error() string { return e.text }

// unapprovedKey returns what a public key is that FIPS 186-5 does not approve; "" for others.
func unapprovedKey(key any) string {
	switch key := key.(type) {
	case *rsa.PublicKey:
		switch bits := key.N.BitLen(); {
		case bits < minRSABits, bits%2 != 0:
			return fmt.Sprintf("RSA of %d bits", bits)
		case key.E <= maxRefusedExponent, key.E%2 == 0:
			return fmt.Sprintf("RSA with the exponent %d", key.E)
		}
		return ""
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P224() {
			return "ECDSA with P-224"
		}
		return ""
	case ed25519.PublicKey:
		return ""
	}
	return fmt.Sprintf("of the kind %T", key)
}
