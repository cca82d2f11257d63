package radiusauth

import (
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestVersionIsThatOfTheModule(t *testing.T) {
	t.Parallel()
	this, other := debug.Module{Path: modulePath, Version: "v1.2.3"}, debug.Module{Path: "example.com/other", Version: "v9.0.0"}
	require.Equal(t, "v1.2.3", moduleVersion(&debug.BuildInfo{Main: this}))
	library := &debug.BuildInfo{Main: other, Deps: []*debug.Module{&other, &this}}
	require.Equal(t, "v1.2.3", moduleVersion(library), "as a library of another program")
	require.Empty(t, moduleVersion(&debug.BuildInfo{Main: debug.Module{Path: modulePath, Version: "(devel)"}}))
	require.Empty(t, moduleVersion(&debug.BuildInfo{}))
}

func TestLinkerSetsTheVersion(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "plugin")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", binary,
		"-ldflags", "-X "+modulePath+".version=v7.8.9", "./cmd/vault-plugin-auth-radius").CombinedOutput()
	require.NoError(t, err, string(out))
	out, err = exec.CommandContext(t.Context(), binary, "-version").Output()
	require.NoError(t, err)
	require.Equal(t, "v7.8.9", strings.TrimSpace(string(out)))
}
