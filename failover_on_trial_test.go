package radiusauth

import (
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

func TestFailoverOnTrialIsReadInEveryForm(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.ok(logical.UpdateOperation, "config", minimalConfig())
	for _, path := range []string{"config", "extauth/" + b.source("radius", nil)} {
		require.Equal(t, "auto", b.ok(logical.ReadOperation, path, nil).Data["failover_on_trial"])
		for given, want := range map[any]string{true: "true", false: "false", "true": "true", "false": "false", "auto": "auto"} {
			b.ok(logical.UpdateOperation, path, map[string]any{"failover_on_trial": given})
			require.Equal(t, want, b.ok(logical.ReadOperation, path, nil).Data["failover_on_trial"])
		}
		require.Contains(t, b.refused(logical.UpdateOperation, path, map[string]any{"failover_on_trial": "always"}), "failover_on_trial")
	}
}
