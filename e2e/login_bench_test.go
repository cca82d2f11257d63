package e2e

import (
	"net"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"

	"vault-plugin-auth-radius/internal/radiustest"
)

// The mounts whose logins are compared.
const (
	atFloor    = "auth/floor"    // a plugin that grants a token at once
	atExternal = "auth/external" // the built-in's code as a plugin
	atBuiltin  = "auth/builtin"  // in Vault's own process
	atOurs     = "auth/radius"
)

var comparedMounts = []string{atFloor, atExternal, atBuiltin, atOurs}

const (
	loginRounds     = 33  // of which the first warms up
	loginsOfARound  = 480 // in parallel, and a third of it one after another
	parallelLogins  = 32
	comparedPackage = "./builtin-plugin" // of e2e/vault
)

// loginFigures are those of a mount in one round.
type loginFigures struct {
	perSecond float64       // parallel
	median    time.Duration // one after another
	processes processTimes  // of a login
}

// BenchmarkLogin compares logins of one user at FreeRADIUS, over HTTP and with batch tokens, at ours and
// at others in the same Vault. They take turns, round by round, so that a noisy machine troubles all;
// the ratios are medians of those of each round.
func BenchmarkLogin(b *testing.B) {
	radiusServer := startFreeRADIUS(b)
	v := startPlugin(b)
	v.enableBuilt(b, "floor", "..", "./bench/floor")
	v.enableBuilt(b, "external", "vault", comparedPackage)
	v.enable("builtin", "radius")
	for _, mount := range comparedMounts[1:] {
		v.write(mount+"/config", configFor(radiusServer.Host(), radiusServer.Port(), map[string]any{"token_type": "batch"}))
		v.write(mount+"/users/bob", map[string]any{"policies": "dev"})
	}
	processes := map[string]processes{}
	for mount, file := range map[string]string{atFloor: "floor", atExternal: "external", atBuiltin: "", atOurs: pluginName} {
		processes[mount] = v.processes(b, file, radiusServer.PID())
	}
	var rounds []map[string]loginFigures
	var exchanges []time.Duration
	for range loginRounds {
		round := map[string]loginFigures{}
		for _, mount := range comparedMounts {
			before := processes[mount].times(b)
			perSecond := v.loginsPerSecond(b, mount)
			used := processes[mount].times(b).since(before, loginsOfARound)
			round[mount] = loginFigures{perSecond, v.medianLogin(b, mount), used}
		}
		rounds, exchanges = append(rounds, round), append(exchanges, medianExchange(b, radiusServer))
	}
	rounds, exchanges = rounds[1:], exchanges[1:]
	for _, mount := range comparedMounts {
		b.Run(mount, func(b *testing.B) {
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(medianOf(rounds, func(_ int, r map[string]loginFigures) float64 { return r[mount].perSecond }), "logins/s")
			b.ReportMetric(medianOf(rounds, func(_ int, r map[string]loginFigures) float64 {
				return float64(r[mount].median.Microseconds())
			}), "µs-median")
			b.ReportMetric(medianOf(rounds, func(_ int, r map[string]loginFigures) float64 {
				return r[atOurs].perSecond / r[mount].perSecond
			}), "ours/this")
			for unit, of := range processUnits {
				b.ReportMetric(medianOf(rounds, func(_ int, r map[string]loginFigures) float64 {
					return float64(of(r[mount].processes).Microseconds())
				}), unit)
			}
		})
	}
	b.Run("ours to floor and an exchange", func(b *testing.B) {
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(medianOf(rounds, func(i int, r map[string]loginFigures) float64 {
			return float64(r[atOurs].median) / float64(r[atFloor].median+exchanges[i])
		}), "ratio")
		b.ReportMetric(medianOf(rounds, func(i int, _ map[string]loginFigures) float64 {
			return float64(exchanges[i].Microseconds())
		}), "µs-exchange")
	})
	b.Run("memory", func(b *testing.B) {
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(float64(v.pluginMemory())/1024, "MiB")
	})
}

// medianOf returns the median of a figure of rounds.
func medianOf(rounds []map[string]loginFigures, figure func(int, map[string]loginFigures) float64) float64 {
	var all []float64
	for i, round := range rounds {
		all = append(all, figure(i, round))
	}
	return median(all)
}

// enableBuilt builds a plugin from a folder, and mounts it.
func (v *vaultServer) enableBuilt(t testing.TB, mount, folder, path string) {
	t.Helper()
	require.NoError(t, buildPlugin(t.Context(), folder, path, "", filepath.Join(v.home, "plugins", mount)))
	v.registerFile(mount, mount, "")
	v.enable(mount, mount)
}

// loginsPerSecond logs bob in at a mount, many at a time.
func (v *vaultServer) loginsPerSecond(t testing.TB, mount string) float64 {
	t.Helper()
	var group sync.WaitGroup
	began := time.Now()
	for range parallelLogins {
		group.Go(func() {
			for range loginsOfARound / parallelLogins {
				if _, err := v.Client.Logical().Write(mount+"/login/bob", map[string]any{"password": "bob-password"}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	return float64(loginsOfARound/parallelLogins*parallelLogins) / time.Since(began).Seconds()
}

// medianLogin returns what a login takes, of one after another.
func (v *vaultServer) medianLogin(t testing.TB, mount string) time.Duration {
	t.Helper()
	return medianTime(func() {
		_, err := v.Client.Logical().Write(mount+"/login/bob", map[string]any{"password": "bob-password"})
		require.NoError(t, err)
	})
}

// medianExchange returns what an exchange with the RADIUS server takes, of one after another.
func medianExchange(t testing.TB, server *radiustest.FreeRADIUS) time.Duration {
	t.Helper()
	client := radius.Client{}
	return medianTime(func() {
		packet := radius.New(radius.CodeAccessRequest, []byte(radiusSecret))
		require.NoError(t, rfc2865.UserName_SetString(packet, "bob"))
		require.NoError(t, rfc2865.UserPassword_SetString(packet, "bob-password"))
		answer, err := client.Exchange(t.Context(), packet, net.JoinHostPort(server.Host(), strconv.Itoa(server.Port())))
		require.NoError(t, err)
		require.Equal(t, radius.CodeAccessAccept, answer.Code)
	})
}

func medianTime(do func()) time.Duration {
	var all []time.Duration
	for range loginsOfARound / 3 {
		began := time.Now()
		do()
		all = append(all, time.Since(began))
	}
	return median(all)
}
