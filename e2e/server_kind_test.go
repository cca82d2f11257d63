package e2e

import (
	"fmt"
	"net/http"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"
)

// All that the tests know of differences between servers is in this file: the rest asks serverKind.
// What is said of OpenBao was read in its source; docs/openbao.md says what of it was tried.

// serverKind is which server the tests run on.
type serverKind struct {
	openBao      bool
	major, minor int
	line         string // what `version` has printed
}

// versionLine is what `vault version` and `bao version` print first.
var versionLine = regexp.MustCompile(`^(Vault|OpenBao) v(\d+)\.(\d+)\.\d+`)

// readServerKind returns the kind of the server whose `version` prints a line.
func readServerKind(line string) (serverKind, error) {
	found := versionLine.FindStringSubmatch(line)
	if found == nil {
		return serverKind{}, fmt.Errorf("%q is no version of Vault or OpenBao", line)
	}
	kind := serverKind{openBao: found[1] == "OpenBao", line: line}
	for i, number := range []*int{&kind.major, &kind.minor} {
		value, err := strconv.Atoi(found[2+i])
		if err != nil {
			return serverKind{}, fmt.Errorf("%q has no version that can be read: %w", line, err)
		}
		*number = value
	}
	return kind, nil
}

// askKind asks the server's binary once.
var askKind = sync.OnceValues(func() (serverKind, error) {
	printed, err := exec.Command(serverBinary(), "version").Output()
	if err != nil {
		return serverKind{}, fmt.Errorf("ask %s for its version: %w", serverBinary(), err)
	}
	line, _, _ := strings.Cut(string(printed), "\n")
	return readServerKind(line)
})

// kindOfServer returns which server the tests run on.
func kindOfServer(t testing.TB) serverKind {
	t.Helper()
	kind, err := askKind()
	require.NoError(t, err)
	return kind
}

// since reports whether the server is of a version, or a later one.
func (k serverKind) since(major, minor int) bool {
	return k.major > major || k.major == major && k.minor >= minor
}

// stanzas returns what the server's configuration has besides, so that the tests can do there what
// they do in Vault.
func (k serverKind) stanzas() string {
	if !k.openBao {
		return ""
	}
	// The first: audit devices are made over the API. The second, since 2.5: a standby hands on what it
	// is asked, and runs no plugin. Earlier versions warn that they do not know it.
	return "unsafe_allow_api_audit_creation = true\ndisable_standby_reads = true\n"
}

// builtinVersion is what the version of a method looks like that is in the server's binary.
func (k serverKind) builtinVersion() *regexp.Regexp {
	if k.openBao {
		return regexp.MustCompile(`^v\d+\.\d+\.\d+\+builtin\.bao$`)
	}
	return regexp.MustCompile(`^v\d+\.\d+\.\d+\+builtin\.vault$`)
}

// mustHaveBuiltin reports whether the server is known to have a radius method of its own, but for a
// Vault that was built with the tag `minimal`: OpenBao's left its binary with 2.7.
func (k serverKind) mustHaveBuiltin() bool {
	return k.openBao && !k.since(2, 7)
}

// reloadArguments returns the command line that reloads all mounts of a plugin: OpenBao's has no -type.
func (k serverKind) reloadArguments(plugin string) []string {
	if k.openBao {
		return []string{"plugin", "reload", "-plugin=" + plugin}
	}
	return []string{"plugin", "reload", "-type=auth", "-plugin=" + plugin}
}

// documented returns a command of the documents for Vault as this server takes it.
func (k serverKind) documented(command string) string {
	if k.openBao {
		return strings.ReplaceAll(command, " -type=auth", "")
	}
	return command
}

// builtinLowerCases reports whether the built-in method looks users up under the lower-cased name:
// a user who is stored with upper case cannot be read there.
func (k serverKind) builtinLowerCases() bool { return k.openBao }

// builtinBindsAddresses reports whether the built-in method has token_strictly_bind_ip, which it
// stores with every write of the config. Here it is stored in a config that has it, or sets it.
func (k serverKind) builtinBindsAddresses() bool { return k.openBao }

