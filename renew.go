package radiusauth

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/helper/policyutil"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/login"
)

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

func readRenewalData(internal map[string]any) login.Kept {
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

// loginRenew renews a token if its user could still get one like it. A token
// without a password can only be rechecked, whatever the config says now.
func (b *backend) loginRenew(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	settings, err := b.settings.get(ctx, storageOf(req))
	if err != nil {
		return nil, err
	}
	if settings == nil {
		return logical.ErrorResponse(login.NotConfiguredText), nil
	}
	config := settings.config
	data := readRenewalData(req.Auth.InternalData)
	result, refusal, err := b.logins.Renew(ctx, storageOf(req), settings.login, req.Auth.Metadata["username"], clientAddress(req), data)
	switch {
	case err != nil:
		return nil, err
	case refusal != nil:
		return logical.ErrorResponse(refusal.Text), nil
	}
	policies := slices.Concat(config.TokenPolicies, result.Granted.Policies)
	if !policyutil.EquivalentPolicies(policies, req.Auth.TokenPolicies) {
		return logical.ErrorResponse("policies have changed, not renewing"), nil
	}
	auth := req.Auth
	auth.Period = config.TokenPeriod
	auth.TTL = config.TokenTTL
	auth.MaxTTL = config.TokenMaxTTL
	if left, limited := result.Granted.TimeLeft(b.logins.Clock()); limited {
		// Not the explicit maximum, which Vault takes from the login.
		auth.TTL, auth.Period = b.limitTTL(auth.TTL, left), min(auth.Period, left)
		auth.MaxTTL = limitMaxTTL(auth.MaxTTL, auth.IssueTime, b.logins.Clock().Add(left))
	}
	auth.GroupAliases = groupAliases(result.Groups) // Vault drops memberships that are missing
	return &logical.Response{Auth: auth}, nil
}

// limitMaxTTL is a maximum TTL, 0 for the mount's own, with which a token does not
// outlive its end, whatever increment a client asks for. Vault counts it from when the
// token was issued.
func limitMaxTTL(maxTTL time.Duration, issued, end time.Time) time.Duration {
	most := end.Sub(issued)
	if issued.IsZero() || maxTTL > 0 && maxTTL < most {
		return maxTTL
	}
	return most
}
