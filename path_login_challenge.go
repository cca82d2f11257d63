package radiusauth

import (
	"context"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/login"
)

// challenged returns the response to a login that the source wants another step of.
func (b *backend) challenged(ctx context.Context, storage kv.Storage, result login.Outcome) *logical.Response {
	id, step, refusal := b.logins.NextStep(ctx, storage, result)
	if refusal != nil {
		return logical.ErrorResponse(refusal.Text)
	}
	return &logical.Response{Data: map[string]any{
		fieldChallengeID: id,
		fieldMessage:     step.Message,
		fieldEcho:        step.Echo,
		fieldExpiresIn:   int(step.Time.Seconds()),
	}}
}
