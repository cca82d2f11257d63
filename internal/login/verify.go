package login

import (
	"context"
	"time"

	"vault-plugin-auth-radius/internal/decision"
	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/passwd"
	"vault-plugin-auth-radius/internal/source"
	"vault-plugin-auth-radius/internal/username"
	"vault-plugin-auth-radius/internal/users"
)

// Verification is what a source says of a name and a password.
type Verification struct {
	Answer   source.Answer // also of a reject
	Refusal  *Refusal      // nil: it accepts, or asks for another step
	WireName string        // what it was asked about
	Took     time.Duration
}

// Verify has an operator's attempt checked by a source, whichever checks the name otherwise:
// neither profiles nor what bars users have a say. It counts as a login does, but an accept
// forgets no failed logins. The error is an [InputError] or a fault of storage.
func (s *Service) Verify(
	ctx context.Context, storage kv.Storage, config *Config, src *source.Source, attempt Attempt,
) (Verification, error) {
	began := time.Now()
	attempt.Use = decision.Trial
	var result Outcome
	wireName, err := s.verify(ctx, storage, config, src, attempt, &result)
	s.record(attempt, began, result, err)
	return Verification{Answer: result.Answer, Refusal: result.Refusal, WireName: wireName, Took: time.Since(began)}, err
}

func (s *Service) verify(
	ctx context.Context, storage kv.Storage, config *Config, src *source.Source, attempt Attempt, result *Outcome,
) (wireName string, err error) {
	began := time.Now()
	result.Name, result.identity.Source = attempt.name(), src
	sources, err := s.Sources.Get(ctx, storage)
	if err != nil {
		return "", err
	}
	if err := username.Check(attempt.Username); err != nil {
		return "", &InputError{err}
	}
	result.Name = config.Rules(sources).Canonical(attempt.Username)
	passcodes := config.passcodes(src)
	if attempt, err = attempt.split(passcodes); err != nil {
		return "", &InputError{err}
	}
	credentials, err := config.Credentials(src, result.Name, attempt.Password, attempt.Address)
	for _, err := range []error{username.Check(result.Name), err, CheckPassword(src, attempt.Password)} {
		if err != nil {
			return "", &InputError{err}
		}
	}
	user, err := s.Users.Get(ctx, storage, result.Name)
	if err != nil {
		return "", err
	}
	known, err := s.Dictionaries.Get(ctx, storage)
	if err != nil {
		return "", err
	}
	names, err := s.RegisteredNames(ctx, storage, config.Rules(sources))
	if err != nil {
		return "", err
	}
	match, err := names.Match(ctx, users.Stored{Storage: storage}, result.Name)
	if err != nil {
		return "", err
	}
	result.identity = Identity{Name: result.Name, user: user, Source: src, registered: user != nil || match.Similar}
	result.Authorization = &Authorization{config: config, Source: src, user: user, dictionary: known}
	caller := passwd.Caller{Class: passwd.Login, Share: credentials.Share, Since: began}
	s.judgeWithPasscode(ctx, attempt, candidate{credentials, caller, attempt.Passcode, passcodes.PasscodeUnasked}, result)
	return credentials.Username, nil
}
