package e2e

import (
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

// vaultCluster is three Vaults with integrated storage (raft), and with the plugin mounted
// at auth/radius. Only the active node runs the plugin: the others hand on what they are
// asked, as those of the community edition do.
type vaultCluster struct {
	t         testing.TB
	nodes     []*clusterNode
	unsealKey string
}

// startCluster runs a cluster of the test's own, and ends it, with all that is left of the
// plugin, when the test ends.
func startCluster(t testing.TB) *vaultCluster {
	t.Helper()
	c := &vaultCluster{t: t}
	for _, name := range []string{"node1", "node2", "node3"} {
		c.nodes = append(c.nodes, newNode(t, name))
	}
	t.Cleanup(func() {
		for _, node := range c.nodes {
			node.killRest()
			if t.Failed() {
				t.Logf("the end of the log of %s:\n%s", node.name, node.log.tail(60))
			}
		}
	})
	for _, node := range c.nodes {
		node.start()
	}
	c.initialize()
	c.settle()
	return c
}

// initialize makes the nodes one cluster, whose root token is rootToken, with the plugin.
func (c *vaultCluster) initialize() {
	c.t.Helper()
	first := c.nodes[0]
	made, err := first.Client.Sys().Init(&api.InitRequest{SecretShares: 1, SecretThreshold: 1})
	require.NoError(c.t, err)
	c.unsealKey = made.KeysB64[0]
	first.unseal(c.unsealKey)
	require.Same(c.t, first, c.active())
	first.setToken(made.RootToken)
	first.write("auth/token/create", map[string]any{"id": rootToken, "policies": "root"})
	for _, node := range c.nodes {
		node.setToken(rootToken)
	}
	first.write("sys/storage/raft/autopilot/configuration", map[string]any{"server_stabilization_time": "100ms"})
	var joins errgroup.Group
	for _, node := range c.nodes[1:] {
		joins.Go(func() error { return node.join(first, c.unsealKey) })
	}
	first.register(pluginName, "")
	first.enable("radius", pluginName)
	require.NoError(c.t, joins.Wait())
	for _, node := range c.nodes[1:] {
		node.awaitUnsealed()
	}
}

// settle waits until one node is active, all nodes that serve are voters and know it, and
// its plugin answers at each.
func (c *vaultCluster) settle() {
	c.t.Helper()
	await(c.t, "the cluster has an active node that all know", func() bool {
		active := c.findActive()
		return active != nil && !slices.ContainsFunc(c.serving(), func(node *clusterNode) bool {
			_, leader := node.leads()
			if leader != active.Client.Address() || !node.votes() {
				return true
			}
			_, err := node.once.Logical().Read("auth/radius/status")
			return err != nil
		})
	})
}

// serving returns the nodes that run and are unsealed.
func (c *vaultCluster) serving() []*clusterNode {
	return slices.DeleteFunc(slices.Clone(c.nodes), func(node *clusterNode) bool { return !node.unsealed })
}

// findActive returns the active node; nil if there is none now.
func (c *vaultCluster) findActive() *clusterNode {
	for _, node := range c.serving() {
		if active, _ := node.leads(); active {
			return node
		}
	}
	return nil
}

// active returns the active node, when there is one.
func (c *vaultCluster) active() *clusterNode {
	c.t.Helper()
	var found *clusterNode
	await(c.t, "a node is active", func() bool {
		found = c.findActive()
		return found != nil
	})
	return found
}

// standbys returns the nodes that serve and are not active.
func (c *vaultCluster) standbys() []*clusterNode {
	c.t.Helper()
	active := c.active()
	return slices.DeleteFunc(c.serving(), func(node *clusterNode) bool { return node == active })
}

// stepDown has the active node give its place to another one. It may not become active
// again for 10 s.
func (c *vaultCluster) stepDown() {
	c.t.Helper()
	await(c.t, "the active node steps down", func() bool { return c.active().once.Sys().StepDown() == nil })
}

// sealActive seals the active node, which gives its place to another one, and returns it.
// Others cannot be sealed.
func (c *vaultCluster) sealActive() *clusterNode {
	c.t.Helper()
	var sealed *clusterNode
	await(c.t, "the active node is sealed", func() bool {
		sealed = c.active()
		return sealed.once.Sys().Seal() == nil
	})
	sealed.unsealed = false
	return sealed
}

// killActive ends the active node with SIGKILL.
func (c *vaultCluster) killActive() {
	c.t.Helper()
	c.active().crash()
}

// unseal unseals a node that is sealed, and waits until it is one of the cluster again.
func (c *vaultCluster) unseal(node *clusterNode) {
	c.t.Helper()
	node.unseal(c.unsealKey)
	c.settle()
}

// restart starts a node that does not run, and waits until it is one of the cluster again.
func (c *vaultCluster) restart(node *clusterNode) {
	c.t.Helper()
	node.start()
	c.unseal(node)
}

// stop ends all nodes, the active one in good order. A standby that has stepped down would
// not end before it may become active again.
func (c *vaultCluster) stop() {
	c.t.Helper()
	active := c.active()
	for _, node := range c.standbys() {
		node.crash()
	}
	active.stop()
}

// await polls until the condition holds. The limit only ends what hangs.
func await(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline := time.After(readyWithin)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within %s: %s", readyWithin, what)
		}
	}
}
