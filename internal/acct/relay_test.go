//go:build protocol

package acct

import (
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/postgrestest"
)

// relay is a way to a PostgreSQL that breaks connections.
type relay struct {
	listener net.Listener
	target   string
	cuts     atomic.Int32
	open     sync.WaitGroup

	mu     sync.Mutex
	gone   chan struct{} // of connections that are carried now: closed when they are forgotten; guarded by mu
	random *rand.Rand    // nil: connections last; guarded by mu
	octets int           // how many octets a connection carries, at most; guarded by mu
}

func startRelay(t *testing.T, server *postgrestest.Postgres) *relay {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	r := &relay{gone: make(chan struct{}), listener: listener, target: net.JoinHostPort(server.Host(), strconv.Itoa(server.Port()))}
	r.open.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			r.open.Go(func() { r.carry(client) })
		}
	})
	t.Cleanup(func() { // after the store's: that ends the connections
		_ = listener.Close()
		r.open.Wait()
	})
	return r
}

// url leads through the relay.
func (r *relay) url(server *postgrestest.Postgres, database string) string {
	port := strconv.Itoa(r.listener.Addr().(*net.TCPAddr).Port)
	return strings.Replace(server.URL(database), ":"+strconv.Itoa(server.Port())+"/", ":"+port+"/", 1)
}

// cutAfter cuts new connections after up to so many octets of answers; without
// random, none.
func (r *relay) cutAfter(random *rand.Rand, octets int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.random, r.octets = random, octets
}

func (r *relay) limit() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.random == nil {
		return 1 << 62
	}
	return 5000 + int64(r.random.IntN(r.octets)) // enough for the login
}

// forget carries nothing more on the connections that there are, and keeps them open.
func (r *relay) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.gone)
	r.gone = make(chan struct{})
}

func (r *relay) current() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.gone
}

// forgetful is a connection that takes octets and loses them, once it is forgotten.
type forgetful struct {
	net.Conn
	gone <-chan struct{}
}

func (f forgetful) Write(octets []byte) (int, error) {
	select {
	case <-f.gone:
		return len(octets), nil
	default:
		return f.Conn.Write(octets)
	}
}

func (r *relay) carry(client net.Conn) {
	defer func() { _ = client.Close() }()
	server, err := net.Dial("tcp4", r.target)
	if err != nil {
		return
	}
	gone := r.current()
	var requests sync.WaitGroup
	requests.Go(func() {
		_, _ = io.Copy(forgetful{server, gone}, client)
		_ = server.Close()
	})
	limit := r.limit()
	if carried, _ := io.CopyN(forgetful{client, gone}, server, limit); carried == limit {
		r.cuts.Add(1)
	}
	_ = client.Close()
	_ = server.Close()
	requests.Wait()
}
