// Package certificates tells when certificates end.
package certificates

import (
	"crypto/x509"
	"encoding/pem"
	"time"
)

// End returns when the first of the certificates ends; zero if there is none.
func End(chain []*x509.Certificate) time.Time {
	var first time.Time
	for _, certificate := range chain {
		if first.IsZero() || certificate.NotAfter.Before(first) {
			first = certificate.NotAfter
		}
	}
	return first
}

// EndPEM returns when the first of the certificates in a text in PEM form ends; zero if there is
// none. As crypto/x509 does for a pool, it passes over all else that is in the text.
func EndPEM(text string) time.Time {
	var found []*x509.Certificate
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return End(found)
		}
		if block.Type != "CERTIFICATE" || len(block.Headers) > 0 {
			continue
		}
		if certificate, err := x509.ParseCertificate(block.Bytes); err == nil {
			found = append(found, certificate)
		}
	}
}
