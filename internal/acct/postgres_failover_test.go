//go:build protocol

package acct

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/longtest"
	"vault-plugin-auth-radius/internal/postgrestest"
)

// pair is a primary and its replica, which has what the primary has acknowledged.
type pair struct{ primary, replica *postgrestest.Postgres }

func startPair(t *testing.T) pair {
	t.Helper()
	primary, err := postgrestest.Start(t.Context(), t.TempDir(), "log_connections=on", "synchronous_commit=on")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, primary.Stop()) })
	replica, err := postgrestest.StartReplica(t.Context(), t.TempDir(), primary, "log_connections=on")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, replica.Stop()) })
	require.NoError(t, primary.Exec(t.Context(), "postgres", "ALTER SYSTEM SET synchronous_standby_names = '*'"))
	require.NoError(t, primary.Exec(t.Context(), "postgres", "SELECT pg_reload_conf()"))
	return pair{primary, replica}
}

// url names both.
func (p pair) url(query string) string {
	host := func(server *postgrestest.Postgres) string {
		return net.JoinHostPort(server.Host(), strconv.Itoa(server.Port()))
	}
	return strings.Replace(p.primary.URL("postgres"), host(p.primary), host(p.primary)+","+host(p.replica), 1) + query
}

// freeze freezes a server until the test ends.
func freeze(t *testing.T, server *postgrestest.Postgres) {
	t.Helper()
	thaw, err := server.Freeze()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, thaw()) })
}

func TestHostThatHangsIsPassedOver(t *testing.T) {
	t.Parallel()
	both := startPair(t)
	require.NoError(t, both.replica.Promote(t.Context()))
	freeze(t, both.primary)
	for _, query := range longtest.Choose(
		[]string{"&target_session_attrs=read-write"},
		[]string{"", "&target_session_attrs=read-write", "&target_session_attrs=primary", "&connect_timeout=1"},
	) {
		store, warnings, err := OpenPostgres(t.Context(), both.url(query))
		require.NoError(t, err, query)
		require.Empty(t, warnings)
		record(t, store, packet(Start, "1", 0))
		store.Close()
		store, err = NewPostgres(both.url(query))
		require.NoError(t, err)
		record(t, store, packet(Start, "1", 0)) // within the time of a call
		store.Close()
	}
}

func TestStandbyIsPassedOver(t *testing.T) {
	t.Parallel()
	both := startPair(t)
	both.primary, both.replica = both.replica, both.primary
	store := openPostgres(t, both.url(""))
	record(t, store, packet(Start, "1", 0))
	require.Contains(t, store.server, strconv.Itoa(both.primary.Port())+",")
	require.Contains(t, store.server, strconv.Itoa(both.replica.Port())+"/postgres")
}

// load records packets of new sessions, as many a second and at once as it is told.
type load struct {
	store  *PostgresStore
	packet atomic.Int64
	group  sync.WaitGroup

	mu           sync.Mutex
	acknowledged []string
	failures     []failure
}

type failure struct {
	at  time.Time
	err error
}

// start sends until ctx ends.
func (l *load) start(ctx context.Context, senders int, interval time.Duration) {
	for range senders {
		l.group.Go(func() {
			ticker := time.NewTicker(interval * time.Duration(senders))
			defer ticker.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-ticker.C:
				}
				l.send()
			}
		})
	}
}

func (l *load) send() {
	id := strconv.FormatInt(l.packet.Add(1), 10)
	_, err := l.store.Record(context.Background(), packet(Start, id, 0))
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		l.acknowledged = append(l.acknowledged, id)
	} else {
		l.failures = append(l.failures, failure{time.Now(), err})
	}
}

