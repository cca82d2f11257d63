//go:build protocol

package postgrestest

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// rows returns how many rows there are in the table of these tests.
func rows(t *testing.T, p *Postgres) int {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), p.URL("postgres"))
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(t.Context())) }()
	var n int
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT count(*) FROM kept").Scan(&n))
	return n
}

func TestDataOutlivesRestartsAndKills(t *testing.T) {
	t.Parallel()
	p, err := Start(t.Context(), t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Stop()) })
	require.NoError(t, p.Exec(t.Context(), "postgres", "CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)"))
	require.NoError(t, p.Restart())
	require.Equal(t, 1, rows(t, p))

	client, err := pgx.Connect(t.Context(), p.URL("postgres"))
	require.NoError(t, err)
	_, err = client.Exec(t.Context(), "INSERT INTO kept VALUES (2)")
	require.NoError(t, err)
	require.NoError(t, p.Kill())
	require.Error(t, client.Ping(t.Context()), "a killed server takes its connections with it")
	_, err = pgx.Connect(t.Context(), p.URL("postgres"))
	require.Error(t, err)
	require.NoError(t, p.Kill(), "killing it again does nothing")
	require.NoError(t, p.Restart())
	require.Equal(t, 2, rows(t, p))
}

func TestPasswordsAndSettingsCount(t *testing.T) {
	t.Parallel()
	p, err := Start(t.Context(), t.TempDir(), "work_mem=12345kB")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Stop()) })
	_, err = pgx.Connect(t.Context(), p.URLOf(Superuser, "wrong", "postgres"))
	require.ErrorContains(t, err, "password authentication failed")
	conn, err := pgx.Connect(t.Context(), p.URL("postgres"))
	require.NoError(t, err)
	var setting string
	require.NoError(t, conn.QueryRow(t.Context(), "SHOW work_mem").Scan(&setting))
	require.Equal(t, "12345kB", setting)
	require.NoError(t, conn.Close(t.Context()))
	require.ErrorContains(t, p.Exec(t.Context(), "postgres", "SELECT 1; nonsense"), "syntax error")
}
