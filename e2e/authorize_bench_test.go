package e2e

import (
	"crypto/sha1" // #nosec G505 -- of a hash that shall be cheap
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	authorizeRounds = 9  // of which the first warms up
	authorizeUsers  = 32 // who take turns
	authorizeSecret = "the-password"
)

// BenchmarkAuthorize compares PAP of local users through FreeRADIUS and rlm_rest, 32 at once: of a mount
// that knows passwords that were right, of one whose users have a cheap hash, of the same without the
// request that keeps a record (postauth), and over HTTP without FreeRADIUS. They take turns; ratios are medians of those of each round. What each process
// takes for a request is its processor time.
func BenchmarkAuthorize(b *testing.B) {
	v := startPlugin(b)
	v.enable("cheap", pluginName)
	v.write("auth/radius/config", map[string]any{"extauth": "local", "password_cache_ttl": "1h"})
	v.write("auth/cheap/config", map[string]any{"extauth": "local"})
	for n := range authorizeUsers {
		v.write(fmt.Sprintf("auth/radius/users/user-%d", n), map[string]any{"password": authorizeSecret})
		v.write(fmt.Sprintf("auth/cheap/users/user-%d", n), map[string]any{"password_hash": saltedSHA(authorizeSecret)})
	}
	known := startFrontend(b, v)
	cheapToken := frontendTokenAt(b, v, "cheap")
	ofCheap := func(dir string, f *frontend) {
		f.replace(filepath.Join(dir, "mods-enabled/rest"), map[string]string{"auth/radius/freeradius": "auth/cheap/freeradius"})
	}
	cheap := startFrontendWith(b, v, cheapToken, ofCheap)
	unrecorded := startFrontendWith(b, v, cheapToken, ofCheap, func(dir string, f *frontend) {
		f.replace(filepath.Join(dir, "sites-enabled/default"), map[string]string{
			`if \(&control:Response-Packet-Type != Do-Not-Respond\)`: `if (&User-Name == "of-none")`,
		})
	})
	vault := v.processesOf(vaultProgram(b))[0]
	plugin := v.pluginProcesses()[0]
	ways := []authorizeWay{
		{"cheap", func() { radclientFlood(b, cheap.address("auth"), "auth", frontendSecret, authorizePackets()) }, cheap.PID()},
		{"known", func() { radclientFlood(b, known.address("auth"), "auth", frontendSecret, authorizePackets()) }, known.PID()},
		{"unrecorded", func() {
			radclientFlood(b, unrecorded.address("auth"), "auth", frontendSecret, authorizePackets())
		}, unrecorded.PID()},
		{"http", func() { v.authorizeFlood(b, "auth/cheap") }, 0},
	}
	figures := map[string][]authorizeFigures{}
	for range authorizeRounds {
		for _, way := range ways {
			before := [...]time.Duration{processorTime(b, way.server), processorTime(b, vault), processorTime(b, plugin)}
			began := time.Now()
			way.run()
			figures[way.name] = append(figures[way.name], authorizeFigures{
				perSecond: benchPackets / time.Since(began).Seconds(),
				server:    (processorTime(b, way.server) - before[0]) / benchPackets,
				vault:     (processorTime(b, vault) - before[1]) / benchPackets,
				plugin:    (processorTime(b, plugin) - before[2]) / benchPackets,
			})
		}
	}
	for _, way := range ways {
		b.Run(way.name, func(b *testing.B) {
			report := func(unit string, figure func(f, ofCheap authorizeFigures) float64) {
				var all []float64
				for i, f := range figures[way.name][1:] {
					all = append(all, figure(f, figures["cheap"][1+i]))
				}
				slices.Sort(all)
				b.ReportMetric(all[len(all)/2], unit)
			}
			b.ReportMetric(0, "ns/op")
			report("requests/s", func(f, _ authorizeFigures) float64 { return f.perSecond })
			report("of-cheap", func(f, ofCheap authorizeFigures) float64 { return f.perSecond / ofCheap.perSecond })
			report("µs-freeradius", func(f, _ authorizeFigures) float64 { return float64(f.server.Microseconds()) })
			report("µs-vault", func(f, _ authorizeFigures) float64 { return float64(f.vault.Microseconds()) })
			report("µs-plugin", func(f, _ authorizeFigures) float64 { return float64(f.plugin.Microseconds()) })
		})
	}
}

// authorizeWay is a way to have passwords checked, and the FreeRADIUS server of it; 0: none.
type authorizeWay struct {
	name   string
	run    func()
	server int
}

// authorizeFigures are those of a way in one round: the times are those of processors for one request.
type authorizeFigures struct {
	perSecond             float64
	server, vault, plugin time.Duration
}

// authorizePackets are those of the users, in turns.
func authorizePackets() string {
	var packets strings.Builder
	for n := range benchPackets {
		fmt.Fprintf(&packets, "User-Name = user-%d\nUser-Password = %s\n\n", n%authorizeUsers, authorizeSecret)
	}
	return packets.String()
}

// authorizeFlood sends the same to Vault itself.
func (v *vaultServer) authorizeFlood(b *testing.B, mount string) {
	b.Helper()
	var senders sync.WaitGroup
	for sender := range benchParallel {
		senders.Go(func() {
			for n := sender; n < benchPackets; n += benchParallel {
				body := map[string]any{"username": fmt.Sprintf("user-%d", n%authorizeUsers), "password": authorizeSecret}
				if _, err := v.Client.Logical().WriteWithContext(b.Context(), mount+"/freeradius/authorize", body); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	senders.Wait()
}

// saltedSHA returns a hash that costs a microsecond.
func saltedSHA(password string) string {
	salt := []byte("salt")
	sum := sha1.Sum(append([]byte(password), salt...)) // #nosec G401 -- it shall be cheap
	return "{SSHA}" + base64.StdEncoding.EncodeToString(append(sum[:], salt...))
}

// vaultProgram returns the file that Vault's process runs.
func vaultProgram(t testing.TB) string {
	t.Helper()
	program, err := filepath.EvalSymlinks(os.Getenv("VAULT_BINARY"))
	require.NoError(t, err)
	return program
}

// clockTick is the unit of times in /proc/PID/stat.
const clockTick = 10 * time.Millisecond

// processorTime returns what a process has had of processors; 0 for no process.
func processorTime(t testing.TB, process int) time.Duration {
	t.Helper()
	if process == 0 {
		return 0
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", process))
	require.NoError(t, err)
	_, after, found := strings.Cut(string(stat), ") ")
	require.True(t, found)
	fields := strings.Fields(after) // from the third on
	user, err := strconv.Atoi(fields[11])
	require.NoError(t, err)
	system, err := strconv.Atoi(fields[12])
	require.NoError(t, err)
	return time.Duration(user+system) * clockTick
}
