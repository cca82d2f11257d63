package radclient

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/radiustest"
	"vault-plugin-auth-radius/internal/tlstest"
)

// loginOverTLS logs in once at the first server.
func loginOverTLS(t *testing.T, network *radiustest.Network, config TLSConfig) error {
	t.Helper()
	client := newClientAt(t, network, func(c *Config) {
		c.Transport, c.TLS, c.StatusCheck = TLS, config, StatusCheckOff
	})
	defer client.Close()
	_, err := client.Authenticate(t.Context(), bob)
	return err
}

// startTLS runs a server at the first address.
func startTLS(t *testing.T, network *radiustest.Network, config *tls.Config, versions ...radiustest.Version) *radiustest.StreamServer {
	t.Helper()
	server, err := radiustest.StartStream(radiustest.StreamOptions{
		Network: network, Address: firstAddress.String(), TLS: config, Versions: versions, Handler: accept,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	return server
}

func TestEveryDisagreementOfTLSHasAnErrorOfItsOwn(t *testing.T) {
	t.Parallel()
	hour := time.Hour
	tests := map[string]struct {
		certificate func(*tlstest.CertificateOptions)
		client      func(*testing.T, *TLSConfig)
		server      func(*tls.Config)
		want        string
	}{
		"wrong CA": {
			client: func(t *testing.T, c *TLSConfig) { c.CACertificates = newCredentials(t, nil).clientTLS().CACertificates },
			want:   "the server's certificate is not signed by tls_ca_cert",
		},
		"expired certificate": {
			certificate: func(o *tlstest.CertificateOptions) { o.Until = time.Now().Add(-hour) },
			want:        "the server's certificate has expired, or is not valid yet",
		},
		"certificate of tomorrow": {
			certificate: func(o *tlstest.CertificateOptions) { o.From = time.Now().Add(hour) },
			want:        "the server's certificate has expired, or is not valid yet",
		},
		"wrong name": {
			client: func(_ *testing.T, c *TLSConfig) { c.ServerName = "other.example.com" },
			want:   "the server's certificate is for another name: see host and tls_server_name",
		},
		"common name only": {
			certificate: func(o *tlstest.CertificateOptions) { o.CommonName, o.Names = radsecName, nil },
			want:        "the server's certificate is for another name",
		},
		"no client certificate": {
			client: func(_ *testing.T, c *TLSConfig) { c.ClientCertificate, c.ClientKey = "", Secret{} },
			want:   "the server wants a client certificate: set tls_client_cert and tls_client_key",
		},
		"no client certificate, TLS 1.2": {
			client: func(_ *testing.T, c *TLSConfig) { c.ClientCertificate, c.ClientKey = "", Secret{} },
			server: func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 },
			want:   "tls_client_cert",
		},
		"client certificate of another CA": {
			client: func(t *testing.T, c *TLSConfig) {
				other := newCredentials(t, nil).clientTLS()
				c.ClientCertificate, c.ClientKey = other.ClientCertificate, other.ClientKey
			},
			want: "client certificate",
		},
		"TLS 1.2 where 1.3 is demanded": {
			client: func(_ *testing.T, c *TLSConfig) { c.MinVersion = TLS13 },
			server: func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 },
			want:   "see tls_min_version",
		},
		"TLS 1.1": {
			server: func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 },
			want:   "see tls_min_version",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
				credentials := newCredentials(t, test.certificate)
				serverTLS := credentials.serverTLS(t)
				if test.server != nil {
					test.server(serverTLS)
				}
				startTLS(t, network, serverTLS)
				config := credentials.clientTLS()
				if test.certificate == nil && test.server == nil {
					require.NoError(t, loginOverTLS(t, network, config), "or the test proves nothing")
				}
				if test.client != nil {
					test.client(t, &config)
				}
				err := loginOverTLS(t, network, config)
				var unreachable *UnreachableError
				require.ErrorAs(t, err, &unreachable)
				require.ErrorContains(t, err, test.want)
				require.NotContains(t, err.Error(), "DNS", "that is not what is to be checked")
			})
		})
	}
}

