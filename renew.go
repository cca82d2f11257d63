package radiusauth

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/helper/policyutil"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/catalog"
	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/passwd"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
	"vault-plugin-auth-radius/internal/users"
)

// renewal says what renewing a token asks for.
type renewal string

const (
	// renewalReauthenticate sends the password to the RADIUS server again, as
	// the built-in method does. It is kept with the token's lease.
	renewalReauthenticate renewal = "reauthenticate"
	// renewalRecheck keeps no password; it checks the user and the policies.
	renewalRecheck renewal = "recheck"
)

var renewals = []renewal{renewalReauthenticate, renewalRecheck}

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

// renewalData is what a token remembers for its renewals.
type renewalData struct {
	// password is empty if none was kept. In the internal data there is always
	// one: without it the built-in method panics, after a rollback.
	password string
	// registered tells whether the user was registered when the token was made.
	registered bool
	// profiles are those that matched, as id:revision.
	profiles []string
	// ruledOut are those with limits, written alike, that would not have matched at
	// another time either.
	ruledOut []string
	groups   []string // identity group aliases
	// source is what checked the password, as source.key has it; empty: the config's
	// servers.
	source string
	// sent is what the client said of itself, for profiles that decide again.
	sent map[string]string
}

func newRenewalData(authorization *authorization, password string, granted granted) renewalData {
	config := authorization.config
	data := renewalData{registered: authorization.user != nil, source: authorization.source.Key(), groups: granted.groups(config.GroupAttributes)}
	if config.Renewal == renewalReauthenticate {
		data.password = password
	}
	if data.password != "" && len(granted.matched) > 0 {
		data.sent = authorization.sent
	}
	data.profiles, data.ruledOut = revisionsOf(granted.matched), revisionsOf(granted.ruledOut)
	return data
}

func (r renewalData) internalData() map[string]any {
	internal := map[string]any{internalPassword: r.password, internalRegistered: r.registered}
	if len(r.profiles) > 0 {
		internal[internalProfiles] = strings.Join(r.profiles, ",")
	}
	if len(r.ruledOut) > 0 {
		internal[internalRuledOut] = strings.Join(r.ruledOut, ",")
	}
	if len(r.groups) > 0 {
		internal[internalGroups] = r.groups
	}
	if r.source != "" {
		internal[internalSource] = r.source
	}
	if len(r.sent) > 0 {
		internal[internalAttributes] = r.sent
	}
	return internal
}

