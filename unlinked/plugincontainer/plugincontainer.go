// Package plugincontainer stands in for what starts plugins in containers, with a client of Docker and
// OpenTelemetry. Vault's SDK links it into each plugin; only Vault itself starts plugins.
// It has what the SDK compiles with.
package plugincontainer

import (
	"errors"
	"os/exec"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin/runner"
)

// Config describes a container.
type Config struct {
	Image, Tag, SHA256    string
	Entrypoint, Args, Env []string
	Labels                map[string]string
	Runtime, CgroupParent string
	NanoCpus, Memory      int64
	GroupAdd              int
	Rootless, CapIPCLock  bool
	DisableNetwork, Debug bool
}

// NewContainerRunner returns an error: this plugin starts no containers.
func (*Config) NewContainerRunner(hclog.Logger, *exec.Cmd, string) (runner.Runner, error) {
	return nil, errors.New("this plugin is built without containers")
}
