package radiusauth

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"layeh.com/radius/rfc2865"

	"vault-plugin-auth-radius/internal/catalog"
	"vault-plugin-auth-radius/internal/dictionary"
	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/profile"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
	"vault-plugin-auth-radius/internal/users"
)

// authorization is what decides, beside the server's answer, what a login gets.
// All of it is loaded before the server is asked: after that nothing may fail.
type authorization struct {
	config     *configEntry
	source     *source.Source // that is asked
	user       *users.User    // nil: not registered
	dictionary *dictionary.Dictionary
	assigned   []*catalog.Compiled // the user's, or the config's default ones, in their order
	required   bool                // one of them has to match
	requested  []dictionary.Item   // what the server is told, the password included
	sent       map[string]string   // what the client said of itself
	left       []profile.Warning   // of request_attributes, what could not be sent
	zone       *time.Location      // whose clock profiles go by; nil: this server does not know it
}

// granted is what a login gets.
type granted struct {
	policies   []string
	matched    []*catalog.Compiled
	ruledOut   []*catalog.Compiled      // with limits, which match at no time
	reply      []profile.ReplyAttribute // the server's, changed by the profiles
	dictionary *dictionary.Dictionary   // what the config's names of attributes mean
	memberOf   []string                 // groups that a directory has the person in
	ends       profile.Ends             // when it ends, as the user and the profiles say
}

// assignedProfiles are those that decide about a login.
func assignedProfiles(config *configEntry, user *users.User) []int64 {
	if user != nil && len(user.Profiles) > 0 {
		return user.Profiles
	}
	return config.DefaultProfiles
}

// authorization loads what a login needs, and completes the request: its own
// attributes are what request_attributes are made of.
func (b *backend) authorization(ctx context.Context, storage kv.Storage, settings *settings, asked *source.Source, user *users.User, one attempt, credentials *radclient.Credentials) (*authorization, error) {
	d, err := b.dictionaries.Get(ctx, storage)
	if err != nil {
		return nil, err
	}
	ids := assignedProfiles(settings.config, user)
	assigned, err := b.profiles.Get(ctx, storage, ids)
	if err != nil {
		return nil, err
	}
	a := &authorization{
		config: settings.config, source: asked, user: user, dictionary: d, assigned: assigned,
		required: len(ids) > 0, sent: one.sent, zone: settings.zone,
	}
	if asked.Err != nil {
		return a, nil // which is told when it is asked
	}
	if a.requested = one.requested; a.requested == nil {
		a.requested = d.Decode(asked.Checker.Describe(settings.nas, *credentials), dictionary.Keys{Plain: true})
	}
	if asked == settings.source {
		if err := a.complete(settings.extra, credentials); err != nil {
			return nil, err
		}
	}
	if password, known := d.Lookup("User-Password"); known {
		a.requested = append(a.requested, dictionary.Item{Attribute: password, Value: []byte(credentials.Password)})
	}
	return a, nil
}

// complete adds request_attributes to the request.
func (a *authorization) complete(extra *profile.Profile, credentials *radclient.Credentials) error {
	if extra == nil {
		return nil
	}
	input, err := profile.NewInput(time.Time{}, a.requested, nil, nil) // no check looks at the clock
	if err != nil {
		return err
	}
	decision := profile.Evaluate([]*profile.Profile{extra}, input)
	a.left = decision.Warnings
	var added []dictionary.Item
	for _, attribute := range decision.Reply {
		added = append(added, attribute.Item)
	}
	attributes, err := a.dictionary.Encode(added, dictionary.Keys{Plain: true})
	if err != nil {
		a.left = append(a.left, profile.Warning{Text: "none was sent: " + err.Error()})
		return nil
	}
	credentials.Attributes = attributes
	a.requested = append(a.requested, added...)
	return nil
}

// decide says what somebody gets whom the source has accepted, at a time. The error
// says, for the log, why it is nothing.
func (a *authorization) decide(got source.Answer, now time.Time) (granted, []profile.Warning, error) {
	if a.zone == nil && a.required {
		return granted{}, nil, errUnknownZone
	}
	result := granted{policies: slices.Clone(grantedPolicies(a.config, a.user)), dictionary: a.dictionary, memberOf: got.Groups}
	input, err := profile.NewInput(inZone(now, a.zone), a.requested, got.Reply, a.sent)
	if err != nil {
		return granted{}, nil, err
	}
	var rules []*profile.Profile
	var enabled []*catalog.Compiled
	for _, one := range a.assigned {
		if one.Entry.Enabled && one.Rules != nil {
			rules, enabled = append(rules, one.Rules), append(enabled, one)
		}
	}
	decision := profile.Evaluate(rules, input)
	if refused := decision.Refused; refused != nil {
		return granted{}, nil, fmt.Errorf("profile %s: %s", enabled[refused.Profile].Entry.ShortName, refused.Reason)
	}
	result.reply, result.ends = decision.Reply, endsOf(a.user, decision.Ends)
	for _, index := range decision.Matched {
		result.matched = append(result.matched, enabled[index])
		result.policies = append(result.policies, enabled[index].Entry.Policies...)
	}
	for _, index := range decision.RuledOut {
		result.ruledOut = append(result.ruledOut, enabled[index])
	}
	if a.required && len(result.matched) == 0 {
		return granted{}, nil, fmt.Errorf("none of the profiles matches: %s", strings.Join(shortNamesOf(a.assigned), ", "))
	}
	return result, decision.Warnings, nil
}

