//go:build protocol

package acct

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/postgrestest"
)

// freeRADIUSTables are radacct and radpostauth as FreeRADIUS 3.2 makes them.
const freeRADIUSTables = `
CREATE TABLE radacct (
	RadAcctId bigserial PRIMARY KEY, AcctSessionId text NOT NULL, AcctUniqueId text NOT NULL UNIQUE,
	UserName text, Realm text, NASIPAddress inet NOT NULL, NASPortId text, NASPortType text,
	AcctStartTime timestamp with time zone, AcctUpdateTime timestamp with time zone, AcctStopTime timestamp with time zone,
	AcctInterval bigint, AcctSessionTime bigint, AcctAuthentic text, ConnectInfo_start text, ConnectInfo_stop text,
	AcctInputOctets bigint, AcctOutputOctets bigint, CalledStationId text, CallingStationId text,
	AcctTerminateCause text, ServiceType text, FramedProtocol text, FramedIPAddress inet,
	FramedIPv6Address inet, FramedIPv6Prefix inet, FramedInterfaceId text, DelegatedIPv6Prefix inet);
CREATE INDEX radacct_bulk_close ON radacct (NASIPAddress, AcctStartTime) WHERE AcctStopTime IS NULL;
CREATE TABLE radpostauth (
	id bigserial PRIMARY KEY, username text NOT NULL, pass text, reply text,
	CalledStationId text, CallingStationId text, authdate timestamp with time zone NOT NULL default now());`

// djangoTables are narrow columns, as Django's models make them.
const djangoTables = `
CREATE TABLE radacct (
	radacctid bigserial PRIMARY KEY, acctsessionid varchar(64) NOT NULL, acctuniqueid varchar(32) NOT NULL UNIQUE,
	username varchar(64), groupname varchar(64), realm varchar(64), nasipaddress inet NOT NULL, nasportid varchar(15), nasporttype varchar(32),
	acctstarttime timestamptz, acctupdatetime timestamptz, acctstoptime timestamptz,
	acctinterval bigint, acctsessiontime bigint, acctauthentic varchar(32), connectinfo_start varchar(50), connectinfo_stop varchar(50),
	acctinputoctets bigint, acctoutputoctets bigint, calledstationid varchar(50), callingstationid varchar(50),
	acctterminatecause varchar(32), servicetype varchar(32), framedprotocol varchar(32), framedipaddress inet,
	framedipv6address inet, framedipv6prefix varchar(44), framedinterfaceid varchar(19), delegatedipv6prefix varchar(44));
CREATE TABLE radpostauth (
	id bigserial PRIMARY KEY, username varchar(64) NOT NULL, pass varchar(64), reply varchar(32),
	calledstationid varchar(50), callingstationid varchar(50), authdate timestamptz NOT NULL);`

// query returns the first column of the only row of a query, as text.
func queryText(t *testing.T, server *postgrestest.Postgres, database, sql string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), server.URL(database))
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(t.Context())) }()
	var value string
	require.NoError(t, conn.QueryRow(t.Context(), sql).Scan(&value))
	return value
}

func TestOtherProgramsReadWhatIsRecorded(t *testing.T) {
	t.Parallel()
	for name, tables := range map[string]string{"made here": "", "FreeRADIUS's": freeRADIUSTables, "Django's": djangoTables} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, database := newDatabase(t)
			require.NoError(t, server.Exec(t.Context(), database, tables))
			store := openPostgres(t, server.URL(database))
			record(
				t, store,
				packet(Start, "1", 0, func(p *Packet) { p.FramedIPv6Prefix = mustPrefix("2001:db8:1::/64") }),
				packet(Stop, "1", 300, counters(300, 5, 6), func(p *Packet) {
					p.InputGigawords, p.TerminateCause = whole(1), "User-Request"
					p.CalledStationID = strings.Repeat("é", 60)
				}),
			)
			require.Equal(t,
				"s-1,1,bob,,172.16.64.91/32,2024-01-02 03:04:05,2024-01-02 03:09:05,2024-01-02 03:09:05,,300,4294967301,6,User-Request,2001:db8:1::/64",
				queryText(t, server, database, `SELECT concat_ws(',', acctsessionid, acctuniqueid, username, coalesce(realm, ''), nasipaddress::text,
					acctstarttime AT TIME ZONE 'UTC', acctupdatetime AT TIME ZONE 'UTC', acctstoptime AT TIME ZONE 'UTC', coalesce(acctinterval::text, ''),
					acctsessiontime, acctinputoctets, acctoutputoctets, acctterminatecause, framedipv6prefix) FROM radacct`))
			before := get(t, store, "1")
			record(t, store, packet(Stop, "1", 300, counters(300, 5, 6), func(p *Packet) { p.CalledStationID = strings.Repeat("é", 60) }))
			require.Equal(t, before, get(t, store, "1"), "a text that was cut is not an update")

			require.NoError(t,
				store.LogPostAuth(t.Context(),
					PostAuth{Username: strings.Repeat("b", 100), Reply: "Access-Accept", Time: TimeOf(epoch)},
				),
			)
			require.Equal(t, "Access-Accept,none",
				queryText(t, server, database, "SELECT concat_ws(',', reply, coalesce(pass, 'none')) FROM radpostauth"))
		})
	}
}

