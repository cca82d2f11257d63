// Command vault is the Vault server and CLI, built from its Go module, so
// that the tests and the quick start run the real thing on a machine that has
// only Go. It is never shipped.
package main

import (
	"os"

	"github.com/hashicorp/vault/command"
)

func main() {
	os.Exit(command.Run(os.Args[1:]))
}
