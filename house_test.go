package radiusauth

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// Only the root package knows Vault: the inner rooms can be read, tested and
// used without it.
func TestInternalPackagesDoNotImportVault(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "./internal/...").CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "vault-plugin-auth-radius/internal/radclient")
	require.NotContains(t, string(out), "hashicorp/vault/")
}
