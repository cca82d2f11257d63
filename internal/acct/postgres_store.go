package acct

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/semaphore"
)

// maxConnections is how many connections there are, unless the URL says so.
const maxConnections = 10

// patience is how long a store waits for PostgreSQL.
type patience struct {
	connect time.Duration // for a server to take a new connection
	call    time.Duration // for one call, all that it waits for included
}

// soonEnough leaves FreeRADIUS an answer: it waits four seconds.
var soonEnough = patience{connect: time.Second, call: 3 * time.Second}

const (
	// checkLimit is how long Check may take, without indexes.
	checkLimit = 20 * time.Second

	// closeLimit is how long Close lets calls end by themselves, and endLimit what it
	// then grants the server to cancel them, and connections to end.
	closeLimit = 500 * time.Millisecond
	endLimit   = 150 * time.Millisecond
)

// checkAddress is one of those for examples (RFC 5737).
var checkAddress = netip.AddrFrom4([4]byte{192, 0, 2, 1})

// errClosed means that the store is out of use.
var errClosed = errors.New("the connections are being closed, since the config was written or Vault seals")

// PostgresStore keeps records in PostgreSQL, or a database that speaks like it, in
// the tables radacct and radpostauth of FreeRADIUS. Every statement is a
// transaction of its own, and a session is changed only if it is still as it was
// read: nothing is locked between, and a statement that was done, but not answered,
// can be done again.
type PostgresStore struct {
	server, user, password string // server is all of the URL's, and the database
	patience               patience
	schema                 atomic.Pointer[schema] // nil until the tables were read

	pool       *pgxpool.Pool
	wires      *wires
	slots      *semaphore.Weighted // one for each connection that there may be
	workers    *workers            // for the calls
	gate       gate
	generation atomic.Int64 // of connections: older ones are not used again

	mayPrepare bool        // the URL does not say how statements are sent
	unprepared atomic.Bool // they are not prepared any more: a pooler such as PgBouncer is between

	closing    context.Context //nolint:containedctx // it ends what runs as long as the store does
	stop       context.CancelFunc
	woken      chan struct{}  // makes the guard look
	background sync.WaitGroup // the guard, and what makes indexes; none is added once closed
	nextCancel time.Duration  // the guard's own, as is nextTest
	nextTest   time.Duration

	mu       sync.Mutex
	leases   map[*lease]struct{} // guarded by mu
	guarded  bool                // guarded by mu; the guard looks at the leases
	closed   bool                // guarded by mu
	calls    sync.WaitGroup      // none is added once closed
	indexing bool                // guarded by mu; indexes are made in the background, or were
}

var _ Store = (*PostgresStore)(nil)

// Option is something about a connection to PostgreSQL that its URL does not say.
type Option func(*connection)

// WithTLS sets the certificates that the connection shows and trusts.
func WithTLS(certificates TLS) Option {
	return func(c *connection) { c.tls = certificates }
}

// WithEnvironment lets a URL that an earlier version stored use the files and the
// environment of the Vault server that it needs: see EnvironmentWarnings.
func WithEnvironment() Option {
	return func(c *connection) { c.environment = true }
}

// WithPatience makes a store wait that long for a connection, and for each call with it,
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

// config returns the configuration of the driver. The error is a *URLError or a *TLSError.
func (c connection) config() (*pgxpool.Config, error) {
	if c.environment && len(EnvironmentWarnings(c.url)) > 0 {
		config, err := pgxpool.ParseConfig(c.url)
		if err != nil {
			return nil, &URLError{} // the reason may quote the password
		}
		settings, err := parseURL(c.url)
		if err != nil || settings[settingPoolMax] == "" {
			config.MaxConns = maxConnections
		}
		if err != nil || settings[settingConnectTimeout] == "" {
			config.ConnConfig.ConnectTimeout = 0
		}
		return config, nil
	}
	settings, err := parseURL(c.url)
	if err != nil {
		return nil, err
	}
	return settings.config(c.tls)
}

// CheckURL checks a connection URL and the certificates, without connecting. Warnings are
// about hosts that do not have to prove their identity. The
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
	if settings.dial != nil {
		config.ConnConfig.DialFunc = settings.dial
	} else {
		config.ConnConfig.DialFunc = (&net.Dialer{KeepAliveConfig: keepAlive}).DialContext
	}
	config.ConnConfig.RuntimeParams["application_name"] = "vault-plugin-auth-radius"
	s := newStore(config.ConnConfig, settings)
	config.BeforeConnect = s.beforeConnect
	config.ShouldPing = func(context.Context, pgxpool.ShouldPingParams) bool { return false } // live does
	s.slots = semaphore.NewWeighted(int64(config.MaxConns))
	s.workers = newWorkers(config.MaxConns)
	if s.pool, err = pgxpool.NewWithConfig(context.Background(), config); err != nil { // it does not connect yet
		return nil, &URLError{}
	}
	s.background.Go(s.guard)
	return s, nil
}