// skippedMountTakesWrites reports whether a mount that was skipped when the server started, for want
// of its plugin, can be written once it is reloaded. Vault keeps its storage read-only until the
// server is unsealed again, and so did OpenBao.
func (k serverKind) skippedMountTakesWrites() bool { return k.openBao && k.since(2, 7) }

// enableBuiltin mounts the server's own radius method, and reports whether it has one. Where it has
// none, it checks that the server says so, and the test's log has what is not compared.
func (v *vaultServer) enableBuiltin(mount string) bool {
	v.t.Helper()
	kind := kindOfServer(v.t)
	if version, found := v.findBuiltin(); found {
		require.Regexp(v.t, kind.builtinVersion(), version)
		v.enable(mount, "radius")
		return true
	}
	require.False(v.t, kind.mustHaveBuiltin(), "%s has a built-in radius method", kind.line)
	err := v.Client.Sys().EnableAuthWithOptions(mount, &api.EnableAuthOptions{Type: "radius"})
	status, text := refusal(v.t, err)
	require.Equal(v.t, http.StatusBadRequest, status)
	require.Contains(v.t, text, "plugin not found in the catalog")
	v.t.Logf("%s has no built-in radius method: nothing is compared with it", kind.line)
	return false
}

// findBuiltin returns the version under which the server lists its own radius method.
func (v *vaultServer) findBuiltin() (version string, found bool) {
	v.t.Helper()
	plugins, err := v.Client.Sys().ListPlugins(&api.ListPluginsInput{Type: api.PluginTypeCredential})
	require.NoError(v.t, err)
	for _, plugin := range plugins.Details {
		if plugin.Name == "radius" && plugin.Builtin {
			return plugin.Version, true
		}
	}
	return "", false
}

func TestServerKindIsReadFromWhatVersionPrints(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]serverKind{
		"Vault v1.21.1 (cgo)": {major: 1, minor: 21},
		"Vault v1.21.1":       {major: 1, minor: 21},
		"Vault v2.0.3+ent (0123456789abcdef), built 2026-06-10": {major: 2},
		"Vault v1.22.0-beta1 ('0123abc+CHANGES')":               {major: 1, minor: 22},
		"OpenBao v2.6.2 (abcdef0123), built 2026-08-01":         {openBao: true, major: 2, minor: 6},
		"OpenBao v2.7.0-beta20260801 (abc), committed 2026":     {openBao: true, major: 2, minor: 7},
		"OpenBao v2.10.0": {openBao: true, major: 2, minor: 10},
	} {
		want.line = line
		kind, err := readServerKind(line)
		require.NoError(t, err)
		require.Equal(t, want, kind)
	}
	for _, line := range []string{"", "Consul v1.20.0", "Vault (version unknown)", "a Vault v1.21.1", "Vault v99999999999999999999.1.1"} {
		_, err := readServerKind(line)
		require.Error(t, err, line)
	}
}

func TestServersDifferInWhatTheirKindSays(t *testing.T) {
	t.Parallel()
	vault, bao26, bao27 := serverKind{major: 1, minor: 21}, serverKind{openBao: true, major: 2, minor: 6}, serverKind{openBao: true, major: 2, minor: 7}
	require.True(t, bao27.since(2, 7) && bao27.since(2, 6) && bao27.since(1, 21))
	require.False(t, bao27.since(2, 8) || bao27.since(3, 0))

	require.Empty(t, vault.stanzas())
	require.Contains(t, bao26.stanzas(), "disable_standby_reads = true\n")
	require.Contains(t, vault.reloadArguments("radius"), "-type=auth")
	require.Equal(t, []string{"plugin", "reload", "-plugin=radius"}, bao26.reloadArguments("radius"))
	require.Regexp(t, vault.builtinVersion(), "v1.21.1+builtin.vault")
	require.NotRegexp(t, vault.builtinVersion(), "v2.0.0+builtin.bao")
	require.Regexp(t, bao26.builtinVersion(), "v2.0.0+builtin.bao")
	require.True(t, bao26.mustHaveBuiltin())
	require.False(t, bao27.mustHaveBuiltin())
	require.False(t, bao26.skippedMountTakesWrites())
	require.True(t, bao27.skippedMountTakesWrites())
}
