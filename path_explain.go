package radiusauth

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/helper/policyutil"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/decision"
	"vault-plugin-auth-radius/internal/login"
	"vault-plugin-auth-radius/internal/profile"
	"vault-plugin-auth-radius/internal/rlmrest"
	"vault-plugin-auth-radius/internal/source"
)

func (b *backend) pathExplain() *framework.Path {
	return &framework.Path{
		Pattern:      "explain",
		DisplayAttrs: &framework.DisplayAttributes{OperationPrefix: operationPrefix, OperationVerb: "explain", OperationSuffix: "login"},
		Fields: map[string]*framework.FieldSchema{
			fieldUsername: {
				Type:        framework.TypeString,
				Description: "Name to explain, as it is typed.",
			},
			fieldPassword: {
				Type: framework.TypeString,
				Description: "Password to try, with ask. Without one FreeRADIUS checks the password itself: " +
					"with for=freeradius the user's hash is looked for.",
				DisplayAttrs: &framework.DisplayAttributes{Sensitive: true},
			},
			fieldClientAddress: {
				Type: framework.TypeString,
				Description: "IP address that the login would come from, or FreeRADIUS ask from. " +
					"Without it no address is looked at, and none is sent.",
			},
			fieldAttributes: {
				Type:    framework.TypeMap,
				Default: map[string]any{},
				Description: "What the client would say of itself; with for=freeradius the attributes of the request " +
					"as rlm_rest sends them: a map, or JSON text of it.",
			},
			fieldFor: {
				Type:          framework.TypeString,
				Default:       string(decision.Login),
				Description:   "login (a login in Vault) or freeradius (a user whom FreeRADIUS asks for).",
				AllowedValues: []any{string(decision.Login), string(decision.FreeRADIUS)},
			},
			fieldAsk: {
				Type: framework.TypeBool,
				Description: "Ask the source: it is a login in all but the token. A wrong password counts as a failed login, " +
					"a right one forgets none, and a name that is locked out is not asked. Else no source is asked, and nothing counts.",
			},
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.UpdateOperation: &framework.PathOperation{
				Callback:  b.explain,
				Summary:   "Explain how a login is decided, and why. Its policy needs the capability sudo.",
				Responses: dataResponses(explainResponseFields()),
			},
		},
		HelpSynopsis:    "Explain how a login is decided.",
		HelpDescription: explainHelpDescription,
	}
}

// explainResponseFields returns the schema of an explanation.
func explainResponseFields() map[string]*framework.FieldSchema {
	field := func(kind framework.FieldType, description string) *framework.FieldSchema {
		return &framework.FieldSchema{Type: kind, Description: description, Required: true}
	}
	return map[string]*framework.FieldSchema{
		"verdict": field(framework.TypeString, "accepted, challenged, refused, unanswered, invalid; "+
			"or not_asked: nothing speaks against the login, and no source was asked."),
		"reason": field(framework.TypeString, "Why, in the words of the log; empty if it was accepted, "+
			"or if a RADIUS server rejects, which tells no reason but its text."),
		"reply_message": field(framework.TypeString, "What a RADIUS server says in an Access-Reject (Reply-Message), on one line. "+
			"It is withheld if it repeats the password."),
		"class":       field(framework.TypeString, "The kind of the reason, as metrics have it."),
		fieldUsername: field(framework.TypeString, "The canonical name; empty if what was typed cannot be a name."),
		"user":        field(framework.TypeMap, "The user's entry, without its hash; empty if there is none."),
		"user_reason": field(framework.TypeString, "Why there is no entry, or what bars the user; empty: nothing does."),
		"source": field(framework.TypeMap, "What checks the password: name, type, route (why it is that one), "+
			"wire_name (what it is asked about) and fault (why it cannot be asked)."),
		"lockout": field(framework.TypeMap, "locked, until when, and failed_logins in a row."),
		"profiles": field(framework.TypeSlice, "Each profile that decides: short_name, enabled, matched, fault, and each of its items "+
			"as a trial of the profile shows it. Attributes of a reply are those of the server's answer, if it was asked."),
		"policies": field(framework.TypeStringSlice, "Policies of the token, as far as they are known without an answer."),
		"groups":   field(framework.TypeStringSlice, "Identity group aliases, as far as they are known."),
		"lifetime": field(framework.TypeMap, "ttl, max_ttl, explicit_max_ttl and period of the token, in seconds; 0: as Vault says. "+
			"Empty with for=freeradius."),
		fieldReply:    field(framework.TypeSlice, "With for=freeradius: the attributes that FreeRADIUS gets, as far as they are known."),
		"alias":       field(framework.TypeString, "Identity alias of the token that the login gets, or would get; empty with for=freeradius."),
		"server":      field(framework.TypeString, "Server that answered, or that the reason is about."),
		"duration_ms": field(framework.TypeFloat, "How long it took, in milliseconds."),
	}
}

