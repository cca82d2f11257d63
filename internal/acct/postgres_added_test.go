//go:build protocol

package acct

import (
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

const countAdded = `SELECT count(*)::text FROM information_schema.columns WHERE table_name = 'radacct'
	AND column_name IN ('nasidentifier', 'heardstarttime', 'heardupdatetime', 'heardstoptime',
		'guessedstop', 'toldsessiontime', 'earliersessions')`

// newConfigured opens a store as a config does that was written before.
func newConfigured(t *testing.T, url string) *PostgresStore {
	t.Helper()
	store, err := NewPostgres(url, withPatience(untimed))
	require.NoError(t, err)
	t.Cleanup(store.Close)
	return store
}

func TestColumnsAreAddedWithoutAWriteOfTheConfig(t *testing.T) {
	t.Parallel()
	server, database := newDatabase(t)
	require.NoError(t, server.Exec(t.Context(), database, freeRADIUSTables+`
		INSERT INTO radacct (acctsessionid, acctuniqueid, nasipaddress, acctstarttime, acctupdatetime, acctsessiontime)
			VALUES ('x', 'open', '172.16.64.91', '2024-01-02 03:04:05+00', '2024-01-02 03:05:05+00', 60);
		INSERT INTO radacct (acctsessionid, acctuniqueid, nasipaddress, acctstarttime, acctstoptime, acctterminatecause)
			VALUES ('y', 'closed', '172.16.64.91', '2024-01-02 03:04:05+00', '2024-01-02 03:05:05+00', 'Lost-Carrier')`))
	store := newConfigured(t, server.URL(database))
	record(t, store, packet(InterimUpdate, "closed", 3600, counters(3600, 1, 2)))
	require.Equal(t, "7", queryText(t, server, database, countAdded))
	require.True(t, isOpen(t, store, "closed"), "the cause is that of a guess")
	require.Equal(t, Report{Closed: 1}, maintain(t, store, at(3661), Retention{Stale: time.Hour}), "by the times that there are")
	require.Equal(t, TimeOf(at(60)), get(t, store, "open").StopTime)

	// FreeRADIUS's own queries name their columns.
	require.NoError(t, server.Exec(t.Context(), database, `
		INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, acctstarttime)
			VALUES ('z', 'sql', 'eve', '172.16.64.91', '2024-01-02 03:04:05+00');
		UPDATE radacct SET acctstoptime = '2024-01-02 03:14:05+00' WHERE acctuniqueid = 'sql'`))
	require.Equal(t, Report{DeletedSessions: 2}, maintain(t, store, at(3600+601), Retention{Sessions: time.Hour}))
}

func TestTableWithoutTheColumnsGoesOnWorking(t *testing.T) {
	t.Parallel()
	server, database := newDatabase(t)
	role := "role_" + database
	require.NoError(t, server.Exec(t.Context(), database, "CREATE ROLE "+role+" LOGIN PASSWORD 'of$role';"+freeRADIUSTables+
		"GRANT SELECT, INSERT, UPDATE, DELETE ON radacct, radpostauth TO "+role+"; GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO "+role))
	url := server.URLOf(role, "of$role", database)
	useAll := func(store Store, session string) {
		record(t, store, packet(Start, session, 0), packet(InterimUpdate, session, 60, counters(60, 1, 2)))
		require.NoError(t,
			store.CloseNAS(t.Context(),
				restart(100, func(p *Packet) { p.NASIdentifier, p.CalledStationID = "ap-1", "00:27:22:f3:fa:f1" }),
			),
		)
		require.Equal(t, TimeOf(at(100)), get(t, store, session).StopTime)
		record(t, store, packet(Stop, session, 90, counters(90, 5, 6), cause("User-Request")))
		require.Equal(t, TimeOf(at(90)), get(t, store, session).StopTime)
		record(t, store, packet(Start, session+" silent", 0))
		require.Equal(t, 1, maintain(t, store, at(10_000), Retention{Stale: time.Hour}).Closed)
	}
	useAll(newConfigured(t, url), "1")
	require.Equal(t, "0", queryText(t, server, database, countAdded))

	store, warnings, err := OpenPostgres(t.Context(), url, withPatience(untimed))
	require.NoError(t, err)
	defer store.Close()
	last := warnings[len(warnings)-1]
	require.Contains(t, last, "must be owner of table radacct")
	require.NotContains(t, last, "of$role")
	_, statement, found := strings.Cut(last, "ALTER TABLE")
	require.True(t, found)
	require.NoError(t, server.Exec(t.Context(), database, "ALTER TABLE"+statement))
	require.Equal(t, "7", queryText(t, server, database, countAdded))
	useAll(store, "2") // it does not know yet
	useAll(newConfigured(t, url), "3")
	require.Equal(t, "silence", queryText(t, server, database, "SELECT guessedstop FROM radacct WHERE acctuniqueid = '3 silent'"))
}

func TestTableInUseIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	server, database := newDatabase(t)
	require.NoError(t, server.Exec(t.Context(), database, freeRADIUSTables))
	conn, err := pgx.Connect(t.Context(), server.URL(database))
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(t.Context())) }()
	tx, err := conn.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), "SELECT count(*) FROM radacct")
	require.NoError(t, err)

	store := newConfigured(t, server.URL(database))
	record(t, store, packet(Start, "1", 0))
	require.False(t, store.schema.Load().hasAdded)
	require.NoError(t, tx.Rollback(t.Context()))
	maintain(t, store, at(0), Retention{})
	record(t, store, packet(InterimUpdate, "1", 60, counters(60, 1, 2)))
	require.True(t, store.schema.Load().hasAdded, "it is tried again")
}

