package radiusauth

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/acct"
	"vault-plugin-auth-radius/internal/cache"
	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/metrics"
	"vault-plugin-auth-radius/internal/validate"
)

// records holds the FreeRADIUS backend's config, and the store that it names, ready for
// requests.
type records struct {
	config   *freeradiusEntry
	store    acct.Store
	warnings []string // about a config that an earlier version has stored
}

// recordsCache holds them, so that a packet reads no config.
type recordsCache struct {
	metrics  *metrics.Metrics
	warn     func(text string) // logs a warning, each time that the config is loaded
	options  []acct.Option     // in tests: how PostgreSQL is reached
	changing sync.Mutex        // orders changes of the config
	cached   cache.Value[*records]

	mu       sync.Mutex
	vault    *acct.VaultStore // guarded by mu; nil until needed
	measured acct.Store       // guarded by mu; the same, with its calls measured
}

func newRecordsCache(counters *metrics.Metrics) *recordsCache {
	c := &recordsCache{metrics: counters}
	c.cached.Retire = func(retired, _ *records) { retired.store.Close() } // calls that are under way end first
	return c
}

// get returns the records, from storage on a miss.
func (c *recordsCache) get(ctx context.Context, storage kv.Storage) (*records, error) {
	return c.cached.Get(ctx, func(ctx context.Context, _ *records) (*records, error) {
		config, err := loadFreeRADIUS(ctx, storage)
		if err != nil {
			return nil, err
		}
		store, err := c.open(config, storage)
		if err != nil {
			return nil, err
		}
		loaded := &records{config, store, config.environmentWarnings()}
		for _, text := range loaded.warnings {
			c.warn(text)
		}
		return loaded, nil
	})
}

// open returns the store that the config names, with its calls measured. That of Vault's storage is made once: it
// orders the packets of a session.
func (c *recordsCache) open(config *freeradiusEntry, storage kv.Storage) (acct.Store, error) {
	if config.Store == storePostgres {
		store, err := acct.NewPostgres(config.ConnectionURL, append(config.postgresOptions(), c.options...)...)
		if err != nil {
			return nil, err
		}
		return c.metrics.Store(string(storePostgres), store), nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.vault == nil {
		c.vault = acct.NewVaultStore(storage)
		c.measured = c.metrics.Store(string(storeVault), c.vault)
	}
	return c.measured, nil
}

// forgetRestarts drops the cached notes of restarts, which another server has changed.
func (c *recordsCache) forgetRestarts() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.vault != nil {
		c.vault.ForgetRestarts()
	}
}

// warnings returns the changes that the stored config needs.
func (c *recordsCache) warnings(ctx context.Context, storage kv.Storage) ([]string, error) {
	loaded, err := c.get(ctx, storage)
	var unreadable *acct.URLError
	var unfit *acct.TLSError
	switch {
	case errors.As(err, &unreadable), errors.As(err, &unfit):
		return []string{postgresProblem(err)}, nil
	case err != nil:
		return nil, err
	}
	return loaded.warnings, nil
}

// change runs a change of the stored config, alone, and forgets what is cached,
// unless the change was refused. Requests go on meanwhile: a PostgreSQL that is tried
// out may take its time.
func (c *recordsCache) change(do func() (*logical.Response, error)) (*logical.Response, error) {
	c.changing.Lock()
	defer c.changing.Unlock()
	resp, err := do()
	if err != nil || !resp.IsError() {
		c.drop()
	}
	return resp, err
}

// drop forgets what is cached, and waits for calls of the store that are under way.
func (c *recordsCache) drop() { c.cached.Clear() }

// Lookups returns how often the records were in memory, and how often not.
func (c *recordsCache) Lookups() (hits, misses uint64) { return c.cached.Lookups() }

// freeradiusConfigKey is where the FreeRADIUS backend's config is stored,
// seal-wrapped.
const freeradiusConfigKey = "freeradius/config"

const freeradiusConfigLabel = "the config of the FreeRADIUS backend"

