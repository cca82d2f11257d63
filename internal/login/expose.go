package login

import (
	"context"

	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/passwd"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
)

// Expose is [loginService.try] for a request without a password.
func (s *Service) Expose(
	ctx context.Context, storage kv.Storage, settings *Settings, attempt Attempt,
) (result Outcome, ntHash []byte, err error) {
	result, ntHash, err = s.expose(ctx, storage, settings, attempt)
	result, err = s.settle(result, err)
	return result, ntHash, err
}

// expose decides about a request without a password. If the user has an nt: hash
// that may be exposed, FreeRADIUS gets it, with what the profiles reply; nobody
// else is accepted.
func (s *Service) expose(
	ctx context.Context, storage kv.Storage, settings *Settings, attempt Attempt,
) (result Outcome, ntHash []byte, err error) {
	sources, err := s.Sources.Get(ctx, storage)
	if err != nil {
		return Outcome{}, nil, err
	}
	who, err := s.Identify(ctx, storage, settings, sources, attempt.Username)
	result = Outcome{Name: who.Name, Refusal: &Refusal{Text: DeniedText}}
	if err != nil || who.user == nil || !who.user.Expose {
		return result, nil, err
	}
	hash, err := passwd.Parse(who.user.PasswordHash)
	octets, isNT := hash.NT()
	if err != nil || !isNT || who.Source.Name != source.Local {
		return result, nil, nil
	}
	reason := who.barred
	if s.Lockouts.IsLocked(LockoutKey(settings.Config, who.Source, who.Name), settings.Config.lockoutPolicy()) {
		reason = lockedReason
	}
	if reason != "" {
		s.Log().Info("login refused", "username", result.Name, "reason", reason)
		return result, nil, nil
	}
	credentials := radclient.Credentials{Username: result.Name}
	if result.Authorization, err = s.authorization(ctx, storage, settings, who.Source, who.user, attempt, &credentials); err != nil {
		return result, nil, err
	}
	result.Answer = source.Answer{Verdict: radclient.Verdict{Outcome: radclient.Accept, Server: source.Local}}
	result.Grant, result.Refusal = s.authorize(result.Name, result.Authorization, result.Answer)
	return result, octets, nil
}
