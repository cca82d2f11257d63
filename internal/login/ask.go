package login

import (
	"cmp"
	"context"
	"errors"

	"vault-plugin-auth-radius/internal/decision"
	"vault-plugin-auth-radius/internal/directory"
	"vault-plugin-auth-radius/internal/passwd"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
	"vault-plugin-auth-radius/internal/users"
)

// The texts of refusals, for the client. None tells why: the log does.
const (
	DeniedText        = "access denied by the authentication server"
	NoAnswerText      = "the authentication server did not answer in time"
	NotConfiguredText = "radius backend not configured"
)

// unexplainedReject is the reason of a reject that has none: RADIUS servers mostly keep it to
// themselves.
const unexplainedReject = "the server has rejected it: its own log says why"

// ask asks the source. It returns its answer, also with a refusal.
func (s *Service) ask(
	ctx context.Context, caller passwd.Caller, authorization *Authorization, name string, credentials radclient.Credentials,
) (source.Answer, *Refusal) {
	src := authorization.Source
	if src.Err != nil {
		return source.Answer{}, misconfigured(src.Err)
	}
	answer, err := src.Checker.Check(ctx, source.Query{
		Credentials: credentials,
		Known:       authorization.dictionary,
		SameName:    authorization.config.SameName(authorization.user, credentials.Username),
		Caller:      caller,
	})
	switch {
	case errors.As(err, new(*directory.ConfigurationError)):
		refusal := denied(decision.Misconfigured, "the directory cannot be asked like this: "+err.Error())
		refusal.server = serverOf(err)
		return source.Answer{}, refusal
	case err != nil:
		return source.Answer{}, unanswered(err)
	}
	if answer.Drops.Total() > 0 {
		s.Log().Warn("answers were dropped before the valid one came",
			"server", answer.Server, "drops", answer.Drops.String(), "username", name)
	}
	if answer.Outcome == radclient.Reject {
		refusal := denied(decision.Rejected, cmp.Or(answer.Reason, unexplainedReject))
		refusal.rejected, refusal.replyMessage = true, answer.ReplyMessage
		return answer, refusal
	}
	return answer, nil
}

// misconfigured returns the refusal of a login whose source has a fault.
func misconfigured(fault error) *Refusal {
	text := "the stored config is not valid: write it again: " + fault.Error()
	return &Refusal{Text: NotConfiguredText, Reason: Reason{decision.Misconfigured, text}}
}

// authorize lets the profiles decide about a user that a source has accepted.
func (s *Service) authorize(result *Outcome) {
	result.at = s.Clock()
	for _, warning := range result.Authorization.unsent {
		s.Log().Warn("request_attributes: not all could be sent", "username", result.Name, "reason", warning.Text)
	}
	granted, warnings, err := result.Authorization.evaluate(result.Answer, result.at)
	if err != nil {
		result.Refusal = denied(decision.Profiles, err.Error())
		return
	}
	for _, warning := range warnings {
		s.Log().Warn("profile: a reply attribute was left out",
			"username", result.Name, "field", warning.Field, "reason", warning.Text)
	}
	result.Grant = granted
}

// grantedPolicies returns the policies that a login adds to the config's token_policies.
func grantedPolicies(config *Config, user *users.User) []string {
	if user == nil {
		return config.UnregisteredUserPolicies
	}
	return user.Policies
}
