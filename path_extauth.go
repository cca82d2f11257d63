package radiusauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/source"
	"vault-plugin-auth-radius/internal/users"
	"vault-plugin-auth-radius/internal/validate"
)

// The size of a page of sources, if the request has a page.
const (
	defaultPageSize = 20
	maxPageSize     = 100
)

func (b *backend) pathSources() *framework.Path {
	fields := sourceFields()
	fields[fieldPage] = &framework.FieldSchema{
		Type:        framework.TypeInt,
		Query:       true,
		Description: "Which page to read, from 1. 0: all sources at once.",
	}
	fields[fieldPageSize] = &framework.FieldSchema{
		Type:        framework.TypeInt,
		Query:       true,
		Default:     defaultPageSize,
		Description: "How many sources a page has, 1 to 100.",
	}
	fields[fieldAfter] = &framework.FieldSchema{
		Type:        framework.TypeString,
		Query:       true,
		Description: "LIST only names that sort after this one: the last name of the page before.",
	}
	fields[fieldLimit] = &framework.FieldSchema{
		Type:        framework.TypeInt,
		Query:       true,
		Description: "LIST at most so many names. 0: all.",
	}
	grouped := map[string]*framework.FieldSchema{}
	for _, kind := range source.Types {
		grouped[string(kind)] = &framework.FieldSchema{
			Type:        framework.TypeSlice,
			Description: fmt.Sprintf("The sources of type %s.", kind),
			Required:    true,
		}
	}
	return &framework.Path{
		Pattern: "extauth/?$",
		DisplayAttrs: &framework.DisplayAttributes{
			OperationPrefix: operationPrefix,
			OperationSuffix: "sources",
			Navigation:      true,
			ItemType:        "Source",
		},
		Fields: fields,
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.UpdateOperation: &framework.PathOperation{
				Callback:     b.sourceCreate,
				Summary:      "Create an external authentication source.",
				DisplayAttrs: &framework.DisplayAttributes{OperationVerb: "create", OperationSuffix: "source"},
				Responses: map[int][]framework.Response{
					http.StatusCreated: {{Description: "Created", Fields: sourceResponseFields()}},
				},
			},
			logical.ReadOperation: &framework.PathOperation{
				Callback:     b.sourcesPage,
				Summary:      "Read the sources, by type, in the order of their ids.",
				DisplayAttrs: &framework.DisplayAttributes{OperationVerb: "page", OperationSuffix: "sources"},
				Responses:    dataResponses(grouped),
			},
			logical.ListOperation: &framework.PathOperation{
				Callback:     b.sourcesList,
				Summary:      "List the names of the sources.",
				DisplayAttrs: &framework.DisplayAttributes{OperationVerb: "list", OperationSuffix: "sources"},
				Responses: dataResponses(map[string]*framework.FieldSchema{
					"keys": {
						Type:        framework.TypeStringSlice,
						Description: "Names, sorted.",
					},
					"key_info": {
						Type:        framework.TypeMap,
						Description: "Each source's id, type and host.",
					},
				}),
			},
		},
		HelpSynopsis:    "Create and list external authentication sources.",
		HelpDescription: sourcesHelpDescription,
	}
}

// sourceSecrets are the fields of sources that hold typed secrets.
var sourceSecrets = []string{fieldSecret, fieldSearchPassword}

func (b *backend) sourceCreate(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	return b.changeSources(ctx, storageOf(req), func() (*logical.Response, error) {
		return b.createSource(ctx, req, d, "")
	})
}

// createSource stores a new source; with problems it answers with them and stores nothing. name is
// the one in the path; "" means that the fields have it, or its type and id make it. It runs alone.
func (b *backend) createSource(
	ctx context.Context, req *logical.Request, d *framework.FieldData, name string,
) (*logical.Response, error) {
	kind := source.Type(d.Get(fieldSourceType).(string))
	if !slices.Contains(source.Types, kind) {
		if kind == "" {
			return logical.ErrorResponse("`type` is missing: give radius, cerb, ldap or ad"), nil
		}
		return logical.ErrorResponse(validate.CheckEnum(fieldSourceType, kind, source.Types)), nil
	}
	entry := source.NewEntry(kind)
	entry.Name = name
	applySource(entry, d)
	if name != "" && entry.Name != name {
		return logical.ErrorResponse("`name` %.80q differs from %.80q, which the path creates: leave it out", entry.Name, name), nil
	}
	response, err := b.sourceStore(ctx, req, d, nil, entry)
	if err != nil || response.IsError() {
		return response, err
	}
	return logical.RespondWithStatusCode(response, req, http.StatusCreated)
}

