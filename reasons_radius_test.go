package radiusauth

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"maps"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"

	"vault-plugin-auth-radius/internal/passwd"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/radiustest"
	"vault-plugin-auth-radius/internal/tlstest"
)

// answersOf returns a mount whose RADIUS server answers as the function says, with further
// fields of the config.
func answersOf(answer func(*radiustest.Request) radiustest.Answer, config map[string]any) func(*testing.T, *testBackend) {
	return func(_ *testing.T, b *testBackend) {
		b.startServer(radiustest.Options{Handler: func(r *radiustest.Request) []radiustest.Answer {
			return []radiustest.Answer{answer(r)}
		}})
		b.configure(config)
	}
}

// silentServer makes a mount whose RADIUS server never answers.
func silentServer(config map[string]any) func(*testing.T, *testBackend) {
	return func(_ *testing.T, b *testBackend) {
		b.startServer(radiustest.Options{})
		b.configure(config)
	}
}

func acceptsAll(r *radiustest.Request) radiustest.Answer { return r.Accept() }

// radiusReasons are those of RADIUS servers that judge no password, and of rejects.
func radiusReasons() []reasonCase {
	forged := func(reason string, forge func(radiustest.Answer) radiustest.Answer, config map[string]any) reasonCase {
		answer := func(r *radiustest.Request) radiustest.Answer { return forge(r.Accept()) }
		return reasonCase{reasons: []string{reason}, message: "login failed", virtual: answersOf(answer, config)}
	}
	required := map[string]any{"message_authenticator": "required"}
	callCheck := radiustest.Attribute{Type: rfc2865.ServiceType_Type, Value: radius.NewInteger(10)}
	return []reasonCase{
		{
			reasons: []string{"no answer from RADIUS server .* after .* sends"}, message: "login failed",
			virtual: silentServer(nil),
		},
		{reasons: []string{"nothing listens on that port"}, message: "login failed", virtual: func(_ *testing.T, b *testBackend) {
			b.ok(logical.UpdateOperation, "config", map[string]any{"host": memoryHost, "secret": testSecret})
		}},
		forged("wrong Response Authenticator", radiustest.Answer.WrongAuthenticator, nil),
		forged("wrong Message-Authenticator", radiustest.Answer.WrongMessageAuthenticator, nil),
		forged("no Message-Authenticator", radiustest.Answer.WithoutMessageAuthenticator, required),
		forged("Proxy-State that was never sent", radiustest.Answer.WithProxyState, nil),
		{
			reasons: []string{"the server has rejected it"}, message: "login refused by its source",
			virtual: answersOf(func(r *radiustest.Request) radiustest.Answer { return r.Reject("no") }, nil),
		},
		forged("answered Protocol-Error", func(a radiustest.Answer) radiustest.Answer { return a.WithCode(52) }, nil),
		{reasons: []string{"cannot reach RADIUS server"}, message: "login failed", mount: func(t *testing.T) *testBackend {
			return newConfiguredBackend(t, map[string]any{"bind_address": "192.0.2.77", "read_timeout": 1})
		}},
		{
			reasons: []string{"the client has gone away"}, message: "login failed", virtual: silentServer(nil), decide: abandon,
			untold: "nobody waits for it",
		},
		{
			reasons: []string{"did not prove that it knows the password"}, message: "login refused by its source",
			virtual: answersOf(acceptsAll, map[string]any{"auth_protocol": string(radclient.MSCHAPv2)}),
		},
		{
			reasons: []string{"the server accepted for another service than a login"}, message: "login refused by its source",
			virtual: answersOf(func(r *radiustest.Request) radiustest.Answer { return r.Accept(callCheck) }, nil),
		},
	}
}

// abandon logs in as a client does that goes away while the server is silent.
func abandon(t *testing.T, b *testBackend) {
	ctx, leave := context.WithCancel(t.Context())
	time.AfterFunc(time.Second, leave)
	_, err := b.HandleRequest(ctx, &logical.Request{
		Operation: logical.UpdateOperation, Path: "login/alice", Storage: b.storage, Data: map[string]any{"password": "alice-password"},
	})
	require.NoError(t, err)
}

// tlsSetup is a server for RADIUS over TLS, and the fields for its client.
type tlsSetup struct {
	certificate tlstest.CertificateOptions
	server      func(*tls.Config)
	versions    []radiustest.Version
	handler     radiustest.Handler
	fields      map[string]any
	strangers   func(*tlstest.Identity) // changes the client's
	raw         func(net.Conn, *tls.Config)
}

// overTLS makes a mount that asks the server.
func overTLS(setup tlsSetup) func(*testing.T, *testBackend) {
	return func(t *testing.T, b *testBackend) {
		authority, err := tlstest.NewAuthority("Example CA")
		require.NoError(t, err)
		issue := func(options tlstest.CertificateOptions) *tlstest.Identity {
			certificate, err := authority.Issue(options)
			require.NoError(t, err)
			return &tlstest.Identity{Certificate: certificate, Trusts: authority}
		}
		if setup.certificate.Names == nil {
			setup.certificate.Names = []string{memoryHost}
		}
		config, err := issue(setup.certificate).Server()
		require.NoError(t, err)
		if setup.server != nil {
			setup.server(config)
		}
		client := issue(tlstest.CertificateOptions{Names: []string{"vault.example.com"}})
		if setup.strangers != nil {
			setup.strangers(client)
		}
		fields := tlsFields(client)
		fields["host"], fields["port"] = memoryHost, 1812
		maps.Copy(fields, setup.fields)
		if setup.raw != nil {
			b.settings.dial = func(context.Context, string, netip.Addr, netip.AddrPort) (net.Conn, error) {
				here, there := net.Pipe()
				go setup.raw(there, config)
				return here, nil
			}
		} else {
			server, err := radiustest.StartStream(radiustest.StreamOptions{
				Network: b.network, Address: memoryAddress, TLS: config, Versions: setup.versions, Handler: setup.handler,
			})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, server.Close()) })
		}
		b.ok(logical.UpdateOperation, "config", fields)
	}
}

