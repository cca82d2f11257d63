package radiusauth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"vault-plugin-auth-radius/internal/acct"
	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/validate"
)

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
