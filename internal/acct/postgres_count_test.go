//go:build protocol

package acct

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestCountingInPostgreSQLIsBoundedByNumberAndTime(t *testing.T) {
	t.Parallel()
	server, database := newDatabase(t)
	store := openPostgres(t, server.URL(database))
	require.NoError(t, server.Exec(t.Context(), database, `
		INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, acctstarttime)
		SELECT n, md5(n::text), 'bob', '10.0.0.1', timestamptz '2024-01-01 00:00:00+00' + n * interval '1 minute'
			FROM generate_series(1, 10001) n;
		INSERT INTO radpostauth (username, reply, authdate) SELECT 'bob', 'Access-Accept', now() FROM generate_series(1, 10001)`))
	_, exact, err := store.CountSessions(t.Context(), Filter{})
	require.NoError(t, err)
	require.False(t, exact)
	_, exact, err = store.CountPostAuths(t.Context(), PostAuthFilter{Username: "bob"})
	require.NoError(t, err)
	require.False(t, exact)
	require.NoError(t, server.Exec(t.Context(), database, "DELETE FROM radacct WHERE acctuniqueid = md5('1')"))
	count, exact, err := store.CountSessions(t.Context(), Filter{Username: "bob"})
	require.NoError(t, err)
	require.True(t, exact)
	require.Equal(t, maxCounted, count)

	store.patience.call = time.Nanosecond
	_, exact, err = store.CountSessions(t.Context(), Filter{})
	var away *UnavailableError
	require.ErrorAs(t, err, &away, "a number that takes too long")
	require.False(t, exact)
}
