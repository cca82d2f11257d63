package radiusauth

import (
	"crypto/tls"
	"maps"
	"net"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/directorytest"
	"vault-plugin-auth-radius/internal/tlstest"
)

// inScripted returns a mount with a directory that answers so, with further fields of the source.
func inScripted(answer func(directorytest.Request) directorytest.Answer, fields map[string]any) func(*testing.T) *testBackend {
	return func(t *testing.T) *testBackend {
		b, _ := newDirectoryBackend(t, answer, fields)
		return b
	}
}

// bindsWith answers each bind with a result, and with the value of a control of a password policy.
func bindsWith(result uint16, diagnostic, policy string) func(directorytest.Request) directorytest.Answer {
	return func(r directorytest.Request) directorytest.Answer {
		if !r.Bind {
			return inDirectory(r)
		}
		answer := directorytest.Answer{Result: result, Diagnostic: diagnostic}
		if policy != "" {
			answer.Controls = map[string]string{ldap.ControlTypeBeheraPasswordPolicy: policy}
		}
		return answer
	}
}

// finds answers each bind with success, and each search with alice's entry, whose names are these.
func finds(names ...string) func(directorytest.Request) directorytest.Answer {
	return func(r directorytest.Request) directorytest.Answer {
		if r.Bind {
			return directorytest.Answer{}
		}
		entry := ldap.NewEntry(directorytest.PersonDN("alice"), map[string][]string{"uid": names})
		return directorytest.Answer{Entries: []*ldap.Entry{entry}}
	}
}

// findsEntries answers each bind with success, and each search with so many entries.
func findsEntries(count int) func(directorytest.Request) directorytest.Answer {
	return func(r directorytest.Request) directorytest.Answer {
		answer := directorytest.Answer{}
		for range count {
			if !r.Bind {
				answer.Entries = append(answer.Entries, ldap.NewEntry(directorytest.PersonDN("alice"), map[string][]string{"uid": {"alice"}}))
			}
		}
		return answer
	}
}

// directoryOverTLS returns a mount with a directory whose certificate is one of these options,
// and of an authority that the source trusts or not.
func directoryOverTLS(options tlstest.CertificateOptions, trusted bool) func(*testing.T) *testBackend {
	return func(t *testing.T) *testBackend {
		authority, err := tlstest.NewAuthority("Example CA")
		require.NoError(t, err)
		certificate, err := authority.Issue(options)
		require.NoError(t, err)
		if !trusted {
			authority = otherAuthority()
		}
		config, err := (&tlstest.Identity{Certificate: certificate, Trusts: authority}).Server()
		require.NoError(t, err)
		config.ClientAuth = tls.NoClientCert
		return endingMount(t, config, map[string]any{"ssl_cert": string(authority.PEM())})
	}
}

// endingTLS returns a mount with a directory that ends each connection after the handshake, in
// which it asks for a certificate. shown says whether the source has one.
func endingTLS(shown bool) func(*testing.T) *testBackend {
	return func(t *testing.T) *testBackend {
		server, client := tlsIdentities(t)
		config, err := server.Server()
		require.NoError(t, err)
		config.ClientAuth, config.SessionTicketsDisabled = tls.RequestClientCert, true
		fields := map[string]any{"ssl_cert": string(client.Trusts.PEM())}
		if shown {
			fields["tls_client_cert"] = string(client.Certificate.PEM)
			fields["tls_client_key"] = string(client.Certificate.KeyPEM)
		}
		return endingMount(t, config, fields)
	}
}

// endingMount returns a mount with a directory that ends each connection after the handshake.
func endingMount(t *testing.T, config *tls.Config, fields map[string]any) *testBackend {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_ = tls.Server(conn, config).Handshake()
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() {
		require.NoError(t, listener.Close())
		<-ended
	})
	data := map[string]any{
		"name": "people", "host": "127.0.0.1", "port": listener.Addr().(*net.TCPAddr).Port, "ldap_binddn": directorytest.People, "ssl": true,
	}
	maps.Copy(data, fields)
	b := newTestBackend(t)
	t.Cleanup(func() { b.Cleanup(t.Context()) })
	b.source("ldap", data)
	b.ok(logical.UpdateOperation, "config", map[string]any{"extauth": "people"})
	return b
}