// explain decides about a login, and shows how.
func (b *backend) explain(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	trial := login.Trial{For: decision.Use(d.Get(fieldFor).(string)), Ask: d.Get(fieldAsk).(bool)}
	if err := b.readTrial(ctx, req, d, &trial); login.IsInputError(err) {
		return logical.ErrorResponse(err.Error()), nil
	} else if err != nil {
		return nil, err
	}
	trial.RequestID = req.ID
	settings, err := b.settings.get(ctx, storageOf(req))
	if err != nil {
		return nil, err
	}
	if settings == nil {
		return b.explainUnconfigured(ctx, req, trial)
	}
	if trial.For == decision.Login && trial.Address != "" {
		if _, problem := bindTo(trial.Address, settings.config); problem != "" {
			trial.TurnedAway = outsideAddresses(problem)
		}
	}
	explanation, err := b.logins.Explain(ctx, storageOf(req), settings.login, trial)
	if err != nil {
		return nil, err
	}
	return b.explained(ctx, req, settings.config, trial.For, explanation)
}

// explainUnconfigured returns how a login is decided on a mount without a config.
func (b *backend) explainUnconfigured(ctx context.Context, req *logical.Request, trial login.Trial) (*logical.Response, error) {
	refusal := notConfigured()
	if trial.Ask {
		attempt := trial.Attempt
		attempt.Use = decision.Trial
		b.logins.TurnAway(ctx, storageOf(req), nil, attempt, refusal, nil)
	}
	return b.explained(ctx, req, nil, trial.For, login.Explanation{
		Verdict: decision.Refused, Class: refusal.Reason.Class, Reason: refusal.Reason.Text,
	})
}

// readTrial reads the attempt that is to be explained.
func (b *backend) readTrial(ctx context.Context, req *logical.Request, d *framework.FieldData, trial *login.Trial) error {
	invalid := func(format string, values ...any) error { return &login.InputError{Err: fmt.Errorf(format, values...)} }
	name, password, address := d.Get(fieldUsername).(string), d.Get(fieldPassword).(string), d.Get(fieldClientAddress).(string)
	attributes := d.Get(fieldAttributes).(map[string]any)
	if name == "" {
		return invalid("`username` is missing")
	}
	if _, err := netip.ParseAddr(address); address != "" && err != nil {
		return invalid("`client_address`: %.80q is not an IP address", address)
	}
	switch trial.For {
	case decision.Login:
		sent := map[string]string{}
		for key, value := range attributes {
			texts, err := valueTexts(value)
			if err != nil || len(texts) != 1 {
				return invalid("attributes.%.64s: give one text", key)
			}
			sent[key] = texts[0]
		}
		if err := profile.CheckClientAttributes(sent); err != nil {
			return &login.InputError{Err: err}
		}
		trial.Attempt = login.Attempt{Username: name, Password: password, Address: address, ClientAttributes: sent}
		return nil
	case decision.FreeRADIUS:
		data := map[string]any{fieldUsername: name}
		if password != "" {
			data[fieldPassword] = password
		}
		for key, value := range attributes {
			if _, given := data[key]; given || key == fieldPassword {
				return invalid("attributes.%.64s: give it as the field of that name", key)
			}
			data[key] = value
		}
		request, attempt, err := readAttempt(data)
		if err != nil {
			return &login.InputError{Err: err}
		}
		records, err := b.records.get(ctx, storageOf(req))
		if err != nil {
			return err
		}
		known, err := b.dictionaries.Get(ctx, storageOf(req))
		if err != nil {
			return err
		}
		complete(&attempt, request, records.config, known)
		trial.Attempt, trial.Address = attempt, address
		return nil
	}
	return invalid("`for` is %.80q; use login or freeradius", string(trial.For))
}

