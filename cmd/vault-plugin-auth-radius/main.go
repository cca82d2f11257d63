// Command vault-plugin-auth-radius is the RADIUS auth method that Vault and
// OpenBao start as an external plugin.
package main

import (
	"fmt"
	"os"

	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/sdk/plugin"

	radiusauth "vault-plugin-auth-radius"
)

// version is set by the build: -ldflags "-X main.version=v1.2.3".
var version = "v0.0.0-dev"

func main() {
	meta := &api.PluginAPIClientMeta{}
	flags := meta.FlagSet()
	showVersion := flags.Bool("version", false, "print the version and exit")
	if err := flags.Parse(os.Args[1:]); err != nil {
		os.Exit(2) // the flag package has said why
	}
	if *showVersion {
		fmt.Println(version)
		return
	}
	err := plugin.ServeMultiplex(&plugin.ServeOpts{
		BackendFactoryFunc: radiusauth.Factory(version),
		TLSProviderFunc:    api.VaultPluginTLSProvider(meta.GetTLSConfig()),
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "vault-plugin-auth-radius:", err)
		os.Exit(1)
	}
}
