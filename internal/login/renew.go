package login

import (
	"cmp"
	"context"
	"slices"
	"time"

	"vault-plugin-auth-radius/internal/catalog"
	"vault-plugin-auth-radius/internal/decision"
	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/passwd"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/users"
)

// Kept holds what a token remembers for its renewals.
type Kept struct {
	Password   string // empty: none was kept
	Registered bool   // the user, when the token was made
	// Profiles are those that matched, as [catalog.Compiled.Revision] has them.
	Profiles []string
	// RuledOut are those with limits, written alike, that would not have matched at
	// another time either.
	RuledOut []string
	Groups   []string // identity group aliases
	// Source is the key of what checked the password; empty: the config's servers.
	Source string
	// ClientAttributes are what the client said of itself, for profiles that decide again.
	ClientAttributes map[string]string
}

// NewRenewalData returns what a token keeps of its login; password is empty if it cannot be
// used again.
func NewRenewalData(authorization *Authorization, password string, granted Grant) Kept {
	config := authorization.config
	data := Kept{
		Registered: authorization.user != nil,
		Source:     authorization.Source.Key(),
		Groups:     granted.Groups(config.GroupAttributes),
	}
	if config.Renewal == RenewalReauthenticate {
		data.Password = password
	}
	if data.Password != "" && len(granted.Matched) > 0 {
		data.ClientAttributes = authorization.clientAttributes
	}
	data.Profiles, data.RuledOut = revisionsOf(granted.Matched), revisionsOf(granted.ruledOut)
	return data
}

// Renewed holds what a token has after its token.
type Renewed struct {
	Granted Grant
	Groups  []string // that become identity group aliases
}

// Token is one that is to be renewed.
type Token struct {
	Username  string // as the login has kept it
	Address   string // of the client
	RequestID string // Vault's; empty: none
	Kept      Kept
	// SamePolicies reports whether the token has these policies, beside the config's.
	SamePolicies func(granted []string) bool
}

// Renew decides whether the user of a token could still get one like it. A token without a
// password can only be rechecked, whatever the config says now. The refusal has a text for the
// client.
func (s *Service) Renew(
	ctx context.Context, storage kv.Storage, settings *Settings, token Token,
) (Renewed, *Refusal, error) {
	began := time.Now()
	var result Outcome
	groups, err := s.renew(ctx, storage, settings, token, &result)
	attempt := Attempt{Use: decision.Renewal, RequestID: token.RequestID, Address: token.Address}
	s.record(attempt, began, result, err)
	switch {
	case IsInputError(err):
		return Renewed{}, &Refusal{Text: err.Error() + notRenewing}, nil
	case err != nil || result.Refusal != nil:
		return Renewed{}, result.Refusal, err
	}
	return Renewed{Granted: result.Grant, Groups: groups}, nil, nil
}

// notRenewing ends the texts for clients whose tokens are not renewed.
const notRenewing = ", not renewing"

// changed returns the refusal of a renewal, as something is not as it was at the login.
func changed(class decision.Class, text string) *Refusal {
	return &Refusal{Text: text, Reason: Reason{class, text}}
}

// renew decides about a renewal, and returns the identity group aliases that it has.
func (s *Service) renew(
	ctx context.Context, storage kv.Storage, settings *Settings, token Token, result *Outcome,
) (groups []string, err error) {
	if err := s.find(ctx, storage, settings, Attempt{Username: token.Username}, result); err != nil {
		return nil, err
	}
	config, identity, data := settings.Config, result.identity, token.Kept
	switch {
	case identity.bar != (Reason{}):
		text := cmp.Or(identity.user.BlockReason(s.Clock()), "the user may not log in any more")
		result.Refusal = &Refusal{Text: text + notRenewing, Reason: identity.bar}
		return nil, nil
	case data.Source != identity.Source.Key():
		result.Refusal = changed(decision.Changed, "another source checks the user now, not renewing")
		return nil, nil
	}
	unchanged, others, err := s.profilesUnchanged(ctx, storage, config, identity.user, data)
	switch {
	case err != nil:
		return nil, err
	case unchanged == nil:
		result.Refusal = changed(decision.Changed, "profiles have changed, not renewing")
		return nil, nil
	}
	result.Grant = Grant{Policies: slices.Concat(grantedPolicies(config, identity.user), policiesOf(unchanged)), Matched: unchanged}
	groups = data.Groups
	if config.Renewal == RenewalReauthenticate && data.Password != "" {
		if err := s.reauthenticate(ctx, storage, settings, token, result); result.Refusal != nil || err != nil {
			return nil, err
		}
		groups = result.Grant.Groups(config.GroupAttributes)
	} else if data.Registered && identity.user == nil {
		result.Refusal = changed(decision.Unregistered, "user is no longer registered, not renewing")
		return nil, nil
	} else if result.Grant.ends, err = recheck(unchanged, others, settings.Zone, s.Clock()); err != nil {
		result.Refusal = &Refusal{Text: DeniedText + notRenewing, Reason: Reason{decision.Profiles, err.Error()}}
		return nil, nil
	}
	if !token.SamePolicies(result.Grant.Policies) {
		result.Refusal = changed(decision.Changed, "policies have changed, not renewing")
		return nil, nil
	}
	result.Grant.ends = endsOf(identity.user, result.Grant.ends)
	return groups, nil
}

