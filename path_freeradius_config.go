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
