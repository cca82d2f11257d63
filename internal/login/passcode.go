package login

import (
	"context"
	"errors"
	"fmt"

	"vault-plugin-auth-radius/internal/challenge"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
)

// errPasscodeAnswers means that a login answers a challenge twice.
var errPasscodeAnswers = errors.New("passcode and challenge_id exclude each other: " +
	"the answer to a challenge_id is the password, and a passcode answers the challenge that a password gets")

// passcodes returns how logins that the source checks have a code. Only RADIUS servers ask for
// one; elsewhere the config says what becomes of a code.
func (c *Config) passcodes(src *source.Source) source.PasscodeSettings {
	switch {
	case src.Entry != nil && src.Entry.RADIUS != nil:
		return src.Entry.RADIUS.PasscodeSettings
	case src.Entry == nil && src.Name == "":
		return c.PasscodeSettings
	}
	return source.PasscodeSettings{PasscodeUnasked: c.PasscodeUnasked}
}

// split returns the attempt with its password and its code apart. A password is never taken in
// both readings.
func (a Attempt) split(passcodes source.PasscodeSettings) (Attempt, error) {
	switch {
	case a.Passcode != "" && a.ChallengeID != "":
		return a, errPasscodeAnswers
	case a.Passcode == "" && a.ChallengeID == "":
		a.Password, a.Passcode = passcodes.Split(a.Password)
	}
	if err := radclient.CheckResponse(a.Passcode); err != nil {
		return a, fmt.Errorf("passcode, like a password: %w", err)
	}
	return a, nil
}

// isUnasked reports whether a code came with a password that its source accepts alone, and is not
// to be ignored. Such a login is refused: else whoever has the password would know that it is
// right without the code. As it gets no token, it forgets no failed logins.
func (c candidate) isUnasked(result *Outcome) bool {
	return c.passcode != "" && c.unasked != source.PasscodeIgnore &&
		result.Challenge == nil && result.Refusal == nil && result.Answer.Outcome == radclient.Accept
}

// judgeWithPasscode has the source and the profiles decide, and answers a challenge with the
// code that came with the password.
func (s *Service) judgeWithPasscode(ctx context.Context, attempt Attempt, candidate candidate, result *Outcome) {
	s.judge(ctx, attempt.Use, candidate, result)
	if candidate.passcode != "" && result.Refusal == nil && result.Answer.Outcome == radclient.Challenge {
		s.answer(ctx, attempt, candidate, result)
	}
}

// answer answers the challenge that the login has got, as another request would.
func (s *Service) answer(ctx context.Context, attempt Attempt, candidate candidate, result *Outcome) {
	verdict := result.Answer.Verdict
	step, err := verdict.Step()
	if err != nil {
		result.Refusal = unanswerable(err)
		return
	}
	result.Challenge = &challenge.State{
		Username: result.Name, Source: result.identity.Source.Key(), Host: verdict.Host, Server: verdict.Server,
		State: step.State, Round: 1,
	}
	result.Password, result.Answer = "", source.Answer{} // if nothing is asked now, none has been given
	candidate.credentials.Password, candidate.credentials.Answers = candidate.passcode, challengedBy(result.Challenge)
	result.Authorization.replacePassword(candidate.passcode)
	s.judge(ctx, attempt.Use, candidate, result)
}

// replacePassword has profiles see another password of the request.
func (a *Authorization) replacePassword(password string) {
	known, found := a.dictionary.Lookup("User-Password")
	if !found {
		return
	}
	for i := range a.requestItems {
		if a.requestItems[i].Attribute.Same(known) {
			a.requestItems[i].Value = []byte(password)
		}
	}
}
