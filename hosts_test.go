package radiusauth

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/source"
)

func TestFurtherHostsAreReadInEveryForm(t *testing.T) {
	t.Parallel()
	second := []map[string]any{{"host": "radius2.example.com", "port": 1645}}
	for name, test := range map[string]struct {
		hosts any
		want  []map[string]any
	}{
		"objects":          {[]any{map[string]any{"host": "Radius2.example.com", "port": 1645, "secret": "other"}}, second},
		"one object":       {map[string]any{"host": "radius2.example.com", "port": float64(1645)}, second},
		"object in a text": {`{"host":"radius2.example.com","port":1645}`, second},
		"list in a text":   {`[{"host":"radius2.example.com","port":1645}]`, second},
		"list of texts in a text": {
			`["radius2.example.com:1645",{"host":"10.0.0.2"}]`,
			[]map[string]any{{"host": "radius2.example.com", "port": 1645}, {"host": "10.0.0.2"}},
		},
		"host and port":       {"radius2.example.com:1645", second},
		"list of texts":       {[]any{"radius2.example.com:1645"}, second},
		"without port":        {"radius2.example.com", []map[string]any{{"host": "radius2.example.com"}}},
		"several":             {"10.0.0.2, [2001:db8::1]:1645,2001:db8::2", []map[string]any{{"host": "10.0.0.2"}, {"host": "2001:db8::1", "port": 1645}, {"host": "2001:db8::2"}}},
		"IPv6 with port only": {"[2001:db8::1]:1645", []map[string]any{{"host": "2001:db8::1", "port": 1645}}},
		"none":                {"", []map[string]any{}},
		"empty list":          {[]any{}, []map[string]any{}},
		"null":                {nil, []map[string]any{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newTestBackend(t)
			b.ok(logical.UpdateOperation, "config", minimalConfig())
			b.ok(logical.PatchOperation, "config", map[string]any{"hosts": "before.example.com"})
			b.ok(logical.PatchOperation, "config", map[string]any{"hosts": test.hosts})
			require.Equal(t, test.want, b.ok(logical.ReadOperation, "config", nil).Data["hosts"])
		})
	}
}

func TestFurtherHostsThatMakeNoSenseAreRefused(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.ok(logical.UpdateOperation, "config", minimalConfig())
	before := b.stored("config")
	for hosts, want := range map[any]string{
		"http://radius2":                      "entry 1",
		"radius2,radius 3":                    "entry 2: `host`",
		"radius2:radius":                      "a port that is no number",
		"radius2:0":                           "a port that is no number",
		"radius2:65536":                       "entry 1: `port` is 65536",
		`{"host":"radius2","secrets":"hush"}`: "unknown",
		`{"host":"radius2","port":"hush"}`:    "wrong type",
		`{"port":1812}`:                       "entry 1: `host`",
		"radius.example.com":                  "entry 1 is there already",
		"a,b,a":                               "entry 3 is there already: a port 1812",
		strings.Repeat("x,", source.MaxHosts) + "last": "give 31 at most",
		true: "entry 1",
	} {
		text := b.refused(logical.UpdateOperation, "config", map[string]any{"hosts": hosts})
		require.Contains(t, text, "`hosts`")
		require.Contains(t, text, want)
		require.NotContains(t, text, "hush")
	}
	require.Equal(t, before, b.stored("config"))
}

func TestSecretsOfFurtherHostsStayAndAreNeverReturned(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	config := minimalConfig()
	config["hosts"] = []any{map[string]any{"host": "radius2", "secret": "the-second-secret"}, map[string]any{"host": "radius3"}}
	b.ok(logical.UpdateOperation, "config", config)
	read := b.ok(logical.ReadOperation, "config", nil).Data
	text, err := json.Marshal(read)
	require.NoError(t, err)
	require.NotContains(t, string(text), "the-second-secret")

	b.ok(logical.UpdateOperation, "config", map[string]any{"hosts": read["hosts"]})
	stored, err := loadConfig(t.Context(), vaultStorage{b.storage})
	require.NoError(t, err)
	require.Equal(t, []source.Host{{Host: "radius2", Secret: "the-second-secret"}, {Host: "radius3"}}, stored.Hosts)
	b.ok(logical.UpdateOperation, "config", map[string]any{"hosts": "radius2:1645"})
	stored, err = loadConfig(t.Context(), vaultStorage{b.storage})
	require.NoError(t, err)
	require.Empty(t, stored.Hosts[0].Secret, "another server")
}

func TestLoginGoesToTheNextHostWithItsOwnSecret(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, b *testBackend) {
		const gone = "192.0.2.2" // where nothing listens
		b.configureUsers(nil)
		b.configure(map[string]any{
			"host": gone, "port": 1812, "secret": "of-the-one-that-is-gone",
			"hosts": []any{map[string]any{"host": b.server.Host(), "port": b.server.Port(), "secret": testSecret}},
		})
		b.loginOK("bob", "bob-password")

		servers := b.ok(logical.ReadOperation, "status", nil).Data["servers"].([]any)
		require.Len(t, servers, 2)
		first, second := servers[0].(map[string]any), servers[1].(map[string]any)
		require.Equal(t, "dead", first["state"])
		require.EqualValues(t, 1, first["failed_over"])
		require.Equal(t, []any{map[string]any{"address": gone + ":1812", "state": "dead"}}, first["addresses"])
		require.Equal(t, "alive", second["state"])
		require.EqualValues(t, 1, second["accepted"])
		require.Contains(t, b.log.String(), "RADIUS server is dead")
	})
}

func TestConfigRewrittenUnderLoadLosesAndLeaksNothing(t *testing.T) {
	const people, parallel, rewrites = 10_000, 64, 100
	b := newConfiguredBackend(t, nil)
	b.loginOK("bob", "bob-password")
	goroutines, files := runtime.NumGoroutine(), openFiles(t)

	names := make(chan int)
	var workers sync.WaitGroup
	for range parallel {
		workers.Go(func() {
			for range names {
				if resp, err := b.login("bob", "bob-password"); err != nil || resp.IsError() {
					t.Error(err, resp)
				}
			}
		})
	}
	for i := range people {
		if i%(people/rewrites) == 0 {
			b.configure(map[string]any{"nas_identifier": fmt.Sprintf("rewrite-%d", i)})
		}
		names <- i
	}
	close(names)
	workers.Wait()
	b.Cleanup(t.Context())
	require.Eventually(t, func() bool {
		return runtime.NumGoroutine() <= goroutines && openFiles(t) <= files
	}, time.Minute, 10*time.Millisecond, "goroutines and files that were there before: %d, %d", goroutines, files)
}

// openFiles counts the process's open files.
func openFiles(t *testing.T) int {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(files)
}

func TestRefusedConfigLeavesTheOldOneAtWork(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	b.loginOK("bob", "bob-password")
	b.refused(logical.UpdateOperation, "config", map[string]any{"port": 0})
	servers := b.ok(logical.ReadOperation, "status", nil).Data["servers"].([]any)
	require.EqualValues(t, 1, servers[0].(map[string]any)["accepted"], "its counters go on")
}
