//go:build protocol

package prometheustest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
}

// TestAlertOfPrometheusReachesAWebhook scrapes a server whose light is out.
func TestAlertOfPrometheusReachesAWebhook(t *testing.T) {
	t.Parallel()
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, "# TYPE light gauge\nlight 0\n")
	}))
	t.Cleanup(target.Close)
	type notification struct {
		Status string
		Alerts []struct{ Labels map[string]string }
	}
	notifications := make(chan notification, 1)
	webhook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var sent notification
		if json.NewDecoder(r.Body).Decode(&sent) == nil {
			select {
			case notifications <- sent:
			default:
			}
		}
	}))
	t.Cleanup(webhook.Close)

	dir := t.TempDir()
	write(t, dir, "alertmanager.yml", "route: {receiver: us, group_wait: 0s}\nreceivers:\n- name: us\n"+
		"  webhook_configs: [{url: '"+webhook.URL+"/'}]\n")
	manager, err := StartAlertmanager(t.Context(), dir)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, manager.Stop()) })
	write(t, dir, "rules.yml", "groups: [{name: lights, rules: [{alert: Dark, expr: light == 0}]}]\n")
	write(t, dir, "prometheus.yml", "global: {scrape_interval: 100ms, scrape_timeout: 100ms, evaluation_interval: 100ms}\nrule_files: [rules.yml]\n"+
		"alerting: {alertmanagers: [{static_configs: [{targets: ['"+manager.Address()+"']}]}]}\n"+
		"scrape_configs: [{job_name: lamp, static_configs: [{targets: ['"+strings.TrimPrefix(target.URL, "http://")+"']}]}]\n")
	p, err := StartPrometheus(t.Context(), dir)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Stop()) })

	select {
	case sent := <-notifications:
		require.Equal(t, "firing", sent.Status)
		require.Equal(t, "Dark", sent.Alerts[0].Labels["alertname"])
	case <-time.After(time.Minute): // only ends what hangs
		t.Fatalf("no notification\n%s\n%s", p.Log(), manager.Log())
	}
	samples, err := p.Query(t.Context(), `light{job="lamp"}`)
	require.NoError(t, err)
	require.Len(t, samples, 1)
	require.Equal(t, 0.0, samples[0].Value)
	require.Equal(t, "lamp", samples[0].Labels["job"])
	samples, err = p.Query(t.Context(), "scalar(light) + 2.5")
	require.NoError(t, err)
	require.Equal(t, []Sample{{Value: 2.5}}, samples)
	_, err = p.Query(t.Context(), "light{")
	require.ErrorContains(t, err, "parse error")
	alerts, err := p.Alerts(t.Context())
	require.NoError(t, err)
	require.Len(t, alerts, 1)
	require.Equal(t, "firing", alerts[0].State)
}

const monitoring = "../../docs/monitoring/"

// What docs/monitoring ships is what its programs read. The files that prometheus.yml names
// beyond this repository are those of the machine that it is for.
func TestShippedFilesOfMonitoringAreClean(t *testing.T) {
	t.Parallel()
	for _, arguments := range [][]string{
		{"check", "config", "--syntax-only", monitoring + "prometheus.yml"},
		{"check", "rules", "--lint=all", "--lint-fatal", monitoring + "rules.yml"},
		{"test", "rules", monitoring + "rules_test.yml"},
	} {
		output, err := Promtool(t.Context(), "", arguments...)
		require.NoError(t, err, arguments)
		require.Contains(t, output, "SUCCESS")
	}
	output, err := Amtool(t.Context(), "check-config", monitoring+"alertmanager.yml")
	require.NoError(t, err)
	require.Contains(t, output, "SUCCESS")
	_, err = Promtool(t.Context(), "# TYPE wrong_total gauge\nwrong_total 1\n", "check", "metrics")
	require.ErrorContains(t, err, "wrong_total")
}

// The whole check of prometheus.yml wants the files that it names: they are made here.
func TestShippedConfigurationOfPrometheusIsWhole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text, err := os.ReadFile(monitoring + "prometheus.yml")
	require.NoError(t, err)
	whole := strings.ReplaceAll(string(text), "/etc/prometheus/", dir+"/")
	for _, name := range []string{"vault-ca.pem", "vault-token"} {
		require.Contains(t, whole, dir+"/"+name)
		write(t, dir, name, "")
	}
	write(t, dir, "prometheus.yml", whole)
	rules, err := os.ReadFile(monitoring + "rules.yml")
	require.NoError(t, err)
	write(t, dir, "rules.yml", string(rules))
	output, err := Promtool(t.Context(), "", "check", "config", filepath.Join(dir, "prometheus.yml"))
	require.NoError(t, err)
	require.Contains(t, output, "SUCCESS: 14 rules found")
}
