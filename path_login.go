package radiusauth

import (
	"context"
	"errors"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/helper/cidrutil"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/radclient"
)

const (
	fieldURLUsername = "urlusername"
	fieldUsername    = "username"
	fieldPassword    = "password"
)

// What people who log in are told. One text for every refusal: which it was,
// the log says.
const (
	deniedText        = "access denied by the authentication server"
	noAnswerText      = "the authentication server did not answer in time"
	notConfiguredText = "radius backend not configured"
)

func (b *backend) pathLogin() *framework.Path {
	return &framework.Path{
		Pattern: "login" + framework.OptionalParamRegex(fieldURLUsername),
		DisplayAttrs: &framework.DisplayAttributes{
			OperationPrefix: operationPrefix,
			OperationVerb:   "login",
			OperationSuffix: "|with-username",
		},
		Fields: map[string]*framework.FieldSchema{
			fieldURLUsername: {
				Type:        framework.TypeString,
				Description: "Username, in the path. The body's username goes before it.",
			},
			fieldUsername: {
				Type:        framework.TypeString,
				Description: "Username, in the body: 1 to 253 octets.",
			},
			fieldPassword: {
				Type:         framework.TypeString,
				Description:  "Password: 1 to 128 octets, sent as they are.",
				DisplayAttrs: &framework.DisplayAttributes{Sensitive: true},
			},
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.UpdateOperation: &framework.PathOperation{
				Callback:  b.login,
				Summary:   "Log in with a username and a password.",
				Responses: dataResponses(nil),
			},
			logical.AliasLookaheadOperation: &framework.PathOperation{
				Callback:  b.loginAlias,
				Summary:   "Tell which identity alias a login would have.",
				Responses: dataResponses(nil),
			},
		},
		HelpSynopsis:    "Log in with a username and a password.",
		HelpDescription: loginHelpDescription,
	}
}

// login asks the RADIUS server and makes a token. It never writes storage, and
// reads it only before the server is asked: a failure after that would make
// Vault's clients try again, which is a second push to somebody's phone.
func (b *backend) login(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	settings, err := b.settings.get(ctx, req.Storage)
	if err != nil {
		return nil, err
	}
	if settings == nil {
		return logical.ErrorResponse(notConfiguredText), nil
	}
	if !b.addressAllowed(req, settings.config) {
		return nil, logical.ErrPermissionDenied
	}
	config := settings.config
	name, password := config.canonicalName(usernameOf(d)), d.Get(fieldPassword).(string)
	credentials := config.credentials(name, password, req)
	for _, err := range []error{
		radclient.CheckUsername(name), radclient.CheckPassword(password), radclient.CheckUsername(credentials.Username),
	} {
		if err != nil {
			return logical.ErrorResponse(err.Error()), nil
		}
	}
	user, err := b.users.get(ctx, req.Storage, name)
	if err != nil {
		return nil, err
	}
	if refusal := b.authenticate(ctx, settings, name, credentials); refusal != nil {
		return refusal, nil
	}
	return &logical.Response{Auth: newAuth(config, user, name, password)}, nil
}

// credentials are what the RADIUS server is asked about.
func (c *configEntry) credentials(name, password string, req *logical.Request) radclient.Credentials {
	credentials := radclient.Credentials{Username: c.wireName(name), Password: password}
	if c.SendClientAddress && req.Connection != nil {
		credentials.ClientAddress = req.Connection.RemoteAddr
	}
	return credentials
}

// addressAllowed tells whether the config's token_bound_cidrs let the client in.
func (b *backend) addressAllowed(req *logical.Request, config *configEntry) bool {
	if len(config.TokenBoundCIDRs) == 0 {
		return true
	}
	if req.Connection == nil {
		b.Logger().Warn("login refused: token_bound_cidrs is set and the request does not say where it comes from")
		return false
	}
	return cidrutil.RemoteAddrIsOk(req.Connection.RemoteAddr, config.TokenBoundCIDRs)
}

// authenticate asks the RADIUS server. It returns nil if the server accepts,
// else the answer for the person, and logs the one for the operator.
func (b *backend) authenticate(ctx context.Context, settings *settings, name string, credentials radclient.Credentials) *logical.Response {
	if settings.clientErr != nil {
		b.Logger().Error("login refused: the stored config is not valid: write it again", "error", settings.clientErr)
		return logical.ErrorResponse(notConfiguredText)
	}
	verdict, err := settings.client.Authenticate(ctx, credentials)
	if err != nil {
		b.Logger().Error("login failed", "username", name, "error", err)
		return logical.ErrorResponse(noAnswerText)
	}
	if verdict.Drops.Total() > 0 {
		b.Logger().Warn("answers were dropped before the valid one came", "server", verdict.Server, "drops", verdict.Drops.String())
	}
	switch verdict.Outcome {
	case radclient.Accept:
		return nil
	case radclient.Challenge:
		b.Logger().Warn("login refused: the RADIUS server asks for a second step, which is not supported yet", "username", name, "server", verdict.Server)
	default:
		b.Logger().Info("login refused by the RADIUS server", "username", name, "server", verdict.Server, "reason", verdict.Reason)
	}
	return logical.ErrorResponse(deniedText)
}

// newAuth makes the token's parameters for somebody whom the server accepted.
func newAuth(config *configEntry, user *userEntry, name, password string) *logical.Auth {
	policies := grantedPolicies(config, user)
	auth := &logical.Auth{
		Metadata: map[string]string{
			"username": name,
			"policies": strings.Join(policies, ","),
		},
		InternalData: newRenewalData(config.Renewal, user, password).internalData(),
		DisplayName:  name,
		Alias:        &logical.Alias{Name: name},
	}
	config.PopulateTokenAuth(auth)
	auth.Policies = append(auth.Policies, policies...)
	return auth
}

// grantedPolicies are those that a login adds to the config's token_policies.
func grantedPolicies(config *configEntry, user *userEntry) []string {
	if user == nil {
		return config.UnregisteredUserPolicies
	}
	return user.Policies
}

// loginAlias tells which alias a login would have. It fails with an error, not
// an error response: Vault looks into the response's Auth without checking.
func (b *backend) loginAlias(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	name, err := b.canonicalName(ctx, req.Storage, usernameOf(d))
	if err != nil {
		return nil, err
	}
	if name == "" {
		return nil, errors.New("missing username")
	}
	return &logical.Response{Auth: &logical.Auth{Alias: &logical.Alias{Name: name}}}, nil
}

// usernameOf gives the name as typed: the body's username, else the path's.
func usernameOf(d *framework.FieldData) string {
	if username := d.Get(fieldUsername).(string); username != "" {
		return username
	}
	return d.Get(fieldURLUsername).(string)
}

const loginHelpDescription = `
The RADIUS server that "config" names checks the password. Both forms do the
same:

    $ vault login -method=radius username=alice
    $ vault write auth/radius/login/alice password=...

The token has the policies of users/alice, or the config's
"unregistered_user_policies" if there is no such user, and the config's
"token_policies".
`
