package radiusauth

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/catalog"
	"vault-plugin-auth-radius/internal/dictionary"
	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/login"
	"vault-plugin-auth-radius/internal/profile"
)

// maxTried is the largest number of values in each list of a trial.
const maxTried = 1000

func (b *backend) pathProfileTry() *framework.Path {
	attributes := func(description string) *framework.FieldSchema {
		return &framework.FieldSchema{
			Type:        framework.TypeMap,
			Default:     map[string]any{},
			Description: description + ": a map from names to a value or a list of values, or JSON text of it.",
		}
	}
	return &framework.Path{
		Pattern: `profiles/(?P<id>[^/]+)/test`,
		DisplayAttrs: &framework.DisplayAttributes{
			OperationPrefix: operationPrefix,
			OperationVerb:   "test",
			OperationSuffix: "profile",
		},
		Fields: map[string]*framework.FieldSchema{
			fieldProfileID: {
				Type:        framework.TypeString,
				Description: "Number or short name of the profile.",
			},
			fieldRequest: attributes("Attributes of a request"),
			fieldReply:   attributes("Attributes of the server's response"),
			fieldClient:  attributes("What the client would say of itself"),
			fieldTime: {
				Type: framework.TypeString,
				Description: "When the login would be, as 2030-01-01T08:00:00Z, Jan  1 2030 08:00:00, " +
					"seconds since 1970 or a date; without a zone in the config's time_zone. Default: now.",
			},
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.UpdateOperation: &framework.PathOperation{
				Callback:  b.profileTry,
				Summary:   "Show what an AAA profile would decide, and why, without a login.",
				Responses: dataResponses(tryResponseFields()),
			},
		},
		HelpSynopsis: "Show what an AAA profile would decide.",
		HelpDescription: `
A trial shows what a profile does, before a login fails:

    $ vault write auth/radius/profiles/vpn-admins/test - <<END
    {"request": {"User-Name": "alice"}, "reply": {"Filter-Id": ["admins"]}}
    END
`,
	}
}

// tryResponseFields returns the schema of the answer of a trial.
func tryResponseFields() map[string]*framework.FieldSchema {
	return map[string]*framework.FieldSchema{
		"matched": {
			Type:        framework.TypeBool,
			Description: "Whether the profile matches. A disabled profile is tried all the same.",
			Required:    true,
		},
		fieldRefused: {
			Type:        framework.TypeString,
			Description: "The limit that refuses the login, whatever other profiles say; empty: none does.",
			Required:    true,
		},
		fieldTime: {
			Type:        framework.TypeString,
			Description: "When the login would be, in the config's time_zone.",
			Required:    true,
		},
		fieldEnabled: {
			Type:        framework.TypeBool,
			Description: "Whether the profile is enabled.",
			Required:    true,
		},
		fieldCheckAttribute: {
			Type:        framework.TypeSlice,
			Description: "Each check item: what was found, what it was compared with, whether it held, and why.",
			Required:    true,
		},
		fieldReplyAttribute: {
			Type:        framework.TypeSlice,
			Description: "Each reply item: what it did, and why.",
			Required:    true,
		},
		fieldReply: {
			Type:        framework.TypeSlice,
			Description: "The reply in the end.",
			Required:    true,
		},
	}
}

func (b *backend) profileTry(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	reference := d.Get(fieldProfileID).(string)
	entry, err := catalog.Find(ctx, storageOf(req), reference)
	switch {
	case errors.Is(err, catalog.ErrNotFound):
		return nil, noProfile(reference)
	case err != nil:
		return nil, err
	}
	known, err := b.dictionaries.Get(ctx, storageOf(req))
	if err != nil {
		return nil, err
	}
	rules, err := login.CompileStored(known, profile.Definition{Check: entry.Check, Reply: entry.Reply})
	if err != nil {
		return logical.ErrorResponse("the profile matches no user until it is written anew: %s", err), nil
	}
	now, err := b.triedTime(ctx, storageOf(req), d.Get(fieldTime).(string))
	if login.IsInputError(err) {
		return logical.ErrorResponse(err.Error()), nil
	}
	if err != nil {
		return nil, err
	}
	input, err := triedInput(known, now, d)
	if err != nil {
		return logical.ErrorResponse(err.Error()), nil
	}
	decision, explanations := profile.Explain([]*profile.Profile{rules}, input)
	return &logical.Response{Data: triedData(entry, now, decision, explanations[0])}, nil
}

// triedTime returns when the login of a trial would be; an empty text means now.
func (b *backend) triedTime(ctx context.Context, storage kv.Storage, text string) (time.Time, error) {
	settings, err := b.settings.get(ctx, storage)
	if err != nil {
		return time.Time{}, err
	}
	zone := time.UTC
	if settings != nil {
		zone = settings.login.Zone
	}
	if zone == nil {
		return time.Time{}, &login.InputError{Err: login.ErrUnknownZone}
	}
	if text == "" {
		return b.logins.Clock().In(zone), nil
	}
	date, err := dictionary.ParseMoment(text)
	if err != nil {
		return time.Time{}, &login.InputError{Err: fmt.Errorf("%s: %.80q %w", fieldTime, text, err)}
	}
	return date.In(zone), nil
}

