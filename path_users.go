package radiusauth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/catalog"
	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/source"
	"vault-plugin-auth-radius/internal/username"
	"vault-plugin-auth-radius/internal/users"
	"vault-plugin-auth-radius/internal/validate"
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

// storedUser reads the user whom the path names: under the canonical name or, if such a
// user is stored, under the name as it stands there, byte for byte. A nil user means that
// there is none.
func (b *backend) storedUser(ctx context.Context, req *logical.Request, d *framework.FieldData) (name string, user *users.User, err error) {
	given := d.Get(fieldName).(string)
	if name, err = b.userName(ctx, req, d); err != nil {
		return "", nil, err
	}
	if !username.IsStorable(given) || given != name {
		if user, err = loadListed(ctx, storageOf(req), given); user != nil || err != nil {
			return given, user, err
		}
	}
	user, err = users.Load(ctx, storageOf(req), name)
	return name, user, err
}

// loadListed reads a user under the very name, which need not be one that storage takes
// for this name only.
func loadListed(ctx context.Context, storage kv.Storage, name string) (*users.User, error) {
	if username.IsStorable(name) {
		return users.Load(ctx, storage, name)
	}
	names, err := users.Names(ctx, storage)
	if err != nil || !slices.Contains(names, name) {
		return nil, err
	}
	return users.LoadListed(ctx, storage, name)
}

// userName gives the canonical form of the name in the path.
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

// userData is the user as a read shows it.
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

func (b *backend) userWrite(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	if _, given := d.Raw[fieldPolicies]; !given {
		d.Raw[fieldPolicies] = nil // the built-in method empties them
	}
	return b.userChange(ctx, req, d, func(before *users.User) (*users.User, error) {
		if before == nil {
			return &users.User{}, nil
		}
		return before.Clone(), nil
	})
}

func (b *backend) userPatch(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	return b.userChange(ctx, req, d, func(before *users.User) (*users.User, error) {
		if before == nil {
			return nil, notFound("user", d.Get(fieldName).(string))
		}
		mergeMetadata(d, before.Metadata)
		return before.Clone(), nil
	})
}

// mergeMetadata makes a patch of metadata what a JSON merge patch is: null takes a
// key away, what is not given stays (RFC 7396).
func mergeMetadata(d *framework.FieldData, before map[string]string) {
	given, isMap := d.Raw[fieldMetadata].(map[string]any)
	if !isMap {
		return
	}
	merged := map[string]any{}
	for key, text := range before {
		merged[key] = text
	}
	for key, value := range given {
		if merged[key] = value; value == nil {
			delete(merged, key)
		}
	}
	d.Raw[fieldMetadata] = merged
}

// userChange changes the entry that start makes of the stored one, nil if there
// is none, as the request says, or says what is wrong and stores nothing.
func (b *backend) userChange(ctx context.Context, req *logical.Request, d *framework.FieldData, start func(before *users.User) (*users.User, error)) (*logical.Response, error) {
	resetNulls(d)
	settings, err := b.hashSettings(ctx, storageOf(req))
	if err != nil {
		return nil, err
	}
	hash, given, err := b.givenPassword(ctx, settings, d)
	if invalid := (*fieldError)(nil); errors.As(err, &invalid) {
		return logical.ErrorResponse(invalid.Error()), nil
	}
	if err != nil {
		return nil, err
	}
	b.references.RLock() // neither profiles and sources are deleted meanwhile, nor is the name another's
	defer b.references.RUnlock()
	rules, err := b.rules(ctx, storageOf(req))
	if err != nil {
		return nil, err
	}
	name := rules.Canonical(d.Get(fieldName).(string))
	var stored *users.User
	resp, err := b.changeUser(name, func() (*logical.Response, error) {
		before, err := users.Load(ctx, storageOf(req), name)
		if err != nil {
			return nil, err
		}
		user, err := start(before)
		if err != nil {
			return nil, err
		}
		if given {
			user.PasswordHash = hash
		}
		if err := username.CheckNew(d.Get(fieldName).(string), name); err != nil {
			return logical.ErrorResponse("%s", &fieldError{fieldName, err}), nil
		}
		err = b.register(ctx, storageOf(req), rules, name, func() error { return b.storeUser(ctx, storageOf(req), d, name, before, user) })
		var invalid *fieldError
		var taken *username.TakenError
		switch {
		case errors.As(err, &invalid):
			return logical.ErrorResponse(invalid.Error()), nil
		case errors.As(err, &taken):
			return nil, conflict(taken)
		case err != nil:
			return nil, err
		}
		stored = user
		return userWritten(d, user, given), nil
	})
	if stored == nil || err != nil {
		return resp, err
	}
	return b.warnOfTestUserBar(ctx, storageOf(req), name, stored, resp), nil
}

