package radiusauth

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/helper/policyutil"

	"vault-plugin-auth-radius/internal/catalog"
	"vault-plugin-auth-radius/internal/dictionary"
	"vault-plugin-auth-radius/internal/profile"
	"vault-plugin-auth-radius/internal/validate"
)

// profileFields returns the schema of a profile: the only description of its fields.
func profileFields() map[string]*framework.FieldSchema {
	return map[string]*framework.FieldSchema{
		fieldName: {
			Type:        framework.TypeString,
			Description: "Name for display, 1 to 128 characters. Required.",
		},
		fieldShortName: {
			Type:        framework.TypeString,
			Description: "Unique name: 1 to 63 of a-z, 0-9, - and _, starting with one of the first two, not a number. Required.",
		},
		fieldDescription: {
			Type:        framework.TypeString,
			Description: "What the profile is for, at most 1024 characters.",
		},
		fieldOrganizationID: {
			Type:        framework.TypeString,
			Description: "The mount's accessor. Ignored in requests.",
		},
		fieldCheckAttribute: {
			Type:    framework.TypeSlice,
			Default: []any{},
			Description: "What has to hold: a list of {attribute, op, value}, or JSON text of it. " +
				"All of them must; without any, every user matches.",
		},
		fieldReplyAttribute: {
			Type:    framework.TypeSlice,
			Default: []any{},
			Description: "What is replied if the profile matches: a list of {attribute, op, value} " +
				"with the operators =, := and +=, or JSON text of it.",
		},
		fieldPolicies: {
			Type:        framework.TypeCommaStringSlice,
			Description: "Policies of the tokens of users that match, beside their own.",
		},
		fieldEnabled: {
			Type:        framework.TypeBool,
			Default:     true,
			Description: "If false, the profile matches no user.",
		},
	}
}

// profileResponseFields returns the schema of a profile in a response.
func profileResponseFields() map[string]*framework.FieldSchema {
	fields := profileFields()
	fields[fieldProfileID] = &framework.FieldSchema{
		Type:        framework.TypeInt64,
		Description: "Number of the profile. It is never used again.",
	}
	for _, schema := range fields {
		schema.Required = true
	}
	return fields
}

// applyProfile takes the given fields over. Items that cannot be read become problems of the
// profile, which profileProblems returns.
func applyProfile(p *catalog.Profile, d *framework.FieldData) {
	set(d, fieldName, &p.Name)
	set(d, fieldShortName, &p.ShortName)
	set(d, fieldDescription, &p.Description)
	set(d, fieldEnabled, &p.Enabled)
	if policies, ok := d.GetOk(fieldPolicies); ok {
		p.Policies = policyutil.ParsePolicies(policies)
	}
	if items, ok := d.GetOk(fieldCheckAttribute); ok {
		p.Check, p.Unread = readItems(fieldCheckAttribute, items.([]any), p.Unread)
	}
	if items, ok := d.GetOk(fieldReplyAttribute); ok {
		p.Reply, p.Unread = readItems(fieldReplyAttribute, items.([]any), p.Unread)
	}
}

// maxUnread is the number of problems after which reading items ends.
const maxUnread = 100

// readItems returns the items of a list, and the problems with those that cannot be read added.
func readItems(field string, values []any, problems []string) ([]profile.Item, []string) {
	if len(values) > profile.MaxItems {
		return nil, append(problems, fmt.Sprintf("%s has %d items, and %d are the most", field, len(values), profile.MaxItems))
	}
	items := make([]profile.Item, 0, len(values))
	for i, value := range values {
		if len(problems) > maxUnread {
			break // more would not be read
		}
		var item profile.Item
		object, ok := value.(map[string]any)
		if !ok {
			problems = append(problems, fmt.Sprintf("%s[%d] is not an object with attribute, op and value", field, i))
			items = append(items, item)
			continue
		}
		for key, part := range object {
			text, isText := part.(string)
			switch {
			case key != "attribute" && key != "op" && key != "value":
				problems = append(problems, fmt.Sprintf("%s[%d].%.64s is not known: give attribute, op and value", field, i, key))
			case key == "value" && !isText:
				if item.Value, isText = numberText(part); !isText {
					problems = append(problems, fmt.Sprintf("%s[%d].value is neither a text nor a whole number", field, i))
				}
			case !isText:
				problems = append(problems, fmt.Sprintf("%s[%d].%s is not a text", field, i, key))
			case key == "attribute":
				item.Attribute = text
			case key == "op":
				item.Operator = text
			default:
				item.Value = text
			}
		}
		items = append(items, item)
	}
	return items, problems
}

// maxExact is the largest number up to which floating point, which JSON's numbers
// are on their way here, has all whole ones.
const maxExact = 1 << 53

// numberText returns the text of a whole number: in JSON a value may be a number.
func numberText(value any) (string, bool) {
	switch value := value.(type) {
	case json.Number:
		_, err := value.Int64()
		return value.String(), err == nil
	case float64:
		return strconv.FormatFloat(value, 'f', -1, 64), value == math.Trunc(value) && math.Abs(value) <= maxExact
	}
	return "", false
}

// profileProblems returns what is wrong with the profile, each text naming its field. before
// is the stored profile; nil: none.
func profileProblems(p *catalog.Profile, d *dictionary.Dictionary, before *catalog.Profile) []string {
	var found []string
	checks := []struct {
		bad    bool
		advice string
	}{
		{strings.TrimSpace(p.Name) == "", "name cannot be empty"},
		{utf8.RuneCountInString(p.Name) > 128, "name is longer than 128 characters"},
		{!catalog.IsShortName(p.ShortName), fmt.Sprintf("short_name %.80q is not 1 to %d of a-z, 0-9, - and _ "+
			"that start with a letter or digit and are not a number", p.ShortName, catalog.MaxShortName)},
		{utf8.RuneCountInString(p.Description) > 1024, "description is longer than 1024 characters"},
		{validate.ContainsRoot(p.Policies), validate.RootPolicyText},
	}
	for _, check := range checks {
		if check.bad {
			found = append(found, check.advice)
		}
	}
	if len(p.Unread) > 0 {
		return append(found, p.Unread...) // the items are not as they were given
	}
	if !p.Enabled && p.HasItemsOf(before) {
		return found // to disable a profile is never in vain
	}
	if _, err := profile.Compile(d, profile.Definition{Check: p.Check, Reply: p.Reply}); err != nil {
		found = append(found, err.Error())
	}
	return found
}

// profileData returns the profile as a read shows it.
func profileData(p *catalog.Profile, mountAccessor string) map[string]any {
	return map[string]any{
		fieldProfileID:      p.ID,
		fieldName:           p.Name,
		fieldShortName:      p.ShortName,
		fieldDescription:    p.Description,
		fieldOrganizationID: mountAccessor,
		fieldCheckAttribute: itemsData(p.Check),
		fieldReplyAttribute: itemsData(p.Reply),
		fieldPolicies:       p.Policies,
		fieldEnabled:        p.Enabled,
	}
}

func itemsData(items []profile.Item) []any {
	data := make([]any, 0, len(items))
	for _, item := range items {
		data = append(data, map[string]any{"attribute": item.Attribute, "op": item.Operator, "value": item.Value})
	}
	return data
}
