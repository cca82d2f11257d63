package e2e

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/longtest"
	"vault-plugin-auth-radius/internal/radiustest"
)

// nextVersion is the version that the plugin is upgraded to, and nextBinary its file in the
// plugin directories.
const (
	nextVersion = "v99.0.0"
	nextBinary  = pluginName + "_" + nextVersion
)

// upgradeMounts are the mounts that users log in at meanwhile. One process of the plugin
// serves both, and a reload takes them in this order.
var upgradeMounts = []string{"radius", "second"}

const (
	loginInterval = time.Second / 50 // between two logins
	radiusDelay   = 20 * time.Millisecond
	phoneDelay    = time.Second // of heidi, who looks for a phone
)

// steadyUsers are the users who log in meanwhile.
var steadyUsers = []string{"bob", "frank"}

// testUpgradeOfThePlugin upgrades the plugin, and goes back, with the commands of
// docs/install.md, while 50 logins begin each second, at all nodes.
func testUpgradeOfThePlugin(t *testing.T, c cluster, build func() (string, error)) {
	steps := upgradeSteps(t, c, build)
	c.nodes[0].enable("second", pluginName)
	c.nodes[0].write("auth/second/config", configFor(c.radius.Host(), c.radius.Port(), map[string]any{
		"token_type": "batch", // which need not be revoked when the mount goes
	}))
	t.Cleanup(func() { require.NoError(t, c.active().Client.Sys().DisableAuth("second")) })
	handler := clusterUsers.Handler()
	c.radius.SetHandler(slowly(handler))
	t.Cleanup(func() { c.radius.SetHandler(handler) })

	before, start := c.acceptedRequests(), time.Now()
	traffic := c.steadyTraffic(t)
	var phones sync.WaitGroup
	for range longtest.Choose(1, 6) {
		for _, step := range steps {
			traffic.await(t, longtest.Choose(25, 250))
			open := c.nodes[0].challenge()
			step.prepare(t)
			earlier := c.requestsOf("heidi")
			phones.Go(func() { traffic.logIn(c.nodes[1], "second", "heidi") })
			await(t, "the RADIUS server is asked about heidi", func() bool { return c.requestsOf("heidi") > earlier })
			began := time.Now()
			step.reload(t)
			reloaded := time.Now()
			phones.Wait()
			c.requireVersion(t, step.version)
			c.nodes[2].answer(open) // its first step was before
			t.Logf("%s: reloaded in %.1f s, when the slowest login took %.1f s", step.version,
				reloaded.Sub(began).Seconds(), traffic.slowest(began).Seconds())
		}
	}
	logins := traffic.stop()
	for _, login := range logins {
		require.True(t, login.accepted(), login)
	}
	require.Equal(t, len(logins), c.acceptedRequests()-before, "the RADIUS server is asked once for each login")
	t.Logf("%d logins are accepted, %.0f a second", len(logins), float64(len(logins))/time.Since(start).Seconds())
}

// upgradeStep is an upgrade, or the way back.
type upgradeStep struct {
	version string
	prepare func(*testing.T) // all but the reload
	reload  func(*testing.T)
}

// upgradeSteps reads the commands from docs/install.md, and installs the binary that they
// name on every node.
func upgradeSteps(t *testing.T, c cluster, build func() (string, error)) []upgradeStep {
	t.Helper()
	next, err := build()
	require.NoError(t, err)
	for _, node := range c.nodes {
		copyFile(t, next, filepath.Join(node.home, "plugins", nextBinary))
	}
	thisVersion := pluginVersion(t)
	c.nodes[0].register(pluginName, thisVersion) // which runs as no version yet
	release := t.TempDir()
	binary, err := os.ReadFile(next)
	require.NoError(t, err)
	sums := fmt.Sprintf("%x  linux_amd64/%s\n", sha256.Sum256(binary), pluginName)
	require.NoError(t, os.WriteFile(filepath.Join(release, "SHA256SUMS"), []byte(sums), 0o600))

	environment := append(os.Environ(), "HOME="+release, "PATH="+vaultOnPath(t),
		"VAULT_ADDR="+c.nodes[2].Client.Address(), "VAULT_TOKEN="+rootToken)
	run := func(command string) func(*testing.T) {
		return func(t *testing.T) {
			t.Helper()
			shell := exec.CommandContext(t.Context(), "bash", "-c", command)
			shell.Dir, shell.Env = release, environment
			out, err := shell.CombinedOutput()
			require.NoError(t, err, "%s\n%s", command, out)
		}
	}
	// The documented plugin is called radius, as is its mount.
	names := strings.NewReplacer("v0.1.0", thisVersion, "v0.2.0", nextVersion,
		" auth radius", " auth "+pluginName, "-plugin=radius", "-plugin="+pluginName)
	var steps []upgradeStep
	for _, section := range []struct{ title, version string }{
		{"Upgrade the plugin in a cluster", nextVersion}, {"Rollback", thisVersion},
	} {
		commands := documentedCommands(t, section.title)
		for i := range commands {
			commands[i] = kindOfServer(t).documented(names.Replace(commands[i]))
			require.Contains(t, commands[i], "vault ")
		}
		last := len(commands) - 1
		require.Contains(t, commands[last], "vault plugin reload", section.title)
		require.Contains(t, commands[last-1], "vault auth tune", section.title)
		other := strings.Replace(commands[last-1], " radius/", " second/", 1)
		prepare := strings.Join(append(commands[:last:last], other), " && ")
		steps = append(steps, upgradeStep{section.version, run(prepare), run(commands[last])})
	}
	return steps
}

