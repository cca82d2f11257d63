package radiusauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/helper/policyutil"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/radclient"
)

const (
	fieldName     = "name"
	fieldPolicies = "policies"
	fieldProfiles = "profiles"
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
		Fields: map[string]*framework.FieldSchema{
			fieldName: {
				Type:        framework.TypeString,
				Description: "Name of the user, as it is typed at login. Upper and lower case differ, unless the config says case_insensitive_usernames.",
			},
			fieldPolicies: {
				Type:         framework.TypeCommaStringSlice,
				Description:  "Policies of the user's tokens, as a list or separated by commas. Empty: only the config's token_policies and \"default\".",
				DisplayAttrs: &framework.DisplayAttributes{Description: "A list of policies of the user's tokens."},
			},
			fieldProfiles: {
				Type:        framework.TypeCommaStringSlice,
				Description: "Short names of the AAA profiles that decide about the user's logins, in order; one at least has to match. Empty: the config's default_profiles.",
			},
		},
		ExistenceCheck: b.userExists,
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation: &framework.PathOperation{
				Callback: b.userRead,
				Summary:  "Read a user.",
				Responses: dataResponses(map[string]*framework.FieldSchema{
					fieldPolicies: {Type: framework.TypeStringSlice, Description: "Policies of the user's tokens.", Required: true},
					fieldProfiles: {Type: framework.TypeStringSlice, Description: "Short names of the user's AAA profiles.", Required: true},
				}),
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

// userName gives the canonical form of the name in the path.
func (b *backend) userName(ctx context.Context, req *logical.Request, d *framework.FieldData) (string, error) {
	return b.canonicalName(ctx, req.Storage, d.Get(fieldName).(string))
}

func (b *backend) userExists(ctx context.Context, req *logical.Request, d *framework.FieldData) (bool, error) {
	name, err := b.userName(ctx, req, d)
	if err != nil {
		return false, err
	}
	user, err := loadUser(ctx, req.Storage, name)
	return user != nil, err
}

func (b *backend) userRead(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	name, err := b.userName(ctx, req, d)
	if err != nil {
		return nil, err
	}
	user, err := loadUser(ctx, req.Storage, name)
	if user == nil || err != nil {
		return nil, err
	}
	data, err := b.userData(ctx, req.Storage, user)
	if err != nil {
		return nil, err
	}
	return &logical.Response{Data: data}, nil
}

// userData is the user as a read shows it.
func (b *backend) userData(ctx context.Context, storage logical.Storage, user *userEntry) (map[string]any, error) {
	profiles, err := b.profiles.shortNames(ctx, storage, user.Profiles)
	if err != nil {
		return nil, err
	}
	return map[string]any{fieldPolicies: user.Policies, fieldProfiles: profiles}, nil
}

func (b *backend) userWrite(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	name, err := b.userName(ctx, req, d)
	if err != nil {
		return nil, err
	}
	return b.users.change(name, func() (*logical.Response, error) {
		before, err := loadUser(ctx, req.Storage, name)
		if err != nil {
			return nil, err
		}
		user := before.clone()
		if user == nil {
			user = &userEntry{}
		}
		user.Policies = policyutil.ParsePolicies(d.Get(fieldPolicies))
		return b.storeUser(ctx, req, d, name, before, user)
	})
}

func (b *backend) userPatch(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	name, err := b.userName(ctx, req, d)
	if err != nil {
		return nil, err
	}
	return b.users.change(name, func() (*logical.Response, error) {
		resetNulls(d)
		before, err := loadUser(ctx, req.Storage, name)
		if err != nil {
			return nil, err
		}
		if before == nil {
			return nil, logical.CodedError(http.StatusNotFound, fmt.Sprintf("user %q does not exist", name))
		}
		user := before.clone()
		if policies, ok := d.GetOk(fieldPolicies); ok {
			user.Policies = policyutil.ParsePolicies(policies)
		}
		return b.storeUser(ctx, req, d, name, before, user)
	})
}

// storeUser stores the user, or says what is wrong and stores nothing. before is
// what is stored; nil means that the user is new.
func (b *backend) storeUser(ctx context.Context, req *logical.Request, d *framework.FieldData, name string, before, user *userEntry) (*logical.Response, error) {
	if err := radclient.CheckUsername(name); err != nil {
		return logical.ErrorResponse("%s: %s", fieldName, err), nil
	}
	if !storable(name) {
		return logical.ErrorResponse("%s: Vault cannot store a name with two dots in a row", fieldName), nil
	}
	if containsRoot(user.Policies) {
		return logical.ErrorResponse(rootPolicyText), nil
	}
	err := b.giveProfiles(ctx, req.Storage, d, name, before, user)
	if unknown := (*unknownProfileError)(nil); errors.As(err, &unknown) {
		return logical.ErrorResponse("%s: %s", fieldProfiles, unknown), nil
	}
	if err != nil {
		return nil, err
	}
	return written(d), nil
}

// giveProfiles stores a user with the profiles that the request gives. The index
// of who has a profile is written before the user, and cleared after: in between
// it may name somebody who has it not, never miss somebody who has.
func (b *backend) giveProfiles(ctx context.Context, storage logical.Storage, d *framework.FieldData, name string, before, user *userEntry) error {
	b.profiles.mu.Lock() // no profile is deleted meanwhile
	defer b.profiles.mu.Unlock()
	if shortNames, given := d.GetOk(fieldProfiles); given {
		ids, err := resolveProfiles(ctx, storage, shortNames.([]string))
		if err != nil {
			return err
		}
		user.Profiles = ids
	}
	for _, id := range user.Profiles {
		if before == nil || !slices.Contains(before.Profiles, id) {
			if err := saveJSON(ctx, storage, profileUserKey(id, name), "the index of profiles", true); err != nil {
				return err
			}
		}
	}
	if err := saveUser(ctx, storage, name, user); err != nil {
		return err
	}
	return takeProfiles(ctx, storage, name, before, user)
}

// takeProfiles clears the index of profiles that the user has no more; after nil
// he has none.
func takeProfiles(ctx context.Context, storage logical.Storage, name string, before, after *userEntry) error {
	if before == nil {
		return nil
	}
	for _, id := range before.Profiles {
		if after == nil || !slices.Contains(after.Profiles, id) {
			if err := deleteIndex(ctx, storage, profileUserKey(id, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *backend) userDelete(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	name, err := b.userName(ctx, req, d)
	if err != nil {
		return nil, err
	}
	return b.users.change(name, func() (*logical.Response, error) {
		if !storable(name) {
			return nil, nil // there is none
		}
		before, err := loadUser(ctx, req.Storage, name)
		if err != nil {
			return nil, err
		}
		if err := req.Storage.Delete(ctx, userKey(name)); err != nil {
			return nil, fmt.Errorf("deleting %s: %w", userLabel(name), err)
		}
		return nil, takeProfiles(ctx, req.Storage, name, before, nil)
	})
}

const userHelpSynopsis = `
Register people and give them policies.
`

const userHelpDescription = `
A user entry gives a name policies. The RADIUS server checks the password; the
entry holds none. The name is the one typed at login.

    $ vault write auth/radius/users/alice policies=dev,staging
    $ vault read auth/radius/users/alice
    $ vault list auth/radius/users

Deleting an entry does not revoke the tokens that the user has. To revoke them:

    $ vault lease revoke -prefix auth/radius/login/alice

A name that is not registered can still log in, with the policies of the
config's "unregistered_user_policies".
`
