package radiusauth

import (
	"context"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/users"
)

func (b *backend) pathUsersList() *framework.Path {
	return &framework.Path{
		Pattern: "users/?$",
		DisplayAttrs: &framework.DisplayAttributes{
			OperationPrefix: operationPrefix,
			OperationSuffix: "users",
			Navigation:      true,
			ItemType:        "User",
		},
		Fields: map[string]*framework.FieldSchema{
			fieldDetailed: {
				Type:        framework.TypeBool,
				Description: "If true, each user's fields are returned too. Each costs a storage read: set a limit.",
			},
			fieldAfter: {
				Type:        framework.TypeString,
				Description: "List only names that sort after this one: the last name of the page before.",
			},
			fieldLimit: {
				Type:        framework.TypeInt,
				Description: "List at most so many names. 0: all.",
			},
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ListOperation: &framework.PathOperation{
				Callback: b.usersList,
				Summary:  "List the names of users, sorted.",
				Responses: dataResponses(map[string]*framework.FieldSchema{
					"keys": {
						Type:        framework.TypeStringSlice,
						Description: "Names.",
					},
					"key_info": {
						Type:        framework.TypeMap,
						Description: "Each name's fields, if detailed.",
					},
				}),
			},
		},
		HelpSynopsis:    "List the registered users.",
		HelpDescription: usersListHelpDescription,
	}
}

func (b *backend) usersList(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	after, limit, refusal := listFields(d)
	if refusal != nil {
		return refusal, nil
	}
	names, err := b.userNames(ctx, storageOf(req), after, limit)
	if err != nil {
		return nil, err
	}
	if !d.Get(fieldDetailed).(bool) {
		return logical.ListResponse(names), nil
	}

	details := make(map[string]any, len(names))
	for _, name := range names {
		user, err := users.Load(ctx, storageOf(req), name)
		if err != nil {
			return nil, err
		}
		if user != nil { // else deleted meanwhile
			if details[name], err = b.userData(ctx, storageOf(req), user); err != nil {
				return nil, err
			}
		}
	}
	return logical.ListResponseWithInfo(names, details), nil
}

// userNames returns the names of a page, from memory: a page of a million costs no more than one of a hundred. All
// names, with a limit of 0, come from storage.
func (b *backend) userNames(ctx context.Context, storage kv.Storage, after string, limit int) ([]string, error) {
	if limit == 0 {
		names, err := users.Names(ctx, storage)
		return page(names, after, limit), err
	}
	rules, err := b.rules(ctx, storage)
	if err != nil {
		return nil, err
	}
	names, err := b.logins.RegisteredNames(ctx, storage, rules)
	if err != nil {
		return nil, err
	}
	return names.Page(ctx, users.Stored{Storage: storage}, after, limit)
}

const usersListHelpDescription = `
Names are sorted, and can be read page by page:

    $ vault list auth/radius/users
    $ curl -H "X-Vault-Token: $VAULT_TOKEN" -X LIST \
        "$VAULT_ADDR/v1/auth/radius/users?detailed=true&limit=100&after=alice"

If no name is left, Vault answers 404, as for every empty list.
`
