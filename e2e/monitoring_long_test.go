package e2e

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/postgrestest"
	"vault-plugin-auth-radius/internal/prometheustest"
	"vault-plugin-auth-radius/internal/radiustest"
	"vault-plugin-auth-radius/internal/tlstest"
)

// Time passes faster in this run: a minute of the rules takes two seconds, and their counts stay
// as they are.
const secondsOfAMinute = 2

// happensWithin only ends what hangs. Vault's periodic maintenance, which counts the open
// sessions, is due once a minute.
const happensWithin = 5 * time.Minute

// testAllThatCanHappen makes all happen that the dashboard and the rules are about. Each of their
// expressions has data at some time, and each alert reaches a webhook once.
func testAllThatCanHappen(t *testing.T) {
	run := startEventfulRun(t)
	hook := startWebhook(t)
	manager := startAlertmanager(t, hook.URL)

	dir := t.TempDir()
	run.secured.writeFiles(t, dir, run.tokenOfBothMounts())
	writeMonitoringFile(t, dir, "rules.yml", fasterRules(t)...)
	writeMonitoringFile(t, dir, "prometheus.yml", append([]string{
		// The further mount of the comment is one here.
		`# - targets: ["vault.example.com:8200"]`, `- targets: ["` + run.secured.address + `"]`,
		"#   labels:", "  labels:",
		"#     __metrics_path__:", "    __metrics_path__:",
	}, run.secured.replacements(dir, manager.Address())...)...)
	prometheus := startPrometheus(t, dir)
	awaitData(t, prometheus, `up{mount="radius"} == 1`)
	awaitData(t, prometheus, `up{mount="radius-staff"} == 1`)

	ctx, cancel := context.WithCancel(t.Context())
	var loads sync.WaitGroup
	defer loads.Wait()
	defer cancel()
	run.begin(ctx, &loads)

	pending := allExpressions(t)
	deadline := time.Now().Add(happensWithin)
	await := func(what string, done func() bool) {
		t.Helper()
		for !done() {
			pending = slices.DeleteFunc(pending, func(expression string) bool {
				samples, err := prometheus.Query(t.Context(), expression)
				require.NoError(t, err)
				return len(samples) > 0
			})
			if time.Now().After(deadline) {
				t.Fatalf("not within %s: %s\nwithout data:\n%s\nalerts that have not arrived: %v",
					happensWithin, what, strings.Join(pending, "\n"), hook.missing(alertNames(t)))
			}
			select {
			case <-time.After(200 * time.Millisecond):
			case <-t.Context().Done():
				t.FailNow()
			}
		}
	}
	has := func(expression string) func() bool {
		return func() bool {
			samples, err := prometheus.Query(t.Context(), expression)
			require.NoError(t, err)
			return len(samples) > 0
		}
	}
	await("the open sessions are counted", has("radius_auth_open_sessions > 0"))
	await("the server that will die lives", has(`radius_auth_server_state{source="dying", state="alive"}`))
	run.fail(t)
	await("the server that is alone is missed",
		has(`ALERTS{alertname="RadiusAuthServerDead", source="dying", alertstate="firing"}`))
	await("each alert arrives, and each expression has data", func() bool {
		return len(pending) == 0 && len(hook.missing(alertNames(t))) == 0
	})
	end := time.Now().Add(20 * secondsOfAMinute * time.Second) // in which they might arrive again
	await("nothing", func() bool { return time.Now().After(end) })
	t.Logf("alerts: %v", hook.counts())
	for alert, count := range hook.counts() {
		require.Equal(t, 1, count, alert)
	}
}

// eventfulRun is a mount whose sources have a fault each.
type eventfulRun struct {
	*vaultServer
	secured  securedListener
	dying    *radiustest.Server
	postgres *postgrestest.Postgres
}

