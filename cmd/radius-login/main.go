// Command radius-login logs a user in at a mount of vault-plugin-auth-radius: it asks for the
// password, and for what the RADIUS server asks for besides, and stores the token as
// `vault login` does.
package main

import (
	"os"
)

// version is set by the linker: -ldflags "-X main.version=v1.2.3".
var version = "v0.0.0-dev"

func main() {
	takeBaoVariables(os.Environ(), os.Setenv)
	ctx, stop := untilSignal()
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
