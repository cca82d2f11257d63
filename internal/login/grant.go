package login

import (
	"encoding/binary"
	"slices"
	"strings"
	"time"

	"layeh.com/radius/rfc2865"

	"vault-plugin-auth-radius/internal/catalog"
	"vault-plugin-auth-radius/internal/dictionary"
	"vault-plugin-auth-radius/internal/profile"
)

// Grant holds what a login gets.
type Grant struct {
	Policies   []string
	Matched    []*catalog.Compiled
	ruledOut   []*catalog.Compiled      // with limits, which match at no time
	reply      []profile.ReplyAttribute // the server's, changed by the profiles
	dictionary *dictionary.Dictionary   // what the config's names of attributes mean
	memberOf   []string                 // the user's groups in the directory
	ends       profile.Ends             // of the login, by the user and the profiles
}

// Groups returns what becomes identity group aliases: the groups of a directory, and the
// values of the attributes.
func (g Grant) Groups(attributes []string) []string {
	groups := slices.Clone(g.memberOf)
	for _, attribute := range g.reply {
		if _, wanted := g.matchName(attributes, attribute.Attribute); !wanted {
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

// Metadata returns the values that become the token's metadata, by attribute.
func (g Grant) Metadata(attributes []string) map[string]string {
	values := map[string]string{}
	for _, attribute := range g.reply {
		name, wanted := g.matchName(attributes, attribute.Attribute)
		if !wanted && attribute.Profile != profile.FromSource {
			name, wanted = g.matchName([]string{"Idle-Timeout"}, attribute.Attribute)
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

// matchName reports whether a name among those means the attribute, which may have several,
// and returns it as the dictionary spells it.
func (g Grant) matchName(names []string, attribute *dictionary.Attribute) (string, bool) {
	for _, name := range names {
		if wanted, known := g.dictionary.Lookup(name); known && wanted.Same(attribute) {
			return wanted.Name, true
		}
	}
	return "", false
}

// LimitedReply returns the reply with a Session-Timeout that ends with the user's access, and
// with the profiles' limits. Those of profiles that are shorter stay; 0 is not shorter, since
// access servers take it for no limit.
func (g Grant) LimitedReply(now time.Time) []profile.ReplyAttribute {
	seconds, limited := g.ends.SessionTimeout(now)
	if !limited {
		return g.reply
	}
	longest := binary.BigEndian.AppendUint32(nil, seconds)
	reply, found := slices.Clone(g.reply), false
	for i := range reply {
		if !isSessionTimeout(reply[i]) || reply[i].Profile == profile.FromSource {
			continue
		}
		found = true
		if timeout := binary.BigEndian.Uint32(reply[i].Value); timeout == 0 || timeout > seconds {
			reply[i].Value = longest
		}
	}
	if sessionTimeout, known := dictionary.Standard().Lookup("Session-Timeout"); known && !found {
		added := dictionary.Item{Attribute: sessionTimeout, Value: longest}
		reply = append(reply, profile.ReplyAttribute{Item: added, Profile: profile.FromLimits})
	}
	return reply
}

// isSessionTimeout reports whether the attribute is a Session-Timeout that can be read.
func isSessionTimeout(attribute profile.ReplyAttribute) bool {
	return attribute.Attribute.Vendor == 0 &&
		attribute.Attribute.Number == uint32(rfc2865.SessionTimeout_Type) && len(attribute.Value) == 4
}

// SessionTimeout returns how long the token may live; 0: as the config says. That of a profile
// always counts, the server's if the config wants it to.
func (g Grant) SessionTimeout(fromServer bool) time.Duration {
	var shortest time.Duration
	for _, attribute := range g.reply {
		fromProfile := attribute.Profile != profile.FromSource
		if !isSessionTimeout(attribute) || (!fromProfile && !fromServer) {
			continue
		}
		timeout := time.Duration(binary.BigEndian.Uint32(attribute.Value)) * time.Second
		if timeout > 0 && (shortest == 0 || timeout < shortest) {
			shortest = timeout
		}
	}
	return shortest
}

// TimeLeft returns how long a token may live: until the user expires, or a limit of the
// profiles ends the login; limited is false if nothing ends it. A token always has a second:
// 0 would be no limit.
func (g Grant) TimeLeft(now time.Time) (left time.Duration, limited bool) {
	end := g.ends.First()
	return max(time.Second, end.Sub(now)), !end.IsZero()
}