// startEventfulRun starts the mount, its servers and its store. Each server has been asked once,
// but for the one that is away.
func startEventfulRun(t *testing.T) *eventfulRun {
	t.Helper()
	v, secured := startMonitoredPlugin(t)
	v.enable("radius-staff", pluginName)
	run := &eventfulRun{vaultServer: v, secured: secured, postgres: startPostgres(t)}
	accept := func(r *radiustest.Request) []radiustest.Answer { return []radiustest.Answer{r.Accept()} }
	office := startRADIUS(t, radiustest.Options{Keep: 1, Handler: func(r *radiustest.Request) []radiustest.Answer {
		if r.Username() == "steps" && len(r.State()) == 0 {
			return []radiustest.Answer{r.Challenge([]byte("state"), "code?")}
		}
		return accept(r)
	}})
	v.write("auth/radius/config", configFor(office.Host(), office.Port(), map[string]any{
		"lockout_threshold": 1, "password_hash_cost": 1,
	}))
	v.write(freeRADIUSPath+"config", map[string]any{"store": "postgres", "connection_url": run.postgres.URL("postgres")})
	v.write("auth/radius/users/bob", map[string]any{"extauth": "local", "password": bobsPassword})

	source := func(name string, fields map[string]any) {
		all := map[string]any{
			"type": "radius", "name": name, "realms": name + ".test",
			"secret": radiusSecret, "nasid": "gate", "read_timeout": "5s",
		}
		maps.Copy(all, fields)
		v.write(sourcesPath, all)
	}
	scripted := func(name string, handler radiustest.Handler) *radiustest.Server {
		server := startRADIUS(t, radiustest.Options{Handler: handler, Keep: 1000})
		source(name, map[string]any{"host": server.Host(), "port": server.Port()})
		return server
	}
	scripted("refusing", func(r *radiustest.Request) []radiustest.Answer { return []radiustest.Answer{r.Reject("no")} })
	scripted("forged", func(r *radiustest.Request) []radiustest.Answer {
		return []radiustest.Answer{r.Accept().WrongAuthenticator(), r.Accept()}
	})
	scripted("lossy", func(r *radiustest.Request) []radiustest.Answer {
		if r.Copy == 1 {
			return nil
		}
		return accept(r)
	})
	run.dying = scripted("dying", accept)
	source("pair", map[string]any{
		"host": fmt.Sprintf("%s,%s:%d", unusedAddress(t), office.Host(), office.Port()),
	})

	authority, err := tlstest.NewAuthority("RadSec's authority")
	require.NoError(t, err)
	certificate, err := authority.Issue(tlstest.CertificateOptions{Names: []string{"127.0.0.1"}})
	require.NoError(t, err)
	config, err := (&tlstest.Identity{Certificate: certificate, Trusts: authority}).Server()
	require.NoError(t, err)
	config.ClientAuth = tls.NoClientCert
	secure, err := radiustest.StartStream(radiustest.StreamOptions{TLS: config, Handler: accept})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, secure.Close()) })
	source("radsec", map[string]any{
		"host": secure.Addr().Addr().String(), "port": int(secure.Addr().Port()),
		"secret": "radsec", "transport": "tls", "tls_ca_cert": string(authority.PEM()),
	})
	run.storeFaultySource(t)
	for _, name := range []string{"office", "u@forged.test", "u@lossy.test", "u@dying.test", "u@radsec.test", "u@pair.test"} {
		v.login("auth/radius", name, anyPassword)
	}
	return run
}

// storeFaultySource leaves a directory in storage whose certificates cannot be read, as no write
// would.
func (run *eventfulRun) storeFaultySource(t *testing.T) {
	t.Helper()
	created := run.write(sourcesPath, map[string]any{
		"type": "ldap", "name": "faulty", "host": "127.0.0.1", "realms": "faulty.test",
		"allow_cleartext": true, "ldap_binddn": "ou=people",
	})
	key := fmt.Sprintf("extauth/%v", created.Data["id"])
	entry := stored(t, run.vaultServer, "radius", key)
	require.NotNil(t, entry, key)
	settings := entry["directory"].(map[string]any)
	settings["ssl"], settings["ssl_cert"] = true, "no certificate"
	mount := "sys/raw/auth/" + mountUUID(t, run.vaultServer, "radius") + "/"
	run.write(mount+key, map[string]any{"value": mustMarshal(t, entry)})
	run.write("sys/plugins/reload/backend", map[string]any{"mounts": "auth/radius/"})
}

