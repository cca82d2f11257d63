// Command builtin-plugin is Vault's own radius method as an external plugin, which BenchmarkLogin
// compares with. It is never shipped.
package main

import (
	"fmt"
	"os"

	"github.com/hashicorp/vault/builtin/credential/radius"
	"github.com/hashicorp/vault/sdk/plugin"
)

func main() {
	if err := plugin.ServeMultiplex(&plugin.ServeOpts{BackendFactoryFunc: radius.Factory}); err != nil {
		fmt.Fprintln(os.Stderr, "builtin-plugin:", err)
		os.Exit(1)
	}
}
