package acct

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const maxConnections = 10

// patience is how long a store waits for PostgreSQL.
type patience struct {
	connect time.Duration // to get a connection, new or from the pool
	call    time.Duration // for one call with it
}

// soonEnough leaves FreeRADIUS an answer: it waits four seconds.
var soonEnough = patience{connect: time.Second, call: 3 * time.Second}

// maxAttempts is how often a call is tried if others change the same session.
const maxAttempts = 10

// checkAddress is one of those for examples (RFC 5737).
var checkAddress = netip.AddrFrom4([4]byte{192, 0, 2, 1})

var (
	// errChanged means that a session is no longer what it was when it was read.
	errChanged = errors.New("the session is being changed by others: try again")

	// errNotConnected marks errors before any statement.
	errNotConnected = errors.New("no connection")
)

// querier is a connection or a transaction.
type querier interface {
	Begin(ctx context.Context) (pgx.Tx, error)
	Exec(ctx context.Context, sql string, arguments ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, arguments ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, arguments ...any) pgx.Row
}

// PostgresStore keeps records in PostgreSQL, or a database that speaks like it, in
// the tables radacct and radpostauth of FreeRADIUS. Every statement is a
// transaction of its own, and a session is changed only if it is still as it was
// read: nothing is locked between, and a statement that was done, but not answered,
// can be done again.
type PostgresStore struct {
	pool                   *pgxpool.Pool
	server, user, password string
	patience               patience
	schema                 atomic.Pointer[schema] // nil until the tables were read
}

var _ Store = (*PostgresStore)(nil)

// Option is something about a connection to PostgreSQL that its URL does not say.
type Option func(*connection)

// WithTLS has certificates shown and believed.
func WithTLS(certificates TLS) Option {
	return func(c *connection) { c.tls = certificates }
}

// WithEnvironment lets a URL that an earlier version stored use the files and the
// environment of the Vault server that it needs: see EnvironmentWarnings.
func WithEnvironment() Option {
	return func(c *connection) { c.environment = true }
}

// WithPatience has a store wait that long for a connection, and for each call with it,
// instead of a time after which FreeRADIUS still gets an answer.
func WithPatience(connect, call time.Duration) Option {
	return func(c *connection) { c.patience = patience{connect: connect, call: call} }
}

// connection is where PostgreSQL is, and how it is reached.
type connection struct {
	url         string
	tls         TLS
	environment bool
	patience    patience
	dial        pgconn.DialFunc // in tests; nil means the network
}

func newConnection(url string, options []Option) connection {
	c := connection{url: url, patience: soonEnough}
	for _, option := range options {
		option(&c)
	}
	return c
}

// config is what the driver needs. The error is a *URLError or a *TLSError.
func (c connection) config() (*pgxpool.Config, error) {
	if c.environment && len(EnvironmentWarnings(c.url)) > 0 {
		config, err := pgxpool.ParseConfig(c.url)
		if err != nil {
			return nil, &URLError{} // the reason may quote the password
		}
		return config, nil
	}
	settings, err := parseURL(c.url)
	if err != nil {
		return nil, err
	}
	return settings.config(c.tls)
}

// CheckURL reports what is wrong with a connection URL and the certificates, without
// connecting. Warnings are about hosts that do not have to prove who they are. The
// error is a *URLError or a *TLSError.
func CheckURL(url string, options ...Option) (warnings []string, err error) {
	c := newConnection(url, options)
	if _, err := c.config(); err != nil {
		return nil, err
	}
	if c.environment {
		if warnings := EnvironmentWarnings(url); len(warnings) > 0 {
			return warnings, nil
		}
	}
	settings, err := parseURL(url)
	if err != nil {
		return nil, err
	}
	security, err := newTransportSecurity(settings, c.tls)
	if err != nil {
		return nil, err
	}
	return security.warnings(settings.hosts()), nil
}

