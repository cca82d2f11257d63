package e2e

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/daemontest"
)

// processes are those that are at work for a request; 0: none.
type processes struct{ vault, plugin, server int }

// processTimes are times that processes have had of processors.
type processTimes struct{ vault, plugin, server time.Duration }

// processUnits are the units by which benchmarks report them.
var processUnits = map[string]func(t processTimes) time.Duration{
	"µs-vault":      func(t processTimes) time.Duration { return t.vault },
	"µs-plugin":     func(t processTimes) time.Duration { return t.plugin },
	"µs-freeradius": func(t processTimes) time.Duration { return t.server },
}

// processes returns Vault's process, that of a file of the plugin directory, unless it is "", and a server's.
func (v *vaultServer) processes(t testing.TB, plugin string, server int) processes {
	t.Helper()
	p := processes{vault: v.process.Pid, server: server}
	if plugin != "" {
		p.plugin = v.processesOf(filepath.Join(v.home, "plugins", plugin))[0]
	}
	return p
}

func (p processes) times(t testing.TB) processTimes {
	t.Helper()
	return processTimes{processorTime(t, p.vault), processorTime(t, p.plugin), processorTime(t, p.server)}
}

// since returns what a request has had since then, of so many.
func (t processTimes) since(before processTimes, requests time.Duration) processTimes {
	return processTimes{
		(t.vault - before.vault) / requests, (t.plugin - before.plugin) / requests, (t.server - before.server) / requests,
	}
}

// processorTime returns what a process has had of processors; 0 for no process.
func processorTime(t testing.TB, process int) time.Duration {
	t.Helper()
	if process == 0 {
		return 0
	}
	used, err := daemontest.ProcessorTime(process)
	require.NoError(t, err)
	return used
}
