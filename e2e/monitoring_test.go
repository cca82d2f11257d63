package e2e

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/daemontest"
	"vault-plugin-auth-radius/internal/longtest"
	"vault-plugin-auth-radius/internal/prometheustest"
	"vault-plugin-auth-radius/internal/radiustest"
	"vault-plugin-auth-radius/internal/tlstest"
)

const (
	monitoringFiles = "../docs/monitoring/"
	metricsPath     = "auth/radius/metrics"
	metricsPolicy   = "radius-metrics"
)

// A real Prometheus scrapes a real Vault with the documented configuration and policy.
func TestPrometheusScrapesWithTheDocumentedConfiguration(t *testing.T) {
	t.Parallel()
	behaviours := map[string]func(t *testing.T){"a login is seen": testLoginIsSeen}
	if longtest.Enabled() {
		behaviours["each expression has data, and each alert arrives once"] = testAllThatCanHappen
	}
	for name, test := range behaviours {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t)
		})
	}
}

func testLoginIsSeen(t *testing.T) {
	v, secured := startMonitoredPlugin(t)
	server := startRADIUS(t, radiustest.Options{Handler: radiustest.Users{"bob": {Password: bobsPassword}}.Handler()})
	v.write("auth/radius/config", configFor(server.Host(), server.Port(), nil))
	v.login("auth/radius", "bob", bobsPassword)
	v.refused("auth/radius/login/bob", map[string]any{"password": "wrong"})

	dir := t.TempDir()
	secured.writeFiles(t, dir, v.metricsToken())
	writeMonitoringFile(t, dir, "rules.yml")
	writeMonitoringFile(t, dir, "prometheus.yml", secured.replacements(dir, unusedAddress(t))...)
	prometheus := startPrometheus(t, dir)
	awaitData(t, prometheus, `up{job="vault-radius", mount="radius", instance="127.0.0.1"} == 1`)
	for _, expression := range []string{
		`radius_auth_logins_total{mount="radius", instance="127.0.0.1", source="(config)", outcome="accepted"} == 1`,
		`radius_auth_logins_total{source="(config)", outcome="refused", reason="rejected"} == 1`,
		`sum(radius_auth_round_trip_seconds_count) == 2`,
		`radius_auth_build_info{mount="radius"} == 1`,
		`process_open_fds{mount="radius"} > 0`,
	} {
		awaitData(t, prometheus, expression)
	}

	status, exposition := v.request(http.MethodGet, metricsPath, "", "")
	require.Equal(t, http.StatusOK, status)
	_, err := prometheustest.Promtool(t.Context(), exposition, "check", "metrics")
	require.NoError(t, err)
}

// Metrics, attempts and explanations are for those whose policies say so; an explanation is
// an operator's, and needs sudo as well.
func TestPoliciesDecideWhoSeesWhatHappens(t *testing.T) {
	t.Parallel()
	v := startPlugin(t)
	v.write("auth/radius/config", map[string]any{"extauth": "local", "password_hash_cost": 1})
	v.write("auth/radius/users/bob", map[string]any{"password": bobsPassword})
	for name, policy := range map[string]string{
		"explainer-without-sudo": `path "auth/radius/explain" { capabilities = ["update"] }`,
		"explainer":              `path "auth/radius/explain" { capabilities = ["update", "sudo"] }`,
		"observer":               `path "auth/radius/attempts" { capabilities = ["read"] }`,
	} {
		require.NoError(t, v.Client.Sys().PutPolicy(name, policy))
	}
	tokens := map[string]string{
		"scraper":                v.metricsToken(),
		"nobody":                 v.tokenWith("default"),
		"explainer without sudo": v.tokenWith("explainer-without-sudo"),
		"explainer":              v.tokenWith("explainer"),
		"observer":               v.tokenWith("observer"),
	}
	const question = `{"username": "bob"}`
	for _, request := range []struct {
		method, path, body string
		allowed            string
	}{
		{http.MethodGet, "metrics", "", "scraper"},
		{http.MethodGet, "attempts", "", "observer"},
		{http.MethodPost, "explain", question, "explainer"},
		{http.MethodGet, "config", "", ""},
	} {
		for holder, token := range tokens {
			status, answer := v.bearing(token, request.method, "auth/radius/"+request.path, request.body)
			want := http.StatusForbidden
			if holder == request.allowed {
				want = http.StatusOK
			}
			require.Equal(t, want, status, "%s %s: %s", holder, request.path, answer)
		}
	}
}

