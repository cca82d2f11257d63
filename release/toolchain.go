package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// toolchain is the installed Go, which knows nothing of what the environment says about what is
// to be built: flags, experiments, instruction sets, another version of Go.
type toolchain struct {
	version     string // such as go1.26.8
	root        string
	environment []string
}

// kept are the variables that a build has of the environment: where things are, and how to
// get at modules.
var kept = []string{
	"PATH", "HOME", "USERPROFILE", "LOCALAPPDATA", "SYSTEMROOT", "TMPDIR", "TEMP", "TMP", "GOTMPDIR",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR",
}

// settings are those of Go that a build keeps, from the environment or `go env -w`.
var settings = []string{
	"GOPATH", "GOCACHE", "GOMODCACHE", "GOPROXY", "GOSUMDB", "GOPRIVATE", "GONOPROXY", "GONOSUMDB", "GOINSECURE", "GOAUTH", "GOVCS",
}

// findToolchain describes the go on PATH.
func findToolchain(ctx context.Context, folder string) (*toolchain, error) {
	text, err := output(ctx, folder, append(os.Environ(), "GOTOOLCHAIN=local"), "go",
		append([]string{"env", "-json", "GOVERSION", "GOROOT"}, settings...)...)
	if err != nil {
		return nil, err
	}
	values := map[string]string{}
	if err := json.Unmarshal([]byte(text), &values); err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	g := &toolchain{version: values["GOVERSION"], root: values["GOROOT"]}
	delete(values, "GOVERSION")
	delete(values, "GOROOT")
	g.environment = buildEnvironment(os.Environ(), values)
	return g, nil
}

// buildEnvironment returns what is kept of an environment, with settings of Go.
func buildEnvironment(environment []string, goSettings map[string]string) []string {
	var out []string
	for _, variable := range environment {
		name, _, _ := strings.Cut(variable, "=")
		if slices.Contains(kept, name) {
			out = append(out, variable)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(goSettings)) {
		if goSettings[name] != "" {
			out = append(out, name+"="+goSettings[name])
		}
	}
	return append(out, "GOENV=off", "GOWORK=off", "GOTOOLCHAIN=local", "GOFLAGS=-mod=readonly", "GOEXPERIMENT=", "GODEBUG=", "LC_ALL=C")
}

// run runs the go command for a target.
func (g *toolchain) run(ctx context.Context, folder string, t target, arguments ...string) (string, error) {
	return output(ctx, folder, slices.Concat(g.environment, t.environment()), "go", arguments...)
}
