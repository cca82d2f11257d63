package e2e

import (
	"net/http"
	"path/filepath"
	"testing"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"
)

// A server that no longer has the method of a mount, as OpenBao from 2.7 on, skips the mount when it
// starts. Another version of the plugin stands for the method that has gone.
func TestMountWhosePluginIsMissingIsSkippedAndCanBeBroughtBack(t *testing.T) {
	t.Parallel()
	const gone = "v0.0.1"
	ours := pluginVersion(t)
	n := startNode(t)
	n.registerVersion("radius", gone)
	require.NoError(t, n.Client.Sys().EnableAuthWithOptions("radius", &api.EnableAuthOptions{
		Type: "radius", Config: api.AuthConfigInput{PluginVersion: gone},
	}))
	n.write("auth/radius/config", map[string]any{"extauth": "local", "password_hash_cost": 1})
	n.write("auth/radius/users/alice", map[string]any{"password": "alice-password", "policies": "dev"})
	password := map[string]any{"password": "alice-password"}
	bob := map[string]any{"policies": "dev"}

	require.NoError(t, n.Client.Sys().DeregisterPlugin(&api.DeregisterPluginInput{
		Name: "radius", Type: api.PluginTypeCredential, Version: gone,
	}))
	n.sealAndUnseal()
	mounts, err := n.Client.Sys().ListAuth()
	require.NoError(t, err)
	require.Equal(t, "radius", mounts["radius/"].Type, "it is still listed")
	for _, path := range []string{"auth/radius/login/alice", "auth/unused/login/alice"} {
		status, text := n.refused(path, password)
		require.Equal(t, http.StatusNotFound, status)
		require.Contains(t, text, `no handler for route "`+path+`"`)
	}
	n.log.await(t, "skipping plugin-based auth entry")

	// The way out: register, tune, reload.
	n.register("radius", ours)
	n.switchTo("radius", ours)
	require.Equal(t, []string{"default", "dev"}, n.login("auth/radius", "alice", "alice-password").Policies)
	require.Equal(t, "local", n.read("auth/radius/config")["extauth"])
	if kindOfServer(t).skippedMountTakesWrites() {
		n.write("auth/radius/users/bob", bob)
	} else {
		_, err = n.once.Logical().Write("auth/radius/users/bob", bob)
		status, text := refusal(t, err)
		require.Equal(t, http.StatusInternalServerError, status)
		require.Contains(t, text, "cannot write to storage during setup")
	}
	n.sealAndUnseal()
	n.write("auth/radius/users/bob", bob)
	n.login("auth/radius", "alice", "alice-password")
}

// The order that docs/openbao.md gives: with the mount tuned before, the method can go.
func TestMountThatWasTunedBeforeTheMethodHasGoneGoesOn(t *testing.T) {
	t.Parallel()
	const gone = "v0.0.1"
	n := startNode(t)
	n.registerVersion("radius", gone)
	require.NoError(t, n.Client.Sys().EnableAuthWithOptions("radius", &api.EnableAuthOptions{
		Type: "radius", Config: api.AuthConfigInput{PluginVersion: gone},
	}))
	n.write("auth/radius/config", map[string]any{"extauth": "local", "password_hash_cost": 1})
	n.write("auth/radius/users/alice", map[string]any{"password": "alice-password", "policies": "dev"})
	n.register("radius", pluginVersion(t))
	n.switchTo("radius", pluginVersion(t))
	require.NoError(t, n.Client.Sys().DeregisterPlugin(&api.DeregisterPluginInput{
		Name: "radius", Type: api.PluginTypeCredential, Version: gone,
	}))
	n.sealAndUnseal()
	n.login("auth/radius", "alice", "alice-password")
	n.write("auth/radius/users/bob", map[string]any{"policies": "dev"})
}

// loneNode is a cluster of one node: unlike a server in dev mode it can be unsealed again.
type loneNode struct {
	*clusterNode
	unsealKey string
}

// startNode runs a node of the test's own, which ends with the test.
func startNode(t *testing.T) loneNode {
	t.Helper()
	n := loneNode{clusterNode: newNode(t, "node1")}
	t.Cleanup(n.killRest)
	n.start()
	made, err := n.Client.Sys().Init(&api.InitRequest{SecretShares: 1, SecretThreshold: 1})
	require.NoError(t, err)
	n.unsealKey = made.KeysB64[0]
	n.setToken(made.RootToken)
	n.unsealAndLead()
	return n
}

// sealAndUnseal has the node set all mounts up anew, as a start does.
func (n loneNode) sealAndUnseal() {
	n.t.Helper()
	require.NoError(n.t, n.once.Sys().Seal())
	n.unsealAndLead()
}

func (n loneNode) unsealAndLead() {
	n.t.Helper()
	n.unseal(n.unsealKey)
	await(n.t, n.name+" is active", func() bool {
		active, _ := n.leads()
		return active
	})
}

// registerVersion builds the plugin as another version and registers it.
func (n loneNode) registerVersion(name, version string) {
	n.t.Helper()
	const file = "another-version"
	path := filepath.Join(n.home, "plugins", file)
	require.NoError(n.t, buildPlugin(n.t.Context(), "..", "./cmd/"+pluginName, ofVersion(version), path))
	n.registerFile(file, name, version)
}
