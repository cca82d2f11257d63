package radiusauth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/hashicorp/go-sockaddr"
	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/helper/cidrutil"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/decision"
	"vault-plugin-auth-radius/internal/login"
	"vault-plugin-auth-radius/internal/profile"
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
				Description: "Username, in the body: 1 to 253 octets of UTF-8, without control and invisible characters or outer white space.",
			},
			fieldPassword: {
				Type: framework.TypeString,
				Description: "Password, or with challenge_id the answer to the challenge: 1 to 128 octets for RADIUS servers, " +
					"to 1,024 for directories and local users, sent as they are. " +
					"An answer may be empty: push tokens ask to press Enter.",
				DisplayAttrs: &framework.DisplayAttributes{Sensitive: true},
			},
			fieldPasscode: {
				Type: framework.TypeString,
				Description: "Code that answers the challenge that the password gets, in the same request: 1 to 128 octets. " +
					"If the source asks for none, passcode_unasked of its settings decides.",
				DisplayAttrs: &framework.DisplayAttributes{Sensitive: true},
			},
			fieldTOTP: {
				Type:         framework.TypeString,
				Description:  "The same as passcode, as other methods call it.",
				DisplayAttrs: &framework.DisplayAttributes{Sensitive: true},
			},
			fieldAttributes: {
				Type:        framework.TypeKVPairs,
				Description: "What the client says of itself, for checks of profiles such as client:device. Nobody vouches for it.",
			},
			fieldChallengeID: {
				Type: framework.TypeString,
				Description: "Which challenge the password answers: from the answer to the step before. " +
					"Each Vault server takes it once; elsewhere the RADIUS server's State works once.",
			},
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.UpdateOperation: &framework.PathOperation{
				Callback:    b.login,
				Summary:     "Log in with a username and a password.",
				Description: "The answer has a token, or data that ask for another step: answer on the same path, with challenge_id.",
				Responses: dataResponses(map[string]*framework.FieldSchema{
					fieldChallengeID: {Type: framework.TypeString, Description: "To be sent with the answer."},
					fieldMessage:     {Type: framework.TypeString, Description: "What the server asks."},
					fieldEcho:        {Type: framework.TypeBool, Description: "Whether the answer may be shown as it is typed."},
					fieldExpiresIn:   {Type: framework.TypeInt, Description: "Seconds to answer."},
				}),
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

// login returns a token for a user whom a source accepts.
func (b *backend) login(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	attempt := login.Attempt{
		Use: decision.Login, RequestID: req.ID,
		Username: usernameOf(d), Password: d.Get(fieldPassword).(string), ChallengeID: d.Get(fieldChallengeID).(string),
		Passcode: cmp.Or(d.Get(fieldPasscode).(string), d.Get(fieldTOTP).(string)),
		Address:  clientAddress(req), ClientAttributes: d.Get(fieldAttributes).(map[string]string),
	}
	settings, err := b.settings.get(ctx, storageOf(req))
	if err != nil {
		return nil, b.logins.ReadFault(attempt, err)
	}
	if settings == nil {
		b.logins.TurnAway(ctx, storageOf(req), nil, attempt, notConfigured(), nil)
		return logical.ErrorResponse(login.NotConfiguredText), nil
	}
	boundTo, problem := bindTo(attempt.Address, settings.config)
	if problem != "" {
		b.logins.TurnAway(ctx, storageOf(req), settings.login, attempt, outsideAddresses(problem), nil)
		return nil, logical.ErrPermissionDenied
	}
	if err := checkLogin(req.Path, attempt, d.Get(fieldTOTP).(string)); err != nil {
		b.logins.TurnAway(ctx, storageOf(req), settings.login, attempt, nil, err)
		return logical.ErrorResponse(err.Error()), nil
	}
	result, err := b.logins.Authenticate(ctx, storageOf(req), settings.login, attempt)
	switch {
	case login.IsInputError(err):
		return logical.ErrorResponse(err.Error()), nil
	case err != nil:
		return nil, err
	case result.Refusal != nil:
		return logical.ErrorResponse(result.Refusal.Text), nil
	case result.Next != nil:
		return nextStepAnswer(result.Next), nil
	}
	auth := b.newAuth(settings.config, result.Authorization, result.Name, result.Password, result.Grant)
	if boundTo != nil {
		auth.BoundCIDRs = boundTo
	}
	return &logical.Response{Auth: auth}, nil
}

// notConfigured returns the refusal of a mount without a config.
func notConfigured() *login.Refusal {
	return &login.Refusal{
		Text: login.NotConfiguredText, Reason: login.Reason{Class: decision.NotConfigured, Text: login.NotConfiguredText},
	}
}

// outsideAddresses returns the refusal of a client whose address may not log in.
func outsideAddresses(problem string) *login.Refusal {
	return &login.Refusal{Text: login.DeniedText, Reason: login.Reason{Class: decision.Address, Text: problem}}
}

// checkLogin returns what is wrong with a login before its name is looked for.
func checkLogin(path string, attempt login.Attempt, totp string) error {
	switch {
	case strings.Contains(path, ".."):
		return errNoLease
	case totp != "" && totp != attempt.Passcode:
		return errors.New("passcode and totp mean the same and differ: give one of them")
	}
	return profile.CheckClientAttributes(attempt.ClientAttributes)
}

// errNoLease is why nothing is asked about a name in such a path: Vault makes no lease
// under it, so that a token would be lost after an accept, and the client would try again.
var errNoLease = errors.New(
	"username with two dots in a row cannot be in the path, where Vault makes no lease: give it in the body, to login")

// clientAddress returns the address of the client, as Vault believes it; "" if it does not
// know.
func clientAddress(req *logical.Request) string {
	if req.Connection == nil {
		return ""
	}
	return req.Connection.RemoteAddr
}

// bindTo returns where a token of a client with the address is good from: with the config's
// token_strictly_bind_ip that address, which Vault takes for the client's; nil: anywhere that
// token_bound_cidrs allow. The problem is why the client may not log in; "" if it may.
func bindTo(address string, config *configEntry) (boundTo []*sockaddr.SockAddrMarshaler, problem string) {
	const unknown = "%s is set and the request does not say where it comes from"
	bound := len(config.TokenBoundCIDRs) > 0
	switch {
	case bound && address == "":
		return nil, fmt.Sprintf(unknown, "token_bound_cidrs")
	case bound && !cidrutil.RemoteAddrIsOk(address, config.TokenBoundCIDRs):
		return nil, "the client's address is outside token_bound_cidrs"
	case !config.strictlyBindsIP():
		return nil, ""
	}
	if parsed, err := parseAddress(address); err == nil {
		if only, err := sockaddr.NewIPAddr(parsed.WithZone("").Unmap().String()); err == nil {
			return []*sockaddr.SockAddrMarshaler{{SockAddr: only}}, ""
		}
	}
	return nil, fmt.Sprintf(unknown, "token_strictly_bind_ip")
}

// parseAddress reads an address, with or without a port: Vault takes an address with a
// port from proxies that forward it.
func parseAddress(text string) (netip.Addr, error) {
	if withPort, err := netip.ParseAddrPort(text); err == nil {
		return withPort.Addr(), nil
	}
	return netip.ParseAddr(text)
}

// loginAlias tells which alias a login would have. It fails with an error, not
// an error response: Vault looks into the response's Auth without checking.
func (b *backend) loginAlias(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	name, err := b.canonicalName(ctx, storageOf(req), usernameOf(d))
	if err != nil {
		return nil, err
	}
	if name == "" {
		return nil, errors.New("missing username")
	}
	return &logical.Response{Auth: &logical.Auth{Alias: &logical.Alias{Name: name}}}, nil
}

// usernameOf returns the name as typed: the body's username, else the path's.
func usernameOf(d *framework.FieldData) string {
	if username := d.Get(fieldUsername).(string); username != "" {
		return username
	}
	return d.Get(fieldURLUsername).(string)
}

const loginHelpDescription = `
What "config", the user entry or the name's realm says checks the password: a
RADIUS server, a directory, or the hash here. Both forms do the same:

    $ vault login -method=radius username=alice
    $ vault write auth/radius/login/alice password=...

If the RADIUS server asks for another step, such as a one-time code, the answer
has no token, but "message" and "challenge_id". Send the code as the password:

    $ vault write auth/radius/login/carol password=...
    $ vault write auth/radius/login/carol challenge_id=... password=123456

A push token asks to press Enter: answer with challenge_id alone.

Who knows the code already sends it in the same request. The second line needs
"passcode_separator" in the config:

    $ vault write auth/radius/login/carol password=... passcode=123456
    $ vault login -method=radius username=carol
    Password (will be hidden):    carol-password,123456

A challenge_id is used up on the Vault server that took it; after a failover it is
the RADIUS server that refuses it a second time. If Vault loses its leadership
after the RADIUS server has accepted, it answers 5xx, and a client that tries again
logs in anew, with another push. VAULT_MAX_RETRIES=0 has Vault's clients not do so.

The token has the policies of users/alice, or the config's
"unregistered_user_policies" if there is no such user, and the config's
"token_policies". Another spelling of a registered name, such as ALICE, is refused
as a wrong password is; the log says which name is registered.
`

// nextStepAnswer returns the response to a login that the source wants another step of.
func nextStepAnswer(next *login.NextStep) *logical.Response {
	return &logical.Response{Data: map[string]any{
		fieldChallengeID: next.ID,
		fieldMessage:     next.Message,
		fieldEcho:        next.Echo,
		fieldExpiresIn:   int(next.Time.Seconds()),
	}}
}
