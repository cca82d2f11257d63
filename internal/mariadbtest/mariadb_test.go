//go:build protocol

package mariadbtest

import (
	"net"
	"os/exec"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/daemontest"
)

func TestServerKeepsWhatIsWrittenAndEnds(t *testing.T) {
	t.Parallel()
	m, err := Start(t.Context(), t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Stop()) })
	require.NoError(t, m.Exec(t.Context(), "", `CREATE DATABASE kept; CREATE TABLE kept.names (id int, name varchar(64));
		INSERT INTO kept.names VALUES (1, 'á'), (2, 'b')`))
	require.NoError(t, m.Restart())
	rows, err := m.Query(t.Context(), "kept", "SELECT id, name FROM names ORDER BY id")
	require.NoError(t, err)
	require.Equal(t, []string{"1\tá", "2\tb"}, rows)
	rows, err = m.Query(t.Context(), "kept", "SELECT id FROM names WHERE id = 3")
	require.NoError(t, err)
	require.Empty(t, rows)
	require.ErrorContains(t, m.Exec(t.Context(), "kept", "SELECT 1; nonsense"), "error in your SQL syntax")

	require.NoError(t, m.Stop())
	require.NoError(t, m.Stop(), "stopping twice")
	require.Error(t, m.Exec(t.Context(), "", "SELECT 1"))
	listener, err := net.Listen("tcp4", net.JoinHostPort(m.Host(), strconv.Itoa(m.Port())))
	require.NoError(t, err, "the port is free again")
	t.Cleanup(func() { require.NoError(t, listener.Close()) })
	require.ErrorIs(t, m.Restart(), daemontest.ErrPortTaken)
}

func TestServerAsksForThePassword(t *testing.T) {
	t.Parallel()
	m, err := Start(t.Context(), t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Stop()) })
	for _, name := range []string{Superuser, "mysql", "nobody", ""} {
		command := exec.CommandContext(t.Context(), m.client, "--no-defaults", "--protocol=tcp",
			"--host="+m.Host(), "--port="+strconv.Itoa(m.Port()), "--user="+name, "--execute=SELECT 1")
		output, err := command.CombinedOutput()
		require.Error(t, err, name)
		require.Regexp(t, "Access denied|not allowed", string(output), name)
	}
}