// storeKind is where sessions and attempts to log in are kept.
type storeKind string

const (
	storeVault    storeKind = "vault"
	storePostgres storeKind = "postgres"
)

var storeKinds = []storeKind{storeVault, storePostgres}

// freeradiusEntry is the stored config of the FreeRADIUS backend.
type freeradiusEntry struct {
	AuthorizeReject  bool      `json:"authorize_reject"`
	UseRADIUSSources bool      `json:"use_radius_sources"`
	Store            storeKind `json:"store"`
	ConnectionURL    string    `json:"connection_url"`
	Retention        *int      `json:"retention"`           // seconds; nil: the store's default
	StaleAfter       int       `json:"stale_session_after"` // seconds; 0: never
	AutoGroup        bool      `json:"accounting_auto_group"`

	TLSCACert     string `json:"tls_ca_cert"`
	TLSClientCert string `json:"tls_client_cert"`
	TLSClientKey  string `json:"tls_client_key"`

	// URLIsComplete means that ConnectionURL was written by a version that lets nothing
	// beside the config have an effect on the connection.
	URLIsComplete bool `json:"connection_url_is_complete"`
}

// vaultRetention is how long Vault's storage keeps records, in seconds, unless the
// config says. PostgreSQL may hold what is not ours: nothing is deleted there
// unasked.
const vaultRetention = 30 * 24 * 3600

// retention returns how long records are kept, in seconds; 0: forever.
func (e *freeradiusEntry) retention() int {
	switch {
	case e.Retention != nil:
		return *e.Retention
	case e.Store == storeVault:
		return vaultRetention
	}
	return 0
}

// retentionPolicy returns the same for the stores.
func (e *freeradiusEntry) retentionPolicy() acct.Retention {
	kept := time.Duration(e.retention()) * time.Second
	return acct.Retention{Sessions: kept, PostAuths: kept, Stale: time.Duration(e.StaleAfter) * time.Second}
}

// loadFreeRADIUS reads the stored config; without one, the defaults.
func loadFreeRADIUS(ctx context.Context, storage kv.Storage) (*freeradiusEntry, error) {
	entry := &freeradiusEntry{Store: storeVault}
	_, err := kv.Load(ctx, storage, freeradiusConfigKey, freeradiusConfigLabel, entry)
	return entry, err
}

func saveFreeRADIUS(ctx context.Context, storage kv.Storage, entry *freeradiusEntry) error {
	return kv.Save(ctx, storage, freeradiusConfigKey, freeradiusConfigLabel, entry)
}

// problem returns what is wrong with the config; empty if nothing is.
func (e *freeradiusEntry) problem() string {
	if problem := validate.CheckEnum(fieldStore, e.Store, storeKinds); problem != "" {
		return problem
	}
	switch {
	case e.Store == storePostgres && e.ConnectionURL == "":
		return "`connection_url` is missing: give the PostgreSQL to use"
	case e.ConnectionURL == "" && e.tls() != (acct.TLS{}):
		return "`connection_url` is missing: `tls_ca_cert`, `tls_client_cert` and `tls_client_key` have no effect without it"
	case e.StaleAfter != 0 && e.StaleAfter < 60:
		return fmt.Sprintf("`stale_session_after` is %d; use 0, or 60 seconds or more", e.StaleAfter)
	}
	return ""
}

// tls returns what the two ends of a connection to PostgreSQL show and believe.
func (e *freeradiusEntry) tls() acct.TLS {
	return acct.TLS{CACertificates: e.TLSCACert, ClientCertificate: e.TLSClientCert, ClientKey: e.TLSClientKey}
}

// postgresOptions returns what the connection URL does not say.
func (e *freeradiusEntry) postgresOptions() []acct.Option {
	if !e.URLIsComplete {
		return []acct.Option{acct.WithEnvironment()}
	}
	return []acct.Option{acct.WithTLS(e.tls())}
}

