package radiusauth

import (
	"context"
	"slices"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/helper/policyutil"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/radclient"
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
)

// renewalData is what a token remembers for its renewals.
type renewalData struct {
	// password is empty if none was kept. In the internal data there is always
	// one: without it the built-in method panics, after a rollback.
	password string
	// registered tells whether the user was registered when the token was made.
	registered bool
}

func newRenewalData(mode renewal, user *userEntry, password string) renewalData {
	data := renewalData{registered: user != nil}
	if mode == renewalReauthenticate {
		data.password = password
	}
	return data
}

func (r renewalData) internalData() map[string]any {
	return map[string]any{internalPassword: r.password, internalRegistered: r.registered}
}

func readRenewalData(internal map[string]any) renewalData {
	var data renewalData
	data.password, _ = internal[internalPassword].(string)
	data.registered, _ = internal[internalRegistered].(bool)
	return data
}

// loginRenew renews a token if its user could still get one like it. A token
// without a password can only be rechecked, whatever the config says now.
func (b *backend) loginRenew(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	settings, err := b.settings.get(ctx, req.Storage)
	if err != nil {
		return nil, err
	}
	if settings == nil {
		return logical.ErrorResponse(notConfiguredText), nil
	}
	config := settings.config
	name := config.canonicalName(req.Auth.Metadata["username"])
	user, err := b.users.get(ctx, req.Storage, name)
	if err != nil {
		return nil, err
	}

	data := readRenewalData(req.Auth.InternalData)
	if config.Renewal == renewalReauthenticate && data.password != "" {
		if err := radclient.CheckPassword(data.password); err != nil {
			return logical.ErrorResponse(err.Error()), nil // kept by the built-in method, which checks less
		}
		credentials := config.credentials(name, data.password, req)
		verdict, refusal := b.ask(ctx, settings, name, credentials)
		if refusal != nil {
			return refusal, nil
		}
		if verdict.Outcome != radclient.Accept {
			b.Logger().Warn("renewal refused: the RADIUS server asks for another step, and nobody is there to take it: see renewal=recheck", "username", name, "server", verdict.Server)
			return logical.ErrorResponse(deniedText), nil
		}
	} else if data.registered && user == nil {
		return logical.ErrorResponse("user is no longer registered, not renewing"), nil
	}

	policies := slices.Concat(config.TokenPolicies, grantedPolicies(config, user))
	if !policyutil.EquivalentPolicies(policies, req.Auth.TokenPolicies) {
		return logical.ErrorResponse("policies have changed, not renewing"), nil
	}
	auth := req.Auth
	auth.Period = config.TokenPeriod
	auth.TTL = config.TokenTTL
	auth.MaxTTL = config.TokenMaxTTL
	return &logical.Response{Auth: auth}, nil
}
