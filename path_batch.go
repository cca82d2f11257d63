package radiusauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/helper/policyutil"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/batch"
	"vault-plugin-auth-radius/internal/catalog"
	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/metrics"
	"vault-plugin-auth-radius/internal/passwd"
	"vault-plugin-auth-radius/internal/username"
	"vault-plugin-auth-radius/internal/users"
	"vault-plugin-auth-radius/internal/validate"
)

func (b *backend) pathBatches() *framework.Path {
	return &framework.Path{
		Pattern: "freeradius/batch/?$",
		DisplayAttrs: &framework.DisplayAttributes{
			OperationPrefix: operationPrefix,
			OperationSuffix: "batches",
			Navigation:      true,
			ItemType:        "Batch",
		},
		Fields: batchFields(),
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.UpdateOperation: &framework.PathOperation{
				Callback:     b.batchCreate,
				Summary:      "Create a batch of local users: all of them, or none.",
				DisplayAttrs: &framework.DisplayAttributes{OperationVerb: "create", OperationSuffix: "batch"},
				Responses: map[int][]framework.Response{
					http.StatusCreated: {{Description: "Created: the batch with its users, not wrapped in Vault's response envelope."}},
				},
			},
			logical.ListOperation: &framework.PathOperation{
				Callback:     b.batchList,
				Summary:      "List the names of the batches.",
				DisplayAttrs: &framework.DisplayAttributes{OperationVerb: "list", OperationSuffix: "batches"},
				Responses: dataResponses(map[string]*framework.FieldSchema{
					"keys": {
						Type:        framework.TypeStringSlice,
						Description: "Names, sorted.",
					},
				}),
			},
		},
		HelpSynopsis:    "Create many users at once.",
		HelpDescription: batchHelpDescription,
	}
}

func (b *backend) pathBatch() *framework.Path {
	return &framework.Path{
		Pattern: `freeradius/batch/(?P<name>.+)`,
		DisplayAttrs: &framework.DisplayAttributes{
			OperationPrefix: operationPrefix,
			OperationSuffix: "batch",
			ItemType:        "Batch",
		},
		Fields: map[string]*framework.FieldSchema{
			fieldName: {
				Type:        framework.TypeString,
				Description: "Name of the batch.",
			},
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation: &framework.PathOperation{
				Callback:  b.batchRead,
				Summary:   "Read a batch. Passwords are never returned again.",
				Responses: dataResponses(batchResponseFields()),
			},
			logical.DeleteOperation: &framework.PathOperation{
				Callback:  b.batchDelete,
				Summary:   "Delete a batch and its users.",
				Responses: writtenResponses(),
			},
		},
		HelpSynopsis:    "Read and delete a batch of users.",
		HelpDescription: batchHelpDescription,
	}
}

func (b *backend) batchCreate(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	resetNulls(d)
	settings, err := b.settings.get(ctx, storageOf(req))
	if err != nil {
		return nil, err
	}
	config := defaultConfig()
	if settings != nil {
		config = settings.config
	}
	b.batches.Lock() // names are not taken twice
	defer b.batches.Unlock()
	entry, rows, template, err := b.readBatch(ctx, storageOf(req), d)
	if isFieldError(err) {
		return logical.ErrorResponse(err.Error()), nil
	}
	if err != nil {
		return nil, err
	}
	err = batch.Hash(ctx, b.logins.Hasher, config.HashSettings(), rows)
	if invalid := passwd.InputError(""); errors.As(err, &invalid) {
		return logical.ErrorResponse("%s", &batch.FieldError{Field: fieldCSVFile, Err: err}), nil
	}
	if err != nil {
		return nil, err
	}
	err = b.createBatch(ctx, storageOf(req), entry, rows, template)
	if taken := (*userTakenError)(nil); errors.As(err, &taken) {
		return nil, conflict(taken)
	}
	if unknown := (*catalog.UnknownError)(nil); errors.As(err, &unknown) {
		return logical.ErrorResponse("%s", &batch.FieldError{Field: fieldProfiles, Err: unknown}), nil
	}
	if err != nil {
		return nil, err
	}
	answer := batch.Answer{
		Entry:    entry,
		Rows:     rows,
		Until:    batch.ValidUntil(d.Get(fieldExpirationDate).(string), entry.ExpiresAt),
		Format:   d.Get(fieldFormat).(string),
		Envelope: d.Get(fieldEnvelope).(bool),
	}
	text, contentType, err := answer.Text()
	if err != nil {
		return nil, err
	}
	return rawAnswer(http.StatusCreated, contentType, text), nil
}

// isFieldError reports whether an error is about a field of a new batch.
func isFieldError(err error) bool {
	var invalid *batch.FieldError
	return errors.As(err, &invalid)
}

