package radiusauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/daemontest"
	"vault-plugin-auth-radius/internal/decision"
	"vault-plugin-auth-radius/internal/metrics"
)

// scrape returns the metrics by their series, as they stand in the exposition.
func (b *testBackend) scrape() map[string]string {
	b.t.Helper()
	resp := b.ok(logical.ReadOperation, "metrics", nil)
	require.Equal(b.t, http.StatusOK, resp.Data[logical.HTTPStatusCode])
	require.Equal(b.t, "text/plain; version=0.0.4; charset=utf-8", resp.Data[logical.HTTPContentType])
	series := map[string]string{}
	for line := range strings.Lines(resp.Data[logical.HTTPRawBody].(string)) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "#") {
			continue
		}
		at := strings.LastIndex(line, " ")
		require.NotContains(b.t, series, line[:at], "twice")
		series[line[:at]] = line[at+1:]
	}
	return series
}

func TestMetricsAreThereWithoutConfig(t *testing.T) {
	t.Parallel()
	series := newTestBackend(t).scrape()
	require.Equal(t, "0", series["radius_auth_locked_names"])
	require.Equal(t, "0", series["radius_auth_lockouts_total"])
	require.Contains(t, series, "go_goroutines")
	require.Contains(t, series, "process_start_time_seconds")
	require.NotContains(t, strings.Join(names(series), "\n"), "radius_auth_open_sessions", "not counted yet")
	build := ""
	for name := range series {
		if strings.HasPrefix(name, "radius_auth_build_info{") {
			build = name
		}
	}
	require.Contains(t, build, fmt.Sprintf("version=%q", Version()))
}

func names(series map[string]string) (names []string) {
	for name := range series {
		names = append(names, name)
	}
	return names
}

func TestFaultySourcesAreInMetrics(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	b.source("ldap", map[string]any{"name": "staff"})
	const ofConfig, staff = `radius_auth_source_faulty{source="(config)",source_type="radius"}`,
		`radius_auth_source_faulty{source="staff",source_type="ldap"}`
	series := b.scrape()
	require.Equal(t, "0", series[ofConfig])
	require.Equal(t, "0", series[staff])
	// The built-in method checks less than this one: its config may have a fault.
	b.store("config", strings.Replace(b.stored("config"), `"nas_port_type":"Virtual"`, `"nas_port_type":"carrier pigeon"`, 1))
	series = b.scrape()
	require.Equal(t, "1", series[ofConfig])
	require.Equal(t, "0", series[staff])
}

// A config that has no servers of its own has no fault.
func TestConfigWithoutServersIsNoSourceInMetrics(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.ok(logical.UpdateOperation, "config", map[string]any{"extauth": "local"})
	require.NotContains(t, strings.Join(names(b.scrape()), "\n"), "radius_auth_source_faulty")
}

func TestLookupsInCachesAreInMetrics(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	b.ok(logical.UpdateOperation, "users/bob", nil)
	b.loginOK("bob", "bob-password")
	before := b.scrape()
	b.loginOK("bob", "bob-password")
	after := b.scrape()
	for _, cache := range []string{"config", "users", "sources", "dictionaries"} {
		hits := fmt.Sprintf(`radius_auth_cache_lookups_total{cache=%q,result="hit"}`, cache)
		misses := fmt.Sprintf(`radius_auth_cache_lookups_total{cache=%q,result="miss"}`, cache)
		require.NotEqual(t, before[hits], after[hits], cache)
		require.Equal(t, before[misses], after[misses], cache)
	}
	require.Equal(t, "0", after[`radius_auth_cache_lookups_total{cache="freeradius_config",result="miss"}`])
}

// What status shows of a server is in the metrics, too.
func TestServersAreInMetrics(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	b.loginOK("bob", "bob-password")
	_, _ = b.login("bob", "wrong")
	labels := fmt.Sprintf(`source="(config)",server="%s:%d"`, b.server.Host(), b.server.Port())
	series := b.scrape()
	for name, want := range map[string]string{
		"server_logins_total{" + labels + `,outcome="accepted"}`:                 "1",
		"server_logins_total{" + labels + `,outcome="rejected"}`:                 "1",
		"server_logins_total{" + labels + `,outcome="timed_out"}`:                "0",
		"server_packets_sent_total{" + labels + "}":                              "2",
		"server_retransmissions_total{" + labels + "}":                           "0",
		"server_failovers_total{" + labels + "}":                                 "0",
		"server_probes_answered_total{" + labels + "}":                           "0",
		"server_dropped_total{" + labels + `,reason="no_message_authenticator"}`: "0",
		"server_in_flight{" + labels + "}":                                       "0",
		"server_state{" + labels + `,state="alive"}`:                             "1",
		"round_trip_seconds_count{" + labels + "}":                               "2",
		"round_trip_seconds_bucket{" + labels + `,le="+Inf"}`:                    "2",
	} {
		require.Equal(t, want, series[metrics.Prefix+name], name)
	}
	require.Contains(t, series, metrics.Prefix+"server_last_answer_timestamp_seconds{"+labels+"}")
}

