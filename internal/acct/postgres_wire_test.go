package acct

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// dialled returns which servers a new connection is tried with, in order, if those have
// answered that are dialled at an address of answering.
func dialled(t *testing.T, store *PostgresStore, answering ...string) (addresses []string) {
	t.Helper()
	store.wires.lookup = func(_ context.Context, host string) ([]string, error) {
		return map[string][]string{"a.example.com": {"192.0.2.1", "192.0.2.2"}, "b.example.com": {"192.0.2.3"}}[host], nil
	}
	store.wires.dial = func(_ context.Context, _, address string) (net.Conn, error) {
		addresses = append(addresses, address)
		here, there := net.Pipe()
		for _, candidate := range answering {
			if candidate == address {
				go func() { // an answer that is none of PostgreSQL's
					_, _ = there.Read(make([]byte, 1024))
					_, _ = there.Write([]byte("N"))
					_ = there.Close()
				}()
				return here, nil
			}
		}
		return here, there.Close()
	}
	config := store.pool.Config().ConnConfig
	newLink(store.wires, 0).prepare(config)
	_, err := pgx.ConnectConfig(t.Context(), config)
	require.Error(t, err)
	return addresses
}

func TestServerThatHasAnsweredLastIsTriedFirst(t *testing.T) {
	t.Parallel()
	store, err := NewPostgres("postgres://bob@a.example.com:5432,b.example.com:5433/radius?sslmode=disable")
	require.NoError(t, err)
	defer store.Close()
	asWritten := []string{"192.0.2.1:5432", "192.0.2.2:5432", "192.0.2.3:5433"}
	require.Equal(t, asWritten, dialled(t, store))
	require.Equal(t, asWritten, dialled(t, store, "192.0.2.3:5433"))
	require.Equal(t, []string{"192.0.2.3:5433", "192.0.2.1:5432", "192.0.2.2:5432"}, dialled(t, store, "192.0.2.2:5432"))
	require.Equal(t, asWritten, dialled(t, store))
	require.Equal(t, "a.example.com:5432,b.example.com:5433/radius", store.server)
}

func TestServersShareTheTimeOfACall(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]time.Duration{
		"postgres://bob@a/radius":                                   time.Second,
		"postgres://bob@a,b/radius":                                 time.Second,
		"postgres://bob@a,b,c,d/radius?sslmode=disable":             500 * time.Millisecond,
		"postgres://bob@a,b,c,d/radius?connect_timeout=5":           5 * time.Second,
		"host=a,b,c,d port=1 user=bob dbname=radius sslmode=prefer": 500 * time.Millisecond,
	} {
		store, err := NewPostgres(url)
		require.NoError(t, err)
		require.Equal(t, want, store.pool.Config().ConnConfig.ConnectTimeout, url)
		store.Close()
	}
}
