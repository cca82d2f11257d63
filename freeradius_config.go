package radiusauth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/vault/sdk/framework"

	"vault-plugin-auth-radius/internal/acct"
	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/validate"
)

// freeradiusConfigKey is where the FreeRADIUS backend's config is stored,
// seal-wrapped.
const freeradiusConfigKey = "freeradius/config"

const freeradiusConfigLabel = "the config of the FreeRADIUS backend"

const (
	fieldAuthorizeReject  = "authorize_reject"
	fieldUseRADIUSSources = "use_radius_sources"
	fieldStore            = "store"
	fieldConnectionURL    = "connection_url"
	fieldRetention        = "retention"
	fieldStaleAfter       = "stale_session_after"
	fieldAutoGroup        = "accounting_auto_group"
)

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

// retention is how long records are kept, in seconds; 0: forever.
func (e *freeradiusEntry) retention() int {
	switch {
	case e.Retention != nil:
		return *e.Retention
	case e.Store == storeVault:
		return vaultRetention
	}
	return 0
}

// keep is the same for the stores.
func (e *freeradiusEntry) keep() acct.Retention {
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

// freeradiusFields is the one place that says what its fields are.
func freeradiusFields() map[string]*framework.FieldSchema {
	return map[string]*framework.FieldSchema{
		fieldAuthorizeReject: {
			Type:        framework.TypeBool,
			Default:     false,
			Description: "Whether somebody who is not accepted is refused at once, with 401. Else the answer is 204, and FreeRADIUS's other modules may know the user.",
		},
		fieldUseRADIUSSources: {
			Type:        framework.TypeBool,
			Default:     false,
			Description: "Whether users may be accepted whom RADIUS servers check. Not if such a server is the one that asks: it would ask itself.",
		},
		fieldStore: {
			Type:          framework.TypeString,
			Default:       string(storeVault),
			AllowedValues: allowed(storeKinds),
			Description:   "Where sessions and attempts to log in are kept: \"vault\", Vault's storage, or \"postgres\", the tables radacct and radpostauth of FreeRADIUS in PostgreSQL, which are created if they are missing.",
		},
		fieldConnectionURL: {
			Type:         framework.TypeString,
			Description:  "Which PostgreSQL: postgres://user:password@host:5432/database?sslmode=verify-full. It names host, user and database, and no files: nothing of the Vault server's environment is used. Required with store \"postgres\". Never returned.", // #nosec G101 -- how a URL looks
			DisplayAttrs: &framework.DisplayAttributes{Sensitive: true},
		},
		fieldTLSCACert: {
			Type:         framework.TypeString,
			Default:      "",
			Description:  "PEM certificates of the authorities that may sign PostgreSQL's certificate, for sslmode=verify-full (or verify-ca) in connection_url. Empty: the system trust store.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "TLS CA certificates", EditType: "textarea"},
		},
		fieldTLSClientCert: {
			Type:         framework.TypeString,
			Default:      "",
			Description:  "PEM certificate that Vault shows to PostgreSQL, with those between it and the root.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "TLS client certificate", EditType: "textarea"},
		},
		fieldTLSClientKey: {
			Type:         framework.TypeString,
			Default:      "",
			Description:  "PEM key of tls_client_cert, not encrypted. Never returned.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "TLS client key", Sensitive: true, EditType: "textarea"},
		},
		fieldRetention: {
			Type:        framework.TypeDurationSecond,
			Description: "Seconds after which closed sessions and attempts to log in are deleted; 0: never. Default: 30 days in Vault's storage, never in PostgreSQL.",
		},
		fieldStaleAfter: {
			Type:        framework.TypeDurationSecond,
			Default:     0,
			Description: "Seconds without a packet after which an open session is closed, as Lost-Carrier; 0: never. Only for NASes that send Interim-Updates.",
		},
		fieldAutoGroup: {
			Type:        framework.TypeBool,
			Default:     false,
			Description: "Whether sessions without a groupname get the short name of the user's first profile.",
		},
	}
}

// apply takes the given fields over.
func (e *freeradiusEntry) apply(d *framework.FieldData) {
	if retention, given := d.Raw[fieldRetention]; given && retention == nil {
		e.Retention = nil
		delete(d.Raw, fieldRetention)
	}
	resetNulls(d)
	set(d, fieldAuthorizeReject, &e.AuthorizeReject)
	set(d, fieldUseRADIUSSources, &e.UseRADIUSSources)
	setText(d, fieldStore, &e.Store)
	set(d, fieldConnectionURL, &e.ConnectionURL)
	setPEM(d, fieldTLSCACert, &e.TLSCACert)
	setPEM(d, fieldTLSClientCert, &e.TLSClientCert)
	setPEM(d, fieldTLSClientKey, &e.TLSClientKey)
	if _, given := d.GetOk(fieldConnectionURL); given || e.tls() != (acct.TLS{}) {
		e.URLIsComplete = true
	}
	if retention, given := d.GetOk(fieldRetention); given {
		seconds := retention.(int)
		e.Retention = &seconds
	}
	set(d, fieldStaleAfter, &e.StaleAfter)
	set(d, fieldAutoGroup, &e.AutoGroup)
}

// problem says what is wrong with the config; empty if nothing is.
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

// tls is what the two ends of a connection to PostgreSQL show and believe.
func (e *freeradiusEntry) tls() acct.TLS {
	return acct.TLS{CACertificates: e.TLSCACert, ClientCertificate: e.TLSClientCert, ClientKey: e.TLSClientKey}
}

// postgresOptions are what the connection URL does not say.
func (e *freeradiusEntry) postgresOptions() []acct.Option {
	if !e.URLIsComplete {
		return []acct.Option{acct.WithEnvironment()}
	}
	return []acct.Option{acct.WithTLS(e.tls())}
}

// environmentWarnings tells what an old connection URL needs beside the config.
func (e *freeradiusEntry) environmentWarnings() []string {
	if e.Store != storePostgres || e.URLIsComplete {
		return nil
	}
	return acct.EnvironmentWarnings(e.ConnectionURL)
}

// postgresProblem says what is wrong with an error of PostgreSQL, or of where it is.
func postgresProblem(err error) string {
	field := fieldConnectionURL
	var unfit *acct.TLSError
	if errors.As(err, &unfit) {
		field = unfit.Field
	}
	return fmt.Sprintf("`%s`: %s", field, err)
}

// data is the config as a read shows it.
func (e *freeradiusEntry) data() map[string]any {
	return map[string]any{
		fieldAuthorizeReject:  e.AuthorizeReject,
		fieldUseRADIUSSources: e.UseRADIUSSources,
		fieldStore:            string(e.Store),
		fieldTLSCACert:        e.TLSCACert,
		fieldTLSClientCert:    e.TLSClientCert,
		fieldRetention:        e.retention(),
		fieldStaleAfter:       e.StaleAfter,
		fieldAutoGroup:        e.AutoGroup,
	}
}

// isUnavailable tells whether the store is away, so that trying again later helps.
func isUnavailable(err error) bool {
	var away *acct.UnavailableError
	return errors.As(err, &away)
}
