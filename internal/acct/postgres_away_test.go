//go:build protocol

package acct

import (
	"context"
	"io"
	"net"
	"strconv"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/postgrestest"
)

// TestServerThatIsAwayIsFoundOutSoon is in virtual time: FreeRADIUS waits four
// seconds.
func TestServerThatIsAwayIsFoundOutSoon(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		dial   pgconn.DialFunc
		within time.Duration
	}{
		"nothing listens": {func(context.Context, string, string) (net.Conn, error) { return nil, syscall.ECONNREFUSED }, 0},
		"no answer":       {silentServer, 3 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store, err := NewPostgres("postgres://bob:s3cret@192.0.2.1:5432/radius", withDial(test.dial))
				require.NoError(t, err)
				defer store.Close()
				started := time.Now()
				_, err = store.Record(t.Context(), packet(Start, "1", 0))
				require.LessOrEqual(t, time.Since(started), test.within)
				var away *UnavailableError
				require.ErrorAs(t, err, &away)
				require.ErrorContains(t, err, "192.0.2.1:5432/radius")
				require.ErrorContains(t, err, "check that it runs")
				require.NotContains(t, err.Error(), "s3cret")
			})
		})
	}
}

func withDial(dial pgconn.DialFunc) Option {
	return func(c *connection) { c.dial = dial }
}

// silentServer takes connections and says nothing.
func silentServer(context.Context, string, string) (net.Conn, error) {
	here, there := net.Pipe()
	go func() { _, _ = io.Copy(io.Discard, there) }() // until the other end closes
	return here, nil
}

// lockSessions locks the sessions until unlock is called.
func lockSessions(t *testing.T, server *postgrestest.Postgres, database string) (unlock func()) {
	t.Helper()
	locker, err := pgx.Connect(t.Context(), server.URL(database))
	require.NoError(t, err)
	_, err = locker.Exec(t.Context(), "BEGIN; LOCK TABLE radacct")
	require.NoError(t, err)
	return func() { require.NoError(t, locker.Close(t.Context())) }
}

func TestCallWaitsForAConnectionAsLongAsForAnAnswer(t *testing.T) {
	t.Parallel()
	server, database := newDatabase(t)
	store := openPostgres(t, server.URL(database))
	unlock := lockSessions(t, server, database)
	calls := make(chan error, 2*maxConnections)
	for i := range cap(calls) {
		go func() {
			_, err := store.Record(t.Context(), packet(Start, strconv.Itoa(i), 0))
			calls <- err
		}()
	}
	require.Eventually(t, func() bool { return store.pool.Stat().AcquiredConns() == maxConnections }, time.Minute, time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err := store.Record(ctx, packet(Start, "one more", 0))
	require.ErrorAs(t, err, new(*UnavailableError), "there is no connection for it")
	unlock()
	for range cap(calls) {
		require.NoError(t, <-calls)
	}
	record(t, store, packet(Start, "one more", 0))
}

func TestCallThatWaitsForALockEndsInTime(t *testing.T) {
	t.Parallel()
	server, database := newDatabase(t)
	store := openPostgres(t, server.URL(database))
	store.patience.call = 100 * time.Millisecond
	unlock := lockSessions(t, server, database)
	_, err := store.Record(t.Context(), packet(Start, "1", 0))
	require.ErrorAs(t, err, new(*UnavailableError))
	require.Eventually(t,
		func() bool { return store.pool.Stat().AcquiredConns() == 0 }, time.Minute, time.Millisecond,
		"the statement is cancelled",
	)
	require.EqualValues(t, 1, store.pool.Stat().TotalConns(), "and its connection is used again")
	unlock()
}

// TestMaintainPassesOverWhatStays has more old sessions that are open than one call
// deletes.
func TestMaintainPassesOverWhatStays(t *testing.T) {
	t.Parallel()
	server, database := newDatabase(t)
	store := openPostgres(t, server.URL(database))
	require.NoError(t, server.Exec(t.Context(), database, `
		INSERT INTO radacct (acctsessionid, acctuniqueid, nasipaddress, acctstarttime, acctupdatetime)
		SELECT n, n::text, '10.0.0.1', '2024-01-01 00:00:00+00', '2024-01-02 00:00:00+00' FROM generate_series(1, 1010) n`))
	record(t, store, packet(Stop, "old", 0))
	require.Equal(t, Report{DeletedSessions: 1}, maintain(t, store, at(100_000), Retention{Sessions: time.Hour}))
	require.Equal(t, Report{Closed: batch, More: true}, maintain(t, store, at(100_000), Retention{Stale: time.Hour}))
	require.Equal(t, Report{Closed: 10}, maintain(t, store, at(100_000), Retention{Stale: time.Hour}))
}

func TestStoreWorksAgainWhenPostgresDoes(t *testing.T) {
	t.Parallel()
	server, err := postgrestest.Start(t.Context(), t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	require.NoError(t, server.Stop())
	store, err := NewPostgres(server.URL("postgres"), withPatience(untimed))
	require.NoError(t, err)
	defer store.Close()

	var away *UnavailableError
	_, err = store.Record(t.Context(), packet(Start, "1", 0))
	require.ErrorAs(t, err, &away)
	require.NoError(t, server.Restart())
	record(t, store, packet(Start, "1", 0), packet(Start, "2", 0))
	require.NoError(t, server.Restart()) // with a connection in the pool
	record(t, store, packet(Stop, "1", 60))
	require.NoError(t, server.Exec(t.Context(), "postgres", "ALTER TABLE radacct DROP class, ADD other text; DROP TABLE radpostauth"))
	attempt := PostAuth{Username: "bob", Time: TimeOf(epoch)}
	require.ErrorAs(t, store.LogPostAuth(t.Context(), attempt), new(*SchemaError))
	require.NoError(t, store.LogPostAuth(t.Context(), attempt), "tables are made again")
	record(t, store, packet(Stop, "2", 60))
}
