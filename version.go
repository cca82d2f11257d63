package radiusauth

import (
	"cmp"
	"runtime/debug"
)

// modulePath is the module that this package is part of.
const modulePath = "vault-plugin-auth-radius"

// version is set by the linker: -ldflags "-X vault-plugin-auth-radius.version=v1.2.3".
var version string

// Version returns the plugin's version, such as "v1.2.3": the linker's, else what the
// build info says of the module, else "v0.0.0-dev".
func Version() string {
	info, found := debug.ReadBuildInfo()
	if !found {
		info = &debug.BuildInfo{}
	}
	return cmp.Or(version, moduleVersion(info), "v0.0.0-dev")
}

// moduleVersion returns the version of this package's module in a binary; "" if it was
// built from files that have none.
func moduleVersion(info *debug.BuildInfo) string {
	for _, module := range append([]*debug.Module{&info.Main}, info.Deps...) {
		if module.Path == modulePath && module.Version != "(devel)" {
			return module.Version
		}
	}
	return ""
}
