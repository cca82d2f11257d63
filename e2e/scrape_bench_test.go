package e2e

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/radiustest"
)

// BenchmarkScrape compares logins at a mount with 31 servers and 20 sources that is scraped
// each second with those at the same mount meanwhile, in turns; and reports what a scrape takes.
func BenchmarkScrape(b *testing.B) {
	const rounds, length = 40, 2 * time.Second
	v := startPlugin(b)
	v.crowd()
	const scrapes = 200
	size := 0
	var scraped, read []time.Duration
	for range scrapes { // in turns, so that both see the same machine
		began := time.Now()
		status, body := v.request("GET", "auth/radius/metrics", "", "")
		scraped = append(scraped, time.Since(began))
		require.Equal(b, http.StatusOK, status)
		size = len(body)
		began = time.Now()
		v.request("GET", "auth/radius/users/bob", "", "")
		read = append(read, time.Since(began))
	}
	rates := make([]float64, 0, 2*rounds+1)
	for i := range cap(rates) {
		rates = append(rates, v.loginsIn(length, i%2 == 1))
	}
	var ratios, copies []float64 // to the mean of those before and after, as the machine is not always the same
	for i := 1; i+2 < len(rates); i++ {
		if i%2 == 1 {
			ratios = append(ratios, rates[i]/((rates[i-1]+rates[i+1])/2))
		} else {
			copies = append(copies, rates[i]/((rates[i-2]+rates[i+2])/2))
		}
	}
	b.ReportMetric(median(scraped).Seconds()*1000, "ms/scrape")
	b.ReportMetric(median(read).Seconds()*1000, "ms/read-of-a-user")
	b.ReportMetric(float64(size)/1024, "KiB/scrape")
	b.ReportMetric(median(ratios), "of-unscraped")
	b.ReportMetric(median(copies), "of-itself") // how much of that is noise
	b.ReportMetric(0, "ns/op")
}

func median[T cmp.Ordered](values []T) T {
	return slices.Sorted(slices.Values(values))[len(values)/2]
}

// crowd gives the mount 31 servers and 20 sources, each of which has been asked.
func (v *vaultServer) crowd() {
	v.t.Helper()
	start := func() *radiustest.Server {
		return startRADIUS(v.t, radiustest.Options{Handler: radiustest.Users{"bob": {Password: "bob-password"}}.Handler()})
	}
	first := start()
	var hosts []any
	for range 30 {
		server := start()
		hosts = append(hosts, map[string]any{"host": server.Host(), "port": server.Port()})
	}
	v.write("auth/radius/config", configFor(first.Host(), first.Port(), map[string]any{
		"hosts": hosts, "strategy": "round_robin", "token_type": "batch",
	}))
	v.write("auth/radius/users/bob", map[string]any{"policies": "dev"})
	for range 62 {
		v.login("auth/radius", "bob", "bob-password")
	}
	for i := range 20 {
		server, name := start(), fmt.Sprintf("source-%d", i)
		v.write("auth/radius/extauth", map[string]any{
			"type": "radius", "name": name, "host": server.Host(), "port": server.Port(), "secret": radiusSecret,
			"nasid": "vault", "realms": name, "strip_realm": true,
		})
		v.verify(name, "bob", "bob-password")
	}
}

// loginsIn returns how many logins a second are done in some time, with a scrape each second or
// without.
func (v *vaultServer) loginsIn(length time.Duration, scraped bool) float64 {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.t.Context(), length)
	defer cancel()
	var group sync.WaitGroup
	if scraped {
		group.Go(func() {
			for each := time.NewTicker(time.Second); ; {
				v.request("GET", "auth/radius/metrics", "", "")
				select {
				case <-each.C:
				case <-ctx.Done():
					return
				}
			}
		})
	}
	var logins atomic.Int64
	began := time.Now()
	for range 16 {
		group.Go(func() {
			for ctx.Err() == nil {
				if _, err := v.Client.Logical().Write("auth/radius/login/bob", map[string]any{"password": "bob-password"}); err != nil {
					v.t.Error(err)
					return
				}
				logins.Add(1)
			}
		})
	}
	group.Wait()
	return float64(logins.Load()) / time.Since(began).Seconds()
}
