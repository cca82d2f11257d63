package main

import (
	"crypto/fips140"
	"flag"
	"fmt"
	"io"
)

// describeVersion returns the version, and that of Go's FIPS 140-3 module if that is in use.
func describeVersion(version string, fipsEnabled bool, fipsModule string) string {
	if !fipsEnabled {
		return version
	}
	return fmt.Sprintf("%s (FIPS 140-3 mode, Go Cryptographic Module %s)", version, fipsModule)
}

// versionText describes this process.
func versionText(version string) string {
	return describeVersion(version, fips140.Enabled(), fips140.Version())
}

// writeUsage writes what this binary is, for those who run it by hand, and its flags.
func writeUsage(to io.Writer, flags *flag.FlagSet) {
	fmt.Fprint(to, `vault-plugin-auth-radius is a plugin: Vault and OpenBao start it. Put it into their
plugin directory, and register it:

    vault plugin register -sha256=SUM -command=vault-plugin-auth-radius auth radius

Flags, of which those for TLS are Vault's:
`)
	flags.SetOutput(to)
	flags.PrintDefaults()
}
