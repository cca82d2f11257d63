package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// failIfConnected fails if others than who asks are connected to PostgreSQL.
const failIfConnected = `
	DO $$ BEGIN
		IF EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()) THEN
			RAISE EXCEPTION 'a connection is left';
		END IF;
	END $$`

// TestPluginEndsWithAVaultThatIsKilled kills Vault, as the kernel does when memory runs
// out, and looks at what its plugin leaves.
func TestPluginEndsWithAVaultThatIsKilled(t *testing.T) {
	t.Parallel()
	for name, behindShell := range map[string]bool{"a child of Vault": false, "behind a shell that stays": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			postgres := startPostgres(t)
			v := startVault(t)
			program := filepath.Join(v.home, "plugins", pluginName)
			if behindShell {
				program = v.putBehindShell()
			}
			v.register(pluginName, "")
			for _, mount := range []string{"radius", "other"} {
				path := v.enable(mount, pluginName)
				v.write(path+"/freeradius/config", map[string]any{"store": "postgres", "connection_url": postgres.URL("postgres")})
				v.write(path+"/config", map[string]any{
					"host": "127.0.0.1", "port": 9, "secret": "a-secret-of-20-octets", "hosts": "127.0.0.2:9", "status_check": "on",
				})
			}
			processes := v.processesOf(program)
			t.Cleanup(func() { // if the test has failed
				for _, id := range v.processesOf(program) {
					_ = syscall.Kill(id, syscall.SIGKILL)
				}
			})
			sockets := v.listeningSockets(processes)
			require.NotEmpty(t, sockets)

			require.NoError(t, v.process.Kill())
			killed := time.Now()
			require.Eventually(t, func() bool { return len(v.processesOf(program)) == 0 }, time.Minute, 10*time.Millisecond)
			t.Logf("%d processes of the plugin had ended %s after Vault was killed", len(processes), time.Since(killed).Round(time.Millisecond))
			for _, socket := range sockets {
				require.NoFileExists(t, socket)
			}
			require.Eventually(t, func() bool { return postgres.Exec(t.Context(), "postgres", failIfConnected) == nil }, time.Minute, 50*time.Millisecond)
		})
	}
}

// putBehindShell has Vault start a script that starts the plugin and waits for it, and
// returns the plugin's path.
func (v *vaultServer) putBehindShell() (program string) {
	v.t.Helper()
	script := filepath.Join(v.home, "plugins", pluginName)
	program = script + ".program"
	require.NoError(v.t, os.Rename(script, program))
	require.NoError(v.t, os.WriteFile(script, []byte("#!/bin/sh\n\"$0.program\" \"$@\"\nexit $?\n"), 0o700))
	return program
}

// listeningSockets are the paths of the Unix sockets that the processes listen on.
func (v *vaultServer) listeningSockets(processes []int) []string {
	v.t.Helper()
	var paths []string
	for _, id := range processes {
		open := map[string]bool{}
		descriptors, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", id))
		require.NoError(v.t, err)
		for _, descriptor := range descriptors {
			link, err := os.Readlink(descriptor)
			if err != nil {
				continue // closed meanwhile
			}
			if number, isSocket := strings.CutPrefix(link, "socket:["); isSocket {
				open[strings.TrimSuffix(number, "]")] = true
			}
		}
		table, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/unix", id))
		require.NoError(v.t, err)
		for line := range strings.Lines(string(table)) {
			// Num RefCount Protocol Flags Type St Inode Path; the flag is __SO_ACCEPTCON.
			fields := strings.Fields(line)
			if len(fields) == 8 && fields[3] == "00010000" && open[fields[6]] {
				paths = append(paths, fields[7])
			}
		}
	}
	return paths
}
