package acct

import (
	"encoding/pem"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/tlstest"
)

func newAuthority(t *testing.T) *tlstest.Authority {
	t.Helper()
	authority, err := tlstest.NewAuthority("Test CA")
	require.NoError(t, err)
	return authority
}

func issue(t *testing.T, authority *tlstest.Authority, name string) *tlstest.Certificate {
	t.Helper()
	certificate, err := authority.Issue(tlstest.CertificateOptions{Names: []string{name}})
	require.NoError(t, err)
	return certificate
}

func TestCertificatesAndKeysAreCheckedByField(t *testing.T) {
	t.Parallel()
	authority := newAuthority(t)
	ca, client, other := string(authority.PEM()), issue(t, authority, "bob"), issue(t, authority, "eve")
	certificate, key := string(client.PEM), string(client.KeyPEM)
	encrypted := pem.EncodeToMemory(&pem.Block{ // as openssl used to make them
		Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00"}, Bytes: []byte("hush"),
	})
	spoiled := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})
	const parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
	for name, test := range map[string]struct {
		tls            TLS
		field, problem string
	}{
		"CA is no PEM":          {TLS{CACertificates: "/etc/ca.pem"}, "tls_ca_cert", "no certificate in PEM form"},
		"CA is a key":           {TLS{CACertificates: key}, "tls_ca_cert", "something other than certificates"},
		"CA with a key":         {TLS{CACertificates: ca + key}, "tls_ca_cert", "something other than certificates"},
		"CA is cut":             {TLS{CACertificates: ca + ca[:len(ca)/2]}, "tls_ca_cert", "not all of it"},
		"CA is spoiled":         {TLS{CACertificates: string(spoiled)}, "tls_ca_cert", "number 1"},
		"certificate alone":     {TLS{ClientCertificate: certificate}, "tls_client_key", "missing"},
		"key alone":             {TLS{ClientKey: key}, "tls_client_cert", "missing"},
		"certificate is no PEM": {TLS{ClientCertificate: "x", ClientKey: key}, "tls_client_cert", "no certificate in PEM form"},
		"certificate with its key": {
			TLS{ClientCertificate: certificate + key, ClientKey: key},
			"tls_client_cert",
			"something other than certificates",
		},
		"key is no PEM":        {TLS{ClientCertificate: certificate, ClientKey: "hush"}, "tls_client_key", "no key in PEM form"},
		"key is a certificate": {TLS{ClientCertificate: certificate, ClientKey: certificate}, "tls_client_key", "no key in PEM form"},
		"key of another":       {TLS{ClientCertificate: certificate, ClientKey: string(other.KeyPEM)}, "tls_client_key", "not the key of"},
		"key is encrypted":     {TLS{ClientCertificate: certificate, ClientKey: string(encrypted)}, "tls_client_key", "encrypted"},
		"key is encrypted, PKCS #8": {
			TLS{ClientCertificate: certificate, ClientKey: strings.ReplaceAll(key, "PRIVATE", "ENCRYPTED PRIVATE")}, "tls_client_key", "encrypted",
		},
	} {
		err := test.tls.Check()
		var unfit *TLSError
		require.ErrorAs(t, err, &unfit, name)
		require.Equal(t, test.field, unfit.Field, name)
		require.ErrorContains(t, err, test.problem, name)
		require.NotContains(t, err.Error(), "hush")
		_, err = NewPostgres(plainURL+"?sslmode=verify-full", WithTLS(test.tls))
		require.ErrorAs(t, err, &unfit, name)
	}
	for _, good := range []TLS{
		{},
		{CACertificates: "Subject: Test CA\n" + ca + "\nanother\n" + ca},
		{CACertificates: ca, ClientCertificate: certificate + ca, ClientKey: parameters + key},
	} {
		require.NoError(t, good.Check())
	}
}

