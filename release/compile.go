package main

import (
	"context"
	"strings"
)

// compile builds a program into a file.
func (r *release) compile(ctx context.Context, p program, t target, file string) error {
	_, err := r.toolchain.run(ctx, r.source.folder, t, "build", "-trimpath", "-buildvcs=false",
		"-ldflags", linkerFlags(p, t, r.source.module, r.version), "-o", file, "./cmd/"+p.name)
	return err
}

// linkerFlags return those that set the version, and leave out symbols, debugging information and
// the build id of this machine's Go. On macOS an id of the release takes its place: the
// system knows programs by one that the linker makes of it.
func linkerFlags(p program, t target, module, version string) string {
	variable := p.versionVariable
	if strings.HasPrefix(variable, ".") {
		variable = module + variable
	}
	buildID := ""
	if t.os == "darwin" {
		buildID = p.base(version, t)
	}
	return "-s -w -buildid=" + buildID + " -X " + variable + "=" + version
}
