package radiusauth

import (
	"context"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/challenge"
	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
)

// answering returns the challenge that a login answers; nil if it answers none.
func (b *backend) answering(
	ctx context.Context, storage kv.Storage, src *source.Source, name, id string,
) (*challenge.State, error) {
	if id == "" {
		return nil, nil
	}
	answer := challenge.Answer{ID: id, Username: name, Source: src.Key(), ServesHost: src.Serves}
	return b.challenges.Open(ctx, storage, answer)
}

// challengedBy returns what a client needs of the challenge that is answered; nil for a new
// login.
func challengedBy(answered *challenge.State) *radclient.Challenged {
	if answered == nil {
		return nil
	}
	return &radclient.Challenged{Host: answered.Host, Server: answered.Server, State: answered.State}
}

// challenged returns the response to a login that the source wants another step of.
func (b *backend) challenged(ctx context.Context, storage kv.Storage, result outcome) *logical.Response {
	verdict := result.got.Verdict
	refuse := func(reason string, details ...any) *logical.Response {
		details = append([]any{"username", result.name, "server", verdict.Server}, details...)
		b.Logger().Error("login refused: "+reason, details...)
		return logical.ErrorResponse(deniedText)
	}
	round, allowed := result.answered.NextRound()
	if !allowed {
		return refuse("the RADIUS server asks for step after step", "rounds", round-1)
	}
	step, err := verdict.Step()
	if err != nil {
		return refuse("the RADIUS server's challenge cannot be answered", "error", err)
	}
	id, err := b.challenges.Seal(ctx, storage, challenge.State{
		Username: result.name,
		Source:   result.authorization.source.Key(),
		Host:     verdict.Host,
		Server:   verdict.Server,
		State:    step.State,
		Expires:  time.Now().Add(step.Time),
		Round:    round,
		Failures: result.failures,
	})
	if err != nil {
		return refuse("the challenge cannot be sealed: write the config once more", "error", err)
	}
	return &logical.Response{Data: map[string]any{
		fieldChallengeID: id,
		fieldMessage:     step.Message,
		fieldEcho:        step.Echo,
		fieldExpiresIn:   int(step.Time.Seconds()),
	}}
}
