package radiusauth

import (
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/login"
)

// newAuth returns the parameters of the token of a user whom the source has accepted.
// Without a password the token can only be rechecked at renewal.
func (b *backend) newAuth(
	config *configEntry, authorization *login.Authorization, name, password string, granted login.Grant,
) *logical.Auth {
	metadata := granted.Metadata(config.MetadataAttributes)
	metadata["username"] = name
	metadata["policies"] = strings.Join(granted.Policies, ",")
	if source := authorization.Source.Name; source != "" {
		metadata["extauth"] = source
	}
	if len(granted.Matched) > 0 {
		metadata["profiles"] = strings.Join(login.ShortNamesOf(granted.Matched), ",")
	}
	auth := &logical.Auth{
		Metadata:     metadata,
		InternalData: internalData(login.NewRenewalData(authorization, password, granted)),
		DisplayName:  name,
		Alias:        &logical.Alias{Name: name},
		GroupAliases: groupAliases(granted.Groups(config.GroupAttributes)),
	}
	config.PopulateTokenAuth(auth)
	auth.Policies = append(auth.Policies, granted.Policies...)
	if limit := granted.SessionTimeout(config.SessionTimeoutAsTTL); limit > 0 {
		b.capLifetime(auth, limit)
	}
	if left, limited := granted.TimeLeft(b.logins.Clock()); limited {
		b.capLifetime(auth, left)
	}
	return auth
}

// capLifetime lets a token live no longer, renewals included.
func (b *backend) capLifetime(auth *logical.Auth, limit time.Duration) {
	auth.TTL, auth.Period = b.capTTL(auth.TTL, limit), min(auth.Period, limit)
	if auth.ExplicitMaxTTL == 0 || auth.ExplicitMaxTTL > limit {
		auth.ExplicitMaxTTL = limit
	}
}

// capTTL returns a TTL, 0 being Vault's own, that is no longer than the limit.
func (b *backend) capTTL(ttl, limit time.Duration) time.Duration {
	if ttl == 0 {
		ttl = b.System().DefaultLeaseTTL()
	}
	return min(ttl, limit)
}

// groupAliases returns the aliases of identity groups.
func groupAliases(groups []string) []*logical.Alias {
	var aliases []*logical.Alias
	for _, group := range groups {
		aliases = append(aliases, &logical.Alias{Name: group})
	}
	return aliases
}

// capMaxTTL returns a maximum TTL, 0 for the mount's own, with which a token does not
// outlive its end, whatever increment a client asks for. Vault counts it from when the
// token was issued.
func capMaxTTL(maxTTL time.Duration, issued, end time.Time) time.Duration {
	limit := end.Sub(issued)
	if issued.IsZero() || maxTTL > 0 && maxTTL < limit {
		return maxTTL
	}
	return limit
}

// The keys of a token's internal data. The built-in method knows the first.
const (
	internalPassword   = "password"
	internalRegistered = "registered"
	internalProfiles   = "profiles"
	internalRuledOut   = "ruled_out_profiles"
	internalGroups     = "groups"
	internalAttributes = "attributes"
	internalSource     = "extauth"
)

// internalData returns how a token keeps what its renewals need. There is always a
// password: without it the built-in method panics, after a rollback.
func internalData(r login.Kept) map[string]any {
	internal := map[string]any{internalPassword: r.Password, internalRegistered: r.Registered}
	if len(r.Profiles) > 0 {
		internal[internalProfiles] = strings.Join(r.Profiles, ",")
	}
	if len(r.RuledOut) > 0 {
		internal[internalRuledOut] = strings.Join(r.RuledOut, ",")
	}
	if len(r.Groups) > 0 {
		internal[internalGroups] = r.Groups
	}
	if r.Source != "" {
		internal[internalSource] = r.Source
	}
	if len(r.ClientAttributes) > 0 {
		internal[internalAttributes] = r.ClientAttributes
	}
	return internal
}

// readKept returns what a token keeps for its renewals.
func readKept(internal map[string]any) login.Kept {
	var data login.Kept
	data.Password, _ = internal[internalPassword].(string)
	data.Registered, _ = internal[internalRegistered].(bool)
	if profiles, _ := internal[internalProfiles].(string); profiles != "" {
		data.Profiles = strings.Split(profiles, ",")
	}
	if ruledOut, _ := internal[internalRuledOut].(string); ruledOut != "" {
		data.RuledOut = strings.Split(ruledOut, ",")
	}
	data.Source, _ = internal[internalSource].(string)
	groups, _ := internal[internalGroups].([]any)
	for _, group := range groups {
		if name, ok := group.(string); ok {
			data.Groups = append(data.Groups, name)
		}
	}
	sent, _ := internal[internalAttributes].(map[string]any)
	for name, value := range sent {
		if text, ok := value.(string); ok {
			if data.ClientAttributes == nil {
				data.ClientAttributes = map[string]string{}
			}
			data.ClientAttributes[name] = text
		}
	}
	return data
}
