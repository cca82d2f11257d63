package acct

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// fewAnswer is a network in which one address answers, nothing that PostgreSQL would say.
type fewAnswer struct {
	mu        sync.Mutex
	answers   string   // guarded by mu
	addresses []string // guarded by mu; that were dialled
}

func (f *fewAnswer) dial(_ context.Context, network, address string) (net.Conn, error) {
	if network == "pipe" {
		return nil, net.ErrClosed // the driver cancels what it has given up
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.addresses = append(f.addresses, address)
	here, there := net.Pipe()
	if f.answers != address {
		return here, there.Close()
	}
	go func() { // until the other end closes
		_, _ = there.Read(make([]byte, 1024))
		_, _ = there.Write([]byte("N"))
		_ = there.Close()
	}()
	return here, nil
}

// connect returns which addresses a new connection was tried with, in order, if one
// answers.
func (f *fewAnswer) connect(t *testing.T, store *PostgresStore, answers string) []string {
	t.Helper()
	f.reset(answers)
	config := store.pool.Config().ConnConfig
	newLink(store.wires, 0).prepare(config)
	_, err := pgx.ConnectConfig(t.Context(), config)
	require.Error(t, err)
	return f.reset("")
}

func (f *fewAnswer) reset(answers string) (addresses []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	addresses, f.addresses, f.answers = f.addresses, nil, answers
	return addresses
}

func TestServerThatHasAnsweredLastIsTriedFirst(t *testing.T) {
	t.Parallel()
	var network fewAnswer
	dial := func(c *connection) { c.dial = network.dial }
	store, err := NewPostgres("postgres://bob@a.example.com:5432,b.example.com:5433/radius?sslmode=disable", dial)
	require.NoError(t, err)
	defer store.Close()
	store.wires.lookup = func(_ context.Context, host string) ([]string, error) {
		return map[string][]string{"a.example.com": {"192.0.2.1", "192.0.2.2"}, "b.example.com": {"192.0.2.3"}}[host], nil
	}
	asWritten := []string{"192.0.2.1:5432", "192.0.2.2:5432", "192.0.2.3:5433"}
	require.Equal(t, asWritten, network.connect(t, store, ""))
	require.Equal(t, asWritten, network.connect(t, store, "192.0.2.3:5433"))
	require.Equal(t, []string{"192.0.2.3:5433", "192.0.2.1:5432", "192.0.2.2:5432"}, network.connect(t, store, "192.0.2.2:5432"))
	require.Equal(t, asWritten, network.connect(t, store, ""))
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
