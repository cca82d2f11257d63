//go:build protocol

package acct

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/longtest"
	"vault-plugin-auth-radius/internal/postgrestest"
)

// largeTables makes FreeRADIUS's tables with sessions, without the indexes of this
// package.
func largeTables(t *testing.T, sessions int) (server *postgrestest.Postgres, database string) {
	t.Helper()
	server, database = newDatabase(t)
	require.NoError(t, server.Exec(t.Context(), database, freeRADIUSTables+fmt.Sprintf(`
		INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, acctstarttime, acctstoptime)
		SELECT n, n::text, 'user' || n %% 1000, '10.0.0.1', '2024-01-01 00:00:00+00', '2024-01-02 00:00:00+00'
			FROM generate_series(1, %d) n`, sessions)))
	return server, database
}

// usable counts the indexes of this package that can be used.
func usable(t *testing.T, server *postgrestest.Postgres, database string) string {
	t.Helper()
	return queryText(t, server, database, `SELECT count(*)::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
		WHERE i.indisvalid AND (c.relname LIKE '%newest_idx' OR c.relname = 'radacct_bulk_close')`)
}

func TestIndexesOfALargeTableAreMadeWhileOthersWrite(t *testing.T) {
	t.Parallel()
	server, database := largeTables(t, longtest.Choose(20_000, 1_000_000))
	writer, err := NewPostgres(server.URL(database), withPatience(untimed))
	require.NoError(t, err)
	defer writer.Close()
	record(t, writer, packet(Start, "first", 0))
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	defer group.Wait()
	defer cancel()
	var slowest time.Duration
	group.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			began := time.Now()
			if _, err := writer.Record(t.Context(), packet(Start, fmt.Sprint("written", n), 0)); err != nil {
				t.Error(err)
				return
			}
			slowest = max(slowest, time.Since(began))
		}
	})
	began := time.Now()
	store, warnings, err := OpenPostgres(t.Context(), server.URL(database), withPatience(untimed))
	require.NoError(t, err)
	defer store.Close()
	t.Logf("%s, and %d indexes are not ready", time.Since(began), len(warnings))
	maintain(t, store, at(0), Retention{})
	require.Eventually(t,
		func() bool { return usable(t, server, database) == fmt.Sprint(len(indexDefinitions)) }, 5*time.Minute,
		10*time.Millisecond,
	)
	cancel()
	group.Wait()
	t.Logf("the slowest write took %s", slowest)
	if longtest.Enabled() {
		require.Less(t, slowest, 2*time.Second)
	}
}

// TestIndexesThatTakeLongAreMadeInTheBackground has an open transaction in the way of
// indexes, as a backup is.
func TestIndexesThatTakeLongAreMadeInTheBackground(t *testing.T) {
	t.Parallel()
	server, database := largeTables(t, 10)
	backup, err := pgx.Connect(t.Context(), server.URL(database))
	require.NoError(t, err)
	_, err = backup.Exec(t.Context(), "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM radacct")
	require.NoError(t, err)
	store, err := NewPostgres(server.URL(database), withPatience(untimed))
	require.NoError(t, err)
	defer store.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	warnings, err := store.createIndexes(ctx)
	require.NoError(t, err)
	require.NotEmpty(t, warnings)
	require.Contains(t,
		warnings[0],
		"CREATE INDEX CONCURRENTLY IF NOT EXISTS radacct_newest_idx ON radacct (acctstarttime DESC, radacctid DESC)",
	)
	record(t, store, packet(Start, "1", 0))
	require.NoError(t, backup.Close(t.Context()))
	maintain(t, store, at(0), Retention{})
	require.Eventually(t,
		func() bool { return usable(t, server, database) == fmt.Sprint(len(indexDefinitions)) }, time.Minute,
		10*time.Millisecond,
	)
}

// TestIndexThatWasCancelledIsMadeAgain has an index that is of no use, as a cancelled
// statement leaves it.
func TestIndexThatWasCancelledIsMadeAgain(t *testing.T) {
	t.Parallel()
	server, database := largeTables(t, 10)
	require.NoError(t, server.Exec(t.Context(), database, indexDefinitions[1].statement(false)))
	require.NoError(t,
		server.Exec(t.Context(),
			database, "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'radacct_newest_idx'::regclass",
		),
	)
	openPostgres(t, server.URL(database))
	require.Equal(t, fmt.Sprint(len(indexDefinitions)), usable(t, server, database))
}

func TestIndexThatTheUserMayNotTakeTimeForIsAWarning(t *testing.T) {
	t.Parallel()
	server, database := largeTables(t, 10)
	backup, err := pgx.Connect(t.Context(), server.URL(database))
	require.NoError(t, err)
	_, err = backup.Exec(t.Context(), "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM radacct")
	require.NoError(t, err)
	store, warnings, err := OpenPostgres(t.Context(), server.URL(database)+"&statement_timeout=500", withPatience(untimed))
	require.NoError(t, err)
	defer store.Close()
	require.Len(t, warnings, len(indexDefinitions)-1+1, "one is there, and columns are missing")
	require.Contains(t, warnings[0], "it is made in the background")
	require.NoError(t, backup.Close(t.Context()))
}

func TestStoreThatClosesLeavesNoIndexBeingMade(t *testing.T) {
	t.Parallel()
	server, database := largeTables(t, 10)
	backup, err := pgx.Connect(t.Context(), server.URL(database))
	require.NoError(t, err)
	_, err = backup.Exec(t.Context(), "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM radacct")
	require.NoError(t, err)
	store, err := NewPostgres(server.URL(database), withPatience(untimed))
	require.NoError(t, err)
	maintain(t, store, at(0), Retention{})
	underWay := func() string {
		return queryText(t,
			server, database,
			"SELECT count(*)::text FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX%' AND state = 'active' "+
				"AND datname = current_database()",
		)
	}
	require.Eventually(t, func() bool { return underWay() == "1" }, time.Minute, 10*time.Millisecond)
	store.Close()
	require.Eventually(t, func() bool { return underWay() == "0" }, time.Minute, 10*time.Millisecond)
	require.NoError(t, backup.Close(t.Context()))
}
