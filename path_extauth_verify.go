package radiusauth

import (
	"cmp"
	"context"
	"errors"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/decision"
	"vault-plugin-auth-radius/internal/login"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
)

func (b *backend) pathSourceVerify() *framework.Path {
	return &framework.Path{
		Pattern: `extauth/(?P<id>[^/]+)/verify`,
		DisplayAttrs: &framework.DisplayAttributes{
			OperationPrefix: operationPrefix,
			OperationVerb:   "verify",
			OperationSuffix: "source",
		},
		Fields: map[string]*framework.FieldSchema{
			fieldSourceID: {
				Type:        framework.TypeString,
				Description: "Number or name of the source.",
			},
			fieldUsername: {
				Type:        framework.TypeString,
				Description: "Name to try, as it is typed at login.",
			},
			fieldPassword: {
				Type:         framework.TypeString,
				Description:  "Password to try.",
				DisplayAttrs: &framework.DisplayAttributes{Sensitive: true},
			},
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.UpdateOperation: &framework.PathOperation{
				Callback: b.sourceVerify,
				Summary: "Try a login through a source, and show the outcome. It makes no token. " +
					"A wrong password counts as a failed login, and a right one forgets none.",
				Responses: dataResponses(verifyResponseFields()),
			},
		},
		HelpSynopsis:    "Try a login through a source.",
		HelpDescription: sourcesHelpDescription,
	}
}

// verifyResponseFields returns the schema of the outcome of a trial.
func verifyResponseFields() map[string]*framework.FieldSchema {
	return map[string]*framework.FieldSchema{
		"outcome": {
			Type: framework.TypeString,
			Description: "accept, reject, challenge, locked (the name is locked out, and nothing was asked), " +
				"unavailable (no server judged the password) or misconfigured (the source cannot be asked like this).",
			Required: true,
		},
		"reason": {
			Type: framework.TypeString,
			Description: "Why, and what to check; what the server asks; " +
				"or what a directory says of a password that it accepts.",
			Required: true,
		},
		"reply_message": {
			Type: framework.TypeString,
			Description: "What a RADIUS server says in an Access-Reject (Reply-Message), on one line. " +
				"It is withheld if it repeats the password.",
			Required: true,
		},
		"server": {
			Type:        framework.TypeString,
			Description: "Server that answered.",
			Required:    true,
		},
		"time_ms": {
			Type:        framework.TypeFloat,
			Description: "How long it took, in milliseconds.",
			Required:    true,
		},
		"username": {
			Type:        framework.TypeString,
			Description: "Name that was sent to the source.",
			Required:    true,
		},
		"groups": {
			Type:        framework.TypeStringSlice,
			Description: "The user's groups in a directory.",
			Required:    true,
		},
		"reply": {
			Type:        framework.TypeSlice,
			Description: "Attributes of an accept or a challenge that checks of profiles see as reply:.",
			Required:    true,
		},
	}
}

func (b *backend) sourceVerify(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	entry, err := source.Find(ctx, storageOf(req), d.Get(fieldSourceID).(string))
	if errors.Is(err, source.ErrNotFound) {
		return nil, noSource(d.Get(fieldSourceID).(string))
	}
	if err != nil {
		return nil, err
	}
	sources, err := b.sources.Get(ctx, storageOf(req))
	if err != nil {
		return nil, err
	}
	src := sources.ByID[entry.ID]
	switch {
	case src == nil: // deleted meanwhile
		return nil, noSource(entry.Name)
	case src.Err != nil:
		return logical.ErrorResponse("the source cannot be asked: %s", src.Err), nil
	}
	config := defaultConfig()
	if settings, err := b.settings.get(ctx, storageOf(req)); err != nil {
		return nil, err
	} else if settings != nil {
		config = settings.config
	}
	attempt := login.Attempt{
		RequestID: req.ID, Username: d.Get(fieldUsername).(string), Password: d.Get(fieldPassword).(string), Address: clientAddress(req),
	}
	verified, err := b.logins.Verify(ctx, storageOf(req), &config.Config, src, attempt)
	switch {
	case login.IsInputError(err):
		return logical.ErrorResponse(err.Error()), nil
	case err != nil:
		return nil, err
	}
	answer := verified.Answer
	outcome, reason := describeAnswer(verified)
	reply := make([]any, 0, len(answer.Reply))
	for _, item := range answer.Reply {
		reply = append(reply, map[string]any{"attribute": item.Attribute.Name, "value": shownValue(item)})
	}
	return &logical.Response{Data: map[string]any{
		"outcome":       outcome,
		"reason":        reason,
		"reply_message": answer.ReplyMessage,
		"server":        answer.Server,
		"time_ms":       source.Milliseconds(verified.Took),
		"username":      verified.WireName,
		"groups":        notNil(answer.Groups),
		"reply":         reply,
	}}, nil
}

// describeAnswer returns the outcome and its reason for operators, also if there is no answer.
func describeAnswer(verified login.Verification) (outcome, reason string) {
	answer := verified.Answer
	switch refusal := verified.Refusal; {
	case refusal == nil && answer.Outcome == radclient.Challenge:
		step, err := answer.Step()
		if err != nil {
			return "challenge", err.Error()
		}
		return "challenge", step.Message
	case refusal == nil:
		return "accept", answer.Notice
	case refusal.Unanswered:
		return "unavailable", refusal.Reason.Text
	case refusal.Reason.Class == decision.Misconfigured:
		return "misconfigured", refusal.Reason.Text
	case refusal.Reason.Class == decision.Locked:
		return "locked", refusal.Reason.Text
	case refusal.Reason.Class != decision.Rejected:
		return "reject", refusal.Reason.Text
	}
	return "reject", cmp.Or(answer.Reason, answer.ReplyMessage)
}
