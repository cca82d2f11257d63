//go:build protocol

package acct

import (
	"context"
	"errors"
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

// load records packets of new sessions, at a rate and by a number of senders.
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
	require.Equal(t, FaultAway, away.kind)

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