// triedInput returns the attributes of a trial.
func triedInput(d *dictionary.Dictionary, now time.Time, data *framework.FieldData) (*profile.Input, error) {
	var lists [2][]dictionary.Item
	for i, field := range []string{fieldRequest, fieldReply} {
		var err error
		if lists[i], err = triedItems(d, field, data.Get(field).(map[string]any)); err != nil {
			return nil, err
		}
	}
	client := map[string]string{}
	for name, value := range data.Get(fieldClient).(map[string]any) {
		texts, err := valueTexts(value)
		if err != nil || len(texts) != 1 {
			return nil, fmt.Errorf("%s.%.64s: give one text", fieldClient, name)
		}
		client[name] = texts[0]
	}
	return profile.NewInput(now, lists[0], lists[1], client)
}

// triedItems returns the attributes of a list, in the order of their names.
func triedItems(d *dictionary.Dictionary, field string, values map[string]any) ([]dictionary.Item, error) {
	var items []dictionary.Item
	for _, name := range slices.Sorted(maps.Keys(values)) {
		bare, tag, err := splitTag(name)
		if err != nil {
			return nil, fmt.Errorf("%s.%.64s: %w", field, name, err)
		}
		attribute, known := d.Lookup(bare)
		switch {
		case !known:
			return nil, fmt.Errorf("%s.%.64s is no attribute of the dictionary%s", field, name, d.DidYouMean(bare))
		case field == fieldRequest && profile.DecidedByClock(attribute):
			return nil, fmt.Errorf("%s.%.64s is not looked at: give %s", field, name, fieldTime)
		case tag != 0 && !attribute.Tagged:
			return nil, fmt.Errorf("%s.%.64s: %s has no tags", field, name, attribute.Name)
		}
		texts, err := valueTexts(values[name])
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", field, name, err)
		}
		for _, text := range texts {
			value, err := attribute.ParseValue(text)
			if err != nil {
				return nil, fmt.Errorf("%s.%s: %w", field, name, err)
			}
			items = append(items, dictionary.Item{Attribute: attribute, Tag: tag, Value: value})
		}
		if len(items) > maxTried {
			return nil, fmt.Errorf("%s has more than %d values", field, maxTried)
		}
	}
	return items, nil
}

// splitTag splits a name such as Tunnel-Type:1 into the attribute and its tag.
func splitTag(name string) (bare string, tag uint8, err error) {
	bare, text, tagged := strings.Cut(name, ":")
	if !tagged {
		return name, 0, nil
	}
	number, err := strconv.ParseUint(text, 10, 8)
	if err != nil || number < 1 || number > 31 {
		return "", 0, errors.New("a tag is a number from 1 to 31")
	}
	return bare, uint8(number), nil
}

// valueTexts returns the texts of a value or a list of values.
func valueTexts(value any) ([]string, error) {
	list, isList := value.([]any)
	if !isList {
		list = []any{value}
	}
	texts := make([]string, 0, len(list))
	for _, item := range list {
		text, isText := item.(string)
		if !isText {
			if text, isText = numberText(item); !isText {
				return nil, errors.New("is neither a text nor a whole number, nor a list of them")
			}
		}
		texts = append(texts, text)
	}
	return texts, nil
}

// triedData returns the answer of a trial.
func triedData(entry *catalog.Profile, now time.Time, decision profile.Decision, explanation profile.Explanation) map[string]any {
	refused := ""
	if decision.Refused != nil {
		refused = decision.Refused.Reason
	}
	data := explainedProfile(entry, explanation)
	data[fieldRefused], data[fieldTime], data[fieldReply] = refused, now.Format(time.RFC3339), replyShown(decision.Reply)
	return data
}

// replyShown returns the attributes of a reply for display.
func replyShown(attributes []profile.ReplyAttribute) []any {
	shown := make([]any, 0, len(attributes))
	for _, attribute := range attributes {
		shown = append(shown, map[string]any{"attribute": nameOf(attribute.Item), "value": shownValue(attribute.Item)})
	}
	return shown
}

// explainedProfile returns how a profile decides: each item with what was found.
func explainedProfile(entry *catalog.Profile, explanation profile.Explanation) map[string]any {
	checks, replies := []any{}, []any{}
	for _, check := range explanation.Check {
		checks = append(checks, map[string]any{
			"attribute": check.Item.Attribute, "op": check.Item.Operator, "value": check.Item.Value,
			"found": notNil(check.Found), "compared_with": check.Compared, "held": check.Held, "reason": check.Reason,
		})
	}
	for _, item := range explanation.Reply {
		replies = append(replies, map[string]any{
			"attribute": item.Item.Attribute, "op": item.Item.Operator, "value": item.Item.Value,
			"sent": item.Value, "applied": item.Applied, "reason": item.Reason,
		})
	}
	return map[string]any{
		"matched":           explanation.Matched,
		fieldEnabled:        entry.Enabled,
		fieldCheckAttribute: checks,
		fieldReplyAttribute: replies,
	}
}

// nameOf returns an attribute's name with its tag.
func nameOf(item dictionary.Item) string {
	if item.Tag == 0 {
		return item.Attribute.Name
	}
	return fmt.Sprintf("%s:%d", item.Attribute.Name, item.Tag)
}

// shownValue returns a value for display; a secret one, such as Tunnel-Password, is not
// shown.
func shownValue(item dictionary.Item) string {
	if profile.IsSecret(item.Attribute) {
		return "[redacted]"
	}
	return item.Text()
}
