package radiusauth

import (
	"context"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/acct"
)

func (b *backend) pathFreeRADIUSConfig() *framework.Path {
	shown := freeradiusFields()
	delete(shown, fieldConnectionURL)
	delete(shown, fieldTLSClientKey)
	for _, schema := range shown {
		schema.Required = true
	}
	return &framework.Path{
		Pattern:      "freeradius/config",
		DisplayAttrs: &framework.DisplayAttributes{OperationPrefix: operationPrefix, OperationSuffix: "freeradius-configuration"},
		Fields:       freeradiusFields(),
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation: &framework.PathOperation{
				Callback:  b.freeradiusConfigRead,
				Summary:   "Read the config of the FreeRADIUS backend. The connection_url and the tls_client_key are never returned.",
				Responses: dataResponses(shown),
			},
			logical.UpdateOperation: &framework.PathOperation{
				Callback:  b.freeradiusConfigWrite,
				Summary:   "Change the given fields of the config of the FreeRADIUS backend.",
				Responses: writtenResponses(),
			},
			logical.PatchOperation: &framework.PathOperation{
				Callback:  b.freeradiusConfigWrite,
				Summary:   "Change the config of the FreeRADIUS backend with a JSON merge patch: null resets a field to its default.",
				Responses: writtenResponses(),
			},
		},
		HelpSynopsis:    "Configure what FreeRADIUS is answered, and where its records are kept.",
		HelpDescription: freeradiusHelpDescription,
	}
}

func (b *backend) freeradiusConfigRead(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	entry, err := loadFreeRADIUS(ctx, storageOf(req))
	if err != nil {
		return nil, err
	}
	return &logical.Response{Data: entry.data()}, nil
}

func (b *backend) freeradiusConfigWrite(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	return b.records.change(func() (*logical.Response, error) {
		entry, err := loadFreeRADIUS(ctx, storageOf(req))
		if err != nil {
			return nil, err
		}
		entry.apply(d)
		if problem := entry.problem(); problem != "" {
			return logical.ErrorResponse(problem), nil
		}
		warnings, problem := entry.tryPostgres(ctx, b.records.options...)
		if problem != "" {
			return logical.ErrorResponse(problem), nil
		}
		if err := saveFreeRADIUS(ctx, storageOf(req), entry); err != nil {
			return nil, err
		}
		if len(warnings) == 0 {
			return writeResponse(d), nil
		}
		return &logical.Response{Warnings: warnings}, nil
	})
}

// tryPostgres checks the connection URL and the certificates, and connects if the
// records are to be kept there. It returns warnings, or the problem.
func (e *freeradiusEntry) tryPostgres(ctx context.Context, more ...acct.Option) (warnings []string, problem string) {
	if e.ConnectionURL == "" || (e.Store != storePostgres && !e.URLIsComplete) {
		return nil, ""
	}
	if len(acct.EnvironmentWarnings(e.ConnectionURL)) == 0 {
		e.URLIsComplete = true // and what the environment becomes later does not matter
	}
	options := append(e.postgresOptions(), more...)
	warnings, err := acct.CheckURL(e.ConnectionURL, options...)
	if err != nil {
		return nil, postgresProblem(err)
	}
	if e.Store != storePostgres {
		return warnings, ""
	}
	store, found, err := acct.OpenPostgres(ctx, e.ConnectionURL, options...)
	if err != nil {
		return nil, postgresProblem(err)
	}
	store.Close()
	return append(warnings, found...), ""
}

// freeradiusFields returns the schema of the config of the FreeRADIUS backend: the only description
// of its fields.
func freeradiusFields() map[string]*framework.FieldSchema {
	return map[string]*framework.FieldSchema{
		fieldAuthorizeReject: {
			Type:    framework.TypeBool,
			Default: false,
			Description: "Whether a user that is not accepted is refused at once, with 401. " +
				"Else the answer is 204, and FreeRADIUS's other modules may know the user.",
		},
		fieldUseRADIUSSources: {
			Type:    framework.TypeBool,
			Default: false,
			Description: "Whether users may be accepted that RADIUS servers check. " +
				"Leave it off if such a server is the FreeRADIUS server that sends the request: it would ask itself.",
		},
		fieldStore: {
			Type:          framework.TypeString,
			Default:       string(storeVault),
			AllowedValues: allowed(storeKinds),
			Description: "Where sessions and attempts to log in are kept: \"vault\", Vault's storage, or \"postgres\", " +
				"the tables radacct and radpostauth of FreeRADIUS in PostgreSQL, which are created if they are missing.",
		},
		fieldConnectionURL: {
			Type: framework.TypeString,
			Description: "Which PostgreSQL: postgres://user:password@host:5432/database?sslmode=verify-full. " + // #nosec G101 -- how a URL looks
				"It names host, user and database, and no files: nothing of the Vault server's environment is used. " +
				"Required with store \"postgres\". Never returned.",
			DisplayAttrs: &framework.DisplayAttributes{Sensitive: true},
		},
		fieldTLSCACert: {
			Type:    framework.TypeString,
			Default: "",
			Description: "PEM certificates of the authorities that may sign PostgreSQL's certificate, " +
				"for sslmode=verify-full (or verify-ca) in connection_url. Empty: the system trust store.",
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
			Type: framework.TypeDurationSecond,
			Description: "Seconds after which closed sessions and attempts to log in are deleted, " +
				"counted from the arrival of their packets; 0: never. Default: 30 days in Vault's storage, never in PostgreSQL.",
		},
		fieldStaleAfter: {
			Type:    framework.TypeDurationSecond,
			Default: 0,
			Description: "Seconds without a packet after which an open session is closed, as Lost-Carrier; 0: never. " +
				"Only for NASes that send Interim-Updates.",
		},
		fieldAutoGroup: {
			Type:        framework.TypeBool,
			Default:     false,
			Description: "Whether sessions without a groupname get the short name of the user's first profile.",
		},
	}
}

// apply takes over the fields of a request.
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

// data returns the config as a read shows it.
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
