package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/longtest"
	"vault-plugin-auth-radius/internal/radiustest"
)

const (
	manyProfiles = 100_000
	fillAtOnce   = 50_000 // users of a request
	warmUsers    = 300    // who log in again and again
	warmRounds   = 8      // of which the first two warm up
	idleMounts   = 50
)

// BenchmarkNumbers compares logins at a mount with a million users (LONG=1; else 100,000) and 100,000 profiles
// with those at one with 10 of each, both in one Vault; and reports what grows with numbers.
func BenchmarkNumbers(b *testing.B) {
	users := longtest.Choose(100_000, 1_000_000)
	v := startVault(b)
	v.Client.SetClientTimeout(10 * time.Minute)
	config := acceptEverybody(b)
	v.mountFilled(b, map[string][2]int{"few": {10, 10}, "many": {users, manyProfiles}})
	for _, mount := range []string{"few", "many"} {
		v.write("auth/"+mount+"/config", config)
	}
	user := func(i int) string { return fmt.Sprintf("user-%07d", i) }
	manyUser := func(i int) string { return user(i * (users / warmUsers)) }
	memory := func(when string) { reportFigure(b, "memory "+when, "MiB", float64(v.pluginMemory())/1024) }

	// A start: the first login waits for the names.
	v.reload(pluginName)
	reportFigure(b, "first login at many", "ms", v.milliseconds(func() { v.login("auth/many", user(1), "p") }))
	memory("with the names")

	// In turns, so that both see the same machine.
	var few, many, ratios []float64
	for range warmRounds {
		few, many = few[:0], many[:0]
		for i := range warmUsers {
			few = append(few, v.milliseconds(func() { v.login("auth/few", user(i%10), "p") }))
			many = append(many, v.milliseconds(func() { v.login("auth/many", manyUser(i), "p") }))
		}
		ratios = append(ratios, median(many)/median(few))
	}
	ratios = ratios[2:]
	reportFigure(b, "login of many to few", "ratio", median(ratios))
	reportFigure(b, "login of many to few, least", "ratio", slices.Min(ratios))
	reportFigure(b, "login of many to few, most", "ratio", slices.Max(ratios))
	v.reload(pluginName)
	v.login("auth/few", user(0), "p")
	v.login("auth/many", user(1), "p")
	few, many = nil, nil
	for i := range warmUsers {
		few = append(few, v.milliseconds(func() { v.login("auth/few", user(i%10), "p") }))
		many = append(many, v.milliseconds(func() { v.login("auth/many", manyUser(i), "p") }))
	}
	reportFigure(b, "login of many whom the plugin does not remember to few", "ratio", median(many)/median(few))
	memory("after logins")

	page := func(path, query string) func() {
		return func() {
			status, answer := v.request("LIST", path+"?"+query, "", "")
			require.Equal(b, http.StatusOK, status, answer)
		}
	}
	reportFigure(b, "first page of users", "ms", v.milliseconds(page("auth/many/users", "limit=100")))
	reportFigure(b, "middle page of users", "ms", v.milliseconds(page("auth/many/users", "limit=100&after="+user(users/2))))
	reportFigure(b, "last page of users", "ms", v.milliseconds(page("auth/many/users", "limit=100&after="+user(users-101))))
	memory("after pages of users")
	reportFigure(b, "page of 100 profiles", "ms", v.milliseconds(page("auth/many/profiles", "limit=100&after=profile-050000")))
	reportFigure(b, "list of all profiles", "ms", v.milliseconds(page("auth/many/profiles", "")))
	reportFigure(b, "first status", "ms", v.milliseconds(func() { v.read("auth/many/status") }))
	reportFigure(b, "all profiles read for status", "ms", v.milliseconds(func() {
		for v.read("auth/many/status")["incomplete"] != nil {
			time.Sleep(100 * time.Millisecond)
		}
	}))
	reportFigure(b, "status after that", "ms", v.milliseconds(func() { v.read("auth/many/status") }))
	memory("after all of this")
	reportFigure(b, "largest memory ever", "MiB", float64(v.pluginProcess("VmHWM:"))/1024)
}

