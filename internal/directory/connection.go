package directory

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/go-ldap/ldap/v3"
)

const (
	// maxIdle is how many connections to a server are kept for the next logins.
	maxIdle = 8
	// idleTime is how long a connection is kept.
	idleTime = time.Minute
)

// connection is one to a server. It has one user at a time: a bind says for whom
// everything after it is done.
type connection struct {
	*ldap.Conn
	secured *tlsConn    // nil: it is not
	idle    *time.Timer // closes it; nil while it is used
}

// newConnection speaks LDAP over raw, which is also secured, unless that is nil.
func newConnection(raw net.Conn, secured *tlsConn) *connection {
	conn := ldap.NewConn(raw, secured != nil)
	conn.Start()
	return &connection{Conn: conn, secured: secured}
}

// fault returns what TLS knows of why the connection has ended; nil if it knows nothing.
func (c *connection) fault() error {
	if c.secured == nil {
		return nil
	}
	return c.secured.fault()
}

func (c *connection) close() { _ = c.Close() }

// until closes the connection when ctx ends. The returned function undoes that.
func (c *connection) until(ctx context.Context) func() {
	stop := context.AfterFunc(ctx, c.close)
	return func() { stop() }
}

// pool keeps connections that are not in use.
type pool struct {
	mu     sync.Mutex
	idle   []*connection // guarded by mu
	closed bool          // guarded by mu
}

// take returns a connection; nil if there is none.
func (p *pool) take() *connection {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.idle) > 0 {
		last := len(p.idle) - 1
		conn := p.idle[last]
		p.idle = p.idle[:last]
		if conn.idle.Stop() && !conn.IsClosing() {
			return conn
		}
		conn.close()
	}
	return nil
}

// put takes a connection back, or closes it.
func (p *pool) put(conn *connection) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.idle) >= maxIdle || conn.IsClosing() {
		conn.close()
		return
	}
	conn.idle = time.AfterFunc(idleTime, func() { p.drop(conn) })
	p.idle = append(p.idle, conn)
}

// drop closes a connection that was not used for long.
func (p *pool) drop(conn *connection) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, idle := range p.idle {
		if idle == conn {
			p.idle = append(p.idle[:i], p.idle[i+1:]...)
			conn.close()
			return
		}
	}
}

// close closes all connections, and those that come back later.
func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, conn := range p.idle {
		conn.idle.Stop()
		conn.close()
	}
	p.idle = nil
}
