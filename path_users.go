package radiusauth

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/source"
	"vault-plugin-auth-radius/internal/username"
	"vault-plugin-auth-radius/internal/users"
)

func (b *backend) pathUser() *framework.Path {
	return &framework.Path{
		Pattern: `users/(?P<name>.+)`,
		DisplayAttrs: &framework.DisplayAttributes{
			OperationPrefix: operationPrefix,
			OperationSuffix: "user",
			Action:          "Create",
			ItemType:        "User",
		},
		Fields:         userFields(),
		ExistenceCheck: b.userExists,
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation: &framework.PathOperation{
				Callback:  b.userRead,
				Summary:   "Read a user.",
				Responses: dataResponses(userResponseFields()),
			},
			logical.CreateOperation: &framework.PathOperation{
				Callback:  b.userWrite,
				Summary:   "Register a user.",
				Responses: writtenResponses(),
			},
			logical.UpdateOperation: &framework.PathOperation{
				Callback:  b.userWrite,
				Summary:   "Change a user. Without policies the user has none, as with the built-in method.",
				Responses: writtenResponses(),
			},
			logical.PatchOperation: &framework.PathOperation{
				Callback:  b.userPatch,
				Summary:   "Change the given fields of a user with a JSON merge patch.",
				Responses: writtenResponses(),
			},
			logical.DeleteOperation: &framework.PathOperation{
				Callback:  b.userDelete,
				Summary:   "Delete a user. Tokens that the user has stay valid.",
				Responses: writtenResponses(),
			},
		},
		HelpSynopsis:    userHelpSynopsis,
		HelpDescription: userHelpDescription,
	}
}

// storedUser returns the user that the path names: under the canonical name or, if such a
// user is stored, under the name as it stands there, byte for byte. A nil user means that
// there is none.
func (b *backend) storedUser(ctx context.Context, req *logical.Request, d *framework.FieldData) (name string, user *users.User, err error) {
	given := d.Get(fieldName).(string)
	if name, err = b.userName(ctx, req, d); err != nil {
		return "", nil, err
	}
	if !username.IsStorable(given) || given != name {
		if user, err = users.LoadExactly(ctx, storageOf(req), given); user != nil || err != nil {
			return given, user, err
		}
	}
	user, err = users.Load(ctx, storageOf(req), name)
	return name, user, err
}

// userName returns the canonical form of the name in the path.
func (b *backend) userName(ctx context.Context, req *logical.Request, d *framework.FieldData) (string, error) {
	return b.canonicalName(ctx, storageOf(req), d.Get(fieldName).(string))
}

func (b *backend) userExists(ctx context.Context, req *logical.Request, d *framework.FieldData) (bool, error) {
	name, err := b.userName(ctx, req, d)
	if err != nil {
		return false, err
	}
	user, err := users.Load(ctx, storageOf(req), name)
	return user != nil, err
}

func (b *backend) userRead(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	_, user, err := b.storedUser(ctx, req, d)
	if user == nil || err != nil {
		return nil, err
	}
	data, err := b.userData(ctx, storageOf(req), user)
	if err != nil {
		return nil, err
	}
	return &logical.Response{Data: data}, nil
}

// userData returns the user as a read shows it.
func (b *backend) userData(ctx context.Context, storage kv.Storage, user *users.User) (map[string]any, error) {
	profiles, err := b.profiles.ShortNames(ctx, storage, user.Profiles)
	if err != nil {
		return nil, err
	}
	sources, err := b.sources.Get(ctx, storage)
	if err != nil {
		return nil, err
	}
	metadata := user.Metadata
	if metadata == nil {
		metadata = map[string]string{}
	}
	expires := ""
	if user.ExpiresAt != nil {
		expires = user.ExpiresAt.Format(time.RFC3339)
	}
	return map[string]any{
		fieldPolicies:       user.Policies,
		fieldProfiles:       profiles,
		fieldExtauth:        userSource(user, sources),
		fieldPasswordScheme: user.PasswordScheme(),
		fieldExpose:         user.Expose,
		fieldBatch:          user.Batch,
		fieldEnabled:        !user.Disabled,
		fieldExpiresAt:      expires,
		fieldEmail:          user.Email,
		fieldFirstName:      user.FirstName,
		fieldLastName:       user.LastName,
		fieldMetadata:       metadata,
	}, nil
}

func (b *backend) userDelete(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	b.references.RLock()
	defer b.references.RUnlock()
	name, _, err := b.storedUser(ctx, req, d)
	if err != nil {
		return nil, err
	}
	return b.changeUser(name, func() (*logical.Response, error) {
		before, err := users.LoadExactly(ctx, storageOf(req), name)
		if before == nil || err != nil {
			return nil, err
		}
		return nil, b.deleteUser(ctx, storageOf(req), name, before)
	})
}

// deleteUser deletes a stored user with the references that it has.
func (b *backend) deleteUser(ctx context.Context, storage kv.Storage, name string, user *users.User) error {
	if err := storage.Delete(ctx, users.Key(name)); err != nil {
		b.names.Doubt(name)
		return fmt.Errorf("deleting %s: %w", users.Label(name), err)
	}
	b.names.Remove(name)
	return users.ClearReferences(ctx, storage, name, user, nil)
}

// userSource returns how a read shows what checks the user; "" means as the realm or the
// config says.
func userSource(user *users.User, sources *source.Set) string {
	if user.Local {
		return source.Local
	}
	if src := sources.ByID[user.Source]; src != nil {
		return src.Name
	}
	return ""
}

// changeUser is [users.Cache.Change] for a request.
func (b *backend) changeUser(name string, do func() (*logical.Response, error)) (resp *logical.Response, err error) {
	err = b.users.Change(name, func() error {
		resp, err = do()
		return err
	})
	return resp, err
}

const userHelpSynopsis = `
Register users and their policies.
`

const userHelpDescription = `
A user entry assigns policies to a name. The name is the one typed at login, in the
form that the config and the realms of sources make of it. Another spelling of a
registered name is refused, here (409) and at login. The RADIUS server checks the
password, unless "extauth" names another source, or is "local": then the entry
has the password, as a hash.

    $ vault write auth/radius/users/alice policies=dev,staging
    $ vault read auth/radius/users/alice
    $ vault list auth/radius/users

Deleting an entry does not end the tokens that the user has. To end logins and
renewals, disable the user (with "write", if the user is not registered; it
empties the policies of a registered user):

    $ vault patch auth/radius/users/alice enabled=false

To end the user's tokens at once, batch tokens too, disable the entity:

    $ accessor=$(vault read -field=accessor sys/auth/radius)
    $ id=$(vault write -field=id identity/lookup/entity alias_name=alice \
        alias_mount_accessor=$accessor)
    $ vault write identity/entity/id/$id disabled=true

Revoking leases by a prefix with the user's name misses tokens of logins that
sent the name in the body.

A name that is not registered can still log in, with the policies of the
config's "unregistered_user_policies", unless the config has "registered_only".

Reading and deleting take a stored name byte for byte: so they reach users that
were stored by other rules ("hidden_users" and "twin_users" of "status").
`