func TestLockedNamesAreInMetrics(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, map[string]any{"lockout_threshold": 1})
	_, _ = b.login("bob", "wrong")
	require.Equal(t, "1", b.scrape()["radius_auth_locked_names"])
}

// decideFor counts a login of a source.
func decideFor(m *metrics.Metrics, name, kind string) {
	m.Decided(decision.Decision{
		Use: decision.Login, Source: name, SourceType: kind, Outcome: decision.Accepted, Class: decision.None,
	})
}

func loginsOf(name, kind string) string {
	return fmt.Sprintf(`radius_auth_logins_total{outcome="accepted",reason="none",source=%q,source_type=%q}`, name, kind)
}

func TestCountersSurviveWritesOfTheConfigButNotOfTheirSource(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	b.source("ldap", map[string]any{"name": "staff"})
	decideFor(b.metrics, "(config)", "radius")
	decideFor(b.metrics, "local", "local")
	decideFor(b.metrics, "staff", "ldap")
	b.configure(map[string]any{"read_timeout": 20})
	series := b.scrape()
	for _, kept := range []string{loginsOf("(config)", "radius"), loginsOf("local", "local"), loginsOf("staff", "ldap")} {
		require.Equal(t, "1", series[kept], kept)
	}
	b.ok(logical.DeleteOperation, "extauth/staff", nil)
	series = b.scrape()
	require.NotContains(t, strings.Join(names(series), "\n"), "staff")
	require.Equal(t, "1", series[loginsOf("(config)", "radius")])
	require.Equal(t, "1", series[loginsOf("local", "local")])
}

func freeradiusAnswers(request string, status int) string {
	return fmt.Sprintf(`radius_auth_freeradius_requests_total{answer="%d",request=%q}`, status, request)
}

func TestAnswersToFreeRADIUSAreInMetrics(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	first := b.scrape()
	require.Equal(t, "0", first[freeradiusAnswers("accounting", 503)], "so that the first one is an increase")
	_, err := b.do(logical.UpdateOperation, "freeradius/authorize", map[string]any{"username": "bob", "password": "x"})
	require.Error(t, err) // there is no config
	b.configureUsers(map[string]any{})
	b.ok(logical.UpdateOperation, "freeradius/config", map[string]any{"use_radius_sources": true})
	b.ok(logical.UpdateOperation, "freeradius/authorize", map[string]any{"username": "bob", "password": "bob-password"})
	b.ok(logical.UpdateOperation, "freeradius/authorize", map[string]any{"username": "bob", "password": "wrong"})
	b.ok(logical.UpdateOperation, "freeradius/postauth", map[string]any{"username": "bob", "reply": "Access-Accept"})
	b.ok(logical.UpdateOperation, "freeradius/postauth", map[string]any{"reply": "Access-Accept"})
	b.account("Start", map[string]any{"session_id": "1"})
	b.ok(logical.ReadOperation, "freeradius/accounting", nil)
	series := b.scrape()
	for _, counted := range []string{
		freeradiusAnswers("authorize", 503), freeradiusAnswers("authorize", 200), freeradiusAnswers("authorize", 204),
		freeradiusAnswers("postauth", 201), freeradiusAnswers("postauth", 400), freeradiusAnswers("accounting", 201),
		`radius_auth_freeradius_request_seconds_count{request="accounting"}`,
	} {
		require.Equal(t, "1", series[counted], counted)
	}
	require.Equal(t, "3", series[`radius_auth_freeradius_request_seconds_count{request="authorize"}`])
}

// Of a panic, 400; of an error without a status, 500; of a field that cannot be read, 400.
func TestFailedRequestsOfFreeRADIUSAreInMetrics(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	b.refused(logical.UpdateOperation, "freeradius/accounting", map[string]any{"page": "many"})
	require.Equal(t, "1", b.scrape()[freeradiusAnswers("accounting", 400)])
	b.records.drop()
	b.storage.failGets.Store(true)
	_, err := b.do(logical.UpdateOperation, "freeradius/accounting", map[string]any{"status_type": "Start"})
	b.storage.failGets.Store(false)
	require.Error(t, err)
	require.Equal(t, "1", b.scrape()[freeradiusAnswers("accounting", 500)])
	b.records.drop()
	b.storage.panicGets.Store(true)
	b.refused(logical.UpdateOperation, "freeradius/accounting", map[string]any{"status_type": "Start"})
	b.storage.panicGets.Store(false)
	require.Equal(t, "2", b.scrape()[freeradiusAnswers("accounting", 400)])
}

