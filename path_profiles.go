package radiusauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/catalog"
	"vault-plugin-auth-radius/internal/kv"
)

// The size of a page of profiles.
const (
	defaultProfilesLimit = 20
	maxProfilesLimit     = 100
)

// maxDescribedProfiles is how many profiles a list describes: each costs two reads of storage.
const maxDescribedProfiles = 1000

func (b *backend) pathProfiles() *framework.Path {
	fields := profileFields()
	fields[fieldLimit] = &framework.FieldSchema{
		Type:        framework.TypeInt,
		Query:       true,
		Default:     defaultProfilesLimit,
		Description: "How many profiles a page has, 1 to 100. LIST: at most so many names, all by default.",
	}
	fields[fieldAfter] = &framework.FieldSchema{
		Type:        framework.TypeString,
		Query:       true,
		Description: "LIST only short names that sort after this one: the last of the page before.",
	}
	fields[fieldOffset] = &framework.FieldSchema{
		Type:        framework.TypeInt,
		Query:       true,
		Description: "How many profiles come before the page.",
	}
	return &framework.Path{
		Pattern: "profiles/?$",
		DisplayAttrs: &framework.DisplayAttributes{
			OperationPrefix: operationPrefix,
			OperationSuffix: "profiles",
			Navigation:      true,
			ItemType:        "Profile",
		},
		Fields: fields,
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.UpdateOperation: &framework.PathOperation{
				Callback:     b.profileCreate,
				Summary:      "Create an AAA profile.",
				DisplayAttrs: &framework.DisplayAttributes{OperationVerb: "create", OperationSuffix: "profile"},
				Responses: map[int][]framework.Response{
					http.StatusCreated: {{Description: "Created", Fields: profileResponseFields()}},
				},
			},
			logical.ReadOperation: &framework.PathOperation{
				Callback:     b.profilesPage,
				Summary:      "Read a page of AAA profiles, in the order of their ids.",
				DisplayAttrs: &framework.DisplayAttributes{OperationVerb: "page", OperationSuffix: "profiles"},
				Responses: dataResponses(map[string]*framework.FieldSchema{
					fieldCount: {
						Type:        framework.TypeInt,
						Description: "How many profiles there are.",
						Required:    true,
					},
					fieldNext: {
						Type:        framework.TypeString,
						Description: "Path of the next page, relative to the mount; null after the last.",
					},
					fieldPrev: {
						Type:        framework.TypeString,
						Description: "Path of the page before, relative to the mount; null before the first.",
					},
					fieldResults: {
						Type:        framework.TypeSlice,
						Description: "The profiles.",
						Required:    true,
					},
				}),
			},
			logical.ListOperation: &framework.PathOperation{
				Callback:     b.profilesList,
				Summary:      "List the short names of AAA profiles.",
				DisplayAttrs: &framework.DisplayAttributes{OperationVerb: "list", OperationSuffix: "profiles"},
				Responses: dataResponses(map[string]*framework.FieldSchema{
					"keys": {
						Type:        framework.TypeStringSlice,
						Description: "Short names, sorted.",
					},
					"key_info": {
						Type: framework.TypeMap,
						Description: "Each profile's id, name, description and whether it is enabled; " +
							"warnings, if an earlier version has stored items that have no effect. Of more than 1000 names none: set a limit.",
					},
				}),
			},
		},
		HelpSynopsis:    "Create and list AAA profiles.",
		HelpDescription: profilesHelpDescription,
	}
}

func (b *backend) profileCreate(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	resetNulls(d)
	entry := catalog.NewProfile()
	applyProfile(entry, d)
	b.references.Lock()
	defer b.references.Unlock()
	return b.profileStore(ctx, req, nil, entry, http.StatusCreated)
}

