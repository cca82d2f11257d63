package radiusauth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/catalog"
	"vault-plugin-auth-radius/internal/profile"
)

// maxMetadataAttributes is how many attributes may become metadata.
const maxMetadataAttributes = 16

// reservedMetadata are the keys of metadata that are the method's own.
var reservedMetadata = []string{"username", "policies", "profiles", "extauth"}

// applyAttributes takes the given fields over that are about attributes and
// profiles, and lists what is wrong with them. It runs with changes of profiles
// held up.
func (b *backend) applyAttributes(ctx context.Context, req *logical.Request, d *framework.FieldData, config *configEntry) ([]string, error) {
	var problems []string
	unread := false // request_attributes are not as they were given
	if shortNames, given := d.GetOk(fieldDefaultProfiles); given {
		ids, err := catalog.Resolve(ctx, storageOf(req), shortNames.([]string))
		if unknown := (*catalog.UnknownError)(nil); errors.As(err, &unknown) {
			problems = append(problems, fmt.Sprintf("config parameter `%s`: %s", fieldDefaultProfiles, unknown))
		} else if err != nil {
			return nil, err
		}
		config.DefaultProfiles = ids
	}
	if values, given := d.GetOk(fieldRequestAttributes); given {
		items, wrong := readRequestAttributes(values.([]any))
		problems = append(problems, wrong...)
		config.RequestAttributes, unread = items, len(wrong) > 0
	}
	set(d, fieldGroupAttributes, &config.GroupAttributes)
	set(d, fieldMetadataAttributes, &config.MetadataAttributes)
	set(d, fieldSessionTimeoutAsTTL, &config.SessionTimeoutAsTTL)

	known, err := b.dictionaries.Get(ctx, storageOf(req))
	if err != nil {
		return nil, err
	}
	if _, err := config.RequestProfile(known, profile.Compile); err != nil && !unread {
		problems = append(problems, "config parameter "+err.Error())
	}
	unfit := append(known.CheckReadable(fieldGroupAttributes, config.GroupAttributes), known.CheckReadable(fieldMetadataAttributes, config.MetadataAttributes)...)
	for _, problem := range unfit {
		problems = append(problems, "config parameter "+problem)
	}
	for _, name := range config.MetadataAttributes {
		if slices.ContainsFunc(reservedMetadata, func(own string) bool { return strings.EqualFold(own, name) }) {
			problems = append(problems, fmt.Sprintf("config parameter `%s`: %q is the name of metadata that every token has", fieldMetadataAttributes, name))
		}
	}
	if len(config.MetadataAttributes) > maxMetadataAttributes {
		problems = append(problems, fmt.Sprintf("config parameter `%s` has %d attributes; give %d at most", fieldMetadataAttributes, len(config.MetadataAttributes), maxMetadataAttributes))
	}
	return problems, nil
}

// readRequestAttributes reads a list of {attribute, value}.
func readRequestAttributes(values []any) ([]profile.Item, []string) {
	items, problems := readItems(fieldRequestAttributes, values, nil)
	for i := range items {
		if items[i].Operator != "" {
			problems = append(problems, fmt.Sprintf("%s[%d].op has no meaning here: leave it out", fieldRequestAttributes, i))
		}
		items[i].Operator = "+="
	}
	return items, problems
}

// requestAttributesData are request_attributes as a read shows them.
func requestAttributesData(items []profile.Item) []any {
	data := make([]any, 0, len(items))
	for _, item := range items {
		data = append(data, map[string]any{"attribute": item.Attribute, "value": item.Value})
	}
	return data
}
