package daemontest

import (
	"context"
	"os"
	"os/exec"
)

// emulatorVariable names the program that runs test programs which the kernel cannot run:
// scripts/test-32bit.sh sets it.
const emulatorVariable = "TEST_EMULATOR"

// Self returns a command that runs the program which calls it, a test's, once more.
func Self(ctx context.Context, arguments ...string) (*exec.Cmd, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	arguments = append([]string{program}, arguments...)
	if emulator := os.Getenv(emulatorVariable); emulator != "" {
		arguments = append([]string{emulator}, arguments...)
	}
	return exec.CommandContext(ctx, arguments[0], arguments[1:]...), nil // #nosec G204 G702 -- this very test
}