// explained returns the answer. config is nil on a mount without one.
func (b *backend) explained(
	ctx context.Context, req *logical.Request, config *configEntry, use decision.Use, e login.Explanation,
) (*logical.Response, error) {
	data := map[string]any{
		"verdict": string(e.Verdict), "reason": e.Reason, "class": string(e.Class), "reply_message": e.ReplyMessage,
		fieldUsername: e.Name, "user": map[string]any{}, "user_reason": e.Bar,
		"source": sourceExplained(e), "server": e.Server, "duration_ms": source.Milliseconds(e.Took),
		"lockout":  lockoutExplained(e),
		"profiles": profilesExplained(e.Profiles),
		"policies": []string{}, "groups": []string{}, "lifetime": map[string]any{}, fieldReply: []any{}, "alias": "",
	}
	switch {
	case e.User != nil:
		user, err := b.userData(ctx, storageOf(req), e.User)
		if err != nil {
			return nil, err
		}
		data["user"] = user
	case e.Bar == "" && e.Source != nil:
		data["user_reason"] = "the name is not under users/"
	}
	if e.Authorization != nil {
		b.addGranted(data, config, use, e)
	}
	return &logical.Response{Data: data}, nil
}

// addGranted adds what the login gets.
func (b *backend) addGranted(data map[string]any, config *configEntry, use decision.Use, e login.Explanation) {
	auth := b.newAuth(config, e.Authorization, e.Name, "", e.Grant)
	data["policies"] = notNil(auth.Policies)
	if use == decision.Login {
		data["policies"] = policyutil.SanitizePolicies(auth.Policies, !auth.NoDefaultPolicy)
	}
	data["groups"] = notNil(e.Grant.Groups(config.GroupAttributes))
	if use == decision.FreeRADIUS {
		data[fieldReply] = replyShown(rlmrest.Sent(e.Grant.LimitedReply(b.logins.Clock())))
		return
	}
	data["alias"] = auth.Alias.Name
	seconds := func(d time.Duration) int64 { return int64(d / time.Second) }
	data["lifetime"] = map[string]any{
		"ttl": seconds(auth.TTL), "max_ttl": seconds(auth.MaxTTL),
		"explicit_max_ttl": seconds(auth.ExplicitMaxTTL), "period": seconds(auth.Period),
	}
}

func sourceExplained(e login.Explanation) map[string]any {
	if e.Source == nil {
		return map[string]any{}
	}
	fault := ""
	if e.Source.Err != nil {
		fault = e.Source.Err.Error()
	}
	return map[string]any{
		"name": e.Source.Label(), "type": e.Source.TypeLabel(), "route": e.Route, "wire_name": e.WireName, "fault": fault,
	}
}

func lockoutExplained(e login.Explanation) map[string]any {
	until := ""
	if !e.Locked.IsZero() {
		until = e.Locked.UTC().Format(time.RFC3339)
	}
	return map[string]any{"locked": !e.Locked.IsZero(), "until": until, "failed_logins": e.Failures}
}

func profilesExplained(profiles []login.ProfileExplanation) []any {
	explained := make([]any, 0, len(profiles))
	for _, each := range profiles {
		data := explainedProfile(each.Entry, each.Explanation)
		data["short_name"], data["fault"] = each.Entry.ShortName, ""
		if each.Fault != nil {
			data["fault"] = each.Fault.Error()
		}
		explained = append(explained, data)
	}
	return explained
}

const explainHelpDescription = `
Why was this login refused? An explanation shows how it is decided: which user
and source the name leads to, what bars the user, each item of the profiles with
what was found, and the verdict with its reason, in the words of the log.

    $ vault write auth/radius/explain username=alice
    $ vault write auth/radius/explain username=alice password=... ask=true

Without "ask" no server is asked. With it, it is a login in all but the token: it
may send a push to a phone, and a wrong password counts as a failed login.
`
