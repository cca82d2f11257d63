package e2e

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/daemontest"
	"vault-plugin-auth-radius/internal/radiustest"
)

func TestSecondServerTakesOverWhenTheFirstIsStopped(t *testing.T) {
	t.Parallel()
	v := startPlugin(t)
	first, second := startFreeRADIUS(t), startFreeRADIUS(t)
	v.write("auth/radius/config", configFor(first.Host(), first.Port(), map[string]any{
		"hosts": fmt.Sprintf("%s:%d", second.Host(), second.Port()),
	}))
	v.login("auth/radius", "bob", "bob-password")
	require.Equal(t, []string{"alive", "unknown"}, v.serverStates())

	require.NoError(t, first.Stop())
	v.login("auth/radius", "bob", "bob-password")
	require.Equal(t, []string{"dead", "alive"}, v.serverStates())
	v.login("auth/radius", "alice", "alice-password")
	v.log.await(t, "RADIUS server is dead")

	require.NoError(t, first.Restart())
	require.Eventually(t, func() bool { return v.serverStates()[0] == "alive" }, time.Minute, 100*time.Millisecond, "it answers probes again")
	before := v.accepted()[0]
	v.login("auth/radius", "bob", "bob-password")
	require.Equal(t, before+1, v.accepted()[0], "the first is asked first again")
}

func TestSlowPersonAtARealServerIsLeftAlone(t *testing.T) {
	t.Parallel()
	v := startPlugin(t)
	first := startFreeRADIUSWith(t, radiustest.FreeRADIUSOptions{Holds: map[string]time.Duration{"bob": 5 * time.Second}})
	second := startFreeRADIUS(t)
	v.write("auth/radius/config", configFor(first.Host(), first.Port(), map[string]any{
		"hosts": fmt.Sprintf("%s:%d", second.Host(), second.Port()), "read_timeout": 30,
	}))
	v.login("auth/radius", "alice", "alice-password") // teaches that Status-Server is answered
	v.login("auth/radius", "bob", "bob-password")
	require.Equal(t, []string{"alive", "unknown"}, v.serverStates())
	require.Equal(t, []int{2, 0}, v.accepted())
}

// accepted are how many logins the mount's RADIUS servers have accepted.
func (v *vaultServer) accepted() []int {
	v.t.Helper()
	var accepted []int
	for _, server := range v.read("auth/radius/status")["servers"].([]any) {
		count, err := server.(map[string]any)["accepted"].(json.Number).Int64()
		require.NoError(v.t, err)
		accepted = append(accepted, int(count))
	}
	return accepted
}

// serverStates are the states of the mount's RADIUS servers, in their order.
func (v *vaultServer) serverStates() []string {
	v.t.Helper()
	var states []string
	for _, server := range v.read("auth/radius/status")["servers"].([]any) {
		states = append(states, server.(map[string]any)["state"].(string))
	}
	return states
}

func TestSealedVaultEndsThePluginAndAnUnsealedOneStartsItAnew(t *testing.T) {
	t.Parallel()
	v := startPlugin(t)
	server := startFreeRADIUS(t)
	v.write("auth/radius/config", configFor(server.Host(), server.Port(), nil))
	v.login("auth/radius", "bob", "bob-password")
	before := v.pluginProcesses()
	require.NotEmpty(t, before)

	require.NoError(t, v.Client.Sys().Seal())
	require.Eventually(t, func() bool { return len(v.pluginProcesses()) == 0 }, time.Minute, 50*time.Millisecond, "no process without its Vault")
	status, err := v.Client.Sys().Unseal(v.unsealKey())
	require.NoError(t, err)
	require.False(t, status.Sealed)
	require.NoError(t, v.ready(make(chan error)))
	v.login("auth/radius", "bob", "bob-password")
	require.LessOrEqual(t, len(v.pluginProcesses()), len(before))
}

// unsealKey is the key that a Vault in dev mode prints some time after it is ready.
func (v *vaultServer) unsealKey() string {
	v.t.Helper()
	return v.log.awaitMatch(v.t, 0, regexp.MustCompile(`Unseal Key: (\S+)\n`))[1]
}

// pluginProcesses are the process ids of this Vault's plugins.
func (v *vaultServer) pluginProcesses() []int {
	v.t.Helper()
	return v.processesOf(filepath.Join(v.home, "plugins", pluginName))
}

// processesOf finds the processes that run a program.
func (v *vaultServer) processesOf(program string) []int {
	v.t.Helper()
	found, err := daemontest.ProcessesOf(program)
	require.NoError(v.t, err)
	return found
}