// tokenOfBothMounts returns a token with the documented policy, and its like for radius-staff.
func (run *eventfulRun) tokenOfBothMounts() string {
	run.t.Helper()
	policy, err := os.ReadFile(monitoringFiles + "policy.hcl")
	require.NoError(run.t, err)
	both := string(policy) + strings.ReplaceAll(string(policy), "auth/radius/", "auth/radius-staff/")
	require.NoError(run.t, run.Client.Sys().PutPolicy(metricsPolicy, both))
	return run.tokenWith(metricsPolicy)
}

// fail ends what the mount depends on.
func (run *eventfulRun) fail(t *testing.T) {
	t.Helper()
	require.NoError(t, run.dying.Close())
	require.NoError(t, run.postgres.Kill())
	require.NoError(t, run.Client.Sys().DisableAuth("radius-staff"))
}

// begin has all happen, over and over again, until ctx ends.
func (run *eventfulRun) begin(ctx context.Context, loads *sync.WaitGroup) {
	repeat := func(interval time.Duration, do func(i int)) {
		loads.Go(func() {
			tick := time.NewTicker(interval)
			defer tick.Stop()
			for i := 0; ; i++ {
				select {
				case <-tick.C:
					do(i)
				case <-ctx.Done():
					return
				}
			}
		})
	}
	// What becomes of a request, the metrics show.
	post := func(path string, data map[string]any) map[string]any {
		secret, err := run.Client.Logical().WriteWithContext(ctx, "auth/radius/"+path, data)
		if err != nil || secret == nil {
			return nil
		}
		return secret.Data
	}
	login := func(name string) { post("login", map[string]any{"username": name, "password": anyPassword}) }
	for _, source := range []string{"forged", "dying", "radsec", "pair"} {
		repeat(500*time.Millisecond, func(int) { login("u@" + source + ".test") })
	}
	for i := range 4 { // each waits for its answer, and the alert needs two of them in some seconds
		repeat(500*time.Millisecond, func(int) { login(fmt.Sprintf("u%d@dying.test", i)) })
	}
	repeat(200*time.Millisecond, func(i int) { login(fmt.Sprintf("u%d@refusing.test", i)) })
	for i := range 20 {
		repeat(200*time.Millisecond, func(int) { login(fmt.Sprintf("u%d@lossy.test", i)) })
	}
	repeat(500*time.Millisecond, func(int) {
		challenge := post("login", map[string]any{"username": "steps", "password": anyPassword})
		post("login", map[string]any{"username": "steps", "password": "123456", "challenge_id": challenge["challenge_id"]})
	})
	token := run.login("auth/radius", "bob", bobsPassword).ClientToken
	repeat(500*time.Millisecond, func(int) {
		_, _ = run.as(token).Auth().Token().RenewSelfWithContext(ctx, 0)
		post("explain", map[string]any{"username": "bob"})
		post("extauth/radsec/verify", map[string]any{"username": "u@radsec.test", "password": anyPassword})
	})
	repeat(300*time.Millisecond, func(i int) {
		post("freeradius/authorize", map[string]any{"username": "bob", "password": bobsPassword})
		post("freeradius/postauth", map[string]any{"username": "bob", "reply": "Access-Accept"})
		post("freeradius/accounting", map[string]any{
			"status_type": "Start", "session_id": strconv.Itoa(i), "username": "bob", "nas_ip_address": "192.0.2.1",
		})
	})
	repeat(time.Second, func(i int) {
		post("freeradius/batch", map[string]any{
			"name": fmt.Sprintf("b%d", i), "strategy": "prefix", "prefix": fmt.Sprintf("g%d-", i), "number_of_users": 2,
		})
	})
}