func TestRowsOfOtherProgramsAreReadAndKept(t *testing.T) {
	t.Parallel()
	server, database := newDatabase(t)
	require.NoError(t, server.Exec(t.Context(), database, freeRADIUSTables+`
		INSERT INTO radacct (acctsessionid, acctuniqueid, nasipaddress) VALUES ('x', 'bare', '10.0.0.1');
		INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, framedipaddress, acctstarttime)
			VALUES ('y', 'open', 'eve', '10.0.0.1', '10.1.0.1', '2024-01-02 03:04:05+00')`))
	store := openPostgres(t, server.URL(database))
	require.Equal(t,
		Record{Attributes: Attributes{SessionID: "x", UniqueID: "bare", NASAddress: mustPrefix("10.0.0.1/32").Addr()}},
		get(t, store, "bare"),
	)
	record(t, store, packet(Stop, "open", 60, counters(60, 1, 2)), packet(InterimUpdate, "bare", 60))
	r := get(t, store, "open")
	require.Equal(t, TimeOf(epoch), r.StartTime)
	require.Equal(t, TimeOf(at(60)), r.StopTime)
	require.Equal(t, "10.1.0.1", r.FramedIPAddress.String())
	require.Equal(t, TimeOf(at(60)), get(t, store, "bare").StartTime)
}

func TestUnfitTablesAreExplained(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change string
		want   string
	}{
		"missing column": {
			"ALTER TABLE radacct DROP acctupdatetime, DROP framedipv6prefix",
			"ALTER TABLE radacct ADD COLUMN framedipv6prefix inet",
		},
		"wrong type": {"ALTER TABLE radacct ALTER acctinputoctets TYPE integer", "ALTER TABLE radacct ALTER COLUMN acctinputoctets TYPE bigint"},
		"times without a zone": {
			"ALTER TABLE radacct ALTER acctstarttime TYPE timestamp",
			"ALTER COLUMN acctstarttime TYPE timestamp with time zone",
		},
		"short unique id": {"ALTER TABLE radacct ALTER acctuniqueid TYPE varchar(31)", "ALTER COLUMN acctuniqueid TYPE text"},
		"not unique":      {"ALTER TABLE radacct DROP CONSTRAINT radacct_acctuniqueid_key", "CREATE UNIQUE INDEX ON radacct (acctuniqueid)"},
		"column that has to have a value": {
			"ALTER TABLE radacct ADD organization_id uuid NOT NULL",
			"column organization_id of table radacct must have a value that accounting does not know",
		},
		"log without a column": {"ALTER TABLE radpostauth DROP reply", "ALTER TABLE radpostauth ADD COLUMN reply text"},
		"log without a key":    {"ALTER TABLE radpostauth DROP id", "column id is missing"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, database := newDatabase(t)
			require.NoError(t, server.Exec(t.Context(), database, freeRADIUSTables+test.change))
			_, _, err := OpenPostgres(t.Context(), server.URL(database), withPatience(untimed))
			var unfit *SchemaError
			require.ErrorAs(t, err, &unfit)
			require.ErrorContains(t, err, test.want)
		})
	}
}

func TestDatabaseOfAnotherEncodingIsRefused(t *testing.T) {
	t.Parallel()
	server, _ := newDatabase(t)
	name := fmt.Sprintf("latin%d", databases.Add(1))
	require.NoError(t, server.Exec(t.Context(), "postgres", "CREATE DATABASE "+name+" ENCODING 'LATIN1' TEMPLATE template0"))
	_, _, err := OpenPostgres(t.Context(), server.URL(name), withPatience(untimed))
	var unfit *SchemaError
	require.ErrorAs(t, err, &unfit)
	require.ErrorContains(t, err, "create one with ENCODING 'UTF8'")
}

func TestMissingDatabaseIsExplained(t *testing.T) {
	t.Parallel()
	server, _ := newDatabase(t)
	_, _, err := OpenPostgres(t.Context(), server.URL("nowhere"), withPatience(untimed))
	var unfit *SchemaError
	require.ErrorAs(t, err, &unfit)
	require.ErrorContains(t, err, `database "nowhere" does not exist: create it`)
}

