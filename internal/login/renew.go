package login

import (
	"cmp"
	"context"
	"slices"

	"vault-plugin-auth-radius/internal/catalog"
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

// Renewed holds what a token has after its renewal.
type Renewed struct {
	Granted Grant
	Groups  []string // that become identity group aliases
}

// Renew decides whether the user of a token could still get one like it. address is that of
// the client. A token without a password can only be rechecked, whatever the config says now.
// The refusal has a text for the client.
func (s *Service) Renew(
	ctx context.Context, storage kv.Storage, settings *Settings, typed, address string, data Kept,
) (Renewed, *Refusal, error) {
	config := settings.Config
	sources, err := s.Sources.Get(ctx, storage)
	if err != nil {
		return Renewed{}, nil, err
	}
	identity, err := s.Identify(ctx, storage, settings, sources, typed)
	switch {
	case IsInputError(err):
		return Renewed{}, &Refusal{Text: err.Error() + ", not renewing"}, nil
	case err != nil:
		return Renewed{}, nil, err
	case identity.blockReason != "":
		s.Log().Info("renewal refused", "username", identity.Name, "reason", identity.blockReason)
		reason := cmp.Or(identity.user.BlockReason(s.Clock()), "the user may not log in any more")
		return Renewed{}, &Refusal{Text: reason + ", not renewing"}, nil
	case data.Source != identity.Source.Key():
		return Renewed{}, &Refusal{Text: "another source checks the user now, not renewing"}, nil
	}
	unchanged, others, err := s.profilesUnchanged(ctx, storage, config, identity.user, data)
	switch {
	case err != nil:
		return Renewed{}, nil, err
	case unchanged == nil:
		return Renewed{}, &Refusal{Text: "profiles have changed, not renewing"}, nil
	}
	result := Renewed{
		Granted: Grant{Policies: slices.Concat(grantedPolicies(config, identity.user), policiesOf(unchanged)), Matched: unchanged},
		Groups:  data.Groups,
	}
	if config.Renewal == RenewalReauthenticate && data.Password != "" {
		granted, refusal, err := s.reauthenticate(ctx, storage, settings, identity, data, address)
		if refusal != nil || err != nil {
			return Renewed{}, refusal, err
		}
		result.Granted, result.Groups = granted, granted.Groups(config.GroupAttributes)
	} else if data.Registered && identity.user == nil {
		return Renewed{}, &Refusal{Text: "user is no longer registered, not renewing"}, nil
	} else if result.Granted.ends, err = recheck(unchanged, others, settings.Zone, s.Clock()); err != nil {
		s.Log().Info("renewal refused by the profiles", "username", identity.Name, "reason", err)
		return Renewed{}, &Refusal{Text: DeniedText + ", not renewing"}, nil
	}
	result.Granted.ends = endsOf(identity.user, result.Granted.ends)
	return result, nil, nil
}

// reauthenticate has the source check the password again, and the profiles decide again.
func (s *Service) reauthenticate(
	ctx context.Context, storage kv.Storage, settings *Settings, identity Identity, data Kept, address string,
) (Grant, *Refusal, error) {
	if err := CheckPassword(identity.Source, data.Password); err != nil {
		return Grant{}, &Refusal{Text: err.Error()}, nil // kept by the built-in method, which checks less
	}
	credentials, err := settings.Config.Credentials(identity.Source, identity.Name, data.Password, address)
	if err != nil {
		return Grant{}, &Refusal{Text: err.Error()}, nil
	}
	credentials.Share = RenewalShare(credentials.Username)
	attempt := Attempt{ClientAttributes: data.ClientAttributes}
	authorization, err := s.authorization(ctx, storage, settings, identity.Source, identity.user, attempt, &credentials)
	if err != nil {
		return Grant{}, nil, err
	}
	caller := passwd.Caller{Class: passwd.Renewal, Share: credentials.Share}
	answer, refused := s.ask(ctx, caller, authorization, identity.Name, credentials)
	if refused != nil {
		return Grant{}, refused, nil
	}
	if answer.Outcome != radclient.Accept {
		s.Log().Warn("renewal refused: the RADIUS server asks for another step, and nobody is there to take it: see renewal=recheck",
			"username", identity.Name, "server", answer.Server)
		return Grant{}, &Refusal{Text: DeniedText}, nil
	}
	result, refused := s.authorize(identity.Name, authorization, answer)
	if refused != nil {
		return Grant{}, refused, nil
	}
	return result, nil, nil
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
