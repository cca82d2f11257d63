package fips_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/fips140"
	"crypto/md5" // #nosec G501 -- what Identifier is for
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/fips"
	"vault-plugin-auth-radius/internal/fipstest"
)

// certificateOn returns a certificate, as PEM, with a key on the curve.
func certificateOn(t *testing.T, curve elliptic.Curve) string {
	t.Helper()
	var signed []byte
	fips140.WithoutEnforcement(func() {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		require.NoError(t, err)
		template := &x509.Certificate{
			SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "example"}, NotAfter: time.Now().Add(time.Hour),
		}
		signed, err = x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
		require.NoError(t, err)
	})
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}))
}

func TestCertificatesWithKeysThatAreNotApprovedAreRefused(t *testing.T) {
	if !fipstest.Only(t) {
		return
	}
	approved := certificateOn(t, elliptic.P384())
	require.NoError(t, fips.CheckCertificates("tls_ca_cert", approved))
	require.NoError(t, fips.CheckCertificates("tls_ca_cert", "no certificate"))
	err := fips.CheckCertificates("tls_ca_cert", approved+certificateOn(t, elliptic.P224()))
	require.ErrorContains(t, err, `tls_ca_cert with the certificate of "CN=example" is refused in FIPS 140 mode, `+
		"since its key is ECDSA with P-224: use RSA of 2048 bits or more")
}

// issued returns a certificate with a public key, signed by an authority of its own, and that one.
func issued(t *testing.T, key any) []*x509.Certificate {
	t.Helper()
	authority, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	signed := func(name string, key any) *x509.Certificate {
		template := &x509.Certificate{
			SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key, authority)
		require.NoError(t, err)
		certificate, err := x509.ParseCertificate(der)
		require.NoError(t, err)
		return certificate
	}
	return []*x509.Certificate{signed("server", key), signed("authority", &authority.PublicKey)}
}

// rsaKey returns a public key of that many bits.
func rsaKey(bits uint, exponent int) *rsa.PublicKey {
	modulus := new(big.Int).Lsh(big.NewInt(1), bits-1)
	return &rsa.PublicKey{N: modulus.SetBit(modulus, 0, 1), E: exponent}
}

// Go refuses some of these when they are used, and crypto/tls others: here it is one rule for all.
func TestRSAKeysThatAreNotApprovedAreRefused(t *testing.T) {
	if !fipstest.Only(t) {
		return
	}
	for want, key := range map[string]*rsa.PublicKey{
		"":                               rsaKey(2048, 65537),
		"RSA of 1024 bits":               rsaKey(1024, 65537),
		"RSA of 2047 bits":               rsaKey(2047, 65537),
		"RSA of 2049 bits":               rsaKey(2049, 65537),
		"RSA with the exponent 3":        rsaKey(2048, 3),
		"RSA with the exponent 65536":    rsaKey(2048, 65536),
		"RSA with the exponent 16777218": rsaKey(3072, 1<<24+2),
	} {
		chain := issued(t, key)
		given := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: chain[0].Raw}))
		shown := tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{chain}}
		if want == "" {
			require.NoError(t, fips.CheckCertificates("tls_ca_cert", given))
			require.NoError(t, fips.CheckConnection(shown))
			continue
		}
		want = " is refused in FIPS 140 mode, since its key is " + want + ":"
		require.ErrorContains(t, fips.CheckCertificates("tls_ca_cert", given), `tls_ca_cert with the certificate of "CN=server"`+want)
		err := fips.CheckConnection(shown)
		require.ErrorContains(t, err, `"CN=server"`+want)
		require.Equal(t, err, fips.AsRefused(fmt.Errorf("in the handshake: %w", err)))
		require.ErrorContains(t, fips.AsRefused(&tls.CertificateVerificationError{UnverifiedCertificates: chain}), want)
	}
}

// A server may send more than it needs: what leads to an authority in approved keys alone will do.
func TestOneApprovedChainIsEnough(t *testing.T) {
	if !fipstest.Only(t) {
		return
	}
	weak, good := issued(t, rsaKey(1024, 65537)), issued(t, rsaKey(2048, 65537))
	require.NoError(t, fips.CheckConnection(tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{weak, good}}))
	require.NoError(t, fips.AsRefused(&tls.CertificateVerificationError{UnverifiedCertificates: good}), "another fault")
	require.NoError(t, fips.AsRefused(errors.New("another fault")))
	err := fips.CheckConnection(tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{good[0], weak[0]}}})
	require.ErrorContains(t, err, `a certificate that signs the server's, of "CN=server" is refused`)
}

func TestWithoutTheModeNothingIsRefused(t *testing.T) {
	if fips.Enabled() {
		return // the other tests are about it
	}
	require.Equal(t, "off", fips.Mode())
	require.NoError(t, fips.CheckCertificates("tls_ca_cert", certificateOn(t, elliptic.P224())))
	weak := issued(t, rsaKey(1024, 3))
	require.NoError(t, fips.CheckConnection(tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{weak}}))
	require.NoError(t, fips.AsRefused(&tls.CertificateVerificationError{UnverifiedCertificates: weak}))
}

func TestModesAreTold(t *testing.T) {
	if fipstest.Only(t) {
		require.Equal(t, "only", fips.Mode())
		require.True(t, fips.Enabled())
	}
}

func TestModeOnIsTold(t *testing.T) {
	if fipstest.On(t) {
		require.Equal(t, "on", fips.Mode())
		require.True(t, fips.Enabled())
	}
}

func TestIdentifiersAreComputedInEveryMode(t *testing.T) {
	if !fipstest.Only(t) {
		return
	}
	require.Panics(t, func() { md5.Sum(nil) }, "or the test proves nothing") // #nosec G401 -- see the import
	fips.Identifier(func() {
		sum := md5.Sum(nil) // #nosec G401 -- see the import
		require.Equal(t, "d41d8cd98f00b204e9800998ecf8427e", hex.EncodeToString(sum[:]))
	})
}
