package login

import (
	"context"
	"errors"

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

// ask asks the source. It returns its answer, accept or challenge, or a refusal; the reason
// of a refusal is in the log.
func (s *Service) ask(
	ctx context.Context, caller passwd.Caller, authorization *Authorization, name string, credentials radclient.Credentials,
) (source.Answer, *Refusal) {
	src := authorization.Source
	details := []any{"username", name}
	if src.Name != "" {
		details = append(details, "extauth", src.Name)
	}
	if src.Err != nil {
		s.Log().Error("login refused: the stored config is not valid: write it again", append(details, "error", src.Err)...)
		return source.Answer{}, &Refusal{Text: NotConfiguredText}
	}
	answer, err := src.Checker.Check(ctx, source.Query{
		Credentials: credentials,
		Known:       authorization.dictionary,
		SameName:    authorization.config.SameName(authorization.user, credentials.Username),
		Caller:      caller,
	})
	var misconfigured *directory.ConfigurationError
	switch {
	case errors.As(err, &misconfigured):
		s.Log().Error("login refused: the directory cannot be asked like this", append(details, "error", err)...)
		return source.Answer{}, &Refusal{Text: DeniedText}
	case err != nil:
		return source.Answer{}, s.unanswered(err, details...)
	}
	details = append(details, "server", answer.Server)
	if answer.Drops.Total() > 0 {
		s.Log().Warn("answers were dropped before the valid one came", "server", answer.Server, "drops", answer.Drops.String())
	}
	if answer.Outcome == radclient.Reject {
		details = append(details, "reason", answer.Reason)
		if answer.ReplyMessage != "" {
			details = append(details, "reply_message", answer.ReplyMessage)
		}
		s.Log().Info("login refused by its source", details...)
		return source.Answer{}, &Refusal{Text: DeniedText, rejected: true}
	}
	return answer, nil
}

// authorize lets the profiles decide about a user that a source has accepted. It returns
// what they grant, or a refusal; the reason is in the log.
func (s *Service) authorize(name string, authorization *Authorization, answer source.Answer) (Grant, *Refusal) {
	for _, warning := range authorization.unsent {
		s.Log().Warn("request_attributes: not all could be sent", "username", name, "reason", warning.Text)
	}
	granted, warnings, err := authorization.evaluate(answer, s.Clock())
	if err != nil {
		s.Log().Info("login refused by the profiles", "username", name, "server", answer.Server, "reason", err)
		return granted, &Refusal{Text: DeniedText}
	}
	for _, warning := range warnings {
		s.Log().Warn("profile: a reply attribute was left out", "username", name, "field", warning.Field, "reason", warning.Text)
	}
	return granted, nil
}

// grantedPolicies returns the policies that a login adds to the config's token_policies.
func grantedPolicies(config *Config, user *users.User) []string {
	if user == nil {
		return config.UnregisteredUserPolicies
	}
	return user.Policies
}
