package e2e

import (
	"crypto/sha1" // #nosec G505 -- of a hash that shall be cheap
	"encoding/base64"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	authorizeRounds = 9  // of which the first warms up
	authorizeUsers  = 32 // who take turns
	authorizeSecret = "the-password"
)

// BenchmarkAuthorize compares PAP of local users through FreeRADIUS and rlm_rest, 32 at once: of a mount
// that knows passwords that were right, of one whose users have a cheap hash, of the same without the
// request that keeps a record (postauth), and over HTTP without FreeRADIUS. They take turns; ratios are
// medians of those of each round. What each process takes for a request is its processor time.
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
	through := func(name string, f *frontend) authorizeWay {
		return authorizeWay{name, func() {
			radclientFlood(b, f.address("auth"), "auth", frontendSecret, authorizePackets())
		}, v.processes(b, pluginName, f.PID())}
	}
	ways := []authorizeWay{
		through("cheap", cheap), through("known", known), through("unrecorded", unrecorded),
		{"http", func() { v.authorizeFlood(b, "auth/cheap") }, v.processes(b, pluginName, 0)},
	}
	figures := map[string][]authorizeFigures{}
	for range authorizeRounds {
		for _, way := range ways {
			before, began := way.processes.times(b), time.Now()
			way.run()
			perSecond := benchPackets / time.Since(began).Seconds()
			figures[way.name] = append(figures[way.name], authorizeFigures{perSecond, way.processes.times(b).since(before, benchPackets)})
		}
	}
	for _, way := range ways {
		b.Run(way.name, func(b *testing.B) {
			report := func(unit string, figure func(f, ofCheap authorizeFigures) float64) {
				var all []float64
				for i, f := range figures[way.name][1:] {
					all = append(all, figure(f, figures["cheap"][1+i]))
				}
				b.ReportMetric(median(all), unit)
			}
			b.ReportMetric(0, "ns/op")
			report("requests/s", func(f, _ authorizeFigures) float64 { return f.perSecond })
			report("of-cheap", func(f, ofCheap authorizeFigures) float64 { return f.perSecond / ofCheap.perSecond })
			for unit, of := range processUnits {
				report(unit, func(f, _ authorizeFigures) float64 { return float64(of(f.processes).Microseconds()) })
			}
		})
	}
}

// authorizeWay is a way to have passwords checked, and what is at work for it.
type authorizeWay struct {
	name      string
	run       func()
	processes processes
}

// authorizeFigures are those of a way in one round.
type authorizeFigures struct {
	perSecond float64
	processes processTimes // of a request
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
