package e2e

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const startRounds = 21 // of which the first warms up

// startMounts have a process each: one that does nothing, ours with a login at FreeRADIUS, and ours with
// one of a local user.
var startMounts = []string{"floor", pluginName, "local"}

// startFigures are those of a mount in one round.
type startFigures struct{ first, warm time.Duration }

// BenchmarkStart compares how long the first login takes after a plugin has ended: Vault checks the
// binary's sum, starts a process and sets the mount up. The mounts take turns, round by round.
func BenchmarkStart(b *testing.B) {
	radiusServer := startFreeRADIUS(b)
	v := startVault(b)
	v.enableBuilt(b, "floor", "..", "./bench/floor")
	copyFile(b, pluginBinary(b), filepath.Join(v.home, "plugins", "local"))
	for _, mount := range startMounts[1:] {
		v.registerFile(mount, mount, "")
		v.enable(mount, mount)
	}
	v.write("auth/"+pluginName+"/config", configFor(radiusServer.Host(), radiusServer.Port(), nil))
	v.write("auth/"+pluginName+"/users/bob", map[string]any{"policies": "dev"})
	v.write("auth/local/config", map[string]any{"extauth": "local"})
	v.write("auth/local/users/bob", map[string]any{"policies": "dev", "password": "bob-password"})
	var rounds []map[string]startFigures
	for range startRounds {
		round := map[string]startFigures{}
		for _, mount := range startMounts {
			round[mount] = v.restart(b, mount)
		}
		rounds = append(rounds, round)
	}
	rounds = rounds[1:]
	for _, mount := range startMounts {
		b.Run(mount, func(b *testing.B) {
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(medianMilliseconds(rounds, func(r map[string]startFigures) time.Duration { return r[mount].first }), "ms-first")
			b.ReportMetric(medianMilliseconds(rounds, func(r map[string]startFigures) time.Duration { return r[mount].warm }), "ms-warm")
			b.ReportMetric(medianMilliseconds(rounds, func(r map[string]startFigures) time.Duration {
				return r[mount].first - r["floor"].first
			}), "ms-above-floor")
		})
	}
	b.Run("memory", func(b *testing.B) {
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(float64(v.pluginMemory())/1024, "MiB")
	})
}

// restart ends a mount's plugin, and returns what the login takes that starts it anew, and the next one.
func (v *vaultServer) restart(t testing.TB, mount string) startFigures {
	t.Helper()
	login := func() {
		_, err := v.Client.Logical().Write("auth/"+mount+"/login/bob", map[string]any{"password": "bob-password"})
		require.NoError(t, err)
	}
	began := time.Now()
	v.write("sys/plugins/reload/backend", map[string]any{"plugin": mount})
	login()
	started := time.Now()
	login()
	return startFigures{first: started.Sub(began), warm: time.Since(started)}
}

func medianMilliseconds(rounds []map[string]startFigures, figure func(map[string]startFigures) time.Duration) float64 {
	var all []time.Duration
	for _, round := range rounds {
		all = append(all, figure(round))
	}
	return float64(median(all).Microseconds()) / 1000
}