// userWritten answers a write, with a warning if a password is given that nothing
// asks for, or one is needed.
func userWritten(d *framework.FieldData, user *users.User, given bool) *logical.Response {
	_, source := d.GetOk(fieldExtauth)
	warning := ""
	switch {
	case given && user.PasswordHash != "" && user.Source != 0:
		warning = "the password is not used: extauth names a source"
	case source && user.Local && user.PasswordHash == "":
		warning = "nobody can log in as this user: extauth is local, and there is no password"
	default:
		return writeResponse(d)
	}
	response := &logical.Response{}
	response.AddWarning(warning)
	return response
}

// storeUser changes the user as the request says and stores it, with references held. before is what is
// stored; nil means that the user is new. After a fieldError nothing is stored.
func (b *backend) storeUser(ctx context.Context, storage kv.Storage, d *framework.FieldData, name string, before, user *users.User) error {
	if err := applyUser(user, d); err != nil {
		return err
	}
	if validate.ContainsRoot(user.Policies) {
		return &fieldError{"", errors.New(validate.RootPolicyText)} // as the built-in method says it
	}
	if err := assignReferences(ctx, storage, user, name, d); err != nil {
		return err
	}
	return users.SaveReferenced(ctx, storage, name, before, user)
}

// refer gives the user the profiles and the source that the request names.
func assignReferences(ctx context.Context, storage kv.Storage, u *users.User, name string, d *framework.FieldData) error {
	if shortNames, given := d.GetOk(fieldProfiles); given {
		ids, err := catalog.Resolve(ctx, storage, shortNames.([]string))
		if unknown := (*catalog.UnknownError)(nil); errors.As(err, &unknown) {
			return &fieldError{fieldProfiles, unknown}
		}
		if err != nil {
			return err
		}
		u.Profiles = ids
	}
	sourceName, given := d.GetOk(fieldExtauth)
	if !given {
		return nil
	}
	u.Source, u.Local = 0, sourceName == source.Local
	if u.Local || sourceName == "" {
		return nil
	}
	entry, err := source.FindNamed(ctx, storage, sourceName.(string))
	if errors.Is(err, source.ErrNotFound) {
		return &fieldError{fieldExtauth, fmt.Errorf("there is no source with the name %.80q under extauth/", sourceName)}
	}
	if err != nil {
		return err
	}
	if _, realm := username.Split(name); len(entry.Realms) > 0 && !entry.HasRealm(realm) {
		return &fieldError{fieldExtauth, fmt.Errorf("the source %s has realms and checks their people only: register %s@%s", entry.Name, name, entry.Realms[0])}
	}
	u.Source = entry.ID
	return nil
}

func (b *backend) userDelete(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	b.references.RLock()
	defer b.references.RUnlock()
	name, _, err := b.storedUser(ctx, req, d)
	if err != nil {
		return nil, err
	}
	return b.changeUser(name, func() (*logical.Response, error) {
		before, err := loadListed(ctx, storageOf(req), name)
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

const userHelpSynopsis = `
Register people and give them policies.
`

const userHelpDescription = `
A user entry gives a name policies. The name is the one typed at login, in the
form that the config and the realms of sources make of it. Another spelling of a
registered name is refused, here (409) and at login. The RADIUS server checks the
password, unless "extauth" names another source, or is "local": then the entry
has the password, as a hash.

    $ vault write auth/radius/users/alice policies=dev,staging
    $ vault read auth/radius/users/alice
    $ vault list auth/radius/users

Deleting an entry does not end the tokens that the user has. To end logins and
renewals, disable the user (with "write", if the user is not registered; it
empties the policies of one who is):

    $ vault patch auth/radius/users/alice enabled=false

To end the user's tokens at once, batch tokens too, disable the entity:

    $ accessor=$(vault read -field=accessor sys/auth/radius)
    $ id=$(vault write -field=id identity/lookup/entity alias_name=alice \
        alias_mount_accessor=$accessor)
    $ vault write identity/entity/id/$id disabled=true

Revoking leases by a prefix with the user's name misses tokens of logins that
gave the name in the body.

A name that is not registered can still log in, with the policies of the
config's "unregistered_user_policies", unless the config has "registered_only".

Reading and deleting take a stored name byte for byte: so they reach users who
were stored by other rules ("hidden_users" and "twin_users" of "status").
`

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

// changeUser is [userCache.change] for a request.
func (b *backend) changeUser(name string, do func() (*logical.Response, error)) (resp *logical.Response, err error) {
	err = b.users.Change(name, func() error {
		resp, err = do()
		return err
	})
	return resp, err
}
