package login

import (
	"cmp"
	"context"
	"errors"
	"time"

	"vault-plugin-auth-radius/internal/challenge"
	"vault-plugin-auth-radius/internal/decision"
	"vault-plugin-auth-radius/internal/dictionary"
	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/lockout"
	"vault-plugin-auth-radius/internal/passwd"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
	"vault-plugin-auth-radius/internal/username"
)

// Attempt is one try to log in, in Vault or at a server that asks FreeRADIUS.
type Attempt struct {
	Use              decision.Use // empty: a login in Vault
	RequestID        string       // Vault's; empty: none
	Username         string       // as typed
	Password         string
	ChallengeID      string            // that the password answers; empty: none
	Passcode         string            // answers the challenge that the password gets; empty: none
	Address          string            // of the client, as Vault believes it; empty: unknown
	Station          string            // Calling-Station-Id that FreeRADIUS tells; empty: none
	ClientAttributes map[string]string // what the client says of itself
	// RequestItems is the request that is decided about, if a RADIUS server has got it;
	// nil: it is the one that goes to the source.
	RequestItems []dictionary.Item
	passwordless bool // it is tried without a password, as no source is asked
	// RefuseSource returns why a source may not be asked, and "" if it may; nil: each may.
	RefuseSource func(*source.Source) string
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

// name returns what was typed, if it can be a name; else "".
func (a Attempt) name() string {
	if username.Check(a.Username) != nil {
		return ""
	}
	return a.Username
}

// Outcome is the result of an attempt.
type Outcome struct {
	Name          string // canonical
	Authorization *Authorization
	Challenge     *challenge.State // nil: the password answered no challenge
	Answer        source.Answer    // accept or challenge
	Grant         Grant            // after an accept
	Next          *NextStep        // that the source asks for, of a login in Vault; else nil
	// Password is the one that the source has accepted, for renewals; empty after a challenge,
	// whose answer works once.
	Password string
	Refusal  *Refusal // why it goes no further; the log says more

	identity  Identity
	failures  int           // that this login has counted so far
	locksName bool          // the last of them has locked the name out
	waited    time.Duration // for the source, and for other logins of the name
	at        time.Time     // when the profiles have decided
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
	began := time.Now()
	var result Outcome
	err := s.decide(ctx, storage, settings, attempt, &result)
	return s.settle(attempt, began, result, err)
}

// TurnAway records a decision that is made before the source is looked for: the login is
// refused, or with no refusal its request is not valid, as the error says. The name is looked
// for so that it can be told whether it is registered; settings may be nil.
func (s *Service) TurnAway(
	ctx context.Context, storage kv.Storage, settings *Settings, attempt Attempt, refusal *Refusal, invalid error,
) {
	began := time.Now()
	result := Outcome{Name: attempt.name(), Refusal: refusal}
	if settings != nil {
		_ = s.find(ctx, storage, settings, attempt, &result) // whatever the name is, the reason is another
	}
	if refusal == nil {
		invalid = &InputError{invalid}
	}
	s.record(attempt, began, result, invalid)
}

// settle records a decision, and returns what the client may know of a fault. Names of users
// that cannot be read are like a source that is away.
func (s *Service) settle(attempt Attempt, began time.Time, result Outcome, err error) (Outcome, error) {
	err = refuseUnread(&result, err)
	s.record(attempt, began, result, err)
	if err != nil && !IsInputError(err) {
		return result, ErrReadFault
	}
	return result, err
}

// refuseUnread makes a refusal of the error that names of users cannot be read.
func refuseUnread(result *Outcome, err error) error {
	var unread *namesUnreadError
	if !errors.As(err, &unread) {
		return err
	}
	reason := Reason{decision.Storage, err.Error()}
	if errors.Is(err, context.Canceled) {
		reason = abandoned(err)
	}
	result.Refusal = &Refusal{Text: NoAnswerText, Unanswered: true, Reason: reason}
	return nil
}

// ReadFault records that the attempt could not be decided, since storage cannot be read, and
// returns [ErrReadFault], which names no user.
func (s *Service) ReadFault(attempt Attempt, err error) error {
	s.record(attempt, time.Now(), Outcome{Name: attempt.name()}, err)
	return ErrReadFault
}

// candidate is what is known of an attempt before its source is asked.
type candidate struct {
	credentials radclient.Credentials
	caller      passwd.Caller
	passcode    string // for the challenge that the password gets; empty: none
	unasked     source.PasscodeUnasked
}

// prepare reads all that the decision needs. A refusal in the result means that the source is
// not to be asked.
func (s *Service) prepare(
	ctx context.Context, storage kv.Storage, settings *Settings, attempt Attempt, result *Outcome,
) (candidate, error) {
	began := time.Now()
	if err := s.find(ctx, storage, settings, attempt, result); err != nil {
		return candidate{}, err
	}
	identity := result.identity
	passcodes := settings.Config.passcodes(identity.Source)
	attempt, err := attempt.split(passcodes)
	if err != nil {
		return candidate{}, &InputError{err}
	}
	if err := attempt.checkPassword(identity.Source); err != nil && !attempt.passwordless {
		return candidate{}, &InputError{err}
	}
	if attempt.RefuseSource != nil {
		if reason := attempt.RefuseSource(identity.Source); reason != "" {
			result.Refusal = denied(decision.NotForFreeRADIUS, reason)
			return candidate{}, nil
		}
	}
	if result.Challenge, err = s.answering(ctx, storage, identity.Source, identity.Name, attempt.ChallengeID); err != nil {
		return candidate{}, err
	}
	credentials, err := settings.Config.Credentials(identity.Source, identity.Name, attempt.Password, attempt.Address)
	if err != nil {
		return candidate{}, &InputError{err}
	}
	credentials.Answers = challengedBy(result.Challenge)
	result.Authorization, err = s.authorization(ctx, storage, settings, identity.Source, identity.user, attempt, &credentials)
	caller := passwd.Caller{
		Class: passwd.Login, Share: credentials.Share, Since: began, KnownFor: settings.Config.passwordKnownFor(attempt.Use),
	}
	return candidate{credentials, caller, attempt.Passcode, passcodes.PasscodeUnasked}, err
}

// find finds the user that an attempt is for.
func (s *Service) find(ctx context.Context, storage kv.Storage, settings *Settings, attempt Attempt, result *Outcome) error {
	result.Name = attempt.name() // until the canonical name is known
	sources, err := s.Sources.Get(ctx, storage)
	if err != nil {
		return err
	}
	result.identity, err = s.Identify(ctx, storage, settings, sources, attempt.Username)
	result.Name = result.identity.Name
	return err
}

func (s *Service) decide(ctx context.Context, storage kv.Storage, settings *Settings, attempt Attempt, result *Outcome) error {
	candidate, err := s.prepare(ctx, storage, settings, attempt, result)
	if err != nil || result.Refusal != nil {
		return err
	}
	s.judgeWithPasscode(ctx, attempt, candidate, result)
	if result.Refusal == nil && result.Answer.Outcome == radclient.Challenge {
		s.goOn(ctx, storage, attempt, result)
	}
	return nil
}

// judge has the source and the profiles decide, in the turn of the login among those of its
// name.
func (s *Service) judge(ctx context.Context, use decision.Use, candidate candidate, result *Outcome) {
	identity, config := result.identity, result.Authorization.config
	wait := stopwatch(&result.waited)
	turn, locked, refusal := s.beginTurn(ctx, config, identity, candidate.caller.Share, result.Challenge)
	wait()
	if refusal != nil {
		result.Refusal = refusal
		return
	}
	defer turn.End(lockout.Undecided) // unless it has ended
	if identity.bar != (Reason{}) || locked {
		defer stopwatch(&result.waited)()
		reason := cmp.Or(identity.bar, lockedReason)
		result.Refusal = rejectWithoutAsking(ctx, candidate.caller, identity.Source, candidate.credentials.Password, reason)
		return
	}
	wait = stopwatch(&result.waited)
	result.Answer, result.Refusal = s.ask(ctx, candidate.caller, result.Authorization, identity.Name, candidate.credentials)
	wait()
	if candidate.isUnasked(result) {
		result.Refusal = denied(decision.Unasked,
			"a code came with the password, and the source does not ask for one: see passcode_unasked")
	}
	refusal = result.Refusal // whatever the profiles say
	if refusal == nil && result.Answer.Outcome == radclient.Accept {
		s.authorize(result)
	}
	hideAccept(ctx, candidate, result)
	s.endTurn(turn, use, refusal, result)
	if result.Challenge == nil {
		result.Password = candidate.credentials.Password
	}
}

// stopwatch returns a function that adds the time until it is called.
func stopwatch(total *time.Duration) (stop func()) {
	began := time.Now()
	return func() { *total += time.Since(began) }
}

// IsInputError reports whether the client's request has caused the error.
func IsInputError(err error) bool {
	var input *InputError
	var misfit challenge.Error
	return errors.As(err, &input) || errors.As(err, &misfit)
}
