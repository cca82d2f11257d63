package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkRefusedLocalLogin compares the times of refusals: who is refused must
// not learn from it whether the name exists. Each is also reported as a ratio to
// the unknown name's.
func BenchmarkRefusedLocalLogin(b *testing.B) {
	v := startPlugin(b)
	v.write("auth/radius/config", map[string]any{"extauth": "local", "lockout_threshold": 1, "lockout_duration": "1h"})
	for name, fields := range map[string]map[string]any{"wrong": {}, "disabled": {"enabled": false}, "expired": {"expires_at": "2020-01-01"}, "locked": {}} {
		fields["password"] = "the-password"
		v.write("auth/radius/users/"+name, fields)
	}
	refuse := func(name, password string) {
		_, err := v.Client.Logical().Write("auth/radius/login/"+name, map[string]any{"password": password})
		require.Error(b, err)
	}
	refuse("locked", "x")
	status, answer := v.request("POST", "auth/radius/freeradius/batch", "application/json",
		`{"name": "guests", "strategy": "prefix", "prefix": "batch-", "number_of_users": 1}`)
	require.Equal(b, http.StatusCreated, status, answer)
	const refusals = 200
	names := []string{"unknown", "wrong", "disabled", "expired", "locked", "batch-1"}
	took := map[string][]float64{}
	for range refusals { // in turns, so that all see the same machine
		for _, name := range names {
			unlocked := name // or the threshold would lock it out
			if name == "locked" {
				unlocked = "somebody-else"
			}
			v.write("auth/radius/unlock/"+unlocked, nil)
			began := time.Now()
			refuse(name, "x")
			took[name] = append(took[name], time.Since(began).Seconds())
		}
	}
	for _, name := range names {
		slices.Sort(took[name])
		b.Run(name, func(b *testing.B) {
			median := took[name][refusals/2]
			b.ReportMetric(median*1000, "ms/refusal")
			b.ReportMetric(median/took["unknown"][refusals/2], "of-unknown")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkBatch makes the users of a batch with one request.
func BenchmarkBatch(b *testing.B) {
	const users = 10_000
	v := startPlugin(b)
	v.write("auth/radius/config", map[string]any{"extauth": "local", "password_hash_cost": 1})
	batches := 0
	for b.Loop() {
		batches++
		status, answer := v.request("POST", "auth/radius/freeradius/batch", "application/json",
			fmt.Sprintf(`{"name": "b%[1]d", "strategy": "prefix", "prefix": "g%[1]d-", "number_of_users": %[2]d}`, batches, users))
		require.Equal(b, http.StatusCreated, status, answer)
	}
	b.ReportMetric(float64(b.N)*users/b.Elapsed().Seconds(), "users/s")
}

// pluginMemory is the resident memory of the plugin's process in KiB.
func (v *vaultServer) pluginMemory() int {
	v.t.Helper()
	return v.pluginProcess("VmRSS:")
}

// pluginProcess returns a number that the kernel has of the plugin's process; of memory in KiB.
func (v *vaultServer) pluginProcess(line string) int {
	v.t.Helper()
	status, err := os.ReadFile(filepath.Join(v.pluginFolder(), "status"))
	require.NoError(v.t, err)
	for text := range strings.Lines(string(status)) {
		if value, found := strings.CutPrefix(text, line); found {
			number, err := strconv.Atoi(strings.Fields(value)[0])
			require.NoError(v.t, err)
			return number
		}
	}
	v.t.Fatalf("the kernel has no %s of the plugin", line)
	return 0
}

// pluginFolder returns where the kernel shows the plugin's process.
func (v *vaultServer) pluginFolder() string {
	v.t.Helper()
	executables, err := filepath.Glob("/proc/[0-9]*/exe")
	require.NoError(v.t, err)
	for _, executable := range executables {
		if target, err := os.Readlink(executable); err == nil && target == filepath.Join(v.home, "plugins", pluginName) {
			return filepath.Dir(executable)
		}
	}
	v.t.Fatalf("no process runs %s", pluginName)
	return ""
}
