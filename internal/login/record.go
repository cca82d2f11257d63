package login

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/hashicorp/go-hclog"

	"vault-plugin-auth-radius/internal/challenge"
	"vault-plugin-auth-radius/internal/decision"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
)

// record logs what was decided about an attempt that began then, and hands it on to
// Decided.
func (s *Service) record(attempt Attempt, began time.Time, result Outcome, err error) {
	took := time.Since(began)
	d := decision.Decision{
		Time:       s.Clock(),
		Use:        cmp.Or(attempt.Use, decision.Login),
		Username:   result.Name,
		Registered: result.identity.user != nil,
		Address:    attempt.Address,
		Station:    attempt.Station,
		Server:     result.Answer.Server,
		Duration:   took,
		Own:        took - result.waited,
		RequestID:  attempt.RequestID,
		Answers:    result.Challenge != nil,
		LocksName:  result.locksName,
	}
	if src := result.identity.Source; src != nil {
		d.Source, d.SourceType = src.Label(), src.TypeLabel()
	}
	d.Outcome, d.Class, d.Reason = verdictOf(result, err)
	replyMessage, flood := "", ""
	if refusal := result.Refusal; refusal != nil && err == nil {
		d.Server = cmp.Or(refusal.server, d.Server)
		replyMessage, flood = refusal.replyMessage, refusal.flood
	}
	if flood != "" {
		s.logFlood(d, flood)
	} else {
		s.logDecision(d, replyMessage)
	}
	if s.Decided != nil {
		s.Decided(d)
	}
}

// verdictOf returns what came of an attempt, and why.
func verdictOf(result Outcome, err error) (outcome decision.Outcome, class decision.Class, reason string) {
	switch refusal := result.Refusal; {
	case IsInputError(err):
		return decision.Invalid, inputClass(err), err.Error()
	case errors.Is(err, context.Canceled):
		reason := abandoned(err)
		return decision.Unanswered, reason.Class, reason.Text
	case err != nil:
		return decision.Unanswered, decision.Storage, "storage cannot be read: " + err.Error()
	case refusal != nil:
		return refusal.outcome(), refusal.Reason.Class, refusal.Reason.Text
	case result.Answer.Outcome == radclient.Challenge:
		return decision.Challenged, decision.None, ""
	}
	return decision.Accepted, decision.None, ""
}

// inputClass returns the class of an error that the client's request has caused.
func inputClass(err error) decision.Class {
	var misfit challenge.Error
	if errors.As(err, &misfit) {
		return decision.ChallengeFault
	}
	return decision.Input
}

// logDecision logs a decision: each line has the same keys, and a reject of a RADIUS server
// its text for the user as well.
func (s *Service) logDecision(d decision.Decision, replyMessage string) {
	details := []any{
		"username", d.Username, "source", d.Source, "server", d.Server, "outcome", d.Outcome, "reason", d.Reason,
		"duration_ms", source.Milliseconds(d.Duration),
		"request_id", d.RequestID, "use", d.Use,
	}
	if replyMessage != "" {
		details = append(details, "reply_message", replyMessage)
	}
	s.Log().Log(levelOf(d), lineOf(d), details...)
}

// logFlood logs decisions that are due to a flood, each kind once a minute, with their number.
func (s *Service) logFlood(d decision.Decision, flood string) {
	refused, passes := s.Floods.Pass(flood + d.Server)
	if !passes {
		return
	}
	key, value := "server", d.Server
	if d.Server == "" {
		key, value = "username", d.Username // one of the names
	}
	s.Log().Error("logins refused: "+flood, key, value, "refused", refused, "reason", d.Reason, "source", d.Source, "use", d.Use)
}

// lines are the messages of lines about decisions.
type lines struct{ accepted, goesOn, refused, bySource, byProfiles, invalid, failed string }

// loginLines are those about logins, in Vault or for FreeRADIUS.
var loginLines = lines{
	accepted:   "login accepted",
	goesOn:     "login goes on: its source asks for another step",
	refused:    "login refused",
	bySource:   "login refused by its source",
	byProfiles: "login refused by the profiles",
	invalid:    "login refused: the request is not valid",
	failed:     "login failed",
}

var renewalLines = lines{
	accepted:   "renewal accepted",
	refused:    "renewal refused",
	bySource:   "renewal refused by its source",
	byProfiles: "renewal refused by the profiles",
	invalid:    "renewal refused: the name is not valid",
	failed:     "renewal failed",
}

var trialLines = lines{
	accepted:   "trial accepted",
	goesOn:     "trial ended: its source asks for another step",
	refused:    "trial refused",
	bySource:   "trial refused by its source",
	byProfiles: "trial refused by the profiles",
	invalid:    "trial refused: the request is not valid",
	failed:     "trial failed",
}

// lineOf returns the message of the line about a decision.
func lineOf(d decision.Decision) string {
	of := loginLines
	switch d.Use {
	case decision.Renewal:
		of = renewalLines
	case decision.Trial:
		of = trialLines
	}
	switch {
	case d.Outcome == decision.Accepted:
		return of.accepted
	case d.Outcome == decision.Challenged:
		return of.goesOn
	case d.Outcome == decision.Unanswered:
		return of.failed
	case d.Outcome == decision.Invalid:
		return of.invalid
	case d.Class == decision.Rejected:
		return of.bySource
	case d.Class == decision.Profiles:
		return of.byProfiles
	}
	return of.refused
}

// levelOf returns the level of the line about a decision: what an operator has to mend is an
// error.
func levelOf(d decision.Decision) hclog.Level {
	switch d.Class {
	case decision.Misconfigured, decision.NotConfigured, decision.NoAnswer, decision.Flood, decision.Storage:
		return hclog.Error
	case decision.ChallengeFault:
		if d.Outcome != decision.Invalid {
			return hclog.Error
		}
	case decision.Address:
		return hclog.Warn
	}
	return hclog.Info
}
