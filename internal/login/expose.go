package login

import (
	"context"
	"time"

	"vault-plugin-auth-radius/internal/decision"
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
	began := time.Now()
	ntHash, err = s.expose(ctx, storage, settings, attempt, &result)
	result, err = s.settle(attempt, began, result, err)
	return result, ntHash, err
}

// expose decides about a request without a password. If the user has an nt: hash that may be
// exposed, FreeRADIUS gets it, with the reply of the profiles; no other user is accepted.
func (s *Service) expose(
	ctx context.Context, storage kv.Storage, settings *Settings, attempt Attempt, result *Outcome,
) (ntHash []byte, err error) {
	if err := s.find(ctx, storage, settings, attempt, result); err != nil {
		return nil, err
	}
	identity := result.identity
	octets, reason := hashOf(identity)
	if reason != "" {
		result.Refusal = denied(decision.NoPasswordExposed, reason)
		return nil, nil
	}
	bar := identity.bar
	if s.Lockouts.IsLocked(LockoutKey(settings.Config, identity.Source, identity.Name), settings.Config.lockoutPolicy()) {
		bar = lockedReason
	}
	if bar != (Reason{}) {
		result.Refusal = &Refusal{Text: DeniedText, Reason: bar}
		return nil, nil
	}
	credentials := radclient.Credentials{Username: result.Name}
	result.Authorization, err = s.authorization(ctx, storage, settings, identity.Source, identity.user, attempt, &credentials)
	if err != nil {
		return nil, err
	}
	result.Answer = source.Answer{Verdict: radclient.Verdict{Outcome: radclient.Accept, Server: source.Local}}
	if s.authorize(result); result.Refusal != nil {
		return nil, nil
	}
	return octets, nil
}

// hashOf returns the nt: hash of a user that may be exposed, or why there is none.
func hashOf(identity Identity) (ntHash []byte, reason string) {
	switch user := identity.user; {
	case user == nil:
		return nil, "the request has no password, and the name is not under users/"
	case !user.Expose:
		return nil, "the request has no password, and the user's hash may not be exposed: see expose_credential"
	case identity.Source.Name != source.Local:
		return nil, "the request has no password, and the user's is not checked here"
	}
	hash, err := passwd.Parse(identity.user.PasswordHash)
	ntHash, isNT := hash.NT()
	if err != nil || !isNT {
		return nil, "the request has no password, and the user has no hash of the kind nt:"
	}
	return ntHash, ""
}
