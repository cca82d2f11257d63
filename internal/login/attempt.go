package login

import (
	"cmp"
	"context"
	"errors"
	"time"

	"vault-plugin-auth-radius/internal/challenge"
	"vault-plugin-auth-radius/internal/dictionary"
	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/lockout"
	"vault-plugin-auth-radius/internal/passwd"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
)

// Attempt is one try to log in, in Vault or at a server that asks FreeRADIUS.
type Attempt struct {
	Username         string // as typed
	Password         string
	ChallengeID      string            // that the password answers; empty: none
	Address          string            // of the client, as Vault believes it; empty: unknown
	ClientAttributes map[string]string // what the client says of itself
	// RequestItems is the request that is decided about, if a RADIUS server has got it;
	// nil: it is the one that goes to the source.
	RequestItems []dictionary.Item
	// Allow reports whether a source may be asked; nil: each may.
	Allow func(*source.Source) bool
}

// checkPassword returns why the source cannot be asked about the password, which may be
// empty if it answers a challenge. Only the RADIUS source that has asked opens a
// challenge_id, so nothing empty comes to a directory or to a hash.
func (a Attempt) checkPassword(src *source.Source) error {
	if a.ChallengeID != "" {
		return radclient.CheckResponse(a.Password)
	}
	return CheckPassword(src, a.Password)
}

// Outcome is the result of an attempt.
type Outcome struct {
	Name          string // canonical
	Authorization *Authorization
	Challenge     *challenge.State // nil: the password answered no challenge
	failures      int              // that this login has counted so far
	Answer        source.Answer    // accept or challenge
	Grant         Grant            // after an accept
	Refusal       *Refusal         // why it goes no further; the log says more
}

// InputError means that a name, a password or another value of the request is wrong. Its
// text is for the client.
type InputError struct{ Err error }

// Error returns what is wrong with the value.
func (e *InputError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *InputError) Unwrap() error { return e.Err }

// ErrReadFault is the one text for faults of storage at login: the log says more.
var ErrReadFault = errors.New("the login could not be checked: the log of the radius auth method says more")

// Authenticate asks the source that checks the name. It never writes storage, and reads it
// only before the source is asked: a failure after that would make Vault's clients try
// again, which is a second push to the user's phone. The error is an [InputError], a
// [challenge.Error], or [ErrReadFault].
func (s *Service) Authenticate(ctx context.Context, storage kv.Storage, settings *Settings, attempt Attempt) (Outcome, error) {
	return s.settle(s.decide(ctx, storage, settings, attempt))
}

// settle returns what the client may know of a fault. Names of users that cannot be read
// are like a source that is away.
func (s *Service) settle(result Outcome, err error) (Outcome, error) {
	var unread *namesUnreadError
	switch {
	case err == nil || IsInputError(err):
		return result, err
	case errors.As(err, &unread):
		s.Log().Error("login failed", "username", result.Name, "error", err)
		result.Refusal = &Refusal{Text: NoAnswerText, Unanswered: true}
		return result, nil
	}
	return result, s.ReadFault(err)
}

// ReadFault logs a fault of storage at login, and returns [ErrReadFault], which names no
// user.
func (s *Service) ReadFault(err error) error {
	s.Log().Error("login failed: storage cannot be read", "error", err)
	return ErrReadFault
}

func (s *Service) decide(ctx context.Context, storage kv.Storage, settings *Settings, attempt Attempt) (Outcome, error) {
	began := time.Now()
	config := settings.Config
	sources, err := s.Sources.Get(ctx, storage)
	if err != nil {
		return Outcome{}, err
	}
	identity, err := s.Identify(ctx, storage, settings, sources, attempt.Username)
	result := Outcome{Name: identity.Name}
	if err != nil {
		return result, err
	}
	if err := attempt.checkPassword(identity.Source); err != nil {
		return result, &InputError{err}
	}
	if attempt.Allow != nil && !attempt.Allow(identity.Source) {
		result.Refusal = &Refusal{Text: DeniedText}
		return result, nil
	}
	if result.Challenge, err = s.answering(ctx, storage, identity.Source, identity.Name, attempt.ChallengeID); err != nil {
		return result, err
	}
	credentials, err := config.Credentials(identity.Source, identity.Name, attempt.Password, attempt.Address)
	if err != nil {
		return result, &InputError{err}
	}
	credentials.Answers = challengedBy(result.Challenge)
	result.Authorization, err = s.authorization(ctx, storage, settings, identity.Source, identity.user, attempt, &credentials)
	if err != nil {
		return result, err
	}
	caller := passwd.Caller{Class: passwd.Login, Share: credentials.Share, Since: began}
	turn, locked, refusal := s.beginTurn(ctx, config, identity, caller.Share, result.Challenge)
	if refusal != nil {
		result.Refusal = refusal
		return result, nil
	}
	defer turn.End(lockout.Undecided) // unless it has ended
	if identity.blockReason != "" || locked {
		reason := cmp.Or(identity.blockReason, lockedReason)
		result.Refusal = s.rejectWithoutAsking(ctx, caller, identity.Source, identity.Name, attempt.Password, reason)
		return result, nil
	}
	result.Answer, result.Refusal = s.ask(ctx, caller, result.Authorization, identity.Name, credentials)
	s.endTurn(turn, &result)
	if result.Refusal == nil && result.Answer.Outcome == radclient.Accept {
		result.Grant, result.Refusal = s.authorize(identity.Name, result.Authorization, result.Answer)
	}
	return result, nil
}

// IsInputError reports whether the client's request has caused the error.
func IsInputError(err error) bool {
	var input *InputError
	var misfit challenge.Error
	return errors.As(err, &input) || errors.As(err, &misfit)
}
