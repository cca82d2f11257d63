package radiusauth

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// unlinked begins the packages that the plugin does without: other plugins' parts of Vault's SDK import them,
// and folders of unlinked/ stand in for what does.
var unlinked = []string{
	"cloud.google.com/go/auth", "cloud.google.com/go/compute/", "google.golang.org/api/", "golang.org/x/oauth2",
	"github.com/googleapis/", "github.com/google/s2a-go", "go.opencensus.io", "go.opentelemetry.io/",
	"github.com/moby/", "github.com/docker/", "github.com/containerd/", "github.com/opencontainers/",
	"github.com/aws/", "github.com/Azure/azure-sdk-for-go/", "github.com/hashicorp/vault/builtin/", "github.com/hashicorp/vault/vault",
	"github.com/hashicorp/vault/sdk/helper/testcluster", "github.com/hashicorp/vault/sdk/helper/docker",
}

func TestPluginLinksNothingOfClouds(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "./cmd/vault-plugin-auth-radius", "./cmd/radius-login").Output()
	require.NoError(t, err)
	packages := strings.Fields(string(out))
	require.Contains(t, packages, "github.com/hashicorp/vault/sdk/framework")
	for _, path := range packages {
		for _, beginning := range unlinked {
			require.False(t, strings.HasPrefix(path, beginning), "%s is linked: `go list -deps -f` shows what imports it; "+
				"if that is code of a library which no plugin calls, a folder of unlinked/ stands in for it", path)
		}
	}
}
