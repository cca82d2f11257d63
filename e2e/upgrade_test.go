package e2e

import (
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"
)

// switchTo runs a mount with another version of its plugin, as an operator
// does: tune, then reload.
func (v *vaultServer) switchTo(mount, version string) {
	v.t.Helper()
	require.NoError(v.t, v.Client.Sys().TuneMountAllowNil("auth/"+mount, api.TuneMountConfigInput{PluginVersion: &version}))
	v.reload("radius")
	mounts, err := v.Client.Sys().ListAuth()
	require.NoError(v.t, err)
	require.Equal(v.t, version, mounts[mount+"/"].RunningVersion)
}

// reload reloads all mounts of a plugin, at the command line.
func (v *vaultServer) reload(plugin string) {
	v.t.Helper()
	_, stderr, err := v.cliAs(v.Client.Token(), kindOfServer(v.t).reloadArguments(plugin)...)
	require.NoError(v.t, err, stderr)
}

// pluginVersion asks the binary: Vault refuses to register it as another.
func pluginVersion(t testing.TB) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), pluginBinary(t), "-version").Output()
	require.NoError(t, err)
	version := strings.TrimSpace(string(out))
	require.Regexp(t, `^v\d+\.\d+\.\d+`, version)
	return version
}

func TestMountIsUpgradedInPlaceAndRolledBack(t *testing.T) {
	t.Parallel()
	radius := startFreeRADIUS(t)
	v := startVault(t)
	if !v.enableBuiltin("radius") {
		return
	}
	const mount = "auth/radius"
	renew := func(token string) error {
		_, err := v.as(token).Auth().Token().RenewSelf(0)
		return err
	}

	// The built-in, configured and in use.
	builtin, _ := v.findBuiltin()
	ours := pluginVersion(t)
	v.write(mount+"/config", configFor(radius.Host(), radius.Port(), map[string]any{
		"unregistered_user_policies": "guest", "token_policies": "base", "token_ttl": "1h", "nas_identifier": "gate", "read_timeout": 7,
	}))
	v.write(mount+"/users/bob", map[string]any{"policies": "dev"})
	v.write(mount+"/users/alice", map[string]any{"policies": "ops"})
	builtinToken := v.login(mount, "bob", "bob-password").ClientToken
	require.NoError(t, renew(builtinToken))
	before := v.read(mount + "/config")

	// Ours.
	v.register("radius", ours)
	v.switchTo("radius", ours)
	config := v.read(mount + "/config")
	for field, value := range before {
		require.Equal(t, value, config[field], field)
	}
	require.Equal(t, "reauthenticate", config["renewal"])
	require.Equal(t, []any{"dev"}, v.read(mount + "/users/bob")["policies"])
	require.ElementsMatch(t, []string{"default", "base", "dev"}, v.login(mount, "bob", "bob-password").Policies)
	require.NoError(t, renew(builtinToken), "a token of the built-in's")

	v.write(mount+"/users/bob", map[string]any{"policies": "dev,edited"})
	ourToken := v.login(mount, "bob", "bob-password").ClientToken
	v.write(mount+"/config", map[string]any{"renewal": "recheck", "message_authenticator": "off"})
	recheckedToken := v.login(mount, "bob", "bob-password").ClientToken
	require.NoError(t, renew(ourToken))
	require.NoError(t, renew(recheckedToken))

	// And back.
	v.switchTo("radius", builtin)
	config = v.read(mount + "/config")
	for field, value := range before {
		require.Equal(t, value, config[field], field)
	}
	require.Equal(t, []any{"dev", "edited"}, v.read(mount + "/users/bob")["policies"])
	require.ElementsMatch(t, []string{"default", "base", "dev", "edited"}, v.login(mount, "bob", "bob-password").Policies)
	require.NoError(t, renew(ourToken))
	status, text := refusal(t, renew(recheckedToken))
	require.Equal(t, http.StatusBadRequest, status, "no password was kept, so the built-in is told no: %s", text)
	requireNoPanic(t, v)

	// What the built-in writes loses our fields, as docs/upgrade.md says.
	v.write(mount+"/config", map[string]any{"read_timeout": 8})
	v.switchTo("radius", ours)
	require.Equal(t, "reauthenticate", v.read(mount + "/config")["renewal"])
	require.NoError(t, renew(recheckedToken))
	requireNoPanic(t, v)
}

func requireNoPanic(t *testing.T, v *vaultServer) {
	t.Helper()
	lines := strings.Split(v.log.String(), "\n")
	at := slices.IndexFunc(lines, func(line string) bool { return strings.Contains(line, "panic") })
	if at >= 0 {
		t.Fatalf("something panicked:\n%s", strings.Join(lines[at:min(at+30, len(lines))], "\n"))
	}
}
