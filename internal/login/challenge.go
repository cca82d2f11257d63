package login

import (
	"context"
	"time"

	"vault-plugin-auth-radius/internal/challenge"
	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
)

// answering returns the challenge that a login answers; nil if it answers none.
func (s *Service) answering(
	ctx context.Context, storage kv.Storage, src *source.Source, name, id string,
) (*challenge.State, error) {
	if id == "" {
		return nil, nil
	}
	answer := challenge.Answer{ID: id, Username: name, Source: src.Key(), ServesHost: src.Serves}
	return s.Challenges.Open(ctx, storage, answer)
}

// challengedBy returns what a RADIUS client needs of the challenge that is answered; nil for a
// new login.
func challengedBy(answered *challenge.State) *radclient.Challenged {
	if answered == nil {
		return nil
	}
	return &radclient.Challenged{Host: answered.Host, Server: answered.Server, State: answered.State}
}

// NextStep seals the state of a login in several steps, for the answer to the step that the
// source asks for. The refusal says that the login cannot go on; the log says why.
func (s *Service) NextStep(
	ctx context.Context, storage kv.Storage, result Outcome,
) (id string, step radclient.Step, _ *Refusal) {
	verdict := result.Answer.Verdict
	refuse := func(reason string, details ...any) (string, radclient.Step, *Refusal) {
		details = append([]any{"username", result.Name, "server", verdict.Server}, details...)
		s.Log().Error("login refused: "+reason, details...)
		return "", radclient.Step{}, &Refusal{Text: DeniedText}
	}
	round, allowed := result.Challenge.NextRound()
	if !allowed {
		return refuse("the RADIUS server asks for step after step", "rounds", round-1)
	}
	step, err := verdict.Step()
	if err != nil {
		return refuse("the RADIUS server's challenge cannot be answered", "error", err)
	}
	id, err = s.Challenges.Seal(ctx, storage, challenge.State{
		Username: result.Name,
		Source:   result.Authorization.Source.Key(),
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
	return id, step, nil
}