// profileStore stores a profile that is new or changed; with problems it answers with them and
// stores nothing. It runs alone.
func (b *backend) profileStore(
	ctx context.Context, req *logical.Request, before, entry *catalog.Profile, status int,
) (*logical.Response, error) {
	d, err := b.dictionaries.Get(ctx, storageOf(req))
	if err != nil {
		return nil, err
	}
	if problems := profileProblems(entry, d, before); len(problems) > 0 {
		return logical.ErrorResponse(strings.Join(problems, "; ")), nil
	}
	if before == nil {
		// Whether the short name is free is checked first: an id that was taken is never used
		// again.
		if other, err := catalog.FindNamed(ctx, storageOf(req), entry.ShortName); err == nil {
			return nil, conflict(&catalog.ShortNameTakenError{ShortName: entry.ShortName, ID: other.ID})
		} else if !errors.Is(err, catalog.ErrNotFound) {
			return nil, err
		}
		if entry.ID, err = kv.NextID(ctx, storageOf(req), catalog.SequenceKey, "profiles"); err != nil {
			return nil, err
		}
	}
	entry.Revision++
	err = catalog.Save(ctx, storageOf(req), before, entry)
	if taken := (*catalog.ShortNameTakenError)(nil); errors.As(err, &taken) {
		return nil, conflict(taken)
	}
	if err != nil {
		return nil, err
	}
	response := &logical.Response{Data: profileData(entry, req.MountAccessor)}
	if status == http.StatusOK {
		return response, nil
	}
	return logical.RespondWithStatusCode(response, req, status)
}

func (b *backend) profilesPage(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	limit, offset := d.Get(fieldLimit).(int), d.Get(fieldOffset).(int)
	if limit < 1 {
		limit = defaultProfilesLimit
	}
	ids, err := catalog.IDs(ctx, storageOf(req))
	if err != nil {
		return nil, err
	}
	limit, offset = min(limit, maxProfilesLimit), min(max(0, offset), len(ids))
	results := []any{}
	for _, id := range ids[offset:min(offset+limit, len(ids))] {
		entry, err := catalog.Load(ctx, storageOf(req), id)
		if err != nil {
			return nil, err
		}
		if entry != nil { // not deleted meanwhile
			results = append(results, profileData(entry, req.MountAccessor))
		}
	}
	return &logical.Response{Data: map[string]any{
		fieldCount:   len(ids),
		fieldNext:    pageLink(offset+limit < len(ids), limit, offset+limit),
		fieldPrev:    pageLink(offset > 0, limit, max(0, offset-limit)),
		fieldResults: results,
	}}, nil
}

// pageLink returns the path of another page, nil if there is none.
func pageLink(exists bool, limit, offset int) any {
	if !exists {
		return nil
	}
	return fmt.Sprintf("profiles?limit=%d&offset=%d", limit, offset)
}

// profilesList answers with the short names of a page, of which it reads the profiles: not all that there are.
func (b *backend) profilesList(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	names, err := catalog.ShortNames(ctx, storageOf(req))
	if err != nil {
		return nil, err
	}
	rest, refusal := listedPage(names, d)
	if refusal != nil {
		return refusal, nil
	}
	size := len(rest)
	if size > maxDescribedProfiles {
		response := logical.ListResponse(rest)
		response.AddWarning(fmt.Sprintf("these are %d names without key_info, which pages of up to %d have: "+
			"give `limit` and `after`", size, maxDescribedProfiles))
		return response, nil
	}
	if size > 0 { // what follows takes the place of a name that no profile has any more
		rest = page(names, d.Get(fieldAfter).(string), 0)
	}
	listed, info := make([]string, 0, size), make(map[string]any, size)
	for _, name := range rest {
		if len(listed) == size {
			break
		}
		profile, err := b.profiles.Named(ctx, storageOf(req), name)
		if err != nil {
			return nil, err
		}
		if profile != nil {
			listed, info[name] = append(listed, name), profileInfo(profile)
		}
	}
	return logical.ListResponseWithInfo(listed, info), nil
}

// profileInfo returns what a list tells of a profile.
func profileInfo(profile *catalog.Compiled) map[string]any {
	entry := profile.Entry
	info := map[string]any{
		fieldProfileID:   entry.ID,
		fieldName:        entry.Name,
		fieldDescription: entry.Description,
		fieldEnabled:     entry.Enabled,
	}
	if warnings := profile.Warnings(); len(warnings) > 0 {
		info["warnings"] = warnings
	}
	return info
}

const profilesHelpDescription = `
An AAA profile says, in RADIUS attributes, which logins it accepts and what they get:

    $ vault write auth/radius/profiles - <<END
    {"name": "VPN administrators", "short_name": "vpn-admins",
     "check_attribute": [{"attribute": "reply:Filter-Id", "op": "==", "value": "admins"}],
     "reply_attribute": [{"attribute": "Session-Timeout", "op": ":=", "value": "3600"}],
     "policies": ["admin"]}
    END

Assign it to users (users/alice profiles=vpn-admins) or to all that have none
(config default_profiles=vpn-admins). A login is refused if the user has profiles
and none matches. profiles/vpn-admins/test shows what a profile would decide.
`
