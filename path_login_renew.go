package radiusauth

import (
	"context"
	"slices"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/helper/policyutil"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/decision"
	"vault-plugin-auth-radius/internal/login"
)

// loginRenew renews a token if its user could still get one like it. A token
// without a password can only be rechecked, whatever the config says now.
func (b *backend) loginRenew(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	token := login.Token{
		Username: req.Auth.Metadata["username"], Address: clientAddress(req), RequestID: req.ID,
		Kept: readKept(req.Auth.InternalData),
	}
	attempt := login.Attempt{Use: decision.Renewal, RequestID: req.ID, Username: token.Username, Address: token.Address}
	settings, err := b.settings.get(ctx, storageOf(req))
	if err != nil {
		return nil, b.logins.ReadFault(attempt, err)
	}
	if settings == nil {
		b.logins.TurnAway(ctx, storageOf(req), nil, attempt, notConfigured(), nil)
		return logical.ErrorResponse(login.NotConfiguredText), nil
	}
	config := settings.config
	token.SamePolicies = func(granted []string) bool {
		return policyutil.EquivalentPolicies(slices.Concat(config.TokenPolicies, granted), req.Auth.TokenPolicies)
	}
	result, refusal, err := b.logins.Renew(ctx, storageOf(req), settings.login, token)
	switch {
	case err != nil:
		return nil, err
	case refusal != nil:
		return logical.ErrorResponse(refusal.Text), nil
	}
	auth := req.Auth
	auth.Period = config.TokenPeriod
	auth.TTL = config.TokenTTL
	auth.MaxTTL = config.TokenMaxTTL
	if left, limited := result.Granted.TimeLeft(b.logins.Clock()); limited {
		// Not the explicit maximum, which Vault takes from the login.
		auth.TTL, auth.Period = b.capTTL(auth.TTL, left), min(auth.Period, left)
		auth.MaxTTL = capMaxTTL(auth.MaxTTL, auth.IssueTime, b.logins.Clock().Add(left))
	}
	auth.GroupAliases = groupAliases(result.Groups) // Vault drops memberships that are missing
	return &logical.Response{Auth: auth}, nil
}
