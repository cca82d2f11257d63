//go:build protocol

package metrics

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Prometheus's own tool reads the exposition, and finds nothing to criticise.
func TestPromtoolFindsNothing(t *testing.T) {
	t.Parallel()
	m, snapshot := usedMount()
	check := exec.CommandContext(t.Context(), "promtool", "check", "metrics")
	check.Stdin = strings.NewReader(exposition(t, m, snapshot))
	said, err := check.CombinedOutput()
	require.NoError(t, err, string(said))
	require.Empty(t, string(said))
}
