package e2e

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/postgrestest"
)

const (
	benchPackets  = 3000 // Starts, of as many sessions
	benchParallel = 32
)

// BenchmarkAccounting compares what one NAS's packets cost: FreeRADIUS, rlm_rest,
// Vault and the plugin, against FreeRADIUS and rlm_sql, into the same PostgreSQL. The
// third is the same without FreeRADIUS, over HTTP.
func BenchmarkAccounting(b *testing.B) {
	v := startPlugin(b)
	p := startPostgres(b)
	v.write("auth/radius/config", map[string]any{"extauth": "local"})
	v.write("auth/radius/freeradius/config", map[string]any{"store": "postgres", "connection_url": p.URL("postgres")})
	viaVault, viaSQL := startFrontend(b, v), startFrontendWithSQL(b, v, p)
	var sql float64
	for _, way := range []struct {
		name string
		run  func()
	}{
		{"rlm_sql", func() { viaSQL.flood("sql") }},
		{"rlm_rest", func() { viaVault.flood("rest") }},
		{"http", func() { v.flood(b) }},
	} {
		b.Run(way.name, func(b *testing.B) {
			began := time.Now()
			way.run()
			rate := benchPackets / time.Since(began).Seconds()
			if way.name == "rlm_sql" {
				sql = rate
			}
			b.ReportMetric(rate, "packets/s")
			b.ReportMetric(rate/sql, "of-rlm_sql")
			b.ReportMetric(0, "ns/op")
		})
	}
	require.Len(b, v.sessions("page_size=100&username=bob"), 100)
	b.Run("share", func(b *testing.B) { // of the plugin, its store included, in a request to Vault
		const requests = 300
		logged := len(v.log.String())
		began := time.Now()
		for n := range requests {
			v.write("auth/radius/freeradius/accounting", map[string]any{"status_type": "Start", "session_id": fmt.Sprintf("one-%d", n), "username": "bob", "nas_ip_address": "192.0.2.9"})
		}
		whole := time.Since(began) / requests
		b.ReportMetric(float64(whole.Microseconds())/1000, "request-ms")
		b.ReportMetric(float64(v.pluginTime(b, logged, "freeradius/accounting").Microseconds())/1000, "plugin-ms")
		b.ReportMetric(0, "ns/op")
	})
	b.Run("memory", func(b *testing.B) {
		before := v.pluginMemory()
		for range 3 {
			v.flood(b) // of copies
		}
		b.ReportMetric(float64(before)/1024, "MiB-before")
		b.ReportMetric(float64(v.pluginMemory())/1024, "MiB-after")
		b.ReportMetric(0, "ns/op")
	})
}

// tookPattern is how Vault's trace log tells how long the plugin took.
var tookPattern = regexp.MustCompile(`path=(\S+) status=finished err=<nil> took="?([0-9.]+[^\s"]+)`)

// pluginTime is the mean time that the plugin took for a path, by the log from there
// on.
func (v *vaultServer) pluginTime(b *testing.B, logged int, path string) time.Duration {
	b.Helper()
	var sum time.Duration
	count := 0
	for _, match := range tookPattern.FindAllStringSubmatch(v.log.String()[logged:], -1) {
		if match[1] != path {
			continue
		}
		took, err := time.ParseDuration(match[2])
		require.NoError(b, err)
		sum, count = sum+took, count+1
	}
	require.Positive(b, count)
	return sum / time.Duration(count)
}

// flood sends Starts, some at a time, and wants all acknowledged.
func (f *frontend) flood(prefix string) {
	f.t.Helper()
	var packets strings.Builder
	for n := range benchPackets {
		fmt.Fprintf(&packets, "Acct-Status-Type = Start\nAcct-Session-Id = \"%s-%d\"\nUser-Name = bob\nNAS-IP-Address = 192.0.2.9\nNAS-Port = %d\n\n", prefix, n, n)
	}
	radclientFlood(f.t, f.address("acct"), "acct", frontendSecret, packets.String())
}

// radclientFlood sends benchPackets packets, which are written as radclient reads them, some at a time,
// and wants all accepted.
func radclientFlood(t testing.TB, address, kind, secret, packets string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "packets")
	require.NoError(t, os.WriteFile(path, []byte(packets), 0o600))
	command := exec.CommandContext(t.Context(), "radclient", "-q", "-s", "-r", "3", "-t", "4",
		"-p", strconv.Itoa(benchParallel), "-f", path, address, kind, secret)
	out, err := command.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), fmt.Sprintf("Accepted      : %d", benchPackets))
}

// flood sends the same to Vault itself.
func (v *vaultServer) flood(b *testing.B) {
	var senders sync.WaitGroup
	for sender := range benchParallel {
		senders.Go(func() {
			for n := sender; n < benchPackets; n += benchParallel {
				body := map[string]any{"status_type": "Start", "session_id": fmt.Sprintf("http-%d", n), "username": "bob", "nas_ip_address": "192.0.2.9", "nas_port": fmt.Sprint(n)}
				if _, err := v.Client.Logical().WriteWithContext(b.Context(), "auth/radius/freeradius/accounting", body); err != nil {
					b.Error(err)
				}
			}
		})
	}
	senders.Wait()
}

// startFrontendWithSQL is startFrontend with FreeRADIUS's own accounting.
func startFrontendWithSQL(b *testing.B, v *vaultServer, p *postgrestest.Postgres) *frontend {
	b.Helper()
	at, err := url.Parse(p.URL("postgres"))
	require.NoError(b, err)
	password, _ := at.User.Password()
	module := fmt.Sprintf(`sql {
	dialect = "postgresql"
	driver = "rlm_sql_postgresql"
	server = %q
	port = %s
	login = %q
	password = %q
	radius_db = "postgres"
	acct_table1 = "radacct"
	acct_table2 = "radacct"
	postauth_table = "radpostauth"
	authcheck_table = "radcheck"
	groupcheck_table = "radgroupcheck"
	authreply_table = "radreply"
	groupreply_table = "radgroupreply"
	usergroup_table = "radusergroup"
	client_table = "nas"
	group_attribute = "SQL-Group"
	pool {
		start = 4
		min = 4
		max = ${thread[pool].max_servers}
		spare = 4
	}
	$INCLUDE ${modconfdir}/${.:name}/main/${dialect}/queries.conf
}
`, at.Hostname(), at.Port(), at.User.Username(), password)
	return startFrontendWith(b, v, "none", func(dir string, f *frontend) {
		require.NoError(b, os.WriteFile(filepath.Join(dir, "mods-enabled/sql"), []byte(module), 0o600))
		f.replace(filepath.Join(dir, "sites-enabled/default"), map[string]string{`(?s)accounting \{.*?\n\t\}`: "accounting {\n\t\tsql\n\t}"})
	})
}