// reauthenticate has the source check the password again, and the profiles decide again.
func (s *Service) reauthenticate(
	ctx context.Context, storage kv.Storage, settings *Settings, token Token, result *Outcome,
) error {
	identity, data := result.identity, token.Kept
	if err := CheckPassword(identity.Source, data.Password); err != nil {
		result.Refusal = invalidNow(err) // kept by the built-in method, which checks less
		return nil
	}
	credentials, err := settings.Config.Credentials(identity.Source, identity.Name, data.Password, token.Address)
	if err != nil {
		result.Refusal = invalidNow(err)
		return nil
	}
	credentials.Share = RenewalShare(credentials.Username)
	attempt := Attempt{ClientAttributes: data.ClientAttributes}
	result.Authorization, err = s.authorization(ctx, storage, settings, identity.Source, identity.user, attempt, &credentials)
	if err != nil {
		return err
	}
	caller := passwd.Caller{
		Class: passwd.Renewal, Share: credentials.Share, KnownFor: settings.Config.passwordKnownFor(decision.Renewal),
	}
	wait := stopwatch(&result.waited)
	result.Answer, result.Refusal = s.ask(ctx, caller, result.Authorization, identity.Name, credentials)
	wait()
	switch {
	case result.Refusal != nil:
	case result.Answer.Outcome != radclient.Accept:
		result.Refusal = denied(decision.ChallengeFault,
			"the RADIUS server asks for another step, and nobody is there to take it: see renewal=recheck")
	default:
		s.authorize(result)
	}
	return nil
}

// invalidNow returns the refusal of a renewal whose credentials cannot be sent.
func invalidNow(err error) *Refusal {
	return &Refusal{Text: err.Error(), Reason: Reason{decision.Input, err.Error()}}
}

// profilesUnchanged returns the profiles that a token's login has matched, if they are as they
// were and still the user's; else nil. To disable a profile is a change. The others are those
// that the login has not matched, but may now: the time was in the way, or the user has them
// only since then, or they were written since then.
func (s *Service) profilesUnchanged(
	ctx context.Context, storage kv.Storage, config *Config, user *users.User, data Kept,
) (matched, others []*catalog.Compiled, err error) {
	assigned := assignedProfiles(config, user)
	if len(assigned) > 0 && len(data.Profiles) == 0 {
		return nil, nil, nil // profiles decide now, and decided nothing then
	}
	profiles, err := s.Profiles.Get(ctx, storage, assigned)
	if err != nil {
		return nil, nil, err
	}
	matched = []*catalog.Compiled{}
	for _, compiled := range profiles {
		switch revision := compiled.Revision(); {
		case compiled.Rules == nil:
		case slices.Contains(data.Profiles, revision):
			matched = append(matched, compiled)
		case compiled.Entry.Enabled && !slices.Contains(data.RuledOut, revision):
			others = append(others, compiled)
		}
	}
	if len(matched) != len(data.Profiles) {
		return nil, nil, nil
	}
	return matched, others, nil
}

// revisionsOf returns profiles as a token keeps them.
func revisionsOf(profiles []*catalog.Compiled) []string {
	var revisions []string
	for _, compiled := range profiles {
		revisions = append(revisions, compiled.Revision())
	}
	return revisions
}

// policiesOf returns the policies of profiles, in their order.
func policiesOf(profiles []*catalog.Compiled) []string {
	var policies []string
	for _, compiled := range profiles {
		policies = append(policies, compiled.Entry.Policies...)
	}
	return policies
}