// bearing sends a request as Prometheus does, with the token in Authorization.
func (v *vaultServer) bearing(token, method, path, body string) (status int, answer string) {
	v.t.Helper()
	url := v.Client.Address() + "/v1/" + path
	request, err := http.NewRequestWithContext(v.t.Context(), method, url, strings.NewReader(body))
	require.NoError(v.t, err)
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	require.NoError(v.t, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	require.NoError(v.t, err)
	return response.StatusCode, string(text)
}

// tokenWith returns an orphan token with a policy.
func (v *vaultServer) tokenWith(policy string) string {
	v.t.Helper()
	secret, err := v.Client.Auth().Token().CreateOrphan(&api.TokenCreateRequest{
		Policies: []string{policy}, Period: "768h", DisplayName: "prometheus",
	})
	require.NoError(v.t, err)
	return secret.Auth.ClientToken
}

// metricsToken returns a token with the documented policy.
func (v *vaultServer) metricsToken() string {
	v.t.Helper()
	policy, err := os.ReadFile(monitoringFiles + "policy.hcl")
	require.NoError(v.t, err)
	require.NoError(v.t, v.Client.Sys().PutPolicy(metricsPolicy, string(policy)))
	return v.tokenWith(metricsPolicy)
}

// securedListener is one of Vault's with TLS: dev mode has none by itself.
type securedListener struct {
	address   string
	authority *tlstest.Authority
}

// startMonitoredPlugin is startPlugin with a listener with TLS.
func startMonitoredPlugin(t *testing.T) (*vaultServer, securedListener) {
	t.Helper()
	authority, err := tlstest.NewAuthority("Vault's authority")
	require.NoError(t, err)
	certificate, err := authority.Issue(tlstest.CertificateOptions{Names: []string{"127.0.0.1"}})
	require.NoError(t, err)
	certificateFile, keyFile, err := certificate.Write(t.TempDir(), "vault")
	require.NoError(t, err)
	secured := securedListener{address: unusedAddress(t), authority: authority}
	v := startVault(t, `listener "tcp" {
	address       = "`+secured.address+`"
	tls_cert_file = "`+certificateFile+`"
	tls_key_file  = "`+keyFile+`"
}`)
	v.register(pluginName, "")
	v.enable("radius", pluginName)
	return v, secured
}

// unusedAddress returns a port of loopback that nothing else is given.
func unusedAddress(t *testing.T) string {
	t.Helper()
	port, err := daemontest.FreePort(t.Context())
	require.NoError(t, err)
	return "127.0.0.1:" + strconv.Itoa(port)
}

// writeFiles writes what the documented configuration reads.
func (s securedListener) writeFiles(t *testing.T, dir, token string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "vault-ca.pem"), s.authority.PEM(), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "vault-token"), []byte(token+"\n"), 0o600))
}

// replacements are what differs from the documented configuration: addresses, the folder of the
// files, and how often Prometheus scrapes.
func (s securedListener) replacements(dir, alertmanager string) []string {
	return []string{
		"vault.example.com:8200", s.address,
		"127.0.0.1:9093", alertmanager,
		"/etc/prometheus/", dir + "/",
		"scrape_interval: 15s", "scrape_interval: 1s\n  scrape_timeout: 1s",
		"evaluation_interval: 15s", "evaluation_interval: 1s",
	}
}

// writeMonitoringFile writes a documented file with replacements: pairs of old and new, each
// of which has to be there.
func writeMonitoringFile(t *testing.T, dir, name string, replacements ...string) {
	t.Helper()
	text, err := os.ReadFile(monitoringFiles + name)
	require.NoError(t, err)
	for i := 0; i < len(replacements); i += 2 {
		require.Contains(t, string(text), replacements[i])
	}
	written := strings.NewReplacer(replacements...).Replace(string(text))
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(written), 0o600))
}

func startPrometheus(t *testing.T, dir string) *prometheustest.Prometheus {
	t.Helper()
	prometheus, err := prometheustest.StartPrometheus(t.Context(), dir)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, prometheus.Stop())
		if t.Failed() {
			t.Logf("Prometheus's log:\n%s", prometheus.Log())
		}
	})
	return prometheus
}

// awaitData waits until an expression has data. The minute only ends what hangs.
func awaitData(t *testing.T, prometheus *prometheustest.Prometheus, expression string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		samples, err := prometheus.Query(ctx, expression)
		if err == nil && len(samples) > 0 {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("no data for %s: %v", expression, err)
		case <-tick.C:
		}
	}
}