// readBatch reads and checks everything, so that nothing is written for a batch that cannot
// be made: the batch, its rows, and what all its users have. The error may be a
// *batch.FieldError, or have a status.
func (b *backend) readBatch(
	ctx context.Context, storage kv.Storage, d *framework.FieldData,
) (*batch.Entry, []batch.Row, *users.User, error) {
	request := batch.Request{
		Name:           d.Get(fieldName).(string),
		Strategy:       d.Get(fieldStrategy).(string),
		CSV:            d.Get(fieldCSVFile).(string),
		Prefix:         d.Get(fieldPrefix).(string),
		Users:          d.Get(fieldNumberOfUsers).(int),
		PasswordLength: d.Get(fieldPasswordLength).(int),
		Format:         d.Get(fieldFormat).(string),
	}
	if err := request.Check(); err != nil {
		return nil, nil, nil, err
	}
	if err := batchIsNew(ctx, storage, request.Name); err != nil {
		return nil, nil, nil, err
	}
	now := time.Now().UTC()
	template, err := batchTemplate(ctx, storage, d, now)
	if err != nil {
		return nil, nil, nil, err
	}
	maker, err := b.batchMaker(ctx, storage)
	if err != nil {
		return nil, nil, nil, err
	}
	rows, err := maker.Rows(request)
	if registered := (*batch.SpellingTakenError)(nil); errors.As(err, &registered) {
		return nil, nil, nil, conflict(err)
	}
	if err != nil {
		return nil, nil, nil, err
	}
	entry := &batch.Entry{
		Name:      request.Name,
		Strategy:  request.Strategy,
		Prefix:    maker.Prefix(request),
		ExpiresAt: template.ExpiresAt,
		CreatedAt: now,
		Profiles:  template.Profiles,
	}
	template.Batch = entry.Name
	return entry, rows, template, nil
}

// batchIsNew returns an error with a status if there is a batch of the name.
func batchIsNew(ctx context.Context, storage kv.Storage, name string) error {
	before, err := batch.Load(ctx, storage, name)
	switch {
	case err != nil:
		return err
	case before != nil && before.State != batch.Done: // no other request has it: the lock is held
		return conflict(fmt.Errorf(
			"%s was not made, or not deleted, to the end, and is being removed: try again in a minute", batch.Label(name)))
	case before != nil:
		return conflict(fmt.Errorf("%s exists already", batch.Label(name)))
	}
	return nil
}

// batchTemplate returns what all users of a new batch have. The error may be a
// *batch.FieldError.
func batchTemplate(ctx context.Context, storage kv.Storage, d *framework.FieldData, now time.Time) (*users.User, error) {
	expires, err := validate.ParseExpiry(d.Get(fieldExpirationDate).(string))
	if err != nil {
		return nil, &batch.FieldError{Field: fieldExpirationDate, Err: err}
	}
	if expires != nil && !expires.After(now) {
		return nil, &batch.FieldError{Field: fieldExpirationDate, Err: errors.New("is over already")}
	}
	template := &users.User{Local: true, ExpiresAt: expires, Policies: policyutil.ParsePolicies(d.Get(fieldPolicies))}
	if validate.ContainsRoot(template.Policies) {
		return nil, &batch.FieldError{Err: errors.New(validate.RootPolicyText)}
	}
	template.Profiles, err = catalog.Resolve(ctx, storage, d.Get(fieldProfiles).([]string))
	if unknown := (*catalog.UnknownError)(nil); errors.As(err, &unknown) {
		return nil, &batch.FieldError{Field: fieldProfiles, Err: unknown}
	}
	return template, err
}

// batchMaker returns what makes the users of a new batch, beside those that are registered.
func (b *backend) batchMaker(ctx context.Context, storage kv.Storage) (*batch.Maker, error) {
	registered, err := users.Names(ctx, storage)
	if err != nil {
		return nil, err
	}
	rules, err := b.rules(ctx, storage)
	if err != nil {
		return nil, err
	}
	testUsers, err := b.testUserNames(ctx, storage)
	if err != nil {
		return nil, err
	}
	checks := batch.Checks{Name: username.CheckNew, Text: validate.CheckText, Password: checkNewPassword}
	return batch.NewMaker(rules, checks, append(registered, testUsers...)), nil
}

func (b *backend) batchList(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	names, err := batch.List(ctx, storageOf(req))
	if err != nil {
		return nil, err
	}
	return logical.ListResponse(names), nil
}

func (b *backend) batchRead(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	entry, err := batch.Load(ctx, storageOf(req), d.Get(fieldName).(string))
	if err != nil || entry == nil || entry.State != batch.Done {
		return nil, err
	}
	names, err := entry.Names(ctx, storageOf(req))
	if err != nil {
		return nil, err
	}
	data := entry.Data()
	data["usernames"] = names
	return &logical.Response{Data: data}, nil
}

func (b *backend) batchDelete(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	name := d.Get(fieldName).(string)
	b.batches.Lock()
	defer b.batches.Unlock()
	entry, err := batch.Load(ctx, storageOf(req), name)
	if err != nil {
		return nil, err
	}
	if entry == nil {
		return nil, notFound("batch", name)
	}
	if err := b.batches.Delete(ctx, storageOf(req), entry); err != nil {
		return nil, err
	}
	b.metrics.Batch(metrics.BatchDeleted, 0)
	return nil, nil
}

const batchHelpDescription = `
Creates many local users at once:

    $ curl -H "X-Vault-Token: $VAULT_TOKEN" -d '{"name": "conference", "strategy": "prefix",
        "prefix": "guest", "number_of_users": 100, "expiration_date": "2030-12-31",
        "format": "html"}' "$VAULT_ADDR/v1/auth/radius/freeradius/batch" >vouchers.html

The answer has the generated passwords, which are not shown again: as JSON, or
as a list ("csv") or a page of vouchers ("html"). It is not wrapped in Vault's
response envelope: "vault write" shows the JSON, and fails with the others after
the users were created. For these, it takes envelope=true:

    $ vault write -field=html auth/radius/freeradius/batch name=conference \
        strategy=prefix prefix=guest number_of_users=100 format=html \
        envelope=true >vouchers.html

If one user cannot be created, none is. Deleting a batch deletes its users.
`
