package radiusauth

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/radiustest"
	"vault-plugin-auth-radius/internal/source"
	"vault-plugin-auth-radius/internal/tlstest"
)

// seen returns a counter of each server, of the config or of a source.
func (b *testBackend) seen(ofSource, counter string) []any {
	b.t.Helper()
	data := b.ok(logical.ReadOperation, "status", nil).Data
	servers := data["servers"].([]any)
	if ofSource != "" {
		servers = data["sources"].(map[string]any)[ofSource].(map[string]any)["servers"].([]any)
	}
	counts := []any{}
	for _, server := range servers {
		counts = append(counts, server.(map[string]any)[counter])
	}
	return counts
}

func counts(numbers ...uint64) []any {
	all := []any{}
	for _, number := range numbers {
		all = append(all, number)
	}
	return all
}

func TestCountersSurviveWritesOfTheConfig(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	b.loginOK("bob", "bob-password")
	for _, change := range []map[string]any{
		{"token_ttl": "5m"}, {"retransmit": "never"}, {"hosts": "192.0.2.7"},
	} {
		b.ok(logical.UpdateOperation, "config", change)
		require.EqualValues(t, 1, b.seen("", "accepted")[0])
	}
	require.Equal(t, counts(1, 0), b.seen("", "accepted"))
	b.dictionary("acme", "VENDOR Turnstile 64999\n")
	require.Equal(t, counts(1, 0), b.seen("", "sent"))

	b.ok(logical.UpdateOperation, "config", map[string]any{"host": "192.0.2.8", "hosts": ""})
	require.Equal(t, counts(0), b.seen("", "accepted"))
	b.configure(nil)
	require.Equal(t, counts(0), b.seen("", "accepted"), "it was gone, and begins at 0")
}

// The built-in method checks less than this one: its config may have a fault.
func TestCountersSurviveAConfigWithAFault(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	b.loginOK("bob", "bob-password")
	good := b.stored("config")
	b.store("config", strings.Replace(good, `"nas_port_type":"Virtual"`, `"nas_port_type":"carrier pigeon"`, 1))
	require.Empty(t, b.seen("", "accepted"))
	b.store("config", good)
	require.Equal(t, counts(1), b.seen("", "accepted"))
}

func TestCountersEndWithTheServersOfTheConfig(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	b.loginOK("bob", "bob-password")
	b.ok(logical.UpdateOperation, "config", map[string]any{"host": "", "extauth": "local"})
	require.Empty(t, b.seen("", "accepted"))
	b.configure(nil)
	require.Equal(t, counts(0), b.seen("", "accepted"))
}

func TestLoginsUnderWayCountAfterAWriteOfTheConfig(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, b *testBackend) {
		b.startServer(radiustest.Options{Handler: func(r *radiustest.Request) []radiustest.Answer {
			return []radiustest.Answer{r.Accept().After(3 * time.Second)}
		}})
		b.configure(nil)
		var logins sync.WaitGroup
		for _, ttl := range []string{"5m", "6m", "7m"} {
			logins.Go(func() { _, _ = b.login("bob", "bob-password") })
			synctest.Wait()
			b.ok(logical.UpdateOperation, "config", map[string]any{"token_ttl": ttl})
		}
		require.Equal(t, counts(0), b.seen("", "accepted"))
		logins.Wait()
		require.Equal(t, counts(3), b.seen("", "accepted"))
		require.Equal(t, []any{0}, b.seen("", "in_flight"))
	})
}