// BenchmarkIdleMounts reports what a mount takes that is configured, and that nobody uses for a minute.
func BenchmarkIdleMounts(b *testing.B) {
	v, config := startVault(b), acceptEverybody(b)
	v.register(pluginName, "")
	mount := func(name string) {
		v.enable(name, pluginName)
		v.write("auth/"+name+"/config", config)
		v.write("auth/"+name+"/users/bob", map[string]any{"policies": "dev"})
		v.login("auth/"+name, "bob", "p")
	}
	mount("first")
	figures := func() [3]int {
		time.Sleep(longtest.Choose(5*time.Second, 70*time.Second)) // a socket is closed after a minute without use
		return [3]int{v.pluginMemory(), v.pluginProcess("Threads:"), v.pluginSockets()}
	}
	before := figures()
	for i := range idleMounts {
		mount(fmt.Sprintf("idle-%d", i))
	}
	after := figures()
	reportFigure(b, "memory of a mount", "MiB", float64(after[0]-before[0])/1024/idleMounts)
	reportFigure(b, "threads of a mount", "threads", float64(after[1]-before[1])/idleMounts)
	reportFigure(b, "sockets of a mount", "sockets", float64(after[2]-before[2])/idleMounts)
	reportFigure(b, "memory of one mount in all", "MiB", float64(before[0])/1024)
}

// acceptEverybody starts a RADIUS server that accepts everybody, and returns the config that asks it.
func acceptEverybody(b *testing.B) map[string]any {
	radius := startRADIUS(b, radiustest.Options{Keep: 1, Handler: func(r *radiustest.Request) []radiustest.Answer {
		return []radiustest.Answer{r.Accept()}
	}})
	return configFor(radius.Host(), radius.Port(), map[string]any{"token_type": "batch"})
}

// reportFigure reports a figure under a name of its own.
func reportFigure(b *testing.B, name, unit string, value float64) {
	b.Run(name, func(b *testing.B) {
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(value, unit)
	})
}

// milliseconds returns what something takes.
func (v *vaultServer) milliseconds(do func()) float64 {
	began := time.Now()
	do()
	return float64(time.Since(began).Microseconds()) / 1000
}

// pluginSockets returns how many sockets the plugin's process has open.
func (v *vaultServer) pluginSockets() (count int) {
	v.t.Helper()
	files, err := filepath.Glob(filepath.Join(v.pluginFolder(), "fd", "*"))
	require.NoError(v.t, err)
	for _, file := range files {
		if target, err := os.Readlink(file); err == nil && strings.HasPrefix(target, "socket:") {
			count++
		}
	}
	return count
}

// mountFilled mounts the plugin where another one has stored users and profiles before.
func (v *vaultServer) mountFilled(t testing.TB, mounts map[string][2]int) {
	const fillVersion = "v0.0.1"
	require.NoError(t, buildPlugin(t.Context(), "..", "./bench/fill", "", filepath.Join(v.home, "plugins", "fill")))
	v.registerFile("fill", pluginName, fillVersion)
	ours := pluginVersion(t)
	v.register(pluginName, ours)
	for mount, numbers := range mounts {
		require.NoError(t, v.Client.Sys().EnableAuthWithOptions(mount, &api.EnableAuthOptions{
			Type: pluginName, Config: api.AuthConfigInput{PluginVersion: fillVersion},
		}))
		for done := 0; done < numbers[0]; done += fillAtOnce {
			profiles := numbers[1]
			if done > 0 {
				profiles = 0
			}
			v.write("auth/"+mount+"/fill", map[string]any{
				"profiles": profiles, "first_user": done, "users": min(fillAtOnce, numbers[0]-done),
			})
		}
		version := ours
		require.NoError(t, v.Client.Sys().TuneMountAllowNil("auth/"+mount, api.TuneMountConfigInput{PluginVersion: &version}))
	}
	v.reload(pluginName)
}
