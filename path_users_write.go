package radiusauth

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/catalog"
	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/source"
	"vault-plugin-auth-radius/internal/username"
	"vault-plugin-auth-radius/internal/users"
	"vault-plugin-auth-radius/internal/validate"
)

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

// mergeMetadata applies a patch of metadata as a JSON merge patch: null removes a key, and
// keys that are not given stay (RFC 7396).
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

// userChange changes the entry that start makes of the stored one, nil if there is none, as
// the request says; with a problem it answers with that and stores nothing.
func (b *backend) userChange(
	ctx context.Context, req *logical.Request, d *framework.FieldData, start func(before *users.User) (*users.User, error),
) (*logical.Response, error) {
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
		err = b.register(ctx, storageOf(req), rules, name, func() error {
			return b.storeUser(ctx, storageOf(req), d, name, before, user)
		})
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

// userWritten returns the answer to a write, with a warning if a password has no use, or is
// missing.
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

// storeUser changes the user as the request says and stores it, with references held. before
// is the stored user; nil means that the user is new. After a fieldError nothing is stored.
func (b *backend) storeUser(
	ctx context.Context, storage kv.Storage, d *framework.FieldData, name string, before, user *users.User,
) error {
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

// assignReferences sets the profiles and the source that the request names.
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
		return &fieldError{fieldExtauth, fmt.Errorf("the source %s has realms and checks their users only: register %s@%s",
			entry.Name, name, entry.Realms[0])}
	}
	u.Source = entry.ID
	return nil
}
