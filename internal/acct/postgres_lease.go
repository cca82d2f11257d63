package acct

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// idleLimit is how long a connection is believed to live without a sign of it.
	idleLimit = 200 * time.Millisecond
	// pingLimit is how long a connection may take for the sign.
	pingLimit = time.Second
	// fullPause is how long the store does with fewer connections, once PostgreSQL has
	// refused it more.
	fullPause = 15 * time.Second
)

var (
	// errNotConnected marks errors before any statement.
	errNotConnected = errors.New("no connection")

	// errStale means that a connection of the pool does not live.
	errStale = errors.New("the connection is lost")
)

// lease is a connection of the pool while a call uses it. Once the call is over no
// statement begins. One that has begun goes on: it is the guard that ends it.
type lease struct {
	conn  *pgxpool.Conn
	pgx   *pgx.Conn // the same, for the guard: the pool's is not to be used once it is released
	link  *link
	call  context.Context
	quick bool // the statements of the call take no time, unless something is in their way

	began     time.Duration // by the clock of wires
	released  chan struct{}
	cancelled bool // by the guard; guarded by PostgresStore.mu
}

// Begin implements querier.
func (l *lease) Begin(ctx context.Context) (pgx.Tx, error) {
	if err := l.call.Err(); err != nil {
		return nil, err
	}
	return l.conn.Begin(ctx)
}

// Exec implements querier.
func (l *lease) Exec(ctx context.Context, sql string, arguments ...any) (pgconn.CommandTag, error) {
	if err := l.call.Err(); err != nil {
		return pgconn.CommandTag{}, err
	}
	return l.conn.Exec(ctx, sql, arguments...)
}

// Query implements querier.
func (l *lease) Query(ctx context.Context, sql string, arguments ...any) (pgx.Rows, error) {
	if err := l.call.Err(); err != nil {
		return nil, err
	}
	return l.conn.Query(ctx, sql, arguments...)
}

// QueryRow implements querier.
func (l *lease) QueryRow(ctx context.Context, sql string, arguments ...any) pgx.Row {
	if err := l.call.Err(); err != nil {
		return failedRow{err}
	}
	return l.conn.QueryRow(ctx, sql, arguments...)
}

// failedRow is the row of a query that was not made.
type failedRow struct{ err error }

// Scan implements [pgx.Row].
func (r failedRow) Scan(...any) error { return r.err }

// silence returns for how long nothing has been heard of the server.
func (l *lease) silence(now time.Duration) time.Duration {
	return now - max(l.began, time.Duration(l.link.wire.heard.Load()))
}

// serverHeard reports whether the server has said something since, on any connection.
func (l *lease) serverHeard(since time.Duration) bool {
	return time.Duration(l.link.wire.server.heard.Load()) >= since
}

// lease returns a connection, once there is one. The error of a server that is away
// wraps errNotConnected.
func (s *PostgresStore) lease(call context.Context, quick bool) (*lease, error) {
	for {
		if err := s.gate.refuses(); err != nil {
			return nil, err
		}
		if err := s.slots.Acquire(call, 1); err != nil {
			return nil, err
		}
		conn, err := s.connect(call)
		switch {
		case err == nil:
			return s.hold(&lease{conn: conn, pgx: conn.Conn(), link: linkOf(conn.Conn()), call: call, quick: quick}), nil
		case full(err) && s.pool.Stat().TotalConns() > 0:
			time.AfterFunc(fullPause, func() { s.slots.Release(1) }) // the slot stays taken until then
		default:
			s.slots.Release(1)
			return nil, err
		}
	}
}

// full reports whether PostgreSQL has no connection for the user any more.
func full(err error) bool { return code(err) == codeTooManyConnections }

// connect returns a connection for a slot: one of the pool that lives, or a new one.
func (s *PostgresStore) connect(call context.Context) (*pgxpool.Conn, error) {
	for {
		trial, err := s.gate.enter(call)
		if err != nil {
			return nil, err
		}
		began, opened := s.wires.now(), s.wires.opened.Load()
		conn, err := s.live()
		if trial && errors.Is(err, errStale) {
			conn, err = s.live() // the pool was emptied
		}
		pause := pauseRefused
		if s.wires.opened.Load() > opened {
			pause = pauseAnswered
		}
		away := err
		if full(err) && s.pool.Stat().TotalConns() > 0 {
			away = nil // it answers
		}
		switch {
		case trial:
			s.gate.leave(away, pause)
			s.drop(func(l *lease, silence time.Duration) bool {
				return silence >= answerLimit && !l.serverHeard(began) // it hangs, whoever answers now
			})
		case away == nil:
		case code(away) != "" && !errors.Is(away, errStale): // it has said so
			s.gate.shut(away, pause)
		default:
			s.gate.suspect() // it may be this connection only
			continue
		}
		return conn, err
	}
}

// live returns a connection of the pool. It waits as long as it takes to make one: a
// caller that does not wait so long leaves it to others.
func (s *PostgresStore) live() (*pgxpool.Conn, error) {
	conn, err := s.pool.Acquire(context.Background())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNotConnected, err)
	}
	link := linkOf(conn.Conn())
	if s.wires.now()-time.Duration(link.wire.heard.Load()) < idleLimit {
		return conn, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), pingLimit)
	defer cancel()
	if err := conn.Ping(ctx); err != nil {
		_ = link.wire.Close()
		conn.Release()
		s.lost(link)
		return nil, fmt.Errorf("%w: %w: %w", errNotConnected, errStale, err)
	}
	return conn, nil
}

// lost is called for a connection that does not live, or not as it has to: others that
// are as old are likely to be lost, too.
func (s *PostgresStore) lost(link *link) {
	if s.renew(link) {
		s.gate.suspect()
	}
}

// renew lets the pool replace the connection, and all that are as old or older, unless
// that was done already.
func (s *PostgresStore) renew(link *link) bool {
	first := s.generation.CompareAndSwap(link.generation, link.generation+1)
	if first {
		s.pool.Reset() // those that are in use are closed when they are released
	}
	return first
}

// hold keeps account of a lease.
func (s *PostgresStore) hold(l *lease) *lease {
	l.began, l.released = s.wires.now(), make(chan struct{})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leases[l] = struct{}{}
	if !s.guarded {
		s.guarded = true
		s.wake()
	}
	return l
}

// release ends a lease, and reports whether the guard has cancelled its statement.
func (s *PostgresStore) release(l *lease) (cancelled bool) {
	cancelled = s.forget(l)
	l.conn.Release()
	close(l.released)
	s.slots.Release(1)
	return cancelled
}

func (s *PostgresStore) forget(l *lease) (cancelled bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.leases, l)
	return l.cancelled
}