// directoryReasons are those of directories. Values of the control have the errors of
// draft-behera-ldap-password-policy section 6.2: 0, 1 and 2.
func directoryReasons() []reasonCase {
	const expired, locked, changeAfterReset = "\x30\x03\x81\x01\x00", "\x30\x03\x81\x01\x01", "\x30\x03\x81\x01\x02"
	const bySource, refused, failed = "login refused by its source", "login refused", "login failed"
	loopback := tlstest.CertificateOptions{Names: []string{"127.0.0.1"}}
	search := map[string]any{"user_search_base": directorytest.People, "ldap_binddn": ""}
	return []reasonCase{
		{
			reasons: []string{"the directory cannot be asked like this"}, message: refused,
			mount: inScripted(bindsWith(ldap.LDAPResultConfidentialityRequired, "", ""), nil),
		},
		{reasons: []string{"the directory spells this name"}, message: bySource, mount: inScripted(finds("Alice"), nil)},
		{
			reasons: []string{"a new password must be set first"}, message: bySource,
			mount: inScripted(bindsWith(ldap.LDAPResultSuccess, "", changeAfterReset), nil),
		},
		{
			reasons: []string{"the password has expired"}, message: bySource,
			mount: inScripted(bindsWith(ldap.LDAPResultInvalidCredentials, "", expired), nil),
		},
		{
			reasons: []string{"the account is locked"}, message: bySource,
			mount: inScripted(bindsWith(ldap.LDAPResultInvalidCredentials, "", locked), nil),
		},
		{
			reasons: []string{"the directory says"}, message: bySource,
			mount: inScripted(bindsWith(ldap.LDAPResultInvalidCredentials, "in its own words", ""), nil),
		},
		{
			reasons: []string{"it allows no anonymous search"}, message: refused,
			mount: inScripted(func(r directorytest.Request) directorytest.Answer {
				if r.Bind {
					return directorytest.Answer{}
				}
				return directorytest.Answer{Result: ldap.LDAPResultInsufficientAccessRights}
			}, search),
		},
		{
			reasons: []string{"values of .*, and one account has one name"}, message: refused,
			mount: inScripted(finds("liddell", "pleasance"), nil),
		},
		{
			reasons: []string{"it did not answer in time"}, message: failed,
			mount: inScripted(func(directorytest.Request) directorytest.Answer { return directorytest.Answer{Silent: true} },
				map[string]any{"read_timeout": 1}),
		},
		{reasons: []string{"it is busy"}, message: failed, mount: inScripted(bindsWith(ldap.LDAPResultBusy, "", ""), nil)},
		{
			reasons: []string{"its certificate is not signed by ssl_cert"}, message: failed,
			mount: directoryOverTLS(loopback, false),
		},
		{
			reasons: []string{"its certificate has expired, or is not valid yet"}, message: failed, mount: directoryOverTLS(
				tlstest.CertificateOptions{Names: loopback.Names, From: time.Unix(0, 0), Until: time.Unix(1, 0)}, true),
		},
		{
			reasons: []string{"its certificate is for another name"}, message: failed,
			mount: directoryOverTLS(tlstest.CertificateOptions{Names: []string{"other.example.com"}}, true),
		},
		{
			reasons: []string{"there is no entry with this name"}, message: bySource,
			mount: inScripted(findsEntries(0), search),
		},
		{reasons: []string{"several entries have this name"}, message: bySource, mount: inScripted(findsEntries(2), search)},
		{
			reasons: []string{"the username or the password is wrong"}, message: bySource,
			mount: inScripted(bindsWith(ldap.LDAPResultInvalidCredentials, "", ""), nil),
		},
		{
			reasons: []string{"it asked for a client certificate, and ended the connection"}, message: failed,
			mount: endingTLS(false),
		},
		{reasons: []string{"it seems not to accept the client certificate"}, message: failed, mount: endingTLS(true)},
	}
}
