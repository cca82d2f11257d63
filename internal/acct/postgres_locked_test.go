//go:build protocol

package acct

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/longtest"
	"vault-plugin-auth-radius/internal/postgrestest"
)

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
			if !errors.As(err, &busy) || busy.kind != FaultBusy {
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