// environmentWarnings returns what an old connection URL needs beside the config.
func (e *freeradiusEntry) environmentWarnings() []string {
	if e.Store != storePostgres || e.URLIsComplete {
		return nil
	}
	return acct.EnvironmentWarnings(e.ConnectionURL)
}

// postgresProblem returns what is wrong with an error of PostgreSQL, or of where it is.
func postgresProblem(err error) string {
	field := fieldConnectionURL
	var unfit *acct.TLSError
	if errors.As(err, &unfit) {
		field = unfit.Field
	}
	return fmt.Sprintf("`%s`: %s", field, err)
}

// isUnavailable reports whether the store is away, so that trying again later helps.
func isUnavailable(err error) bool {
	var away *acct.UnavailableError
	return errors.As(err, &away)
}

const (
	// faultInterval is the time between log lines about a fault that lasts.
	faultInterval = time.Minute
	// faultPause is the time after a line in which the return of a fault is not logged.
	faultPause = 10 * time.Second
)

// What the store of sessions is used for.
const (
	usedForAccounting = "accounting"
	usedForPostAuth   = "postauth"
	usedForQueries    = "queries"
)

// storeFaults logs the faults of the store of sessions: a line when a fault begins, one a
// minute while it lasts, with how many requests have failed, and one when it has ended. The
// zero storeFaults is ready for use.
type storeFaults struct {
	lasting atomic.Int64 // how many faults there are

	mu     sync.Mutex
	faults map[storeFault]*faultState // guarded by mu
}

// storeFault is a kind of fault in one use of the store.
type storeFault struct {
	use  string
	kind acct.Fault
}

// faultState holds the state of a fault.
type faultState struct {
	lasts    bool
	since    time.Time
	failed   int       // requests since then, up to the latest line
	unlogged int       // requests since the latest line
	line     time.Time // when that was
}

// failed counts a request that failed in the store, and logs the fault when it is time.
func (f *storeFaults) failed(logger hclog.Logger, use string, err error) {
	if errors.Is(err, context.Canceled) {
		return // the client has gone away
	}
	fault := storeFault{use, acct.FaultOf(err)}
	if failed, isDue := f.count(fault, time.Now()); isDue {
		logger.Error("the store of sessions fails", "use", use, "fault", fault.kind, "failed", failed, "error", err)
	}
}

// count returns how many requests have failed since the latest line, and reports whether
// another line is due.
func (f *storeFaults) count(fault storeFault, now time.Time) (failed int, isDue bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.faults == nil {
		f.faults = map[storeFault]*faultState{}
	}
	state := f.faults[fault]
	if state == nil {
		state = &faultState{}
		f.faults[fault] = state
	}
	state.unlogged++
	if !state.lasts {
		if now.Before(state.line.Add(faultPause)) {
			return 0, false
		}
		f.lasting.Add(1)
		state.lasts, state.since, state.failed = true, now, 0
	} else if now.Before(state.line.Add(faultInterval)) {
		return 0, false
	}
	failed, state.unlogged, state.line = state.unlogged, 0, now
	state.failed += failed
	return failed, true
}

// worked ends the faults of a use of the store, which has succeeded.
func (f *storeFaults) worked(logger hclog.Logger, use string) {
	if f.lasting.Load() == 0 {
		return
	}
	now := time.Now()
	for kind, state := range f.end(use) {
		logger.Info("the store of sessions works again", "use", use, "fault", kind,
			"failed", state.failed, "lasted", now.Sub(state.since).Round(time.Millisecond).String())
	}
}

func (f *storeFaults) end(use string) (ended map[acct.Fault]faultState) {
	f.mu.Lock()
	defer f.mu.Unlock()
	ended = map[acct.Fault]faultState{}
	for fault, state := range f.faults {
		if fault.use == use && state.lasts {
			state.failed += state.unlogged
			ended[fault.kind] = *state
			state.lasts, state.unlogged = false, 0
			f.lasting.Add(-1)
		}
	}
	return ended
}