func TestNoLoginIsLostFromTheCountersWhileTheConfigIsWritten(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	const workers, each = 4, 25
	var logins sync.WaitGroup
	for range workers {
		logins.Go(func() {
			for range each {
				if _, err := b.login("bob", "bob-password"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for _, retransmit := range []string{"never", "auto", "never", "auto", "never", "auto"} {
		b.ok(logical.UpdateOperation, "config", map[string]any{"retransmit": retransmit})
		_ = b.seen("", "accepted")
	}
	logins.Wait()
	require.Equal(t, counts(workers*each), b.seen("", "accepted"))
	require.Equal(t, []any{0}, b.seen("", "in_flight"))
}

func TestCountersSurviveWritesOfASource(t *testing.T) {
	t.Parallel()
	b, second := newSourcesBackend(t, nil, nil)
	b.loginOK("alice@guest", "guest-password")
	b.ok(logical.UpdateOperation, "extauth/guests", map[string]any{"name": "visitors", "retransmit": "never"})
	require.Equal(t, counts(1), b.seen("visitors", "accepted"))
	require.Equal(t, counts(0), b.seen("", "accepted"))

	b.source("radius", map[string]any{"name": "guests", "host": second.Host(), "port": second.Port()})
	require.Equal(t, counts(0), b.seen("guests", "accepted"), "a source has its own counters of the same server")

	good := b.stored("extauth/1")
	b.store("extauth/1", strings.NewReplacer(
		`"revision":`, `"revision":1`, `"nas_port_type":"Virtual"`, `"nas_port_type":"carrier pigeon"`,
	).Replace(good))
	require.Empty(t, b.seen("visitors", "accepted"))
	b.store("extauth/1", good)
	require.Equal(t, counts(1), b.seen("visitors", "accepted"))

	b.ok(logical.UpdateOperation, "extauth/visitors", map[string]any{"host": "192.0.2.7"})
	require.Equal(t, counts(0), b.seen("visitors", "accepted"))
	b.ok(logical.UpdateOperation, "extauth/visitors", map[string]any{"host": second.Host()})
	require.Equal(t, counts(0), b.seen("visitors", "accepted"))
}

func TestCountersOfADirectorySurviveWritesOfItsSource(t *testing.T) {
	t.Parallel()
	b, _ := newDirectoryBackend(t, inDirectory, nil)
	b.loginOK("alice", "alice-password")
	b.ok(logical.UpdateOperation, "extauth/people", map[string]any{"read_timeout": 7})
	require.Equal(t, counts(1), b.seen("people", "accepted"))
}

// endOf returns when a certificate ends.
func endOf(t *testing.T, certificate *tlstest.Certificate) time.Time {
	t.Helper()
	pair, err := certificate.TLS()
	require.NoError(t, err)
	return pair.Leaf.NotAfter
}

func TestCertificatesOfConfigAndSourcesTellWhenTheyEnd(t *testing.T) {
	t.Parallel()
	server, client := tlsIdentities(t)
	inAnHour := tlstest.CertificateOptions{Names: []string{"ca.example.com"}, Until: time.Now().Add(time.Hour)}
	soon, err := client.Trusts.Issue(inAnHour)
	require.NoError(t, err)
	b := newTestBackend(t)
	t.Cleanup(func() { b.Cleanup(t.Context()) })
	config, err := server.Server()
	require.NoError(t, err)
	stream, err := radiustest.StartStream(radiustest.StreamOptions{
		TLS: config, Handler: radiustest.Users{"bob": {Password: "p"}}.Handler(),
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, stream.Close()) })
	fields := tlsFields(client)
	fields["tls_ca_cert"] = fields["tls_ca_cert"].(string) + string(soon.PEM)
	fields["host"], fields["port"] = stream.Host(), stream.Port()
	b.ok(logical.UpdateOperation, "config", fields)
	ofConfig := func() []source.Certificate {
		settings, err := b.settings.get(t.Context(), vaultStorage{b.storage})
		require.NoError(t, err)
		own := settings.login.Source
		return own.Certificates(own.Stats())
	}
	own := []source.Certificate{
		{Source: "(config)", Kind: "ca", NotAfter: endOf(t, soon)},
		{Source: "(config)", Kind: "client", NotAfter: endOf(t, client.Certificate)},
	}
	require.Equal(t, own, ofConfig())
	b.loginOK("bob", "p")
	shown := source.Certificate{
		Source: "(config)", Kind: "server", Server: stream.Addr().String(), NotAfter: endOf(t, server.Certificate),
	}
	require.Equal(t, append(own, shown), ofConfig())
	b.ok(logical.UpdateOperation, "config", map[string]any{"token_ttl": "5m"})
	require.Equal(t, append(own, shown), ofConfig())
	b.ok(logical.UpdateOperation, "config", map[string]any{"transport": "tcp", "secret": testSecret})
	require.Empty(t, ofConfig(), "they are kept, and not used")

	b.source("ldap", map[string]any{
		"name": "people", "host": "127.0.0.1", "ldap_binddn": "ou=people,dc=example", "starttls": true,
		"ssl_cert": fields["tls_ca_cert"], "tls_client_cert": fields["tls_client_cert"],
		"tls_client_key": fields["tls_client_key"],
	})
	b.source("ldap", map[string]any{
		"name": "clear", "host": "127.0.0.1", "ldap_binddn": "ou=people,dc=example", "allow_cleartext": true,
		"ssl_cert": fields["tls_ca_cert"],
	})
	all, err := b.sources.Get(t.Context(), vaultStorage{b.storage})
	require.NoError(t, err)
	for i := range own {
		own[i].Source = "people"
	}
	people, open := all.ByName["people"], all.ByName["clear"]
	require.Equal(t, own, people.Certificates(people.Stats()))
	require.Empty(t, open.Certificates(open.Stats()))
}

func TestStatsNameSourceAndServer(t *testing.T) {
	t.Parallel()
	b, second := newSourcesBackend(t, nil, nil)
	b.source("ldap", map[string]any{
		"name": "people", "host": "::1", "ldap_binddn": "ou=people,dc=example", "allow_cleartext": true,
	})
	settings, err := b.settings.get(t.Context(), vaultStorage{b.storage})
	require.NoError(t, err)
	all, err := b.sources.Get(t.Context(), vaultStorage{b.storage})
	require.NoError(t, err)
	for _, test := range []struct {
		source                       *source.Source
		label, kind, server          string
		speaksRADIUS, isInADirectory bool
	}{
		{settings.login.Source, "(config)", "radius", b.server.Addr().String(), true, false},
		{all.ByName["guests"], "guests", "radius", second.Addr().String(), true, false},
		{all.ByName["people"], "people", "ldap", "[::1]:389", false, true},
	} {
		stats := test.source.Stats()
		require.Len(t, stats, 1, "also before it was ever reached")
		named := []string{stats[0].Source, stats[0].SourceType, stats[0].Server}
		require.Equal(t, []string{test.label, test.kind, test.server}, named)
		require.Equal(t, test.speaksRADIUS, stats[0].RADIUS != nil)
		require.Equal(t, test.isInADirectory, stats[0].Directory != nil)
	}
}

func TestWarmLoginFindsAllInTheCaches(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	b.profile("vpn", nil)
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"policies": "dev", "profiles": "vpn"})
	b.loginOK("bob", "bob-password")
	caches := map[string]func() (hits, misses uint64){
		"settings": b.settings.Lookups, "users": b.users.Lookups, "profiles": b.profiles.Lookups,
		"dictionary": b.dictionaries.Lookups, "sources": b.sources.Lookups,
	}
	before := map[string][2]uint64{}
	for name, lookups := range caches {
		hits, misses := lookups()
		require.NotZero(t, misses, name)
		before[name] = [2]uint64{hits, misses}
	}
	b.loginOK("bob", "bob-password")
	for name, lookups := range caches {
		hits, misses := lookups()
		require.Greater(t, hits, before[name][0], name)
		require.Equal(t, before[name][1], misses, name)
	}
	for range 2 {
		b.ok(logical.ReadOperation, "status", nil)
	}
	hits, misses := b.records.Lookups()
	require.Equal(t, [2]uint64{1, 1}, [2]uint64{hits, misses})
}