func TestServerThatDoesNotSpeakTLSIsSaidToBeSo(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		client := newClientAt(t, network, func(c *Config) {
			c.Transport, c.TLS, c.StatusCheck = TLS, newCredentials(t, nil).clientTLS(), StatusCheckOff
			c.Dial = func(context.Context, string, netip.Addr, netip.AddrPort) (net.Conn, error) {
				here, there := net.Pipe()
				go func() { _, _ = there.Write([]byte("220 mail.example.com ESMTP\r\n")) }()
				go func() { _, _ = io.Copy(io.Discard, there) }() // until the client closes it
				return here, nil
			}
		})
		_, err := client.Authenticate(t.Context(), bob)
		require.ErrorContains(t, err, "the server does not speak TLS on that port")
	})
}

// RFC 9765 section 3.3.2 has the table of what the two agree about.
func TestVersionIsAgreedAsRFC9765Says(t *testing.T) {
	t.Parallel()
	v10, v11 := radiustest.RADIUS10, radiustest.RADIUS11
	offers := map[string][]radiustest.Version{"no ALPN": nil, "1.0": {v10}, "1.0 and 1.1": {v11, v10}, "1.1": {v11}}
	const none = ""
	for client, wants := range map[Version]map[string]string{
		RADIUS10:    {"no ALPN": "1.0", "1.0": "1.0", "1.0 and 1.1": "1.0", "1.1": none},
		VersionAuto: {"no ALPN": "1.0", "1.0": "1.0", "1.0 and 1.1": "1.1", "1.1": "1.1"},
		RADIUS11:    {"no ALPN": none, "1.0": none, "1.0 and 1.1": "1.1", "1.1": "1.1"},
	} {
		for server, want := range wants {
			t.Run(string(client)+" meets "+server, func(t *testing.T) {
				inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
					credentials := newCredentials(t, nil)
					running := startTLS(t, network, credentials.serverTLS(t), offers[server]...)
					config := credentials.clientTLS()
					config.Version = client
					err := loginOverTLS(t, network, config)
					if want == none {
						require.Error(t, err)
						require.Empty(t, running.Requests())
						return
					}
					require.NoError(t, err)
					require.Len(t, running.Requests(), 1)
					require.Equal(t, want == "1.1", running.Requests()[0].Version == v11)
				})
			})
		}
	}
}

func TestTLSConfigThatMakesNoSenseIsRefusedByItsFields(t *testing.T) {
	t.Parallel()
	good := newCredentials(t, nil).clientTLS()
	require.NoError(t, good.Check())
	for name, test := range map[string]struct {
		change func(*TLSConfig)
		want   string
	}{
		"no CA":           {func(c *TLSConfig) { c.CACertificates = "" }, "tls_ca_cert"},
		"CA that is none": {func(c *TLSConfig) { c.CACertificates = "hush" }, "tls_ca_cert"},
		"no key":          {func(c *TLSConfig) { c.ClientKey = Secret{} }, "tls_client_key"},
		"no certificate":  {func(c *TLSConfig) { c.ClientCertificate = "" }, "tls_client_cert"},
		"foreign key":     {func(c *TLSConfig) { c.ClientKey = newCredentials(t, nil).clientTLS().ClientKey }, "tls_client_key"},
		"broken key":      {func(c *TLSConfig) { c.ClientKey = NewSecret("hush") }, "tls_client_key"},
	} {
		config := good
		test.change(&config)
		err := config.Check()
		require.ErrorContains(t, err, test.want, name)
		require.NotContains(t, err.Error(), "hush")
		if name == "no CA" {
			require.NoError(t, config.CheckGiven(), "another transport needs none")
			continue
		}
		require.Equal(t, err, config.CheckGiven(), name)
		if name != "CA that is none" {
			config.CACertificates = ""
			require.Equal(t, err, config.CheckGiven(), "%s, and no CA", name)
		}
	}
	require.NoError(t, TLSConfig{}.CheckGiven())
	require.NoError(t, good.CheckGiven())
}
