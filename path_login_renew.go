package radiusauth

import (
	"context"
	"slices"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/helper/policyutil"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/login"
)

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
	data := readKept(req.Auth.InternalData)
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
		auth.TTL, auth.Period = b.capTTL(auth.TTL, left), min(auth.Period, left)
		auth.MaxTTL = capMaxTTL(auth.MaxTTL, auth.IssueTime, b.logins.Clock().Add(left))
	}
	auth.GroupAliases = groupAliases(result.Groups) // Vault drops memberships that are missing
	return &logical.Response{Auth: auth}, nil
}
