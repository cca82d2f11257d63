//go:build protocol

package acct

import (
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/longtest"
	"vault-plugin-auth-radius/internal/postgrestest"
)

func startPgBouncer(t *testing.T, server *postgrestest.Postgres, settings ...string) *postgrestest.PgBouncer {
	t.Helper()
	bouncer, err := postgrestest.StartPgBouncer(t.Context(), t.TempDir(), server, settings...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, bouncer.Stop()) })
	return bouncer
}

// recordAll records a Start and a Stop of sessions, many at once, and returns the errors.
func recordAll(t *testing.T, store *PostgresStore, sessions, senders int) (failures []error) {
	t.Helper()
	var mu sync.Mutex
	var group sync.WaitGroup
	for sender := range senders {
		group.Go(func() {
			for n := sender; n < sessions; n += senders {
				for _, p := range []Packet{packet(Start, strconv.Itoa(n), 0), packet(Stop, strconv.Itoa(n), 60)} {
					if _, err := store.Record(t.Context(), p); err != nil {
						mu.Lock()
						failures = append(failures, err)
						mu.Unlock()
					}
				}
			}
		})
	}
	group.Wait()
	return failures
}

// TestPoolerNeedsNoOptions has fewer connections to PostgreSQL than the store has to the
// pooler, which lends them for a transaction each.
func TestPoolerNeedsNoOptions(t *testing.T) {
	t.Parallel()
	server, database := newDatabase(t)
	bouncer := startPgBouncer(t, server, "default_pool_size = 3")
	sessions := longtest.Choose(250, 5000)
	store := openPostgres(t, bouncer.URL(database))
	require.Empty(t, recordAll(t, store, sessions, 24))
	require.Equal(t,
		strconv.Itoa(sessions),
		queryText(t, server, database, "SELECT count(*)::text FROM radacct WHERE acctstoptime IS NOT NULL"),
	)
	require.NoError(t, server.Exec(t.Context(), database, "DROP INDEX radacct_newest_idx"))
	again := openPostgres(t, bouncer.URL(database)) // its statements are there already
	require.Equal(t, strconv.Itoa(len(indexDefinitions)), usable(t, server, database))
	record(t, again, packet(Stop, "1", 90))
	explicit := openPostgres(t, bouncer.URL(database)+"&default_query_exec_mode=exec")
	record(t, explicit, packet(Stop, "1", 120))
}

func TestParameterThatAPoolerRefusesIsNamed(t *testing.T) {
	t.Parallel()
	server, database := newDatabase(t)
	bouncer := startPgBouncer(t, server)
	for _, parameter := range []string{"search_path", "statement_timeout", "options"} {
		_, _, err := OpenPostgres(t.Context(), bouncer.URL(database)+"&"+parameter+"=1", withPatience(untimed))
		require.ErrorAs(t, err, new(*URLError))
		require.ErrorContains(t, err, "has "+parameter+", which the PgBouncer at")
	}
	_, _, err := OpenPostgres(t.Context(), bouncer.URL(database)+"&hush=1", withPatience(untimed))
	require.ErrorAs(t, err, new(*URLError))
	require.NotContains(t, err.Error(), "hush")
}
