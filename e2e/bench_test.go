package e2e

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkLogin compares one login after another, over HTTP and checked by
// FreeRADIUS, at the built-in method and at ours in the same Vault. The
// built-in runs inside Vault's process; ours pays for a second process, and
// saves the storage reads.
func BenchmarkLogin(b *testing.B) {
	radius := startFreeRADIUS(b)
	v := startPlugin(b)
	v.enable("builtin", "radius")
	for _, mount := range []string{"auth/builtin", "auth/radius"} {
		v.write(mount+"/config", configFor(radius.Host(), radius.Port(), map[string]any{"token_type": "batch"}))
		v.write(mount+"/users/bob", map[string]any{"policies": "dev"})
	}
	for _, mount := range []string{"auth/builtin", "auth/radius"} {
		b.Run(mount, func(b *testing.B) {
			for b.Loop() {
				v.login(mount, "bob", "bob-password")
			}
		})
		b.Run(mount+"/parallel", func(b *testing.B) {
			b.SetParallelism(16)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := v.Client.Logical().Write(mount+"/login/bob", map[string]any{"password": "bob-password"}); err != nil {
						b.Error(err)
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "logins/s")
		})
	}
	b.Run("memory", func(b *testing.B) {
		for b.Loop() { // nothing to time: the logins above are what it has served
		}
		b.ReportMetric(float64(v.pluginMemory())/1024, "MiB")
	})
}

// pluginMemory is the resident memory of the plugin's process in KiB.
func (v *vaultServer) pluginMemory() int {
	v.t.Helper()
	executables, err := filepath.Glob("/proc/[0-9]*/exe")
	require.NoError(v.t, err)
	for _, executable := range executables {
		target, err := os.Readlink(executable)
		if err != nil || target != filepath.Join(v.home, "plugins", pluginName) {
			continue
		}
		status, err := os.ReadFile(filepath.Join(filepath.Dir(executable), "status"))
		require.NoError(v.t, err)
		for line := range strings.Lines(string(status)) {
			if size, found := strings.CutPrefix(line, "VmRSS:"); found {
				kib, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(size), "kB")))
				require.NoError(v.t, err)
				return kib
			}
		}
	}
	v.t.Fatalf("no process runs %s", pluginName)
	return 0
}
