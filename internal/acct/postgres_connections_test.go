//go:build protocol

package acct

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestConnectionsThatAFirewallForgotCostNoAnswer(t *testing.T) {
	t.Parallel()
	server, database := newDatabase(t)
	relay := startRelay(t, server)
	store, _, err := OpenPostgres(t.Context(), relay.url(server, database))
	require.NoError(t, err)
	defer store.Close()
	unlock := lockSessions(t, server, database)
	var group sync.WaitGroup
	for n := range maxConnections {
		group.Go(func() {
			if _, err := store.Record(t.Context(), packet(Start, fmt.Sprint("before", n), 0)); err != nil {
				t.Error(err)
			}
		})
	}
	require.Eventually(t, func() bool { return store.pool.Stat().AcquiredConns() == maxConnections }, time.Minute, time.Millisecond)
	unlock()
	group.Wait()
	relay.forget()
	for n := range 14 {
		_, err := store.Record(t.Context(), packet(Start, fmt.Sprint("after", n), 0))
		require.NoError(t, err)
	}
}

func TestConnectionsThatAreForgottenWhileTheyAreUsedAreReplaced(t *testing.T) {
	t.Parallel()
	server, database := newDatabase(t)
	relay := startRelay(t, server)
	store, _, err := OpenPostgres(t.Context(), relay.url(server, database))
	require.NoError(t, err)
	defer store.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	l := &load{store: store}
	l.start(ctx, 24, 5*time.Millisecond)
	pause(200 * time.Millisecond)
	relay.forget()
	pause(4 * time.Second)
	cancel()
	l.group.Wait()
	for _, failed := range l.failures {
		t.Error(failed.err)
	}
}

func TestRoleWithFewConnectionsIsServed(t *testing.T) {
	t.Parallel()
	server, database := newDatabase(t)
	role := "few_" + database
	require.NoError(t, server.Exec(t.Context(), database, "CREATE ROLE "+role+" LOGIN PASSWORD 'x' CONNECTION LIMIT 2;"+
		freeRADIUSTables+"GRANT ALL ON radacct, radpostauth TO "+role+"; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO "+role))
	store, _, err := OpenPostgres(t.Context(), server.URLOf(role, "x", database))
	require.NoError(t, err)
	defer store.Close()
	calls := make(chan error)
	for n := range 40 {
		go func() {
			_, err := store.Record(t.Context(), packet(Start, strconv.Itoa(n), 0))
			calls <- err
		}()
	}
	for range 40 {
		require.NoError(t, <-calls)
	}
}

func TestPoolIsAsLargeAsTheURLSays(t *testing.T) {
	t.Parallel()
	server, database := newDatabase(t)
	for _, size := range []int{1, 3, 20} {
		store := openPostgres(t, server.URL(database)+"&pool_max_conns="+strconv.Itoa(size))
		unlock := lockSessions(t, server, database)
		calls := make(chan error)
		for n := range 30 {
			go func() {
				_, err := store.Record(t.Context(), packet(Start, strconv.Itoa(n), 0))
				calls <- err
			}()
		}
		require.Eventually(t, func() bool { return store.pool.Stat().AcquiredConns() == int32(size) }, time.Minute, time.Millisecond)
		unlock()
		for range 30 {
			require.NoError(t, <-calls)
		}
		require.LessOrEqual(t, store.pool.Stat().TotalConns(), int32(size))
	}
}