// TestPromotedReplicaIsUsedSoon promotes the replica under load, after the primary has
// ended in each way there is. What was acknowledged after the promotion is there.
func TestPromotedReplicaIsUsedSoon(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		query string
		end   func(t *testing.T, primary *postgrestest.Postgres)
	}{
		"hangs": {"", freeze},
		"killed": {"&target_session_attrs=read-write", func(t *testing.T, primary *postgrestest.Postgres) {
			t.Helper()
			require.NoError(t, primary.Kill())
		}},
		"only reads": {"&target_session_attrs=read-write", func(t *testing.T, primary *postgrestest.Postgres) {
			t.Helper()
			require.NoError(t, primary.Exec(t.Context(), "postgres", "ALTER SYSTEM SET default_transaction_read_only = on"))
			require.NoError(t, primary.Exec(t.Context(), "postgres", "SELECT pg_reload_conf()"))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			both := startPair(t)
			store, _, err := OpenPostgres(t.Context(), both.url(test.query))
			require.NoError(t, err)
			defer store.Close()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			l := &load{store: store}
			l.start(ctx, 24, 5*time.Millisecond)
			pause(longtest.Choose(500*time.Millisecond, 5*time.Second))
			test.end(t, both.primary)
			pause(longtest.Choose(2500*time.Millisecond, 20*time.Second))
			require.NoError(t, both.replica.Promote(t.Context()))
			promoted := time.Now()
			pause(longtest.Choose(3200*time.Millisecond, 15*time.Second))
			cancel()
			l.group.Wait()
			record(t, store, packet(Start, "last", 0))

			for _, failed := range l.failures {
				require.ErrorAs(t, failed.err, new(*UnavailableError))
				require.Less(t, failed.at.Sub(promoted), longtest.Choose(10*time.Second, 3*time.Second), failed.err)
			}
			require.NotEmpty(t, l.failures, "the store noticed nothing")
			t.Logf("%d acknowledged, %d failed, the latest %s after the promotion",
				len(l.acknowledged), len(l.failures), l.failures[len(l.failures)-1].at.Sub(promoted))
			require.LessOrEqual(t, strings.Count(both.replica.Log(), "connection received"), longtest.Choose(40, 100))
			requireStored(t, both, l.acknowledged)
		})
	}
}

// pause lets a load go on for some time.
func pause(d time.Duration) { <-time.After(d) }

// requireStored wants sessions in one of the servers, or, if it cannot be asked, in the
// replica.
func requireStored(t *testing.T, both pair, ids []string) {
	t.Helper()
	stored := map[string]bool{}
	for _, server := range []*postgrestest.Postgres{both.primary, both.replica} {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		conn, err := pgx.Connect(ctx, server.URL("postgres"))
		if err != nil {
			continue
		}
		rows, err := conn.Query(ctx, "SELECT acctuniqueid FROM radacct")
		require.NoError(t, err)
		found, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		for _, id := range found {
			stored[id] = true
		}
		require.NoError(t, conn.Close(ctx))
	}
	missing := 0
	for _, id := range ids {
		if !stored[id] {
			missing++
		}
	}
	require.Zero(t, missing)
}

// TestLockedTableOpensNoFlood has a table locked while packets come.
func TestLockedTableOpensNoFlood(t *testing.T) {
	t.Parallel()
	server, err := postgrestest.Start(t.Context(), t.TempDir(), "log_connections=on", "fsync=off")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	store, _, err := OpenPostgres(t.Context(), server.URL("postgres"))
	require.NoError(t, err)
	defer store.Close()
	unlock := lockSessions(t, server, "postgres")
	before := strings.Count(server.Log(), "connection received")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	l := &load{store: store}
	l.start(ctx, 24, 5*time.Millisecond)
	pause(longtest.Choose(4*time.Second, 10*time.Second))
	opened := strings.Count(server.Log(), "connection received") - before
	t.Logf("%d connections, cancellations included", opened)
	require.LessOrEqual(t, opened, longtest.Choose(25, 40))
	unlock()
	l.mu.Lock()
	failures := len(l.failures)
	l.mu.Unlock()
	pause(500 * time.Millisecond)
	cancel()
	l.group.Wait()
	require.NotZero(t, failures)
	for _, failed := range l.failures {
		require.ErrorAs(t, failed.err, new(*UnavailableError))
	}
	_, err = store.Record(t.Context(), packet(Start, "last", 0))
	require.NoError(t, err)
}