// CheckPostgres returns the error of NewPostgres for the same arguments, and opens nothing.
func CheckPostgres(url string, options ...Option) error {
	settings := newConnection(url, options)
	_, err := settings.config()
	return err
}

func newStore(config *pgx.ConnConfig, settings connection) *PostgresStore {
	servers := serversOf(config)
	if config.ConnectTimeout == 0 {
		share := settings.patience.call * 2 / 3 / time.Duration(len(servers)) // of the time that a call has
		config.ConnectTimeout = min(settings.patience.connect, share)
	}
	if config.ValidateConnect == nil {
		config.ValidateConnect = validateWritable
	}
	s := &PostgresStore{
		server:   strings.Join(servers, ",") + "/" + config.Database,
		user:     config.User,
		password: config.Password,
		patience: settings.patience,
		wires:    newWires(config.DialFunc, config.LookupFunc),
		woken:    make(chan struct{}, 1),
		leases:   map[*lease]struct{}{},
	}
	given, err := parseURL(settings.url)
	s.mayPrepare = err != nil || given[settingExecMode] == ""
	s.closing, s.stop = context.WithCancel(context.Background())
	return s
}

// serversOf lists the servers of a URL, each once.
func serversOf(config *pgx.ConnConfig) []string {
	servers := []string{serverAddress(config.Host, config.Port)}
	for _, fallback := range config.Fallbacks {
		if address := serverAddress(fallback.Host, fallback.Port); !slices.Contains(servers, address) {
			servers = append(servers, address)
		}
	}
	return servers
}

// validateWritable passes over servers that only read: another one of the URL may write.
func validateWritable(ctx context.Context, conn *pgconn.PgConn) error {
	results, err := conn.Exec(ctx, "SHOW transaction_read_only").ReadAll()
	if err != nil {
		return err
	}
	if len(results) == 1 && len(results[0].Rows) == 1 && string(results[0].Rows[0][0]) == "on" {
		return &pgconn.PgError{Severity: "ERROR", Code: codeReadOnly, Message: "the server only reads"}
	}
	return nil
}

func (s *PostgresStore) beforeConnect(_ context.Context, config *pgx.ConnConfig) error {
	if s.unprepared.Load() {
		config.DefaultQueryExecMode = pgx.QueryExecModeExec
		config.StatementCacheCapacity, config.DescriptionCacheCapacity = 0, 0
	}
	newLink(s.wires, s.generation.Load()).prepare(config)
	return nil
}

// Close implements Store. It takes a second at most: calls that have not ended by then
// fail.
func (s *PostgresStore) Close() {
	s.refuseCalls()
	ended := make(chan struct{})
	go func() { // until the calls have ended: what follows sees to that
		s.calls.Wait()
		close(ended)
	}()
	if !within(closeLimit, ended) {
		s.cancelAll()
	}
	s.stop()
	disconnected := make(chan struct{})
	go func() {
		s.pool.Close()
		close(disconnected)
	}()
	s.background.Wait() // it has the server cancel what it is at
	within(endLimit, disconnected)
	s.wires.close()
	<-ended
	<-disconnected
	s.workers.all.Wait()
}

// within reports whether a channel was closed in time.
func within(limit time.Duration, done <-chan struct{}) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}

func (s *PostgresStore) refuseCalls() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

// beginCall reports whether a call may begin. If so, calls.Done has to follow.
func (s *PostgresStore) beginCall() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.calls.Add(1)
	return true
}

// cancelAll lets the server cancel the statements that are under way, or it would go on
// with them in vain.
func (s *PostgresStore) cancelAll() {
	ctx, stop := context.WithTimeout(context.Background(), endLimit)
	defer stop()
	var cancels sync.WaitGroup
	for _, l := range s.chosen(func(*lease, time.Duration) bool { return true }) {
		cancels.Go(func() { _ = l.link.cancel(ctx, l.pgx) }) // what is not cancelled is closed
	}
	cancels.Wait()
}

// Check connects, makes tables and indexes that are missing, and tries out what the
// store does. Warnings are about indexes that the user may not make, or that take
// longer. The error is a *UnavailableError, *CredentialsError, *PrivilegeError or
// *SchemaError, as far as it is known.
func (s *PostgresStore) Check(ctx context.Context) (warnings []string, err error) {
	sc, err := withConn(ctx, s, callLimits{total: max(checkLimit, s.patience.call)}, func(ctx context.Context, conn querier) (*schema, error) {
		sc, err := s.readSchema(ctx, conn)
		if err != nil {
			return nil, err
		}
		return sc, probe(ctx, conn, sc)
	})
	if err != nil {
		return nil, err
	}
	s.schema.Store(sc)
	warnings, err = s.createIndexes(ctx)
	return append(warnings, sc.warnings...), err
}
