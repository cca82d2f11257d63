package radiusauth

import (
	"encoding/json"
	"testing"
	"testing/synctest"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/radiustest"
	"vault-plugin-auth-radius/internal/tlstest"
)

// tlsIdentities are those of a server on loopback and of a client that it
// believes.
func tlsIdentities(t *testing.T) (server, client *tlstest.Identity) {
	t.Helper()
	return tlsIdentitiesFor(t, "127.0.0.1")
}

// tlsIdentitiesFor is tlsIdentities for a server at another address.
func tlsIdentitiesFor(t *testing.T, host string) (server, client *tlstest.Identity) {
	t.Helper()
	authority, err := tlstest.NewAuthority("Example CA")
	require.NoError(t, err)
	issue := func(name string) *tlstest.Identity {
		certificate, err := authority.Issue(tlstest.CertificateOptions{Names: []string{name}})
		require.NoError(t, err)
		return &tlstest.Identity{Certificate: certificate, Trusts: authority}
	}
	return issue(host), issue("vault.example.com")
}

// tlsFields are the config's for the client.
func tlsFields(client *tlstest.Identity) map[string]any {
	return map[string]any{
		"transport":       "tls",
		"tls_ca_cert":     string(client.Trusts.PEM()),
		"tls_client_cert": string(client.Certificate.PEM),
		"tls_client_key":  string(client.Certificate.KeyPEM),
	}
}

func TestPortIsTheTransportsUnlessOneIsGiven(t *testing.T) {
	t.Parallel()
	_, client := tlsIdentities(t)
	b := newTestBackend(t)
	port := func() any { return b.ok(logical.ReadOperation, "config", nil).Data["port"] }
	b.ok(logical.UpdateOperation, "config", minimalConfig())
	require.Equal(t, 1812, port())
	b.ok(logical.UpdateOperation, "config", tlsFields(client))
	require.Equal(t, 2083, port())
	b.ok(logical.UpdateOperation, "config", map[string]any{"port": 1812})
	require.Equal(t, 1812, port(), "given")
	b.ok(logical.PatchOperation, "config", map[string]any{"port": nil})
	require.Equal(t, 2083, port())
	b.ok(logical.UpdateOperation, "config", map[string]any{"port": 1645})
	b.ok(logical.UpdateOperation, "config", map[string]any{"transport": "tcp"})
	require.Equal(t, 1645, port())
	b.ok(logical.PatchOperation, "config", map[string]any{"port": nil})
	require.Equal(t, 1812, port())

	b.store("config", `{"host":"radius.example.com","port":1645,"secret":"s"}`)
	b.ok(logical.UpdateOperation, "config", tlsFields(client))
	require.Equal(t, 1645, port(), "the built-in stored it")
}

func TestTLSNeedsNoSecretButTheOthersDo(t *testing.T) {
	t.Parallel()
	_, client := tlsIdentities(t)
	b := newTestBackend(t)
	fields := tlsFields(client)
	fields["host"] = "radius.example.com"
	b.ok(logical.UpdateOperation, "config", fields)
	require.Contains(t, b.refused(logical.UpdateOperation, "config", map[string]any{"transport": "tcp"}), "`secret` cannot be empty")
}

func TestTLSKeyIsNeverReturned(t *testing.T) {
	t.Parallel()
	_, client := tlsIdentities(t)
	b := newTestBackend(t)
	b.ok(logical.UpdateOperation, "config", minimalConfig())
	b.ok(logical.UpdateOperation, "config", tlsFields(client))
	data := b.ok(logical.ReadOperation, "config", nil).Data
	require.Equal(t, string(client.Certificate.PEM), data["tls_client_cert"])
	require.NotContains(t, data, "tls_client_key")
	text, err := json.Marshal(data)
	require.NoError(t, err)
	require.NotContains(t, string(text), "PRIVATE KEY")
	require.NotContains(t, b.log.String(), "PRIVATE KEY")
}