// webhook keeps which alerts have arrived.
type webhook struct {
	*httptest.Server
	mu      sync.Mutex
	arrived map[string]int // guarded by mu; firing alerts by their labels
	names   map[string]bool
}

func startWebhook(t *testing.T) *webhook {
	t.Helper()
	hook := &webhook{arrived: map[string]int{}, names: map[string]bool{}}
	hook.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var notification struct {
			Alerts []struct {
				Status string
				Labels map[string]string
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&notification); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		hook.mu.Lock()
		defer hook.mu.Unlock()
		for _, alert := range notification.Alerts {
			if alert.Status == "firing" {
				hook.arrived[fmt.Sprint(alert.Labels)]++
				hook.names[alert.Labels["alertname"]] = true
			}
		}
	}))
	t.Cleanup(hook.Close)
	return hook
}

// counts returns how often each alert has arrived.
func (w *webhook) counts() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.arrived)
}

// missing returns the alerts of the names that have not arrived.
func (w *webhook) missing(names []string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return w.names[name] })
}

// startAlertmanager runs one with the documented configuration, faster, and with a notification
// for each alert: in a group they would be repeated for each that joins it.
func startAlertmanager(t *testing.T, url string) *prometheustest.Alertmanager {
	t.Helper()
	dir := t.TempDir()
	writeMonitoringFile(t, dir, "alertmanager.yml",
		"http://127.0.0.1:9095/alerts", url, "[alertname, mount]", "['...']",
		"group_wait: 30s", "group_wait: 1s", "group_interval: 5m", "group_interval: 10s")
	manager, err := prometheustest.StartAlertmanager(t.Context(), dir)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, manager.Stop())
		if t.Failed() {
			t.Logf("Alertmanager's log:\n%s", manager.Log())
		}
	})
	return manager
}

var (
	ruleMinutes = regexp.MustCompile(`(\[|for: )([0-9]+)m\b`)
	alertName   = regexp.MustCompile(`- alert: (\w+)`)
)

func readRules(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(monitoringFiles + "rules.yml")
	require.NoError(t, err)
	return string(text)
}

// fasterRules returns what to replace in the rules, so that their time passes faster.
func fasterRules(t *testing.T) (replacements []string) {
	t.Helper()
	for _, found := range ruleMinutes.FindAllStringSubmatch(readRules(t), -1) {
		count, err := strconv.Atoi(found[2])
		require.NoError(t, err)
		replacements = append(replacements, found[0], fmt.Sprintf("%s%ds", found[1], count*secondsOfAMinute))
	}
	require.NotEmpty(t, replacements)
	return replacements
}

func alertNames(t *testing.T) (names []string) {
	t.Helper()
	for _, found := range alertName.FindAllStringSubmatch(readRules(t), -1) {
		names = append(names, found[1])
	}
	require.NotEmpty(t, names)
	return names
}

// allExpressions returns those of the dashboard, with its variables for all mounts and nodes, the
// recorded series, and the alerts as Prometheus keeps them.
func allExpressions(t *testing.T) (all []string) {
	t.Helper()
	text, err := os.ReadFile(monitoringFiles + "dashboard.json")
	require.NoError(t, err)
	var board struct {
		Panels []struct{ Targets []struct{ Expr string } }
	}
	require.NoError(t, json.Unmarshal(text, &board))
	chosen := strings.NewReplacer("$mount", ".+", "$node", ".+",
		"$__rate_interval", fmt.Sprintf("%ds", 5*secondsOfAMinute))
	for _, panel := range board.Panels {
		for _, target := range panel.Targets {
			all = append(all, chosen.Replace(target.Expr))
		}
	}
	require.NotEmpty(t, all)
	for _, found := range regexp.MustCompile(`- record: (\S+)`).FindAllStringSubmatch(readRules(t), -1) {
		all = append(all, found[1])
	}
	for _, name := range alertNames(t) {
		all = append(all, `ALERTS{alertstate="firing", alertname="`+name+`"}`)
	}
	return all
}
