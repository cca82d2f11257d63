//go:build protocol

package acct

import (
	"net"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/postgrestest"
)

func TestServerThatIsAwayIsFoundOutSoon(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, silent.Close()) }()
	gone, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, gone.Close())
	for name, test := range map[string]struct {
		address string
		limit   time.Duration
	}{
		"nothing listens": {gone.Addr().String(), 500 * time.Millisecond},
		"no answer":       {silent.Addr().String(), 3 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			u := url.URL{Scheme: "postgres", User: url.UserPassword("bob", "s3cret"), Host: test.address, Path: "/radius"}
			store, err := NewPostgres(u.String())
			require.NoError(t, err)
			defer store.Close()
			started := time.Now()
			_, err = store.Record(t.Context(), packet(Start, "1", 0))
			require.Less(t, time.Since(started), test.limit)
			var away *UnavailableError
			require.ErrorAs(t, err, &away)
			require.ErrorContains(t, err, test.address+"/radius")
			require.ErrorContains(t, err, "check that it runs")
			require.NotContains(t, err.Error(), "s3cret")
		})
	}
}

// TestBusyPoolIsFoundOutSoon has every connection wait for a lock.
func TestBusyPoolIsFoundOutSoon(t *testing.T) {
	t.Parallel()
	server, database := newDatabase(t)
	store := openPostgres(t, server.URL(database))
	locker, err := pgx.Connect(t.Context(), server.URL(database))
	require.NoError(t, err)
	_, err = locker.Exec(t.Context(), "BEGIN; LOCK TABLE radacct")
	require.NoError(t, err)
	waiting := make(chan error, maxConnections)
	for i := range maxConnections {
		go func() {
			_, err := store.Record(t.Context(), packet(Start, strconv.Itoa(i), 0))
			waiting <- err
		}()
	}
	require.Eventually(t, func() bool { return store.pool.Stat().AcquiredConns() == maxConnections }, 5*time.Second, time.Millisecond)
	started := time.Now()
	_, err = store.Record(t.Context(), packet(Start, "one more", 0))
	require.ErrorAs(t, err, new(*UnavailableError))
	require.Less(t, time.Since(started), 2*time.Second)
	for range maxConnections {
		require.ErrorAs(t, <-waiting, new(*UnavailableError), "nobody waits for long")
	}
	require.NoError(t, locker.Close(t.Context()))
	record(t, store, packet(Start, "one more", 0))
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
	store, err := NewPostgres(server.URL("postgres"))
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