func (b *backend) sourcesPage(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	number, size := d.Get(fieldPage).(int), d.Get(fieldPageSize).(int)
	if number < 0 || size < 1 {
		return logical.ErrorResponse("`page` is %d and `page_size` is %d; use pages from 1, or 0 for all, and sizes from 1", number, size), nil
	}
	ids, err := source.IDs(ctx, storageOf(req))
	if err != nil {
		return nil, err
	}
	if number > 0 {
		size = min(size, maxPageSize)
		start := min(min(number-1, len(ids))*size, len(ids))
		ids = ids[start:min(start+size, len(ids))]
	}
	grouped := map[source.Type][]any{}
	for _, id := range ids {
		entry, err := source.Load(ctx, storageOf(req), id)
		if err != nil {
			return nil, err
		}
		if entry != nil { // not deleted meanwhile
			grouped[entry.Type] = append(grouped[entry.Type], sourceData(entry))
		}
	}
	data := map[string]any{}
	for _, kind := range source.Types {
		data[string(kind)] = append([]any{}, grouped[kind]...)
	}
	return &logical.Response{Data: data}, nil
}

func (b *backend) sourcesList(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	entries, err := source.LoadAll(ctx, storageOf(req))
	if err != nil {
		return nil, err
	}
	var names []string
	info := map[string]any{}
	for _, entry := range entries {
		names = append(names, entry.Name)
		data := sourceData(entry)
		info[entry.Name] = map[string]any{fieldSourceID: entry.ID, fieldSourceType: data[fieldSourceType], fieldHost: data[fieldHost]}
	}
	slices.Sort(names)
	names, refusal := listedPage(names, d)
	if refusal != nil {
		return refusal, nil
	}
	return logical.ListResponseWithInfo(names, infoOf(names, info)), nil
}

func (b *backend) pathSource() *framework.Path {
	fields := sourceFields()
	fields[fieldSourceID] = &framework.FieldSchema{
		Type:        framework.TypeString,
		Description: "Number or name of the source.",
	}
	responses := dataResponses(sourceResponseFields())
	written := dataResponses(sourceResponseFields())
	written[http.StatusCreated] = []framework.Response{{Description: "Created", Fields: sourceResponseFields()}}
	return &framework.Path{
		Pattern: `extauth/(?P<id>[^/]+)`,
		DisplayAttrs: &framework.DisplayAttributes{
			OperationPrefix: operationPrefix,
			OperationSuffix: "source",
			ItemType:        "Source",
		},
		Fields: fields,
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation: &framework.PathOperation{
				Callback:  b.sourceRead,
				Summary:   "Read a source. Secrets are never returned.",
				Responses: responses,
			},
			logical.UpdateOperation: &framework.PathOperation{
				Callback: b.sourceWrite,
				Summary: "Change the given fields of a source. Logins that wait for it are not disturbed. " +
					"An unknown name, with a type, creates a source.",
				Responses: written,
			},
			logical.PatchOperation: &framework.PathOperation{
				Callback:  b.sourcePatch,
				Summary:   "Change the given fields of a source with a JSON merge patch: null resets a field to its default.",
				Responses: responses,
			},
			logical.DeleteOperation: &framework.PathOperation{
				Callback:  b.sourceDelete,
				Summary:   "Delete a source that checks no user.",
				Responses: writtenResponses(),
			},
		},
		HelpSynopsis:    "Read, change and delete an external authentication source.",
		HelpDescription: sourcesHelpDescription,
	}
}