// OpenPostgres connects to PostgreSQL and checks all that the store needs: see
// NewPostgres and Check.
func OpenPostgres(ctx context.Context, url string, options ...Option) (store *PostgresStore, warnings []string, err error) {
	store, err = NewPostgres(url, options...)
	if err != nil {
		return nil, nil, err
	}
	warnings, err = store.Check(ctx)
	if err != nil {
		store.Close()
		return nil, nil, err
	}
	return store, warnings, nil
}

// NewPostgres returns a store that connects when it is used, and again when
// PostgreSQL was away. Nothing has an effect on the connection but the URL and the
// options. The error is a *URLError or a *TLSError.
func NewPostgres(url string, options ...Option) (*PostgresStore, error) {
	settings := newConnection(url, options)
	config, err := settings.config()
	if err != nil {
		return nil, err
	}
	config.MaxConns = maxConnections
	config.ConnConfig.ConnectTimeout = settings.patience.connect
	if settings.dial != nil {
		config.ConnConfig.DialFunc = settings.dial
	}
	config.ConnConfig.RuntimeParams["application_name"] = "vault-plugin-auth-radius"
	pool, err := pgxpool.NewWithConfig(context.Background(), config) // it does not connect yet
	if err != nil {
		return nil, &URLError{}
	}
	c := config.ConnConfig
	return &PostgresStore{
		pool:     pool,
		server:   net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port))) + "/" + c.Database,
		user:     c.User,
		password: c.Password,
		patience: settings.patience,
	}, nil
}

// Close implements Store.
func (s *PostgresStore) Close() { s.pool.Close() }

// Check connects, makes tables and indexes that are missing, and tries out what the
// store does. Warnings are about indexes that the user may not make. The error is a
// *UnavailableError, *CredentialsError, *PrivilegeError or *SchemaError, as far as
// it is known. On a large table that lacks indexes it takes seconds.
func (s *PostgresStore) Check(ctx context.Context) (warnings []string, err error) {
	err = s.retry(ctx, func(ctx context.Context, conn querier) error {
		sc, err := s.readSchema(ctx, conn)
		if err != nil {
			return err
		}
		if err := try(ctx, conn, sc); err != nil {
			return err
		}
		warnings, err = s.createIndexes(ctx, conn)
		s.schema.Store(sc)
		return err
	})
	return warnings, err
}

// call does something with the tables within the time for it.
func (s *PostgresStore) call(ctx context.Context, do func(context.Context, querier, *schema) error) error {
	return s.retry(ctx, func(ctx context.Context, conn querier) error {
		ctx, cancel := context.WithTimeout(ctx, s.patience.call)
		defer cancel()
		sc := s.schema.Load()
		if sc == nil {
			var err error
			if sc, err = s.readSchema(ctx, conn); err != nil {
				return err
			}
			s.schema.Store(sc)
		}
		return do(ctx, conn, sc)
	})
}

// retry does something again if others were at work on the same, and once if the
// connection was lost: the server may have been started anew.
func (s *PostgresStore) retry(ctx context.Context, do func(context.Context, querier) error) error {
	var err error
	reconnected := false
	for range maxAttempts {
		err = s.connected(ctx, do)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil || errors.Is(err, errNotConnected):
			return s.explain(ctx, err)
		case conflict(err):
		case disconnected(err) && !reconnected:
			reconnected = true
			s.pool.Reset() // the other connections are likely to be lost, too
		default:
			err = s.explain(ctx, err)
			var wrong *SchemaError
			if errors.As(err, &wrong) {
				s.schema.Store(nil) // it may have changed: read it again
			}
			return err
		}
	}
	return s.explain(ctx, err)
}

// connected does something with a connection of the pool.
func (s *PostgresStore) connected(ctx context.Context, do func(context.Context, querier) error) error {
	acquiring, cancel := context.WithTimeout(ctx, s.patience.connect)
	defer cancel()
	conn, err := s.pool.Acquire(acquiring)
	if err != nil {
		return fmt.Errorf("%w: %w", errNotConnected, err)
	}
	defer conn.Release()
	return do(ctx, conn)
}
