package radiusauth

import (
	"context"
	"slices"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/attempts"
	"vault-plugin-auth-radius/internal/decision"
	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/validate"
)

func (b *backend) pathAttempts() *framework.Path {
	return &framework.Path{
		Pattern:      "attempts",
		DisplayAttrs: &framework.DisplayAttributes{OperationPrefix: operationPrefix, OperationSuffix: "attempts"},
		Fields: map[string]*framework.FieldSchema{
			fieldUser: query("Only attempts of this user, also of a name that is not shown: as it was typed, " +
				"or as an answer has it."),
			fieldOutcome: {
				Type:          framework.TypeString,
				Query:         true,
				AllowedValues: allowed(decision.Outcomes),
				Description:   `Only "accepted", "challenged", "refused", "unanswered" or "invalid" attempts.`,
			},
			fieldSource: query(`Only attempts that this source was to check: its name, "local", or "(config)" ` +
				"for the config's servers."),
			fieldLimit: {
				Type:        framework.TypeInt,
				Query:       true,
				Default:     100,
				Description: "How many to answer with, 1 to 1000.",
			},
			fieldAfter: {
				Type:        framework.TypeInt64,
				Query:       true,
				Description: "Only attempts before this id: next of the answer before.",
			},
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation: &framework.PathOperation{
				Callback:  b.attemptsRead,
				Summary:   "Show the latest attempts to log in at this Vault server, the newest first, and why they were refused.",
				Responses: dataResponses(attemptsResponseFields()),
			},
		},
		HelpSynopsis:    "Show who tried to log in, and why it was refused.",
		HelpDescription: attemptsHelpDescription,
	}
}

// attemptsResponseFields returns the schema of a read.
func attemptsResponseFields() map[string]*framework.FieldSchema {
	return map[string]*framework.FieldSchema{
		"attempts": {
			Type:        framework.TypeSlice,
			Description: "Attempts, the newest first.",
			Required:    true,
		},
		"kept": {
			Type:        framework.TypeInt,
			Description: "How many are kept in all, whatever was asked for.",
			Required:    true,
		},
		fieldNext: {
			Type:        framework.TypeInt64,
			Description: "The after of the next page; left out if there is none.",
		},
	}
}

func (b *backend) attemptsRead(
	ctx context.Context, req *logical.Request, d *framework.FieldData,
) (*logical.Response, error) {
	limit, after := d.Get(fieldLimit).(int), d.Get(fieldAfter).(int64)
	outcome := decision.Outcome(d.Get(fieldOutcome).(string))
	switch {
	case limit < 1 || limit > attempts.Most:
		return logical.ErrorResponse("%s is %d; use 1 to %d", fieldLimit, limit, attempts.Most), nil
	case after < 0:
		return logical.ErrorResponse("%s is %d; use the next of an answer", fieldAfter, after), nil
	case outcome != "" && !slices.Contains(decision.Outcomes, outcome):
		return logical.ErrorResponse(validate.CheckEnum(fieldOutcome, outcome, decision.Outcomes)), nil
	}
	settings, err := b.settings.get(ctx, storageOf(req)) // which resizes what is kept
	if err != nil {
		return nil, err
	}
	names, err := b.namesWanted(ctx, storageOf(req), d.Get(fieldUser).(string))
	if err != nil {
		return nil, err
	}
	page := b.attempts.List(attempts.Query{
		Names:   names,
		Outcome: outcome,
		Source:  d.Get(fieldSource).(string),
		After:   uint64(after),
		Limit:   limit,
		Whole:   settings != nil && settings.config.AttemptsNames,
	})
	shown := make([]any, 0, len(page.Attempts))
	for i := range page.Attempts {
		shown = append(shown, attemptData(&page.Attempts[i]))
	}
	data := map[string]any{"attempts": shown, "kept": page.Kept}
	if page.Next != 0 {
		data[fieldNext] = page.Next
	}
	return &logical.Response{Data: data}, nil
}

// namesWanted returns the names under which the attempts of a user are kept; none for all users.
func (b *backend) namesWanted(ctx context.Context, storage kv.Storage, user string) ([]string, error) {
	if user == "" {
		return nil, nil
	}
	rules, err := b.rules(ctx, storage)
	if err != nil {
		return nil, err
	}
	return []string{user, rules.Canonical(user)}, nil
}

// attemptTime is RFC 3339 with milliseconds, in UTC.
const attemptTime = "2006-01-02T15:04:05.000Z"

// attemptData returns an attempt as a read shows it.
func attemptData(attempt *attempts.Attempt) map[string]any {
	data := map[string]any{
		"id":             attempt.ID,
		fieldTime:        attempt.Time.Format(attemptTime),
		fieldCount:       attempt.Count,
		"use":            string(attempt.Use),
		fieldUsername:    attempt.Username,
		"client_address": attempt.Address,
		fieldSource:      attempt.Source,
		"source_type":    attempt.SourceType,
		"server":         attempt.Server,
		fieldOutcome:     string(attempt.Outcome),
		"reason":         attempt.Reason,
		"class":          string(attempt.Class),
		"duration_ms":    attempt.Duration.Round(time.Millisecond).Milliseconds(),
		"request_id":     attempt.RequestID,
	}
	if attempt.Count > 1 {
		data["first_time"] = attempt.First.Format(attemptTime)
	}
	if attempt.Station != "" {
		data[fieldCallingStationID] = attempt.Station
	}
	return data
}

const attemptsHelpDescription = `
The latest decisions of this Vault server about logins, renewals and FreeRADIUS's
requests, in memory: a restart forgets them, and other servers of a cluster have
their own.

    $ vault read -format=json auth/radius/attempts
    $ curl -H "X-Vault-Token: $VAULT_TOKEN" \
        "$VAULT_ADDR/v1/auth/radius/attempts?user=alice&outcome=refused"

A name that is not registered and was never accepted may be a password: it is shown
as its first two characters and a hash that stays the same until the restart, unless
the config has attempts_names. Decisions of a minute that differ in nothing but when
and where from are one entry with a count.
`
