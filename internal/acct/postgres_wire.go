package acct

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// keepAlive finds connections dead that nothing is sent on.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}

// errWithoutCancel is why the driver cannot ask a server to cancel a statement: only
// the store does, since that costs the server a process, and may take long.
var errWithoutCancel = errors.New("a connection that is lost is not cancelled")

// wires are the network connections of a store.
type wires struct {
	start  time.Time // of their clock
	dial   pgconn.DialFunc
	lookup pgconn.LookupFunc
	spoke  atomic.Pointer[server] // that has answered a new connection last; nil: none yet
	opened atomic.Int64           // connections that were made

	mu      sync.Mutex
	servers map[string]*server // guarded by mu; by address
	open    map[*wire]struct{} // guarded by mu
	closed  bool               // guarded by mu
}

// server is one of the URL.
type server struct {
	address string       // as in the URL
	heard   atomic.Int64 // when octets arrived last, on any connection
}

// wire is a network connection to PostgreSQL.
type wire struct {
	net.Conn
	all     *wires
	server  *server
	heard   atomic.Int64 // when octets arrived last, by the clock of all; 0: none did
	closing sync.Once
}

func newWires(dial pgconn.DialFunc, lookup pgconn.LookupFunc) *wires {
	return &wires{start: time.Now(), dial: dial, lookup: lookup, servers: map[string]*server{}, open: map[*wire]struct{}{}}
}

// now returns the time since the store was made.
func (a *wires) now() time.Duration { return time.Since(a.start) }

// Read implements [net.Conn].
func (w *wire) Read(octets []byte) (int, error) {
	n, err := w.Conn.Read(octets)
	if n > 0 {
		now := int64(w.all.now())
		w.server.heard.Store(now)
		if w.heard.Swap(now) == 0 {
			w.all.spoke.Store(w.server)
		}
	}
	return n, err
}

// Close implements [net.Conn].
func (w *wire) Close() error {
	w.closing.Do(func() { w.all.remove(w) })
	return w.Conn.Close()
}

func (a *wires) add(w *wire) error {
	a.opened.Add(1)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return net.ErrClosed
	}
	a.open[w] = struct{}{}
	return nil
}

// server returns the server that has an address of the URL.
func (a *wires) server(address string) *server {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.servers[address] == nil {
		a.servers[address] = &server{address: address}
	}
	return a.servers[address]
}

func (a *wires) remove(w *wire) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.open, w)
}

// close ends all connections, and lets none be made.
func (a *wires) close() {
	for _, w := range a.end() {
		_ = w.Close()
	}
}

func (a *wires) end() (open []*wire) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	for w := range a.open {
		open = append(open, w)
	}
	return open
}

// link is a connection of the driver, from when it is being made.
type link struct {
	all        *wires
	servers    []pgconn.FallbackConfig
	addresses  map[string][]string // of the hosts, by DNS
	generation int64

	wire       *wire // the latest
	made       atomic.Bool
	cancelling atomic.Bool
}

func newLink(all *wires, generation int64) *link {
	return &link{all: all, addresses: map[string][]string{}, generation: generation}
}

// linkKey is where a connection of the driver has its link.
const linkKey = "link"

// linkOf returns the link of a connection.
func linkOf(conn *pgx.Conn) *link { return conn.PgConn().CustomData()[linkKey].(*link) }

// prepare makes a connection that is about to be made use the link: the server that has
// answered last is tried first.
func (l *link) prepare(config *pgx.ConnConfig) {
	servers := []pgconn.FallbackConfig{{Host: config.Host, Port: config.Port, TLSConfig: config.TLSConfig}}
	for _, fallback := range config.Fallbacks {
		servers = append(servers, *fallback)
	}
	if spoke := l.all.spoke.Load(); spoke != nil {
		var first, others []pgconn.FallbackConfig
		for _, server := range servers {
			if serverAddress(server.Host, server.Port) == spoke.address {
				first = append(first, server)
			} else {
				others = append(others, server)
			}
		}
		servers = append(first, others...)
	}
	l.servers = servers
	config.Host, config.Port, config.TLSConfig = servers[0].Host, servers[0].Port, servers[0].TLSConfig
	config.Fallbacks = nil
	for i := range servers[1:] {
		config.Fallbacks = append(config.Fallbacks, &servers[i+1])
	}
	timeout := config.ConnectTimeout
	config.LookupFunc = func(ctx context.Context, host string) ([]string, error) { return l.lookup(ctx, host, timeout) }
	config.DialFunc = l.dial
	config.AfterNetConnect = func(_ context.Context, _ *pgconn.Config, conn net.Conn) (net.Conn, error) {
		l.wire = wireOf(conn) // not where it is dialled: the driver may cancel an earlier attempt meanwhile
		return conn, nil
	}
	config.AfterConnect = func(_ context.Context, conn *pgconn.PgConn) error {
		conn.CustomData()[linkKey] = l
		l.made.Store(true)
		return nil
	}
}

// wireOf returns the wire that a connection is, or has below TLS.
func wireOf(conn net.Conn) *wire {
	if secured, ok := conn.(*tls.Conn); ok {
		conn = secured.NetConn()
	}
	return conn.(*wire)
}

// lookup asks DNS, which has time as a server has.
func (l *link) lookup(ctx context.Context, host string, timeout time.Duration) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	addresses, err := l.all.lookup(ctx, host)
	l.addresses[host] = addresses
	return addresses, err
}

func (l *link) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if l.made.Load() && !l.cancelling.Load() {
		return nil, errWithoutCancel
	}
	conn, err := l.all.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	w := &wire{Conn: conn, all: l.all, server: l.all.server(l.serverOf(address))}
	if err := l.all.add(w); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return w, nil
}

// serverOf returns the address, as in the URL, of the server that has a network address.
func (l *link) serverOf(address string) string {
	for _, server := range l.servers {
		hosts := l.addresses[server.Host]
		if filepath.IsAbs(server.Host) {
			hosts = []string{server.Host}
		}
		for _, host := range hosts {
			if _, candidate := pgconn.NetworkAddress(host, server.Port); candidate == address {
				return serverAddress(server.Host, server.Port)
			}
		}
	}
	return address
}

// serverAddress returns the address of a server of the URL.
func serverAddress(host string, port uint16) string {
	return net.JoinHostPort(host, strconv.Itoa(int(port)))
}

// cancel asks the server to cancel the statement that the connection waits for.
func (l *link) cancel(ctx context.Context, conn *pgx.Conn) error {
	l.cancelling.Store(true)
	defer l.cancelling.Store(false)
	return conn.PgConn().CancelRequest(ctx)
}