func TestTransportThatMakesNoSenseIsRefused(t *testing.T) {
	t.Parallel()
	_, client := tlsIdentities(t)
	b := newTestBackend(t)
	b.ok(logical.UpdateOperation, "config", minimalConfig())
	before := b.stored("config")
	for field, value := range map[string]any{
		"transport":       "sctp",
		"tls_ca_cert":     "hush",
		"tls_client_cert": "",
		"tls_client_key":  "hush",
		"tls_server_name": "two names",
		"tls_min_version": "tls11",
		"radius_version":  "2.0",
	} {
		fields := tlsFields(client)
		fields[field] = value
		text := b.refused(logical.UpdateOperation, "config", fields)
		require.Contains(t, text, field)
		require.NotContains(t, text, "hush")
	}
	require.Equal(t, before, b.stored("config"))
}

func TestCertificatesAndKeysThatCannotBeUsedAreRefusedWhateverTheTransport(t *testing.T) {
	t.Parallel()
	_, client := tlsIdentities(t)
	certificate, key := string(client.Certificate.PEM), string(client.Certificate.KeyPEM)
	b := newTestBackend(t)
	b.ok(logical.UpdateOperation, "config", minimalConfig())
	b.source("radius", map[string]any{"name": "other"})
	for _, path := range []string{"config", "extauth/other"} {
		for _, transport := range []string{"udp", "tcp"} {
			for name, fields := range map[string]map[string]any{
				"no key":              {"tls_client_cert": certificate, "tls_client_key": "hush"},
				"a key of a file":     {"tls_client_cert": certificate, "tls_client_key": "/hush/vault.key"},
				"a key alone":         {"tls_client_key": key},
				"no key, alone":       {"tls_client_key": "hush"},
				"a certificate alone": {"tls_client_cert": certificate},
				"the wrong way round": {"tls_client_cert": key, "tls_client_key": certificate},
				"no CA":               {"tls_ca_cert": "hush"},
			} {
				before := b.everything()
				fields["transport"] = transport
				for _, operation := range []logical.Operation{logical.UpdateOperation, logical.PatchOperation} {
					text := b.refused(operation, path, fields)
					require.Contains(t, text, "tls_c", "%s %s", path, name)
					require.NotContains(t, text, "hush")
					require.NotContains(t, text, "PRIVATE KEY--")
				}
				require.Equal(t, before, b.everything(), "%s %s", path, name)
			}
			b.ok(logical.UpdateOperation, path, map[string]any{"transport": transport, "tls_client_cert": certificate, "tls_client_key": key})
			b.ok(logical.PatchOperation, path, map[string]any{"tls_client_cert": nil, "tls_client_key": nil})
		}
	}
}

func TestLoginOverTLS(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]radiustest.Version{
		"1.0": radiustest.RADIUS10, "1.1": radiustest.RADIUS11, "auto": radiustest.RADIUS11,
	} {
		t.Run(version, func(t *testing.T) {
			inVirtualTime(t, func(t *testing.T, b *testBackend) {
				serverIdentity, client := tlsIdentitiesFor(t, memoryHost)
				config, err := serverIdentity.Server()
				require.NoError(t, err)
				server, err := radiustest.StartStream(radiustest.StreamOptions{
					Network:  b.network,
					Address:  memoryAddress,
					TLS:      config,
					Versions: []radiustest.Version{radiustest.RADIUS11, radiustest.RADIUS10},
					Handler:  radiustest.Users{"bob": {Password: "bob-password"}}.Handler(),
				})
				require.NoError(t, err)
				t.Cleanup(func() { require.NoError(t, server.Close()) })
				fields := tlsFields(client)
				fields["host"], fields["port"], fields["radius_version"] = server.Host(), server.Port(), version
				b.ok(logical.UpdateOperation, "config", fields)
				b.loginOK("bob", "bob-password")
				synctest.Wait() // a Status-Server may come beside the login
				for _, request := range server.Requests() {
					require.Equal(t, want, request.Version, "%s", request.Packet.Code)
				}
			})
		})
	}
}