func (b *backend) sourceRead(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	entry, err := source.Find(ctx, storageOf(req), d.Get(fieldSourceID).(string))
	switch {
	case errors.Is(err, source.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return &logical.Response{Data: sourceData(entry)}, nil
}

// changeSources runs a change of stored sources while no user is assigned to them, and
// loads them anew, whatever came of it.
func (b *backend) changeSources(
	ctx context.Context, storage kv.Storage, do func() (*logical.Response, error),
) (*logical.Response, error) {
	b.references.Lock()
	defer b.references.Unlock()
	resp, err := do()
	if loadErr := b.sources.Renew(ctx, storage); err == nil && loadErr != nil {
		return nil, loadErr
	}
	return resp, err
}

// changeSource runs a change of the source that the path names, alone. The argument of do is nil
// if there is none.
func (b *backend) changeSource(
	ctx context.Context, req *logical.Request, d *framework.FieldData, do func(*source.Entry) (*logical.Response, error),
) (*logical.Response, error) {
	reference := d.Get(fieldSourceID).(string)
	return b.changeSources(ctx, storageOf(req), func() (*logical.Response, error) {
		entry, err := source.Find(ctx, storageOf(req), reference)
		switch {
		case errors.Is(err, source.ErrNotFound):
			return do(nil)
		case err != nil:
			return nil, err
		}
		return do(entry)
	})
}

func (b *backend) sourceWrite(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	reference := d.Get(fieldSourceID).(string)
	return b.changeSource(ctx, req, d, func(before *source.Entry) (*logical.Response, error) {
		// A change never needs the type: with it, a source is meant that may have to be made.
		if before == nil && d.Raw[fieldSourceType] != nil && !kv.IsWholeNumber(reference) {
			return b.createSource(ctx, req, d, reference)
		}
		return b.sourceChange(ctx, req, d, before)
	})
}

func (b *backend) sourcePatch(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	return b.changeSource(ctx, req, d, func(before *source.Entry) (*logical.Response, error) {
		return b.sourceChange(ctx, req, d, before)
	})
}

// sourceChange changes the source as the request says, and stores it. It runs alone.
func (b *backend) sourceChange(
	ctx context.Context, req *logical.Request, d *framework.FieldData, before *source.Entry,
) (*logical.Response, error) {
	if before == nil {
		return nil, noSource(d.Get(fieldSourceID).(string))
	}
	if kind := d.Raw[fieldSourceType]; kind != nil && kind != string(before.Type) {
		return logical.ErrorResponse("`type` is %s and never changes: create another source", before.Type), nil
	}
	entry := before.Clone()
	applySource(entry, d)
	return b.sourceStore(ctx, req, d, before, entry)
}

func (b *backend) sourceDelete(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	return b.changeSource(ctx, req, d, func(entry *source.Entry) (*logical.Response, error) {
		if entry == nil {
			return nil, noSource(d.Get(fieldSourceID).(string))
		}
		if err := b.defaultSource(ctx, storageOf(req), entry); err != nil {
			return nil, err
		}
		names, count, err := users.Holders(ctx, storageOf(req), users.SourceUsersKey(entry.ID))
		switch {
		case err != nil:
			return nil, err
		case count > 0:
			return nil, conflict(users.InUse(fmt.Sprintf("source %q", entry.Name), names, count))
		}
		others, err := source.LoadAll(ctx, storageOf(req))
		if err != nil {
			return nil, err
		}
		gone := entry.Clone()
		gone.Realms = nil
		if err := b.usersKeepTheirNames(ctx, storageOf(req), entry, gone, others); err != nil {
			return nil, err
		}
		return nil, source.Delete(ctx, storageOf(req), entry)
	})
}

// noSource returns the error 404.
func noSource(reference string) error {
	return notFound("source", reference)
}

const sourcesHelpDescription = `
A source checks passwords beside the config's servers: RADIUS servers (radius,
cerb), LDAP directories (ldap) and Active Directory (ad).

    $ vault write auth/radius/extauth type=ad host=dc1.example.com,dc2.example.com \
        ad_domain=corp.example.com realms=corp ssl=true ssl_cert=@ca.pem
    $ vault write auth/radius/extauth/ad-1/verify username=alice password=...

A write to a name that there is not, extauth/corp type=ad ..., creates that source.

A source checks users with an entry that names it (users/alice extauth=ad-1),
users with one of its realms in their names (alice@corp), and, if the config names
it (config extauth=ad-1), all others.
`
