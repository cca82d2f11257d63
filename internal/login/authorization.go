package login

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"vault-plugin-auth-radius/internal/catalog"
	"vault-plugin-auth-radius/internal/dictionary"
	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/profile"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
	"vault-plugin-auth-radius/internal/users"
)

// Authorization holds what decides, beside the server's answer, what a login gets.
// All of it is loaded before the server is asked: after that nothing may fail.
type Authorization struct {
	config           *Config
	Source           *source.Source // that checks the password
	user             *users.User    // nil: not registered
	dictionary       *dictionary.Dictionary
	assigned         []*catalog.Compiled // the user's, or the config's default ones, in their order
	required         bool                // one of them has to match
	requestItems     []dictionary.Item   // the request, the password included
	clientAttributes map[string]string   // what the client said of itself
	unsent           []profile.Warning   // of request_attributes, what could not be sent
	zone             *time.Location      // whose clock profiles go by; nil: this server does not know it
}

// assignedProfiles returns the ids of the profiles that decide about a login.
func assignedProfiles(config *Config, user *users.User) []int64 {
	if user != nil && len(user.Profiles) > 0 {
		return user.Profiles
	}
	return config.DefaultProfiles
}

// authorization loads what a login needs, and completes the request: request_attributes are
// expanded with its own attributes.
func (s *Service) authorization(
	ctx context.Context, storage kv.Storage, settings *Settings, src *source.Source, user *users.User,
	attempt Attempt, credentials *radclient.Credentials,
) (*Authorization, error) {
	d, err := s.Dictionaries.Get(ctx, storage)
	if err != nil {
		return nil, err
	}
	ids := assignedProfiles(settings.Config, user)
	assigned, err := s.Profiles.Get(ctx, storage, ids)
	if err != nil {
		return nil, err
	}
	a := &Authorization{
		config: settings.Config, Source: src, user: user, dictionary: d, assigned: assigned,
		required: len(ids) > 0, clientAttributes: attempt.ClientAttributes, zone: settings.Zone,
	}
	if src.Err != nil {
		return a, nil // the log has the fault once the password is to be checked
	}
	if a.requestItems = attempt.RequestItems; a.requestItems == nil {
		a.requestItems = d.Decode(src.Checker.Describe(settings.nas, *credentials), dictionary.Keys{Plain: true})
	}
	if src == settings.Source {
		if err := a.addRequestAttributes(settings.extra, credentials); err != nil {
			return nil, err
		}
	}
	if password, known := d.Lookup("User-Password"); known {
		a.requestItems = append(a.requestItems, dictionary.Item{Attribute: password, Value: []byte(credentials.Password)})
	}
	return a, nil
}

// addRequestAttributes adds request_attributes to the request.
func (a *Authorization) addRequestAttributes(extra *profile.Profile, credentials *radclient.Credentials) error {
	if extra == nil {
		return nil
	}
	input, err := profile.NewInput(time.Time{}, a.requestItems, nil, nil) // no check looks at the clock
	if err != nil {
		return err
	}
	decision := profile.Evaluate([]*profile.Profile{extra}, input)
	a.unsent = decision.Warnings
	var added []dictionary.Item
	for _, attribute := range decision.Reply {
		added = append(added, attribute.Item)
	}
	attributes, err := a.dictionary.Encode(added, dictionary.Keys{Plain: true})
	if err != nil {
		a.unsent = append(a.unsent, profile.Warning{Text: "none was sent: " + err.Error()})
		return nil
	}
	credentials.Attributes = attributes
	a.requestItems = append(a.requestItems, added...)
	return nil
}

// evaluate returns what a login gets that the source has accepted, at a time. The error says,
// for the log, why it gets nothing.
func (a *Authorization) evaluate(answer source.Answer, now time.Time) (Grant, []profile.Warning, error) {
	return a.evaluateBy(profile.Evaluate, answer, now)
}

