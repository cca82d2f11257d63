package radiusauth

import (
	"context"
	"maps"
	"net/http"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/decision"
	"vault-plugin-auth-radius/internal/dictionary"
	"vault-plugin-auth-radius/internal/login"
	"vault-plugin-auth-radius/internal/rlmrest"
	"vault-plugin-auth-radius/internal/source"
)

func (b *backend) pathAuthorize() *framework.Path {
	return &framework.Path{
		Pattern: "freeradius/authorize",
		DisplayAttrs: &framework.DisplayAttributes{
			OperationPrefix: operationPrefix,
			OperationVerb:   "authorize",
			OperationSuffix: "freeradius",
		},
		Fields: map[string]*framework.FieldSchema{
			fieldUsername: {
				Type:        framework.TypeString,
				Description: "User-Name.",
			},
			fieldPassword: {
				Type:         framework.TypeString,
				Description:  "User-Password.",
				DisplayAttrs: &framework.DisplayAttributes{Sensitive: true},
			},
			fieldUsername + rlmrest.HexSuffix: {
				Type:        framework.TypeString,
				Description: "The octets of User-Name in hexadecimal, in place of username. Each further field may be sent so.",
			},
			fieldPassword + rlmrest.HexSuffix: {
				Type:         framework.TypeString,
				Description:  "The octets of User-Password in hexadecimal, in place of password: they need not be UTF-8.",
				DisplayAttrs: &framework.DisplayAttributes{Sensitive: true},
			},
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.UpdateOperation: &framework.PathOperation{
				Callback: b.freeradiusAuthorize,
				Summary:  "Tell FreeRADIUS whether a user is let in, and what its answer has.",
				Description: "Further fields are attributes of the request, for checks of profiles. " +
					"FreeRADIUS's own JSON of attributes will do, too. The answer is as rlm_rest reads it, without Vault's envelope.",
				Responses: map[int][]framework.Response{
					http.StatusOK:                 {{Description: "Accepted: control and reply attributes."}},
					http.StatusNoContent:          {{Description: "Not accepted here: other modules may know the user."}},
					http.StatusUnauthorized:       {{Description: "Not accepted, with authorize_reject."}},
					http.StatusServiceUnavailable: {{Description: "What checks the password does not answer."}},
				},
			},
		},
		HelpSynopsis:    "Answer FreeRADIUS's authorize.",
		HelpDescription: freeradiusHelpDescription,
	}
}

// freeradiusAuthorize decides as a login does, by the same rules, and makes no
// token.
func (b *backend) freeradiusAuthorize(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	request, attempt, err := readAttempt(req.Data)
	if err != nil {
		unread := login.Attempt{Use: decision.FreeRADIUS, RequestID: req.ID, Address: clientAddress(req)}
		b.logins.TurnAway(ctx, storageOf(req), nil, unread, nil, err)
		return logical.ErrorResponse(err.Error()), nil
	}
	attempt.RequestID, attempt.Address = req.ID, clientAddress(req)
	settings, err := b.settings.get(ctx, storageOf(req))
	if err != nil {
		return nil, b.logins.ReadFault(attempt, err)
	}
	if settings == nil { // no decision about the user
		b.logins.TurnAway(ctx, storageOf(req), nil, attempt, notConfigured(), nil)
		return nil, logical.CodedError(http.StatusServiceUnavailable, login.NotConfiguredText)
	}
	records, err := b.records.get(ctx, storageOf(req))
	if err != nil {
		return nil, b.logins.ReadFault(attempt, err)
	}
	config := records.config
	known, err := b.dictionaries.Get(ctx, storageOf(req))
	if err != nil {
		return nil, b.logins.ReadFault(attempt, err)
	}
	complete(&attempt, request, config, known)
	if attempt.Username == "" {
		return noContent(), nil // Status-Server comes here as well
	}
	control := rlmrest.AuthType("Accept")
	var result login.Outcome
	if attempt.Password == "" {
		// CHAP, MS-CHAP and PEAP: FreeRADIUS checks the password itself.
		var ntHash []byte
		if result, ntHash, err = b.logins.Expose(ctx, storageOf(req), settings.login, attempt); ntHash != nil {
			control = rlmrest.NTPassword(ntHash)
		}
	} else {
		result, err = b.logins.Authenticate(ctx, storageOf(req), settings.login, attempt)
	}
	switch {
	case login.IsInputError(err):
		return logical.ErrorResponse(err.Error()), nil
	case err != nil:
		return nil, err
	case result.Refusal != nil && result.Refusal.Unanswered:
		return freeradiusAnswer(http.StatusServiceUnavailable, ""), nil
	case result.Refusal != nil:
		return notAccepted(config), nil
	}
	entries, unsent := rlmrest.Reply(result.Grant.LimitedReply(b.logins.Clock()))
	for _, problem := range unsent {
		b.Logger().Warn("a reply attribute was not sent to FreeRADIUS", "username", result.Name, "reason", problem)
	}
	return freeradiusAnswer(http.StatusOK, rlmrest.Encode(append([]rlmrest.Entry{control}, entries...))), nil
}

// readAttempt returns the request that rlm_rest sends, and the attempt that it is about. The
// error says what is wrong, by field.
func readAttempt(data map[string]any) (rlmrest.Request, login.Attempt, error) {
	request, problems := rlmrest.ReadRequest(data)
	maps.Copy(problems, rlmrest.LostOctets(data, fieldUsername, fieldPassword, "User-Name", "User-Password"))
	if len(problems) > 0 {
		return nil, login.Attempt{}, problems
	}
	return request, login.Attempt{
		Use:      decision.FreeRADIUS,
		Station:  request.Text("calling_station_id", "Calling-Station-Id"),
		Username: request.Octets(fieldUsername, "User-Name"),
		Password: request.Octets(fieldPassword, "User-Password"),
	}, nil
}

// complete adds to an attempt what profiles see of the request, and which sources are asked.
func complete(attempt *login.Attempt, request rlmrest.Request, config *freeradiusEntry, known *dictionary.Dictionary) {
	attempt.RequestItems, attempt.ClientAttributes = request.Attributes(known)
	if !config.UseRADIUSSources {
		attempt.RefuseSource = refuseRADIUS
	}
}

func notAccepted(config *freeradiusEntry) *logical.Response {
	if config.AuthorizeReject {
		return freeradiusAnswer(http.StatusUnauthorized, rlmrest.Encode([]rlmrest.Entry{rlmrest.AuthType("Reject")}))
	}
	return noContent()
}

// refuseRADIUS returns why RADIUS servers are not asked: the server that asks could be such a
// server.
func refuseRADIUS(src *source.Source) string {
	if src.IsRADIUS() {
		return "a RADIUS server checks this name, and use_radius_sources of freeradius/config is false"
	}
	return ""
}

const freeradiusHelpDescription = `
FreeRADIUS can keep its users here: rlm_rest asks these paths, with a Vault token.

    curl -H "Authorization: Bearer $VAULT_TOKEN" \
      -d '{"username": "bob", "password": "..."}' "$VAULT_ADDR/v1/auth/radius/freeradius/authorize"

The same users, sources, profiles and lockouts decide as at login, but users
whom RADIUS servers check are not accepted, unless "freeradius/config" says
use_radius_sources=true.
`
