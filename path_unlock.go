package radiusauth

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/login"
	"vault-plugin-auth-radius/internal/username"
	"vault-plugin-auth-radius/internal/users"
)

func (b *backend) pathUnlock() *framework.Path {
	return &framework.Path{
		Pattern:      `unlock/(?P<name>.+)`,
		DisplayAttrs: &framework.DisplayAttributes{OperationPrefix: operationPrefix, OperationVerb: "unlock", OperationSuffix: "user"},
		Fields: map[string]*framework.FieldSchema{
			fieldName: {
				Type:        framework.TypeString,
				Description: "Name to unlock, as the list has it.",
			},
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.UpdateOperation: &framework.PathOperation{
				Callback:  b.unlock,
				Summary:   "End a name's lockout on this Vault server, and forget its failed logins.",
				Responses: writtenResponses(),
			},
		},
		HelpSynopsis:    "End a lockout.",
		HelpDescription: unlockHelpDescription,
	}
}

func (b *backend) pathUnlockList() *framework.Path {
	return &framework.Path{
		Pattern:      "unlock/?$",
		DisplayAttrs: &framework.DisplayAttributes{OperationPrefix: operationPrefix, OperationSuffix: "locked-users"},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ListOperation: &framework.PathOperation{
				Callback: b.lockedList,
				Summary:  "List the names that are locked out on this Vault server.",
				Responses: dataResponses(map[string]*framework.FieldSchema{
					"keys": {
						Type:        framework.TypeStringSlice,
						Description: "Names, sorted.",
					},
					"key_info": {
						Type:        framework.TypeMap,
						Description: "Until when each is locked out.",
					},
				}),
			},
		},
		HelpSynopsis:    "List the names that are locked out.",
		HelpDescription: unlockHelpDescription,
	}
}

func (b *backend) unlock(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	name, err := b.userName(ctx, req, d)
	if err != nil {
		return nil, err
	}
	settings, err := b.settings.get(ctx, storageOf(req))
	if settings == nil || err != nil {
		return writeResponse(d), err // no name is locked out yet
	}
	sources, err := b.sources.Get(ctx, storageOf(req))
	if err != nil {
		return nil, err
	}
	spellings, err := b.lockedSpellings(ctx, storageOf(req), settings.config.Rules(sources), name)
	if err != nil {
		return nil, err
	}
	for _, spelling := range spellings {
		user, err := b.users.Get(ctx, storageOf(req), spelling)
		if err != nil {
			return nil, err
		}
		if b.logins.Lockouts.Unlock(login.LockoutKey(settings.login.Config, b.logins.Route(settings.login, sources, user, spelling), spelling)) {
			b.Logger().Info("a lockout was ended", "username", spelling)
		}
	}
	return writeResponse(d), nil
}

// lockedSpellings returns the names that the name's failed logins may count for: itself and, if
// it is not registered, the registered names like it, which may have another source.
func (b *backend) lockedSpellings(ctx context.Context, storage kv.Storage, rules username.Rules, name string) ([]string, error) {
	names, err := b.logins.RegisteredNames(ctx, storage, rules)
	if err != nil {
		return nil, err
	}
	match, err := names.Match(ctx, users.Stored{Storage: storage}, name)
	if err != nil || match.Registered || !match.Similar {
		return []string{name}, err
	}
	return append(names.Like(name), name), nil
}

func (b *backend) lockedList(context.Context, *logical.Request, *framework.FieldData) (*logical.Response, error) {
	until := b.logins.Lockouts.Locked()
	names := slices.Sorted(maps.Keys(until))
	info := make(map[string]any, len(names))
	for _, name := range names {
		info[name] = map[string]any{"until": until[name].UTC().Format(time.RFC3339)}
	}
	return logical.ListResponseWithInfo(names, info), nil
}

const unlockHelpDescription = `
After "lockout_threshold" failed logins in a row, a name is locked out for
"lockout_duration": see "config". All spellings of a name that a server may take
for one count together. To end a lockout before its time:

    $ vault list auth/radius/unlock
    $ vault write -f auth/radius/unlock/alice

Each Vault server of a cluster counts for itself, in memory: send the request to
the one that refuses the logins. A restart forgets all lockouts.
`
