//go:build protocol

package acct

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/longtest"
	"vault-plugin-auth-radius/internal/postgrestest"
)

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