func TestWrongCredentialsAreExplainedWithoutThem(t *testing.T) {
	t.Parallel()
	server, database := newDatabase(t)
	for _, name := range []string{postgrestest.Superuser, "nobody"} {
		_, _, err := OpenPostgres(t.Context(), server.URLOf(name, "wrong$secret", database), withPatience(untimed))
		var refused *CredentialsError
		require.ErrorAs(t, err, &refused)
		require.Equal(t, name, refused.User)
		require.ErrorContains(t, err, strconv.Itoa(server.Port())+"/"+database)
		require.NotContains(t, err.Error(), "secret")
	}
}

func TestMissingPrivilegesAreExplained(t *testing.T) {
	t.Parallel()
	const noTables = "CREATE TABLE unrelated (id int);"
	tests := map[string]struct {
		tables, grant string
		want          string // empty: it works, with warnings
	}{
		"make tables": {noTables, "GRANT USAGE ON SCHEMA public TO %", "permission denied for schema public"},
		"read":        {freeRADIUSTables, "", "permission denied for table radacct"},
		"write":       {freeRADIUSTables, "GRANT SELECT ON radacct, radpostauth TO %", "permission denied for table radacct"},
		"use a sequence": {
			freeRADIUSTables, "GRANT SELECT, INSERT, UPDATE, DELETE ON radacct, radpostauth TO %",
			"permission denied for sequence radacct_radacctid_seq",
		},
		"make indexes": {
			freeRADIUSTables,
			"GRANT SELECT, INSERT, UPDATE, DELETE ON radacct, radpostauth TO %; GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO %", "",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, database := newDatabase(t)
			role := "role_" + database
			require.NoError(t, server.Exec(t.Context(), database,
				"CREATE ROLE "+role+" LOGIN PASSWORD 'of$role';"+test.tables+strings.ReplaceAll(test.grant, "%", role)))
			store, warnings, err := OpenPostgres(t.Context(), server.URLOf(role, "of$role", database), withPatience(untimed))
			if test.want == "" {
				require.NoError(t, err)
				defer store.Close()
				require.Len(t, warnings, len(indexDefinitions), "FreeRADIUS has made one; one is about columns")
				require.Contains(t,
					warnings[len(warnings)-1],
					"ALTER TABLE radacct ADD COLUMN IF NOT EXISTS nasidentifier text, ADD COLUMN IF NOT EXISTS "+
						"heardstarttime timestamp with time zone",
				)
				require.Contains(t,
					warnings[0],
					"CREATE INDEX CONCURRENTLY IF NOT EXISTS radacct_newest_idx ON radacct (acctstarttime "+
						"DESC, radacctid DESC)",
				)
				record(t, store, packet(Start, "1", 0))
				return
			}
			var denied *PrivilegeError
			require.ErrorAs(t, err, &denied)
			require.ErrorContains(t, err, test.want)
			require.NotContains(t, err.Error(), "of$role")
		})
	}
}

func TestReadOnlyServerIsExplained(t *testing.T) {
	t.Parallel()
	server, database := newDatabase(t)
	require.NoError(t, server.Exec(t.Context(), "postgres", "ALTER DATABASE "+database+" SET default_transaction_read_only = on"))
	_, _, err := OpenPostgres(t.Context(), server.URL(database), withPatience(untimed))
	require.ErrorAs(t, err, new(*UnavailableError))
	require.ErrorContains(t, err, "name the primary")
}

// TestCheckLeavesNothingBehind also checks in parallel, as the nodes of a cluster do.
func TestCheckLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	server, database := newDatabase(t)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			store, _, err := OpenPostgres(t.Context(), server.URL(database), withPatience(untimed))
			if err != nil {
				t.Error(err)
				return
			}
			store.Close()
		})
	}
	group.Wait()
	require.Equal(t, "0", queryText(t, server, database, "SELECT ((SELECT count(*) FROM radacct) + (SELECT count(*) FROM radpostauth))::text"))
}

func TestURLsAreRefusedWithoutShowingThem(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{
		"postgres://bob:se/cret@127.0.0.1:5432/radius",
		"postgres://bob:se%zzcret@127.0.0.1/radius",
		"postgres://bob:se#cret@127.0.0.1/radius",
		"postgres://bob:cret@127.0.0.1:port/radius",
		"postgres://bob:cret@127.0.0.1/radius?sslmode=cret",
		"cret",
		"host=127.0.0.1 password=cret port=x",
	} {
		_, err := NewPostgres(bad)
		var malformed *URLError
		require.ErrorAs(t, err, &malformed, bad)
		require.NotContains(t, err.Error(), "cret")
		require.Nil(t, errors.Unwrap(err))
	}
}
