package login

import (
	"context"

	"vault-plugin-auth-radius/internal/challenge"
	"vault-plugin-auth-radius/internal/decision"
	"vault-plugin-auth-radius/internal/fairshare"
	"vault-plugin-auth-radius/internal/lockout"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
)

// LockoutKey returns what failed logins of a canonical name are counted by.
func LockoutKey(config *Config, src *source.Source, name string) lockout.Key {
	return lockout.Key{Source: src.Key(), WireName: config.NameAsked(src, name)}
}

// beginTurn waits until a login of the name may be decided, and reports whether the name is
// locked. The refusal means that the login never was decided.
func (s *Service) beginTurn(
	ctx context.Context, config *Config, identity Identity, share fairshare.Share, answered *challenge.State,
) (turn *lockout.Turn, locked bool, refusal *Refusal) {
	login := lockout.Login{
		Key:        LockoutKey(config, identity.Source, identity.Name),
		Name:       identity.Name,
		Registered: identity.registered,
		Policy:     config.lockoutPolicy(),
		Share:      share,
		Wait:       identity.Source.Wait(config.Timeout()),
		Barred:     identity.bar != (Reason{}),
		TakesTime:  identity.Source.IsLocal(),
	}
	if answered != nil {
		login.Round, login.Failures = answered.Round, answered.Failures
	}
	turn, locked, err := s.Lockouts.Begin(ctx, login)
	if err != nil {
		return nil, false, unanswered(err)
	}
	return turn, locked, nil
}

// endTurn counts a login that the source has refused, and forgets those before one that it
// has accepted. A challenge that follows an answered one may be a wrong code's: it is a
// failure, given back when the same login is accepted. A login that was not judged does not
// count, and a trial that is accepted forgets nothing. The refusal is the source's: what the
// profiles say does not count.
func (s *Service) endTurn(turn *lockout.Turn, use decision.Use, refusal *Refusal, result *Outcome) {
	again := refusal == nil && result.Answer.Outcome == radclient.Challenge && result.Challenge != nil
	switch {
	case refusal == nil && result.Answer.Outcome == radclient.Accept:
		if use != decision.Trial {
			turn.End(lockout.Accepted)
		}
		return
	case again:
		result.failures = result.Challenge.Failures + 1
	case refusal == nil || !refusal.rejected:
		return
	}
	if turn.End(lockout.Rejected) {
		result.locksName = true
		policy := result.Authorization.config.lockoutPolicy()
		s.Log().Warn("a name is locked out after failed logins",
			"username", result.Name, "failed", policy.Threshold, "for", policy.Duration)
	}
}
