package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/daemontest"
)

// clusterNode is a Vault of a cluster. It can be killed, and started again with what it
// has stored.
type clusterNode struct {
	*vaultServer // its Client sends requests again until there is an active node
	name         string
	daemon       *daemontest.Daemon
	once         *api.Client // sends each request once, and waits for askAgainAfter
	unsealed     bool        // and running
}

// askAgainAfter is how long a request may take that is sent again and again until the
// answer is the right one: a node waits much longer for an active one that hangs.
const askAgainAfter = 10 * time.Second

// nodeConfig makes failover quick: without performance_multiplier it takes five times
// as long to see that the leader is gone. So it does with joins: a node votes when the
// autopilot has found it stable, which it looks at every ten seconds else.
const nodeConfig = `
plugin_directory = %q
disable_mlock    = true
log_level        = "debug"
api_addr         = "http://%[2]s"
cluster_addr     = "https://%[3]s"

listener "tcp" {
  address         = %[2]q
  cluster_address = %[3]q
  tls_disable     = true
}

storage "raft" {
  path                   = %[4]q
  node_id                = %[5]q
  performance_multiplier = 1

  autopilot_update_interval    = "100ms"
  autopilot_reconcile_interval = "100ms"
}
`

// newNode returns a node that does not run yet, with the plugin in its plugin directory.
func newNode(t testing.TB, name string) *clusterNode {
	t.Helper()
	home := t.TempDir()
	plugins, storage := filepath.Join(home, "plugins"), filepath.Join(home, "raft")
	copyFile(t, pluginBinary(t), filepath.Join(plugins, pluginName))
	require.NoError(t, os.Mkdir(storage, 0o700))
	port, err := daemontest.FreePorts(t.Context(), 2) // the second is the cluster's
	require.NoError(t, err)
	address, clusterAddress := fmt.Sprintf("127.0.0.1:%d", port), fmt.Sprintf("127.0.0.1:%d", port+1)
	config := filepath.Join(home, "vault.hcl")
	text := fmt.Appendf(nil, kindOfServer(t).stanzas()+nodeConfig, plugins, address, clusterAddress, storage, name)
	require.NoError(t, os.WriteFile(config, text, 0o600))

	newClient := func(retries int, timeout time.Duration) *api.Client {
		client, err := api.NewClient(&api.Config{
			Address: "http://" + address, Timeout: timeout,
			MaxRetries: retries, MinRetryWait: 20 * time.Millisecond, MaxRetryWait: 100 * time.Millisecond,
		})
		require.NoError(t, err)
		return client
	}
	node := &clusterNode{
		vaultServer: &vaultServer{t: t, Client: newClient(1000, readyWithin), log: newServerLog(), home: home},
		name:        name,
		once:        newClient(0, askAgainAfter),
	}
	node.daemon = &daemontest.Daemon{
		Name: "Vault " + name, Program: vaultBinary(t), Arguments: []string{"server", "-config=" + config}, Accepts: address,
		Environment: []string{"HOME=" + home}, Output: node.log,
	}
	return node
}

// setToken has requests to the node sent with a token.
func (n *clusterNode) setToken(token string) {
	n.Client.SetToken(token)
	n.once.SetToken(token)
}

// start starts the node, which is sealed then.
func (n *clusterNode) start() {
	n.t.Helper()
	require.NoError(n.t, n.daemon.Start(n.t.Context()))
}

// unseal unseals the node.
func (n *clusterNode) unseal(key string) {
	n.t.Helper()
	_, err := n.Client.Sys().Unseal(key)
	require.NoError(n.t, err, n.name)
	n.awaitUnsealed()
}

func (n *clusterNode) awaitUnsealed() {
	n.t.Helper()
	await(n.t, n.name+" is unsealed", func() bool {
		status, err := n.once.Sys().SealStatus()
		return err == nil && !status.Sealed
	})
	n.unsealed = true
}

// join makes the node, which is sealed and has no storage yet, one of the leader's cluster,
// and unseals it, which takes a second.
func (n *clusterNode) join(leader *clusterNode, key string) error {
	if _, err := n.Client.Sys().RaftJoin(&api.RaftJoinRequest{LeaderAPIAddr: leader.Client.Address()}); err != nil {
		return fmt.Errorf("%s joins the cluster: %w", n.name, err)
	}
	if _, err := n.Client.Sys().Unseal(key); err != nil {
		return fmt.Errorf("unseal %s: %w", n.name, err)
	}
	return nil
}

// stop ends the node in good order.
func (n *clusterNode) stop() {
	n.t.Helper()
	n.unsealed = false
	require.NoError(n.t, n.daemon.Stop(), n.name)
}

// crash ends the node with SIGKILL.
func (n *clusterNode) crash() {
	n.t.Helper()
	n.unsealed = false
	require.NoError(n.t, n.daemon.Crash(), n.name)
}

// pause stops the node's process, as a machine that hangs does, until resume.
func (n *clusterNode) pause() {
	n.t.Helper()
	n.unsealed = false
	require.NoError(n.t, syscall.Kill(n.daemon.PID(), syscall.SIGSTOP), n.name)
}

func (n *clusterNode) resume() {
	n.t.Helper()
	n.unsealed = true
	require.NoError(n.t, syscall.Kill(n.daemon.PID(), syscall.SIGCONT), n.name)
}

// leads reports whether the node is the active one, or believes so, and the address of
// the active one as far as the node knows it.
func (n *clusterNode) leads() (active bool, leader string) {
	answer, err := n.once.Sys().Leader()
	if err != nil {
		return false, ""
	}
	return answer.IsSelf, answer.LeaderAddress
}

// votes reports whether the node is a voter.
func (n *clusterNode) votes() bool {
	secret, err := n.once.Logical().Read("sys/storage/raft/configuration")
	if err != nil || secret == nil {
		return false
	}
	config, _ := secret.Data["config"].(map[string]any)
	servers, _ := config["servers"].([]any)
	for _, server := range servers {
		described, _ := server.(map[string]any)
		if described["node_id"] == n.name {
			return described["voter"] == true
		}
	}
	return false
}

// killRest ends what is left of the node: its Vault, which may be paused, and the plugin's
// processes, which may have outlived a Vault that was killed.
func (n *clusterNode) killRest() {
	_ = n.daemon.Crash()
	for _, id := range n.pluginProcesses() {
		_ = syscall.Kill(id, syscall.SIGKILL) // it may have ended meanwhile
	}
}
