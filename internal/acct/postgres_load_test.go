//go:build protocol

package acct

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/longtest"
	"vault-plugin-auth-radius/internal/postgrestest"
)

// sharedPostgres is one server for all tests that leave it alone.
var sharedPostgres = sync.OnceValues(func() (*postgrestest.Postgres, error) {
	dir, err := os.MkdirTemp("", "acct-postgres")
	if err != nil {
		return nil, err
	}
	server, err := postgrestest.Start(context.Background(), dir+"/server", "fsync=off") // the disk is not what is tested
	if err != nil {
		return nil, err
	}
	atExit = append(atExit, func() {
		if err := server.Kill(); err != nil { // its databases are not needed any more
			fmt.Fprintln(os.Stderr, err)
		}
		_ = os.RemoveAll(dir)
	})
	return server, nil
})

var databases atomic.Int32

// newDatabase makes an empty database on the shared server.
func newDatabase(t testing.TB) (server *postgrestest.Postgres, name string) {
	t.Helper()
	server, err := sharedPostgres()
	require.NoError(t, err)
	name = fmt.Sprintf("test%d", databases.Add(1))
	require.NoError(t, server.Exec(t.Context(), "postgres", "CREATE DATABASE "+name))
	return server, name
}

// newPostgresStore opens a store on an empty database.
func newPostgresStore(t *testing.T) *PostgresStore {
	t.Helper()
	server, name := newDatabase(t)
	return openPostgres(t, server.URL(name))
}

func openPostgres(t testing.TB, url string) *PostgresStore {
	t.Helper()
	store, warnings, err := OpenPostgres(t.Context(), url, withPatience(untimed))
	require.NoError(t, err)
	require.Empty(t, warnings)
	t.Cleanup(store.Close)
	return store
}

func TestPostgresStoreAgreesWithTheReferenceWhenConnectionsBreakAtRandom(t *testing.T) {
	t.Parallel()
	const seed = 5
	t.Logf("seed %d", seed)
	server, name := newDatabase(t)
	relay := startRelay(t, server)
	store := openPostgres(t, relay.url(server, name))
	relay.cutAfter(rand.New(rand.NewPCG(seed, 6)), longtest.Choose(200_000, 600_000))
	arriving := spoiledTraffic(seed, longtest.Choose(600, 10_000))
	require.NoError(t, deliver(t.Context(), store, arriving, nil))
	require.Greater(t, relay.cuts.Load(), longtest.Choose[int32](2, 10))
	t.Logf("%d connections were cut", relay.cuts.Load())

	relay.cutAfter(nil, 0)
	stored := everySession(t, store)
	for _, packets := range arriving {
		if len(packets) > 0 {
			id := packets[0].UniqueID
			requireRecord(t, reference(packets), stored[id])
			delete(stored, id)
		}
	}
	require.Empty(t, stored)
}

// everySession returns all sessions by their unique ids.
func everySession(t *testing.T, store Store) map[string]Record {
	t.Helper()
	all := map[string]Record{}
	for number := 1; ; number++ {
		found, more, err := store.Sessions(t.Context(), Filter{}, Page{Number: number, Size: 100})
		require.NoError(t, err)
		for _, r := range found {
			all[r.UniqueID] = r
		}
		require.Len(t, all, (number-1)*100+len(found))
		if !more {
			return all
		}
	}
}

// TestKilledPostgresLosesNothingAcknowledged kills PostgreSQL several times while
// sessions are recorded.
func TestKilledPostgresLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	server, err := postgrestest.Start(t.Context(), t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	store := openPostgres(t, server.URL("postgres"))

	var mu sync.Mutex
	var acknowledged []Packet
	enough := make(chan struct{}, 1)
	loaded := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		loaded <- deliver(ctx, patient{store}, spoiledTraffic(7, 2000), func(p Packet) {
			mu.Lock()
			defer mu.Unlock()
			if acknowledged = append(acknowledged, p); len(acknowledged)%400 == 0 {
				select {
				case enough <- struct{}{}:
				default:
				}
			}
		})
	}()
	for range 3 {
		<-enough
		require.NoError(t, server.Kill())
		require.NoError(t, server.Restart())
	}
	<-enough
	cancel()
	require.ErrorIs(t, <-loaded, context.Canceled)
	stored := everySession(t, store)
	for _, p := range acknowledged {
		r := stored[p.UniqueID]
		require.Equal(t, r, Merge(&r, p), "the packet is in the record already")
	}
}

// patient sends packets again as long as PostgreSQL is away.
type patient struct{ Store }

func (p patient) Record(ctx context.Context, packet Packet) (bool, error) {
	for {
		created, err := p.Store.Record(ctx, packet)
		var away *UnavailableError
		if !errors.As(err, &away) {
			return created, err
		}
	}
}