// errUnknownZone means that another server of the cluster knows zones that this one does
// not.
var errUnknownZone = errors.New("the config's time_zone is not known on this server")

// inZone is the time by the clock of a zone, if that is known.
func inZone(now time.Time, zone *time.Location) time.Time {
	if zone == nil {
		return now
	}
	return now.In(zone)
}

// endsOf is when a login of the user ends: as the profiles say, and with expires_at.
func endsOf(user *users.User, profiles profile.Ends) profile.Ends {
	if user == nil || user.ExpiresAt == nil {
		return profiles
	}
	return profiles.ExpiringAt(*user.ExpiresAt)
}

// recheck decides again, by the clock alone, whether profiles let a login in: those that
// it has matched, and others whose limits may have become its own.
func recheck(matched, others []*catalog.Compiled, zone *time.Location, now time.Time) (profile.Ends, error) {
	if zone == nil && len(matched) > 0 {
		return profile.Ends{}, errUnknownZone
	}
	decision := profile.Recheck(rulesOf(matched), rulesOf(others), inZone(now, zone))
	if refused := decision.Refused; refused != nil {
		shortNames := shortNamesOf(slices.Concat(matched, others))
		return profile.Ends{}, fmt.Errorf("profile %s: %s", shortNames[refused.Profile], refused.Reason)
	}
	return decision.Ends, nil
}

func rulesOf(profiles []*catalog.Compiled) []*profile.Profile {
	rules := make([]*profile.Profile, 0, len(profiles))
	for _, each := range profiles {
		rules = append(rules, each.Rules)
	}
	return rules
}

func shortNamesOf(profiles []*catalog.Compiled) []string {
	names := make([]string, 0, len(profiles))
	for _, one := range profiles {
		names = append(names, one.Entry.ShortName)
	}
	return names
}

// groups are what becomes identity group aliases: the groups of a directory, and
// the values of the attributes.
func (g granted) groups(attributes []string) []string {
	groups := slices.Clone(g.memberOf)
	for _, attribute := range g.reply {
		if _, wanted := g.named(attributes, attribute.Attribute); !wanted {
			continue
		}
		text := attribute.Item.Text()
		if text != "" && !slices.Contains(groups, text) {
			groups = append(groups, text)
		}
	}
	return groups
}

// maxMetadataValue is where a value of metadata is cut, in octets.
const maxMetadataValue = 512

// metadata are the values that become the token's metadata, by attribute.
func (g granted) metadata(attributes []string) map[string]string {
	values := map[string]string{}
	for _, attribute := range g.reply {
		name, wanted := g.named(attributes, attribute.Attribute)
		if !wanted && attribute.Profile != profile.FromSource {
			name, wanted = g.named([]string{"Idle-Timeout"}, attribute.Attribute)
		}
		if !wanted {
			continue
		}
		text := attribute.Item.Text()
		if before, found := values[name]; found {
			text = before + "," + text
		}
		values[name] = strings.ToValidUTF8(text[:min(len(text), maxMetadataValue)], "")
	}
	return values
}

// named tells whether one of the names means the attribute, which may have
// several, and gives that name as the dictionary spells it.
func (g granted) named(names []string, attribute *dictionary.Attribute) (string, bool) {
	for _, name := range names {
		if wanted, known := g.dictionary.Lookup(name); known && wanted.Same(attribute) {
			return wanted.Name, true
		}
	}
	return "", false
}

// limitedReply is the reply with a Session-Timeout that ends with the user's access, and
// with what the profiles have let in. Those of profiles that are shorter stay; 0 is not
// shorter, since access servers take it for no limit.
func (g granted) limitedReply(now time.Time) []profile.ReplyAttribute {
	seconds, limited := g.ends.SessionTimeout(now)
	if !limited {
		return g.reply
	}
	most := binary.BigEndian.AppendUint32(nil, seconds)
	reply, found := slices.Clone(g.reply), false
	for i := range reply {
		if !isSessionTimeout(reply[i]) || reply[i].Profile == profile.FromSource {
			continue
		}
		found = true
		if timeout := binary.BigEndian.Uint32(reply[i].Value); timeout == 0 || timeout > seconds {
			reply[i].Value = most
		}
	}
	if sessionTimeout, known := dictionary.Standard().Lookup("Session-Timeout"); known && !found {
		added := dictionary.Item{Attribute: sessionTimeout, Value: most}
		reply = append(reply, profile.ReplyAttribute{Item: added, Profile: profile.FromLimits})
	}
	return reply
}

// isSessionTimeout tells whether the attribute is a Session-Timeout that can be read.
func isSessionTimeout(attribute profile.ReplyAttribute) bool {
	return attribute.Attribute.Vendor == 0 && attribute.Attribute.Number == uint32(rfc2865.SessionTimeout_Type) && len(attribute.Value) == 4
}

// sessionTimeout is how long the token may live; 0: as the config says. That of
// a profile always counts, the server's if the config wants it to.
func (g granted) sessionTimeout(fromServer bool) time.Duration {
	var least time.Duration
	for _, attribute := range g.reply {
		own := attribute.Profile != profile.FromSource
		if !isSessionTimeout(attribute) || (!own && !fromServer) {
			continue
		}
		timeout := time.Duration(binary.BigEndian.Uint32(attribute.Value)) * time.Second
		if timeout > 0 && (least == 0 || timeout < least) {
			least = timeout
		}
	}
	return least
}