// other returns an authority of the same name that nobody trusts.
func otherAuthority() *tlstest.Authority {
	authority, err := tlstest.NewAuthority("Example CA")
	if err != nil {
		panic(err)
	}
	return authority
}

// foreign gives the client a certificate of another authority.
func foreign(client *tlstest.Identity) {
	certificate, err := otherAuthority().Issue(tlstest.CertificateOptions{Names: []string{"vault.example.com"}})
	if err != nil {
		panic(err)
	}
	client.Certificate = certificate
}

// tlsReasons are those of TLS with RADIUS servers.
func tlsReasons() []reasonCase {
	noCertificate := map[string]any{"tls_client_cert": "", "tls_client_key": ""}
	refusing := func(config *tls.Config) {
		config.VerifyPeerCertificate = func([][]byte, [][]*x509.Certificate) error { return errors.New("not this one") }
	}
	var cases []reasonCase
	for reason, setup := range map[string]tlsSetup{
		"the server's certificate is not signed by tls_ca_cert": {
			strangers: func(client *tlstest.Identity) { client.Trusts = otherAuthority() },
		},
		"the server's certificate has expired, or is not valid yet": {
			certificate: tlstest.CertificateOptions{From: time.Unix(0, 0), Until: time.Unix(1, 0)},
		},
		"the server's certificate is for another name":    {certificate: tlstest.CertificateOptions{Names: []string{"other.example.com"}}},
		"the server wants a client certificate":           {fields: noCertificate},
		"the server refused the client certificate":       {server: refusing},
		"does not know who signed the client certificate": {strangers: foreign},
		"the server seems not to accept the client certificate": {
			server: func(config *tls.Config) { config.SessionTicketsDisabled = true },
			raw: func(conn net.Conn, config *tls.Config) {
				_ = tls.Server(conn, config).Handshake()
				_ = conn.Close()
			},
		},
		"the server does not speak TLS on that port": {raw: func(conn net.Conn, _ *tls.Config) {
			go func() { _, _ = io.Copy(io.Discard, conn) }() // until the client closes it
			_, _ = io.WriteString(conn, "220 mail.example.com ESMTP\r\n")
		}},
		"the server does not speak RADIUS/1.1": {fields: map[string]any{"radius_version": "1.1"}},
		"the server does not speak the version of RADIUS that is demanded": {
			versions: []radiustest.Version{radiustest.RADIUS10}, fields: map[string]any{"radius_version": "1.1"},
		},
		"the server does not speak the version of TLS that is demanded": {
			server: func(config *tls.Config) { config.MaxVersion = tls.VersionTLS12 },
			fields: map[string]any{"tls_min_version": string(radclient.TLS13)},
		},
		"the connection was lost": {handler: func(r *radiustest.Request) []radiustest.Answer {
			return []radiustest.Answer{r.Accept().CutOff(0)}
		}},
	} {
		cases = append(cases, reasonCase{reasons: []string{reason}, message: "login failed", virtual: overTLS(setup)})
	}
	return cases
}

// floodReasons are those of logins of which too many wait.
func floodReasons() []reasonCase {
	return []reasonCase{
		{reasons: []string{"too many wait"}, message: "logins refused", mount: func(t *testing.T) *testBackend {
			b, server := newCrowdedBackend(t, nil)
			server.full = true
			return b
		}},
		{
			reasons: []string{"too many of a name wait"}, message: "logins refused",
			virtual: silentServer(map[string]any{"lockout_threshold": 1}), before: queueOf,
		},
		{
			reasons: []string{"too many wait for their passwords to be checked here"}, message: "logins refused",
			mount: func(t *testing.T) *testBackend {
				b := newLocalBackend(t, nil)
				b.logins.Hasher = passwd.NewHasher(1, time.Nanosecond)
				for range 3 {
					hashes(t, b)
				}
				return b
			},
			attempt: map[string]any{fieldPassword: "wrong"},
			explain: map[string]any{"client_address": "192.0.2.7"}, repeat: true,
		},
	}
}

// queueOf has two logins of the name wait for a server that is silent: one asks it, and the
// other waits for the first, and asks it when that has ended. They begin a second apart, so that
// no two waits end at the same time.
func queueOf(_ *testing.T, b *testBackend) {
	for range 2 {
		go func() {
			_, _ = b.HandleRequest(context.Background(), &logical.Request{
				Operation: logical.UpdateOperation, Path: "login/alice", Storage: b.storage, Data: map[string]any{"password": "x"},
			})
		}()
		time.Sleep(time.Second)
	}
}

// hashes has passwords checked until the test ends.
func hashes(t *testing.T, b *testBackend) {
	t.Helper()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for t.Context().Err() == nil {
			_, _ = b.HandleRequest(context.WithoutCancel(t.Context()), &logical.Request{
				Operation: logical.UpdateOperation, Path: "login/alice", Storage: b.storage,
				Data: map[string]any{"password": "alice-password"}, Connection: &logical.Connection{RemoteAddr: "192.0.2.7"},
			})
		}
	}()
	t.Cleanup(func() { <-ended }) // after the context has ended
}
