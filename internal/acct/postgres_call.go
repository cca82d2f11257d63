package acct

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// maxAttempts is how often a call is tried if others change the same session.
	maxAttempts = 10
	// maxReconnects is how often a call is tried again if its connection was lost.
	maxReconnects = 3
)

var (
	// errChanged means that a session has changed since it was read.
	errChanged = errors.New("the session is being changed by others: try again")

	// errLost marks errors of a connection that ended while a statement was under way.
	errLost = errors.New("the connection was lost")
)

// querier is a connection or a transaction.
type querier interface {
	Begin(ctx context.Context) (pgx.Tx, error)
	Exec(ctx context.Context, sql string, arguments ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, arguments ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, arguments ...any) pgx.Row
}

// pageOf is what a query for a page returns.
type pageOf[T any] struct {
	found []T
	more  bool
}

// work is the work of a call with a connection, and tableWork that with the tables. They
// share nothing with the caller that may change, as it may leave before them.
type (
	work[T any]      func(context.Context, querier) (T, error)
	tableWork[T any] func(context.Context, querier, *schema) (T, error)
)

// callLimits holds how long a call may take.
type callLimits struct {
	total time.Duration
	quick bool // its statements take no time, unless something is in their way
}

// withSchema works with the tables within the time of a call, by statements that take no
// time.
func withSchema[T any](ctx context.Context, s *PostgresStore, do tableWork[T]) (T, error) {
	return withSchemaLimited(ctx, s, callLimits{total: s.patience.call, quick: true}, do)
}

// withSchemaSlowly does as withSchema, for statements that may take all of that time.
func withSchemaSlowly[T any](ctx context.Context, s *PostgresStore, do tableWork[T]) (T, error) {
	return withSchemaLimited(ctx, s, callLimits{total: s.patience.call}, do)
}

// withSchemaLimited works with the tables within the limits. It reads their columns first,
// unless they are known.
func withSchemaLimited[T any](ctx context.Context, s *PostgresStore, limits callLimits, do tableWork[T]) (T, error) {
	return withConn(ctx, s, limits, func(ctx context.Context, conn querier) (T, error) {
		sc := s.schema.Load()
		if sc == nil {
			var err error
			if sc, err = s.readSchema(ctx, conn); err != nil {
				var none T
				return none, err
			}
			s.schema.Store(sc)
		}
		return do(ctx, conn, sc)
	})
}

// outcome is how a call ended.
type outcome[T any] struct {
	value    T
	err      error
	panicked any
}

// withConn works with a connection, within the limits. Work without an answer by then is
// left behind: it shares nothing with the caller, and the guard ends it.
func withConn[T any](ctx context.Context, s *PostgresStore, limits callLimits, do work[T]) (T, error) {
	var none T
	if !s.beginCall() {
		return none, s.unavailable(errClosed)
	}
	limited, cancel := context.WithTimeout(ctx, limits.total)
	defer cancel()
	done := make(chan outcome[T], 1)
	s.workers.begin(s.closing, func() {
		defer s.calls.Done()
		done <- withRetries(limited, s, limits.quick, do)
	})
	select {
	case result := <-done:
		if result.panicked != nil {
			panic(result.panicked)
		}
		if result.err == nil || limited.Err() == nil {
			return result.value, s.explain(result.err)
		}
	case <-limited.Done():
	case <-s.closing.Done():
	}
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return none, fmt.Errorf("PostgreSQL %s: %w", s.server, ctx.Err())
	case s.closing.Err() != nil:
		return none, s.unavailable(errClosed)
	}
	return none, s.overdue()
}

// withRetries works with a connection, and again if others were at work on the same, or the
// connection was lost.
func withRetries[T any](ctx context.Context, s *PostgresStore, quick bool, do work[T]) (result outcome[T]) {
	defer func() {
		if cause := recover(); cause != nil {
			result.panicked = cause // the caller's to handle
		}
	}()
	reconnects := 0
	for range maxAttempts {
		var how ending
		how, result = withLease(ctx, s, quick, do)
		err := result.err
		switch {
		case err == nil, ctx.Err() != nil, errors.Is(err, errNotConnected):
			return result
		case conflict(err):
		case how == endedCancelled:
			quick = false // the server lives: it may take all of the time
		case how == endedRenewed && reconnects < maxReconnects:
			reconnects++
		default:
			var schemaErr *SchemaError
			if errors.As(s.explain(err), &schemaErr) {
				s.schema.Store(nil) // it may have changed: read it again
			}
			return result
		}
	}
	return result
}

// ending is how an attempt has ended, beside its result.
type ending int

const (
	endedItself    ending = iota
	endedCancelled        // the guard has had a statement cancelled
	endedRenewed          // the connection is not used again
)

// withLease works with a connection of the pool.
func withLease[T any](ctx context.Context, s *PostgresStore, quick bool, do work[T]) (how ending, result outcome[T]) {
	l, err := s.lease(ctx, quick)
	if err != nil {
		result.err = err
		return endedItself, result
	}
	defer func() {
		if s.release(l) && code(result.err) == codeCancelled {
			how = endedCancelled
		}
	}()
	result.value, result.err = do(context.WithoutCancel(ctx), l)
	switch {
	case result.err == nil:
		return endedItself, result
	case l.pgx.IsClosed():
		result.err = fmt.Errorf("%w: %w", errLost, result.err)
		s.lost(l.link)
	case code(result.err) == codeReadOnly:
		s.lost(l.link)
	case s.mayPrepare && isNotPrepared(result.err): // a pooler has sent it to another server process
		s.unprepared.Store(true)
		s.renew(l.link)
	case code(result.err) == codeStalePlan:
		s.renew(l.link)
	default:
		return endedItself, result
	}
	return endedRenewed, result
}