// TestLockedSessionHoldsUpNoOther has a row locked, of which packets come again.
func TestLockedSessionHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	server, database := newDatabase(t)
	store, _, err := OpenPostgres(t.Context(), server.URL(database))
	require.NoError(t, err)
	defer store.Close()
	record(t, store, packet(Start, "locked", 0))
	locker, err := pgx.Connect(t.Context(), server.URL(database))
	require.NoError(t, err)
	_, err = locker.Exec(t.Context(), "BEGIN; UPDATE radacct SET username = 'eve'")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	l := &load{store: store}
	l.start(ctx, 8, 5*time.Millisecond)
	var group sync.WaitGroup
	for n := range 4 {
		group.Go(func() {
			_, err := store.Record(t.Context(), packet(Stop, "locked", 60+n))
			var busy *UnavailableError
			if !errors.As(err, &busy) || busy.kind != kindBusy {
				t.Error(err)
			}
		})
	}
	group.Wait()
	cancel()
	l.group.Wait()
	require.Empty(t, l.failures)
	require.NoError(t, locker.Close(t.Context()))
	record(t, store, packet(Stop, "locked", 60))
}

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

// requireCloses closes a store under load, which takes a second: twice that on a machine
// that is busy.
func requireCloses(t *testing.T, store *PostgresStore) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	l := &load{store: store}
	l.start(ctx, 24, 5*time.Millisecond)
	pause(300 * time.Millisecond)
	began := time.Now()
	store.Close()
	require.Less(t, time.Since(began), longtest.Choose(10*time.Second, 1200*time.Millisecond))
	t.Log(time.Since(began))
	cancel()
	l.group.Wait()
	_, err := store.Record(t.Context(), packet(Start, "late", 0))
	require.ErrorAs(t, err, new(*UnavailableError))
}

func TestCloseTakesASecond(t *testing.T) {
	t.Parallel()
	server, err := postgrestest.Start(t.Context(), t.TempDir(), "fsync=off")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	open := func() *PostgresStore {
		store, _, err := OpenPostgres(t.Context(), server.URL("postgres"))
		require.NoError(t, err)
		return store
	}
	requireCloses(t, open())

	store := open()
	unlock := lockSessions(t, server, "postgres")
	requireCloses(t, store)
	unlock()

	store = open()
	thaw, err := server.Freeze()
	require.NoError(t, err)
	defer func() { require.NoError(t, thaw()) }()
	requireCloses(t, store)
	require.NoError(t, thaw())

	store = open()
	require.NoError(t, server.Kill())
	requireCloses(t, store)
}

// TestServerThatHangsFailsCallsAtOnce wants no call to wait once one has.
func TestServerThatHangsFailsCallsAtOnce(t *testing.T) {
	t.Parallel()
	server, err := postgrestest.Start(t.Context(), t.TempDir(), "fsync=off")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	store, _, err := OpenPostgres(t.Context(), server.URL("postgres"))
	require.NoError(t, err)
	defer store.Close()
	thaw, err := server.Freeze()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, thaw()) })
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	attempt := PostAuth{Username: "bob", Time: TimeOf(epoch)}
	require.Error(t, store.LogPostAuth(ctx, attempt))
	_, err = store.Record(t.Context(), packet(Start, "1", 0))
	require.ErrorAs(t, err, new(*UnavailableError))
	var away *UnavailableError
	require.True(t, errors.As(err, &away))
	require.Equal(t, kindAway, away.kind)

	var failed atomic.Int64
	var group sync.WaitGroup
	began := time.Now()
	for range 32 {
		group.Go(func() {
			for time.Since(began) < time.Second {
				if store.LogPostAuth(t.Context(), attempt) != nil {
					failed.Add(1)
				}
			}
		})
	}
	group.Wait()
	require.Greater(t, failed.Load(), int64(1000))
	require.NoError(t, thaw())
	require.Eventually(t, func() bool { return store.LogPostAuth(t.Context(), attempt) == nil },
		longtest.Choose(time.Minute, 3*time.Second), 10*time.Millisecond)
}
