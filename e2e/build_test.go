package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
)

// ofVersion are the linker's flags for this plugin in another version.
func ofVersion(version string) string { return "-X vault-plugin-auth-radius.version=" + version }

// buildPlugin builds a package of a module's folder into a file, as make build does.
func buildPlugin(ctx context.Context, folder, path, flags, file string) error {
	command := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-trimpath", "-ldflags", "-s -w "+flags, "-o", file, path)
	command.Dir, command.Env = folder, append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w\n%s", path, err, out)
	}
	return nil
}