// documentedCommand is a command in a document, which may go on in the next line.
var documentedCommand = regexp.MustCompile(`(?m)^ +\$ ((?:.*\\\n)*.*)$`)

// documentedCommands returns the commands of a section of docs/install.md.
func documentedCommands(t *testing.T, title string) []string {
	t.Helper()
	text, err := os.ReadFile("../docs/install.md")
	require.NoError(t, err)
	_, section, found := strings.Cut(string(text), "\n## "+title+"\n")
	require.True(t, found, title)
	section, _, _ = strings.Cut(section, "\n## ")
	var commands []string
	for _, match := range documentedCommand.FindAllStringSubmatch(section, -1) {
		commands = append(commands, match[1])
	}
	require.Greater(t, len(commands), 1, title)
	return commands
}

// buildNext builds the plugin as nextVersion, in the background, and returns what waits
// for the binary.
func buildNext(t *testing.T) func() (string, error) {
	binary := filepath.Join(t.TempDir(), nextBinary)
	build := sync.OnceValues(func() (string, error) {
		return binary, buildPlugin(t.Context(), "..", "./cmd/"+pluginName, ofVersion(nextVersion), binary)
	})
	go build()
	t.Cleanup(func() { _, _ = build() }) // whose error a test has had
	return build
}

// slowly has a RADIUS server answer late.
func slowly(handler radiustest.Handler) radiustest.Handler {
	return func(r *radiustest.Request) []radiustest.Answer {
		delay := radiusDelay
		if r.Username() == "heidi" {
			delay = phoneDelay
		}
		answers := handler(r)
		for i := range answers {
			answers[i] = answers[i].After(delay)
		}
		return answers
	}
}

// requestsOf returns how many Access-Requests for a user have reached the RADIUS server,
// copies not counted.
func (c cluster) requestsOf(username string) int {
	count := 0
	for _, request := range c.radius.Requests() {
		if request.Username() == username && request.Copy == 1 {
			count++
		}
	}
	return count
}

// acceptedRequests returns how many logins of those who log in during an upgrade have
// reached the RADIUS server.
func (c cluster) acceptedRequests() int {
	count := c.requestsOf("heidi")
	for _, username := range steadyUsers {
		count += c.requestsOf(username)
	}
	return count
}

// requireVersion fails unless all mounts run a version of the plugin.
func (c cluster) requireVersion(t *testing.T, version string) {
	t.Helper()
	mounts, err := c.nodes[0].Client.Sys().ListAuth()
	require.NoError(t, err)
	for _, mount := range upgradeMounts {
		require.Equal(t, version, mounts[mount+"/"].RunningVersion, mount)
	}
}

// steadyTraffic is users who log in at all nodes and both mounts, at a rate that does not
// depend on when they are answered.
type steadyTraffic struct {
	stop func() []clusterAnswer // ends the logins, and returns them

	mu     sync.Mutex
	logins []clusterAnswer // that have ended; guarded by mu
}

func (c cluster) steadyTraffic(t *testing.T) *steadyTraffic {
	traffic := &steadyTraffic{}
	stopping := make(chan struct{})
	var ended sync.WaitGroup
	ended.Go(func() {
		start := time.Now()
		next := time.NewTimer(0)
		defer next.Stop()
		for i := 0; ; i++ {
			select {
			case <-next.C:
				next.Reset(time.Until(start.Add(time.Duration(i+1) * loginInterval))) // however late this one is
			case <-stopping:
				return
			}
			node, mount := c.nodes[i%len(c.nodes)], upgradeMounts[i%len(upgradeMounts)]
			username := steadyUsers[i/2%len(steadyUsers)]
			ended.Go(func() { traffic.logIn(node, mount, username) })
		}
	})
	traffic.stop = sync.OnceValue(func() []clusterAnswer {
		close(stopping)
		ended.Wait()
		return traffic.logins
	})
	t.Cleanup(func() { traffic.stop() })
	return traffic
}

func (f *steadyTraffic) logIn(node *clusterNode, mount, username string) {
	body, err := json.Marshal(map[string]string{"password": username + "-password"})
	login := node.send(http.MethodPost, "auth/"+mount+"/login/"+username, "", body)
	login.err = errors.Join(login.err, err)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.logins = append(f.logins, login)
}

// await waits until more logins have ended.
func (f *steadyTraffic) await(t *testing.T, more int) {
	t.Helper()
	count := func() int {
		f.mu.Lock()
		defer f.mu.Unlock()
		return len(f.logins)
	}
	want := count() + more
	await(t, fmt.Sprintf("%d logins have ended", want), func() bool { return count() >= want })
}

// slowest returns how long the slowest login took of those that have ended after a time.
func (f *steadyTraffic) slowest(after time.Time) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	var longest time.Duration
	for _, login := range slices.Backward(f.logins) {
		if login.ended.After(after) {
			longest = max(longest, login.ended.Sub(login.began))
		}
	}
	return longest
}
