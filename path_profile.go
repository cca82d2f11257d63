package radiusauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/catalog"
	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/users"
)

func (b *backend) pathProfile() *framework.Path {
	fields := profileFields()
	fields[fieldProfileID] = &framework.FieldSchema{
		Type:        framework.TypeString,
		Description: "Number or short name of the profile.",
	}
	responses := dataResponses(profileResponseFields())
	replaced := dataResponses(profileResponseFields())
	replaced[http.StatusCreated] = []framework.Response{{Description: "Created", Fields: profileResponseFields()}}
	return &framework.Path{
		Pattern: `profiles/(?P<id>[^/]+)`,
		DisplayAttrs: &framework.DisplayAttributes{
			OperationPrefix: operationPrefix,
			OperationSuffix: "profile",
			ItemType:        "Profile",
		},
		Fields: fields,
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation: &framework.PathOperation{
				Callback:  b.profileRead,
				Summary:   "Read an AAA profile.",
				Responses: responses,
			},
			logical.UpdateOperation: &framework.PathOperation{
				Callback:  b.profileReplace,
				Summary:   "Replace an AAA profile: fields that are not given have their defaults. An unknown short name creates a profile.",
				Responses: replaced,
			},
			logical.PatchOperation: &framework.PathOperation{
				Callback:  b.profilePatch,
				Summary:   "Change the given fields of an AAA profile with a JSON merge patch. A list that is given replaces the old one.",
				Responses: responses,
			},
			logical.DeleteOperation: &framework.PathOperation{
				Callback:  b.profileDelete,
				Summary:   "Delete an AAA profile that no user has.",
				Responses: writtenResponses(),
			},
		},
		HelpSynopsis:    "Read, change and delete an AAA profile.",
		HelpDescription: profilesHelpDescription,
	}
}

// changeProfile runs a change of the profile that the path names, alone. The argument of do is
// nil if there is none.
func (b *backend) changeProfile(
	ctx context.Context, req *logical.Request, d *framework.FieldData, do func(*catalog.Profile) (*logical.Response, error),
) (*logical.Response, error) {
	reference := d.Get(fieldProfileID).(string)
	b.references.Lock()
	defer b.references.Unlock()
	entry, err := catalog.Find(ctx, storageOf(req), reference)
	switch {
	case errors.Is(err, catalog.ErrNotFound):
		return do(nil)
	case err != nil:
		return nil, err
	}
	defer b.profiles.Forget(entry.ID)
	return do(entry)
}

func (b *backend) profileRead(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	entry, err := catalog.Find(ctx, storageOf(req), d.Get(fieldProfileID).(string))
	switch {
	case errors.Is(err, catalog.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	}
	response := &logical.Response{Data: profileData(entry, req.MountAccessor)}
	compiled, err := b.profiles.Get(ctx, storageOf(req), []int64{entry.ID})
	if err != nil {
		return nil, err
	}
	for _, each := range compiled {
		response.Warnings = each.Warnings()
	}
	return response, nil
}

func (b *backend) profileReplace(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	resetNulls(d)
	return b.changeProfile(ctx, req, d, func(before *catalog.Profile) (*logical.Response, error) {
		reference := d.Get(fieldProfileID).(string)
		entry := catalog.NewProfile()
		status := http.StatusOK
		if before != nil {
			entry.ID, entry.Revision = before.ID, before.Revision
		} else {
			if kv.IsWholeNumber(reference) {
				return nil, noProfile(reference)
			}
			entry.ShortName, status = reference, http.StatusCreated
		}
		applyProfile(entry, d)
		if before == nil && entry.ShortName != reference {
			return logical.ErrorResponse("short_name %.80q differs from %.80q, which the path creates: leave it out",
				entry.ShortName, reference), nil
		}
		if before != nil && entry.ShortName == "" && before.ShortName == reference {
			entry.ShortName = reference
		}
		return b.profileStore(ctx, req, before, entry, status)
	})
}

func (b *backend) profilePatch(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	resetNulls(d)
	return b.changeProfile(ctx, req, d, func(before *catalog.Profile) (*logical.Response, error) {
		if before == nil {
			return nil, noProfile(d.Get(fieldProfileID).(string))
		}
		entry := before.Clone()
		applyProfile(entry, d)
		return b.profileStore(ctx, req, before, entry, http.StatusOK)
	})
}

func (b *backend) profileDelete(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	return b.changeProfile(ctx, req, d, func(entry *catalog.Profile) (*logical.Response, error) {
		if entry == nil {
			return nil, noProfile(d.Get(fieldProfileID).(string))
		}
		config, err := loadConfig(ctx, storageOf(req))
		if err != nil {
			return nil, err
		}
		if config != nil && slices.Contains(config.DefaultProfiles, entry.ID) {
			return nil, conflict(fmt.Errorf("profile %q is in use by the config's default_profiles", entry.ShortName))
		}
		names, count, err := users.Holders(ctx, storageOf(req), users.ProfileUsersKey(entry.ID))
		switch {
		case err != nil:
			return nil, err
		case count > 0:
			return nil, conflict(users.InUse(fmt.Sprintf("profile %q", entry.ShortName), names, count))
		}
		return nil, catalog.Delete(ctx, storageOf(req), entry)
	})
}

// noProfile returns the error 404.
func noProfile(reference string) error {
	return notFound("profile", reference)
}
