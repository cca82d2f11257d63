package login

import (
	"cmp"
	"context"
	"slices"
	"time"

	"vault-plugin-auth-radius/internal/catalog"
	"vault-plugin-auth-radius/internal/decision"
	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/profile"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
	"vault-plugin-auth-radius/internal/users"
)

// NotAsked is the verdict about an attempt that nothing speaks against, and whose source was not
// asked.
const NotAsked decision.Outcome = "not_asked"

// Trial is an attempt of an operator, who wants to know how it is decided.
type Trial struct {
	Attempt
	For decision.Use // Login or FreeRADIUS
	// Ask has the source asked: it is a login in all but the token, and an accept forgets no
	// failed logins. Else no source is, and nothing counts.
	Ask bool
	// TurnedAway, if it is not nil, is why the login is refused before its source is looked for.
	TurnedAway *Refusal
}

// Explanation is how an attempt is decided.
type Explanation struct {
	Name    string // canonical; empty if what was typed cannot be a name
	Verdict decision.Outcome
	Class   decision.Class
	Reason  string // in the words of the log
	// ReplyMessage is what a RADIUS server says to a user that it rejects; the log has it beside.
	ReplyMessage string
	Server       string // that answered, or that the fault is about; empty: none
	Took         time.Duration

	Source   *source.Source // nil: none was looked for
	Route    string         // why it is that source
	WireName string         // what it is asked about
	User     *users.User    // nil: the name is not registered
	Bar      string         // why no source is asked; empty: nothing bars the user
	Failures int            // failed logins in a row
	Locked   time.Time      // until when the name is locked out; zero: it is not

	// Profiles are those that decide, in their order, as they see the answer; without one
	// there are no attributes of a reply.
	Profiles []ProfileExplanation
	// Grant and Authorization say what the login gets; without an accept, what it would get
	// as far as that is known. Authorization is nil if it gets nothing.
	Grant         Grant
	Authorization *Authorization
}

// ProfileExplanation is how a profile decides.
type ProfileExplanation struct {
	Entry *catalog.Profile
	Fault error // why it matches no user until it is written anew; nil: none
	profile.Explanation
}

// Explain decides about an attempt as [Service.Authenticate] or [Service.Expose] do, and
// returns how. What a client would be told with an error is a verdict here; the error is a
// fault of storage.
func (s *Service) Explain(ctx context.Context, storage kv.Storage, settings *Settings, trial Trial) (Explanation, error) {
	began := time.Now()
	attempt := trial.Attempt
	attempt.Use = decision.Trial
	attempt.passwordless = !trial.Ask && attempt.Password == ""
	var result Outcome
	var err error
	decided := trial.Ask
	switch {
	case trial.TurnedAway != nil:
		_ = s.find(ctx, storage, settings, attempt, &result) // whatever the name is, the reason is this
		result.Refusal = trial.TurnedAway
	case trial.For == decision.FreeRADIUS && attempt.Password == "":
		_, err = s.expose(ctx, storage, settings, attempt, &result)
		decided = true // by the user's entry: there is nothing else to ask
	case trial.Ask:
		err = s.decide(ctx, storage, settings, attempt, &result)
	default:
		err = s.foresee(ctx, storage, settings, attempt, &result)
	}
	if trial.For == decision.FreeRADIUS && result.Answer.Outcome == radclient.Challenge { // whatever it asks for
		result.Refusal = denied(decision.ChallengeFault, notForFreeRADIUS)
	}
	err = refuseUnread(&result, err)
	if trial.Ask {
		s.record(attempt, began, result, err)
	}
	if err != nil && !IsInputError(err) {
		return Explanation{}, err
	}
	explanation := s.explain(settings, attempt, result, err)
	explanation.Took = time.Since(began)
	if explanation.Verdict == decision.Accepted && !decided {
		explanation.Verdict, explanation.Class = NotAsked, decision.None
	}
	return explanation, nil
}

// foresee decides as far as that is possible without the source.
func (s *Service) foresee(ctx context.Context, storage kv.Storage, settings *Settings, attempt Attempt, result *Outcome) error {
	if _, err := s.prepare(ctx, storage, settings, attempt, result); err != nil || result.Refusal != nil {
		return err
	}
	identity, config := result.identity, result.Authorization.config
	locked := s.Lockouts.IsLocked(LockoutKey(config, identity.Source, identity.Name), config.lockoutPolicy())
	switch {
	case identity.bar != (Reason{}):
		result.Refusal = &Refusal{Text: DeniedText, Reason: identity.bar}
	case locked:
		result.Refusal = &Refusal{Text: DeniedText, Reason: lockedReason}
	case identity.Source.Err != nil:
		result.Refusal = misconfigured(identity.Source.Err)
	}
	result.Answer.Outcome = radclient.Accept // as far as is known
	return nil
}

// explain returns how an attempt was decided.
func (s *Service) explain(settings *Settings, attempt Attempt, result Outcome, err error) Explanation {
	e := Explanation{Name: result.Name, Server: result.Answer.Server}
	e.Verdict, e.Class, e.Reason = verdictOf(result, err)
	if result.Refusal != nil {
		e.Server = cmp.Or(result.Refusal.server, e.Server)
		e.ReplyMessage = result.Refusal.replyMessage
	}
	identity := result.identity
	if e.Source, e.Route, e.User, e.Bar = identity.Source, identity.route, identity.user, identity.bar.Text; e.Source == nil {
		return e
	}
	config := settings.Config
	e.WireName = config.NameAsked(e.Source, identity.Name)
	e.Failures, e.Locked = s.Lockouts.Count(LockoutKey(config, e.Source, identity.Name), config.lockoutPolicy())
	if result.Authorization == nil {
		return e
	}
	if result.at.IsZero() {
		result.at = s.Clock()
	}
	grant, profiles, err := result.Authorization.explain(result.Answer, result.at)
	e.Profiles = profiles
	switch {
	case err == nil:
		e.Grant, e.Authorization = grant, result.Authorization
	case result.Refusal != nil || e.Server != "": // its reason is another
	case anyProfile(profiles, profile.Explanation.MayDependOnReply):
		e.Reason = "without an answer: " + err.Error()
	case attempt.passwordless && anyProfile(profiles, profile.Explanation.MayDependOnPassword):
		e.Reason = "without a password: " + err.Error()
	default:
		e.Verdict, e.Class, e.Reason = decision.Refused, decision.Profiles, err.Error()
	}
	return e
}

// explain is [Authorization.evaluate], and returns how each profile decides.
func (a *Authorization) explain(answer source.Answer, now time.Time) (Grant, []ProfileExplanation, error) {
	var explanations []profile.Explanation
	evaluate := func(rules []*profile.Profile, input *profile.Input) (decided profile.Decision) {
		decided, explanations = profile.Explain(rules, input)
		return decided
	}
	grant, _, err := a.evaluateBy(evaluate, answer, now)
	profiles := make([]ProfileExplanation, 0, len(a.assigned))
	for _, compiled := range a.assigned {
		explained := ProfileExplanation{Entry: compiled.Entry, Fault: compiled.Err}
		if canMatch(compiled) && len(explanations) > 0 {
			explained.Explanation, explanations = explanations[0], explanations[1:]
		}
		profiles = append(profiles, explained)
	}
	return grant, profiles, err
}

// anyProfile reports whether something is true of how a profile decides.
func anyProfile(profiles []ProfileExplanation, isTrue func(profile.Explanation) bool) bool {
	return slices.ContainsFunc(profiles, func(explained ProfileExplanation) bool { return isTrue(explained.Explanation) })
}
