//go:build protocol

package acct

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

func mustPrefix(text string) netip.Prefix { return netip.MustParsePrefix(text) }

// TestQueriesUseIndexes has PostgreSQL explain the queries for a table with many
// rows: an index has to return the rows in order, without a sort.
func TestQueriesUseIndexes(t *testing.T) {
	t.Parallel()
	server, database := newDatabase(t)
	store := openPostgres(t, server.URL(database))
	require.NoError(t, server.Exec(t.Context(), database, `
		INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, callingstationid, calledstationid,
			acctstarttime, acctupdatetime, acctstoptime)
		SELECT n, md5(n::text), 'user' || n % 500, ('10.0.0.' || n % 100)::inet, 'station' || n % 1000, 'point' || n % 50,
			timestamptz '2024-01-01 00:00:00+00' + n * interval '1 minute',
			timestamptz '2024-01-01 00:00:00+00' + n * interval '1 minute',
			CASE WHEN n % 100 > 0 THEN timestamptz '2024-01-01 00:30:00+00' + n * interval '1 minute' END
		FROM generate_series(1, 30000) n;
		INSERT INTO radpostauth (username, reply, authdate)
		SELECT 'user' || n % 500, 'Access-Accept', timestamptz '2024-01-01 00:00:00+00' + n * interval '1 minute'
			FROM generate_series(1, 30000) n;
		ANALYZE`))
	sc := store.schema.Load()
	yes := true
	queries := map[string]func() (string, []any){
		"radacct_user_newest_idx": func() (string, []any) { return sessionsQuery(sc, Filter{Username: "user7"}, Page{}.normal()) },
		"radacct_open_newest_idx": func() (string, []any) { return sessionsQuery(sc, Filter{IsOpen: &yes}, Page{}.normal()) },
		"radacct_newest_idx": func() (string, []any) {
			return sessionsQuery(sc, Filter{StartTime: at(0), StopTime: at(1_000_000)}, Page{}.normal())
		},
		"radacct_calling_newest_idx": func() (string, []any) {
			return sessionsQuery(sc, Filter{CallingStationID: "station7"}, Page{}.normal())
		},
		"radacct_called_newest_idx": func() (string, []any) {
			return sessionsQuery(sc, Filter{CalledStationID: "point7"}, Page{}.normal())
		},
		"radacct_nas_newest_idx": func() (string, []any) {
			return sessionsQuery(sc, Filter{NASAddress: mustPrefix("10.0.0.7/32").Addr()}, Page{}.normal())
		},
		"radacct_acctuniqueid_key":    func() (string, []any) { return sc.selectSession, []any{"x"} },
		"radpostauth_newest_idx":      func() (string, []any) { return postAuthsQuery(sc, PostAuthFilter{From: at(0)}, Page{}.normal()) },
		"radpostauth_user_newest_idx": func() (string, []any) { return postAuthsQuery(sc, PostAuthFilter{Username: "user7"}, Page{}.normal()) },
	}
	conn, err := pgx.Connect(t.Context(), server.URL(database))
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(t.Context())) }()
	explain := func(sql string, arguments ...any) string {
		rows, err := conn.Query(t.Context(), "EXPLAIN "+sql, arguments...)
		require.NoError(t, err)
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		return strings.Join(lines, "\n")
	}
	for index, query := range queries {
		sql, arguments := query()
		plan := explain(sql, arguments...)
		require.Contains(t, plan, "using "+index, plan)
		require.NotContains(t, plan, "Sort", plan)
		require.NotContains(t, plan, "Seq Scan", plan)
	}
	sql, arguments := sessionsQuery(sc, Filter{StopTime: at(0)}, Page{}.normal())
	require.Contains(t, explain(sql, arguments...), "Index Cond: (acctstarttime <=", "what began later is not looked at")
	for name, statement := range map[string]struct {
		sql       string
		arguments []any
	}{
		"CloseNAS":   {sc.closeOfNAS, []any{at(0), at(0), "NAS-Reboot", "10.0.0.7", "gate", "^point", batch}},
		"stale":      {sc.closeStale, []any{at(-86400), "Lost-Carrier", batch}},
		"retention":  {sc.deleteSessions, []any{at(-86400), 10}},
		"post-auths": {deletePostAuths, []any{at(-86400), 10}},
	} {
		plan := explain(statement.sql, statement.arguments...)
		require.NotContains(t, plan, "Seq Scan", "%s: %s", name, plan)
	}
}
