package fips_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/fips140"
	"crypto/md5" // #nosec G501 -- what Identifier is for
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
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

func TestWithoutTheModeNothingIsRefused(t *testing.T) {
	if fips.Enabled() {
		return // the other tests are about it
	}
	require.Equal(t, "off", fips.Mode())
	require.NoError(t, fips.CheckCertificates("tls_ca_cert", certificateOn(t, elliptic.P224())))
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