// evaluateBy is evaluate, by a function that decides as [profile.Evaluate] does.
func (a *Authorization) evaluateBy(
	evaluate func([]*profile.Profile, *profile.Input) profile.Decision, answer source.Answer, now time.Time,
) (Grant, []profile.Warning, error) {
	if a.zone == nil && a.required {
		return Grant{}, nil, ErrUnknownZone
	}
	result := Grant{
		Policies: slices.Clone(grantedPolicies(a.config, a.user)), dictionary: a.dictionary, memberOf: answer.Groups,
	}
	input, err := profile.NewInput(inZone(now, a.zone), a.requestItems, answer.Reply, a.clientAttributes)
	if err != nil {
		return Grant{}, nil, err
	}
	enabled := a.enabled()
	decision := evaluate(rulesOf(enabled), input)
	if refused := decision.Refused; refused != nil {
		return Grant{}, nil, fmt.Errorf("profile %s: %s", enabled[refused.Profile].Entry.ShortName, refused.Reason)
	}
	result.reply, result.ends = decision.Reply, endsOf(a.user, decision.Ends)
	for _, index := range decision.Matched {
		result.Matched = append(result.Matched, enabled[index])
		result.Policies = append(result.Policies, enabled[index].Entry.Policies...)
	}
	for _, index := range decision.RuledOut {
		result.ruledOut = append(result.ruledOut, enabled[index])
	}
	if a.required && len(result.Matched) == 0 {
		return Grant{}, nil, fmt.Errorf("none of the profiles matches: %s", strings.Join(ShortNamesOf(a.assigned), ", "))
	}
	return result, decision.Warnings, nil
}

// enabled returns the profiles that can match, in their order.
func (a *Authorization) enabled() []*catalog.Compiled {
	var enabled []*catalog.Compiled
	for _, compiled := range a.assigned {
		if canMatch(compiled) {
			enabled = append(enabled, compiled)
		}
	}
	return enabled
}

// canMatch reports whether a profile is enabled and could be compiled.
func canMatch(compiled *catalog.Compiled) bool {
	return compiled.Entry.Enabled && compiled.Rules != nil
}

// ErrUnknownZone means that another server of the cluster knows a zone that this one does
// not know.
var ErrUnknownZone = errors.New("the config's time_zone is not known on this server")

// inZone returns the time by the clock of a zone, if that is known.
func inZone(now time.Time, zone *time.Location) time.Time {
	if zone == nil {
		return now
	}
	return now.In(zone)
}

// endsOf returns when a login of the user ends: as the profiles say, and with expires_at.
func endsOf(user *users.User, profiles profile.Ends) profile.Ends {
	if user == nil || user.ExpiresAt == nil {
		return profiles
	}
	return profiles.ExpiringAt(*user.ExpiresAt)
}

// recheck decides again, by the clock alone, whether profiles let a login in: those that
// it has matched, and others that it may match by now. It returns when the login ends.
func recheck(matched, others []*catalog.Compiled, zone *time.Location, now time.Time) (profile.Ends, error) {
	if zone == nil && len(matched) > 0 {
		return profile.Ends{}, ErrUnknownZone
	}
	decision := profile.Recheck(rulesOf(matched), rulesOf(others), inZone(now, zone))
	if refused := decision.Refused; refused != nil {
		shortNames := ShortNamesOf(slices.Concat(matched, others))
		return profile.Ends{}, fmt.Errorf("profile %s: %s", shortNames[refused.Profile], refused.Reason)
	}
	return decision.Ends, nil
}

// rulesOf returns the rules of profiles.
func rulesOf(profiles []*catalog.Compiled) []*profile.Profile {
	rules := make([]*profile.Profile, 0, len(profiles))
	for _, compiled := range profiles {
		rules = append(rules, compiled.Rules)
	}
	return rules
}

// ShortNamesOf returns the short names of profiles, in their order.
func ShortNamesOf(profiles []*catalog.Compiled) []string {
	names := make([]string, 0, len(profiles))
	for _, compiled := range profiles {
		names = append(names, compiled.Entry.ShortName)
	}
	return names
}
