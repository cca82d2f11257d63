package login

import (
	"context"
	"fmt"
	"time"

	"vault-plugin-auth-radius/internal/challenge"
	"vault-plugin-auth-radius/internal/decision"
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

// NextStep is what the source of a login asks for next.
type NextStep struct {
	ID string // challenge_id, which the answer has to have
	radclient.Step
}

// notForFreeRADIUS is why a login of several steps is refused there.
const notForFreeRADIUS = "the RADIUS server asks for another step, which FreeRADIUS cannot hand on"

// goOn makes the next step of a login whose source asks for one. Only a client of Vault can
// take it.
func (s *Service) goOn(ctx context.Context, storage kv.Storage, attempt Attempt, result *Outcome) {
	switch attempt.Use {
	case decision.FreeRADIUS:
		result.Refusal = denied(decision.ChallengeFault, notForFreeRADIUS)
	case decision.Trial: // it ends here, unless it would end anyway
		if _, err := result.Answer.Step(); err != nil {
			result.Refusal = unanswerable(err)
		}
	default:
		result.Next, result.Refusal = s.nextStep(ctx, storage, *result)
	}
}

// unanswerable returns the refusal of a login whose source asks for a step that cannot be taken.
func unanswerable(err error) *Refusal {
	return denied(decision.ChallengeFault, "the RADIUS server's challenge cannot be answered: "+err.Error())
}

// nextStep seals the state of a login in several steps, for the answer to the step that the
// source asks for. The refusal means that the login cannot go on.
func (s *Service) nextStep(ctx context.Context, storage kv.Storage, result Outcome) (*NextStep, *Refusal) {
	verdict := result.Answer.Verdict
	round, allowed := result.Challenge.NextRound()
	if !allowed {
		text := fmt.Sprintf("the RADIUS server asks for step after step: %d so far", round-1)
		return nil, denied(decision.ChallengeFault, text)
	}
	step, err := verdict.Step()
	if err != nil {
		return nil, unanswerable(err)
	}
	id, err := s.Challenges.Seal(ctx, storage, challenge.State{
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
		return nil, denied(decision.ChallengeFault, "the challenge cannot be sealed: write the config once more: "+err.Error())
	}
	return &NextStep{id, step}, nil
}