func TestCertificatesWithoutEffectAreRefused(t *testing.T) {
	t.Parallel()
	authority := newAuthority(t)
	client := issue(t, authority, "bob")
	onlyCA := TLS{CACertificates: string(authority.PEM())}
	onlyClient := TLS{ClientCertificate: string(client.PEM), ClientKey: string(client.KeyPEM)}
	for query, tests := range map[string]map[string]TLS{
		"sslmode=disable":                        {"tls_ca_cert": onlyCA, "tls_client_cert": onlyClient},
		"sslmode=allow":                          {"tls_ca_cert": onlyCA},
		"sslmode=prefer":                         {"tls_ca_cert": onlyCA},
		"":                                       {"tls_ca_cert": onlyCA},
		"sslrootcert=system":                     {"tls_ca_cert": onlyCA},
		"host=/run/postgresql":                   {"tls_ca_cert": onlyCA, "tls_client_cert": onlyClient},
		"host=/run/a,/run/b&sslmode=verify-full": {"tls_ca_cert": onlyCA, "tls_client_cert": onlyClient},
	} {
		for field, tls := range tests {
			_, err := CheckURL(plainURL+"?"+query, WithTLS(tls))
			var unfit *TLSError
			require.ErrorAs(t, err, &unfit, query)
			require.Equal(t, field, unfit.Field, query)
			require.ErrorContains(t, err, "no effect", query)
		}
	}
	for _, query := range []string{
		"sslmode=prefer", "sslmode=require", "sslmode=verify-ca", "sslmode=verify-full", "sslrootcert=system", "host=/run/a,db&sslmode=require",
	} {
		_, err := CheckURL(plainURL+"?"+query, WithTLS(onlyClient))
		require.NoError(t, err, query)
	}
}

// What decides is what each connection that is tried verifies.
func TestEachConnectionVerifiesWhatSSLModeSays(t *testing.T) {
	t.Parallel()
	ca := TLS{CACertificates: string(newAuthority(t).PEM())}
	const cleartext, unverified, chain, full = "no TLS", "unverified", "chain", "chain and name"
	for _, test := range []struct {
		query string
		tls   TLS
		want  []string
	}{
		{"", TLS{}, []string{unverified, cleartext}},
		{"sslmode=disable", TLS{}, []string{cleartext}},
		{"sslmode=allow", TLS{}, []string{cleartext, unverified}},
		{"sslmode=prefer", TLS{}, []string{unverified, cleartext}},
		{"sslmode=require", TLS{}, []string{unverified}},
		{"sslmode=require", ca, []string{chain}},
		{"sslmode=verify-ca", ca, []string{chain}},
		{"sslmode=verify-full", ca, []string{full}},
		{"sslmode=verify-full", TLS{}, []string{full}},
		{"sslrootcert=system", TLS{}, []string{full}},
		{"sslnegotiation=direct", TLS{}, []string{unverified}},
		{"sslmode=verify-full&sslsni=0", ca, []string{full}},
		{"sslmode=verify-full&host=a,/run/b,c", ca, []string{full, cleartext, full}},
	} {
		settings, err := parseURL(plainURL + "?" + test.query)
		require.NoError(t, err)
		security, err := newTransportSecurity(settings, test.tls)
		require.NoError(t, err, test.query)
		var found []string
		for _, host := range settings.hosts() {
			for _, config := range security.configs(host) {
				switch {
				case config == nil:
					found = append(found, cleartext)
				case !config.InsecureSkipVerify && config.ServerName == host && (config.RootCAs != nil) == (test.tls != TLS{}):
					found = append(found, full)
				case config.VerifyConnection != nil:
					found = append(found, chain)
				default:
					found = append(found, unverified)
				}
			}
		}
		require.Equal(t, test.want, found, test.query)
	}
}

func TestHostsThatAreNotVerifiedAreWarnedOf(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"", "sslmode=disable", "sslmode=allow", "sslmode=prefer", "sslmode=require"} {
		for hosts, want := range map[string][]string{
			"db.example.com":                      {"db.example.com"},
			"192.0.2.1":                           {"192.0.2.1"},
			"a.example.com,localhost,2001:db8::1": {"a.example.com", "2001:db8::1"},
			"localhost":                           nil,
			"LOCALHOST.":                          nil,
			"127.0.0.1,127.1.2.3,::1":             nil,
			"::ffff:127.0.0.1":                    nil,
			"/var/run/postgresql":                 nil,
			"/var/run/postgresql,b.example.com":   {"b.example.com"},
			"localhost.example.com":               {"localhost.example.com"},
		} {
			warnings, err := CheckURL("postgres://bob:s3cret@/radius?" + mode + "&host=" + hosts)
			require.NoError(t, err)
			require.Len(t, warnings, len(want), mode+hosts)
			for i, host := range want {
				require.Contains(t, warnings[i], "does not verify the certificate of "+host+":")
				require.NotContains(t, warnings[i], "s3cret")
			}
		}
	}
	for _, mode := range []string{"sslmode=verify-ca", "sslmode=verify-full", "sslrootcert=system"} {
		warnings, err := CheckURL(plainURL + "?" + mode)
		require.NoError(t, err)
		require.Empty(t, warnings, mode)
	}
	warnings, err := CheckURL(plainURL+"?sslmode=require", WithTLS(TLS{CACertificates: string(newAuthority(t).PEM())}))
	require.NoError(t, err)
	require.Empty(t, warnings, "that is verify-ca")
}