func TestColumnsOfOtherProgramsAreLeftAlone(t *testing.T) {
	t.Parallel()
	server, database := newDatabase(t)
	require.NoError(t, server.Exec(t.Context(), database, freeRADIUSTables+"ALTER TABLE radacct ADD nasidentifier integer"))
	store, warnings, err := OpenPostgres(t.Context(), server.URL(database), withPatience(untimed))
	require.NoError(t, err)
	defer store.Close()
	require.Len(t, warnings, 1)
	require.Contains(t, warnings[0], "has other columns of these names")
	record(t, store, packet(Start, "1", 0, func(p *Packet) { p.NASIdentifier = "ap-1" }))
	require.True(t, isOpen(t, store, "1"))
}

// TestEarlierVersionsGoOn has a version that does not know the columns work on sessions
// in between.
func TestEarlierVersionsGoOn(t *testing.T) {
	t.Parallel()
	server, database := newDatabase(t)
	store := openPostgres(t, server.URL(database))
	record(t, store, packet(Start, "1", 0), packet(Start, "2", 0), packet(Start, "3", 0))
	current := store.schema.Load()
	earlier := newSchema(withoutAdded(current.sessions), current.postAuths)
	require.NotContains(t, earlier.insertSession+earlier.updateSession+earlier.closeOfNAS, "heardupdatetime")

	store.schema.Store(earlier)
	record(t,
		store, packet(InterimUpdate, "1", 600, counters(600, 1, 2)),
		packet(Stop, "2", 600, counters(600, 1, 2), cause("User-Request")), packet(Start, "4", 600),
	)
	require.NoError(t, store.CloseNAS(t.Context(), restart(700)))

	store.schema.Store(current)
	record(t,
		store, packet(InterimUpdate, "1", 800, counters(800, 3, 4)),
		packet(InterimUpdate, "2", 800, counters(800, 3, 4)),
		packet(Stop, "3", 650, counters(650, 3, 4), cause("User-Request")),
	)
	require.True(t, isOpen(t, store, "1"), "its cause is that of a guess")
	require.False(t, isOpen(t, store, "2"))
	require.Equal(t, TimeOf(at(650)), get(t, store, "3").StopTime)
	require.Equal(t, TimeOf(at(700)), get(t, store, "4").StopTime)
	require.Equal(t, 2, maintain(t, store, at(4260), Retention{Sessions: time.Hour}).DeletedSessions, "by the times that there are")
}