func readRenewalData(internal map[string]any) renewalData {
	var data renewalData
	data.password, _ = internal[internalPassword].(string)
	data.registered, _ = internal[internalRegistered].(bool)
	if profiles, _ := internal[internalProfiles].(string); profiles != "" {
		data.profiles = strings.Split(profiles, ",")
	}
	if ruledOut, _ := internal[internalRuledOut].(string); ruledOut != "" {
		data.ruledOut = strings.Split(ruledOut, ",")
	}
	data.source, _ = internal[internalSource].(string)
	groups, _ := internal[internalGroups].([]any)
	for _, group := range groups {
		if name, ok := group.(string); ok {
			data.groups = append(data.groups, name)
		}
	}
	sent, _ := internal[internalAttributes].(map[string]any)
	for name, value := range sent {
		if text, ok := value.(string); ok {
			if data.sent == nil {
				data.sent = map[string]string{}
			}
			data.sent[name] = text
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
		return logical.ErrorResponse(notConfiguredText), nil
	}
	config := settings.config
	sources, err := b.sources.Get(ctx, storageOf(req))
	if err != nil {
		return nil, err
	}
	who, err := b.identify(ctx, storageOf(req), settings, sources, req.Auth.Metadata["username"])
	switch {
	case isInputError(err):
		return logical.ErrorResponse(err.Error() + ", not renewing"), nil
	case err != nil:
		return nil, err
	case who.barred != "":
		b.Logger().Info("renewal refused", "username", who.name, "reason", who.barred)
		return logical.ErrorResponse(cmp.Or(who.user.BlockReason(time.Now()), "the user may not log in any more") + ", not renewing"), nil
	}
	user, name := who.user, who.name

	data := readRenewalData(req.Auth.InternalData)
	if data.source != who.source.Key() {
		return logical.ErrorResponse("another source checks the user now, not renewing"), nil
	}
	unchanged, others, err := b.profilesUnchanged(ctx, storageOf(req), config, user, data)
	switch {
	case err != nil:
		return nil, err
	case unchanged == nil:
		return logical.ErrorResponse("profiles have changed, not renewing"), nil
	}

	result := granted{policies: slices.Concat(grantedPolicies(config, user), policiesOf(unchanged)), matched: unchanged}
	groups := data.groups
	if config.Renewal == renewalReauthenticate && data.password != "" {
		again, refusal, err := b.reauthenticate(ctx, req, settings, who.source, user, name, data)
		if refusal != nil || err != nil {
			return refusal, err
		}
		result, groups = again, again.groups(config.GroupAttributes)
	} else if data.registered && user == nil {
		return logical.ErrorResponse("user is no longer registered, not renewing"), nil
	} else if result.ends, err = recheck(unchanged, others, settings.zone, b.clock()); err != nil {
		b.Logger().Info("renewal refused by the profiles", "username", name, "reason", err)
		return logical.ErrorResponse(deniedText + ", not renewing"), nil
	}

	policies := slices.Concat(config.TokenPolicies, result.policies)
	if !policyutil.EquivalentPolicies(policies, req.Auth.TokenPolicies) {
		return logical.ErrorResponse("policies have changed, not renewing"), nil
	}
	auth := req.Auth
	auth.Period = config.TokenPeriod
	auth.TTL = config.TokenTTL
	auth.MaxTTL = config.TokenMaxTTL
	result.ends = endsOf(user, result.ends)
	if left, limited := result.timeLeft(b.clock()); limited {
		// Not the explicit maximum, which Vault takes from the login.
		auth.TTL, auth.Period = b.limitTTL(auth.TTL, left), min(auth.Period, left)
		auth.MaxTTL = limitMaxTTL(auth.MaxTTL, auth.IssueTime, b.clock().Add(left))
	}
	auth.GroupAliases = groupAliases(groups) // Vault drops memberships that are missing
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

// reauthenticate asks the source again, and lets the profiles decide again.
func (b *backend) reauthenticate(ctx context.Context, req *logical.Request, settings *settings, asked *source.Source, user *users.User, name string, data renewalData) (granted, *logical.Response, error) {
	if err := checkPassword(asked, data.password); err != nil {
		return granted{}, logical.ErrorResponse(err.Error()), nil // kept by the built-in method, which checks less
	}
	credentials, err := settings.config.credentials(asked, name, data.password, req)
	if err != nil {
		return granted{}, logical.ErrorResponse(err.Error()), nil
	}
	credentials.Share = renewalShare(credentials.Username)
	authorization, err := b.authorization(ctx, storageOf(req), settings, asked, user, attempt{sent: data.sent}, &credentials)
	if err != nil {
		return granted{}, nil, err
	}
	caller := passwd.Caller{Class: passwd.Renewal, Share: credentials.Share}
	got, refusal := b.ask(ctx, caller, authorization, name, credentials)
	if refusal != nil {
		return granted{}, refusal.response(), nil
	}
	if got.Outcome != radclient.Accept {
		b.Logger().Warn("renewal refused: the RADIUS server asks for another step, and nobody is there to take it: see renewal=recheck", "username", name, "server", got.Server)
		return granted{}, logical.ErrorResponse(deniedText), nil
	}
	result, refusal := b.authorize(name, authorization, got)
	if refusal != nil {
		return granted{}, refusal.response(), nil
	}
	return result, nil, nil
}

// profilesUnchanged gives the profiles that a token's login has matched, if they
// are as they were and still the user's; else nil. To disable one is a change. The others
// are those that the login has not matched, but may now: the time was in the way, or the
// user has been given them since, or they were written since.
func (b *backend) profilesUnchanged(
	ctx context.Context, storage kv.Storage, config *configEntry, user *users.User, data renewalData,
) (matched, others []*catalog.Compiled, err error) {
	assigned := assignedProfiles(config, user)
	if len(assigned) > 0 && len(data.profiles) == 0 {
		return nil, nil, nil // profiles decide now, and decided nothing then
	}
	profiles, err := b.profiles.Get(ctx, storage, assigned)
	if err != nil {
		return nil, nil, err
	}
	matched = []*catalog.Compiled{}
	for _, each := range profiles {
		switch revision := each.Revision(); {
		case each.Rules == nil:
		case slices.Contains(data.profiles, revision):
			matched = append(matched, each)
		case each.Entry.Enabled && !slices.Contains(data.ruledOut, revision):
			others = append(others, each)
		}
	}
	if len(matched) != len(data.profiles) {
		return nil, nil, nil
	}
	return matched, others, nil
}

func revisionsOf(profiles []*catalog.Compiled) []string {
	var revisions []string
	for _, each := range profiles {
		revisions = append(revisions, each.Revision())
	}
	return revisions
}

func policiesOf(profiles []*catalog.Compiled) []string {
	var policies []string
	for _, one := range profiles {
		policies = append(policies, one.Entry.Policies...)
	}
	return policies
}
