package login

import (
	"context"

	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/passwd"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
)

// Expose is [Service.Authenticate] for a request without a password, which FreeRADIUS checks
// itself. ntHash is what it checks it with; nil if the user is refused.
func (s *Service) Expose(
	ctx context.Context, storage kv.Storage, settings *Settings, attempt Attempt,
) (result Outcome, ntHash []byte, err error) {
	result, ntHash, err = s.expose(ctx, storage, settings, attempt)
	result, err = s.settle(result, err)
	return result, ntHash, err
}

// expose decides about a request without a password. If the user has an nt: hash that may be
// exposed, FreeRADIUS gets it, with the reply of the profiles; no other user is accepted.
func (s *Service) expose(
	ctx context.Context, storage kv.Storage, settings *Settings, attempt Attempt,
) (result Outcome, ntHash []byte, err error) {
	sources, err := s.Sources.Get(ctx, storage)
	if err != nil {
		return Outcome{}, nil, err
	}
	identity, err := s.Identify(ctx, storage, settings, sources, attempt.Username)
	result = Outcome{Name: identity.Name, Refusal: &Refusal{Text: DeniedText}}
	if err != nil || identity.user == nil || !identity.user.Expose {
		return result, nil, err
	}
	hash, err := passwd.Parse(identity.user.PasswordHash)
	octets, isNT := hash.NT()
	if err != nil || !isNT || identity.Source.Name != source.Local {
		return result, nil, nil
	}
	reason := identity.blockReason
	if s.Lockouts.IsLocked(LockoutKey(settings.Config, identity.Source, identity.Name), settings.Config.lockoutPolicy()) {
		reason = lockedReason
	}
	if reason != "" {
		s.Log().Info("login refused", "username", result.Name, "reason", reason)
		return result, nil, nil
	}
	credentials := radclient.Credentials{Username: result.Name}
	result.Authorization, err = s.authorization(ctx, storage, settings, identity.Source, identity.user, attempt, &credentials)
	if err != nil {
		return result, nil, err
	}
	result.Answer = source.Answer{Verdict: radclient.Verdict{Outcome: radclient.Accept, Server: source.Local}}
	if result.Grant, result.Refusal = s.authorize(result.Name, result.Authorization, result.Answer); result.Refusal != nil {
		return result, nil, nil
	}
	return result, octets, nil
}