func TestOpenSessionsAreCountedInMaintenance(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.account("Start", map[string]any{"session_id": "1"})
	b.account("Start", map[string]any{"session_id": "2"})
	b.account("Stop", map[string]any{"session_id": "2"})
	const open = `radius_auth_open_sessions{store="vault"}`
	require.NotContains(t, b.scrape(), open, "a scrape counts nothing")
	b.maintains()
	series := b.scrape()
	require.Equal(t, "1", series[open])
	require.Equal(t, "3", series[`radius_auth_store_seconds_count{operation="record",store="vault"}`])
	require.Equal(t, "0", series[`radius_auth_store_errors_total{fault="other",operation="record",store="vault"}`])
}

// A store that is away has no open sessions that are known, and its errors are counted.
func TestStoreThatIsAwayIsInMetrics(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.maintains()
	require.Contains(t, b.scrape(), `radius_auth_open_sessions{store="vault"}`)
	port, err := daemontest.FreePort(t.Context())
	require.NoError(t, err)
	b.storeInPostgres(fmt.Sprintf("127.0.0.1:%d", port))
	b.maintains()
	series := b.scrape()
	require.NotContains(t, strings.Join(names(series), "\n"), "radius_auth_open_sessions")
	require.Equal(t, "1", series[`radius_auth_store_errors_total{fault="away",operation="open_sessions",store="postgres"}`])
}

func TestBatchesAreInMetrics(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.batch(prefixBatch("summer", 3))
	b.ok(logical.DeleteOperation, "freeradius/batch/summer", nil)
	series := b.scrape()
	require.Equal(t, "1", series[`radius_auth_batches_total{outcome="created"}`])
	require.Equal(t, "1", series[`radius_auth_batches_total{outcome="deleted"}`])
	require.Equal(t, "0", series[`radius_auth_batches_total{outcome="failed"}`])
	require.Equal(t, "3", series["radius_auth_batch_users_total"])
}

func TestBatchThatFailsIsInMetrics(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.storage.failPuts.Store(true)
	_, err := b.do(logical.UpdateOperation, "freeradius/batch", prefixBatch("summer", 3))
	require.Error(t, err)
	series := b.scrape()
	require.Equal(t, "1", series[`radius_auth_batches_total{outcome="failed"}`])
	require.Equal(t, "0", series[`radius_auth_batches_total{outcome="created"}`])
	require.Equal(t, "0", series["radius_auth_batch_users_total"])
}

// Scrapes go on while logins do; the race detector watches.
func TestScrapesGoOnBesideLogins(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 10 {
				_, _ = b.login("bob", "bob-password")
				decideFor(b.metrics, "gone", "ldap")
				b.metrics.FreeRADIUSAnswered(metrics.Authorize, http.StatusOK, time.Millisecond)
			}
		})
	}
	for range 10 {
		_, err := b.HandleRequest(t.Context(), &logical.Request{
			Operation: logical.ReadOperation, Path: "metrics", Storage: b.storage,
		})
		require.NoError(t, err)
	}
	group.Wait()
	require.Equal(t, "40", b.scrape()[freeradiusAnswers("authorize", 200)])
}

// Performance standbys answer for themselves.
func TestMetricsAreOfTheServerThatIsAsked(t *testing.T) {
	t.Parallel()
	read := newTestBackend(t).pathMetrics().Operations[logical.ReadOperation].Properties()
	require.False(t, read.ForwardPerformanceStandby)
	require.False(t, read.ForwardPerformanceSecondary)
}

// leavingStorage is one whose client goes away at the first list of keys. As on the way from Vault
// to a plugin, the error is a text.
type leavingStorage struct {
	logical.Storage
	leave context.CancelFunc
}

func (s leavingStorage) List(context.Context, string) ([]string, error) {
	s.leave()
	return nil, errors.New("rpc error: code = Canceled desc = context canceled")
}

func TestTheStoreIsNotToBlameForClientsThatGoAway(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	ctx, leave := context.WithCancel(t.Context())
	_, err := b.HandleRequest(ctx, &logical.Request{
		Operation: logical.ReadOperation, Path: "freeradius/accounting", Data: map[string]any{"username": "bob"},
		Storage: leavingStorage{b.storage, leave},
	})
	require.ErrorIs(t, err, context.Canceled)
	series := b.scrape()
	require.Equal(t, "1", series[`radius_auth_store_seconds_count{operation="sessions",store="vault"}`])
	require.Equal(t, "0", series[`radius_auth_store_errors_total{fault="other",operation="sessions",store="vault"}`])
}
