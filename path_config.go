package radiusauth

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/helper/tokenutil"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/radclient"
)

const (
	fieldHost                     = "host"
	fieldPort                     = "port"
	fieldSecret                   = "secret"
	fieldUnregisteredUserPolicies = "unregistered_user_policies"
	fieldDialTimeout              = "dial_timeout"
	fieldReadTimeout              = "read_timeout"
	fieldNASPort                  = "nas_port"
	fieldNASIdentifier            = "nas_identifier"
	fieldMessageAuthenticator     = "message_authenticator"
	fieldRenewal                  = "renewal"
	fieldAliasMetadata            = "alias_metadata"
)

func (b *backend) pathConfig() *framework.Path {
	return &framework.Path{
		Pattern:        "config",
		DisplayAttrs:   &framework.DisplayAttributes{OperationPrefix: operationPrefix, Action: "Configure"},
		Fields:         configFields(),
		ExistenceCheck: b.configExists,
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation: &framework.PathOperation{
				Callback:     b.configRead,
				Summary:      "Read the config. The secret is never returned.",
				DisplayAttrs: &framework.DisplayAttributes{OperationSuffix: "configuration"},
				Responses:    configReadResponses(),
			},
			logical.CreateOperation: &framework.PathOperation{
				Callback:     b.configWrite,
				Summary:      "Configure the RADIUS server to ask.",
				DisplayAttrs: &framework.DisplayAttributes{OperationVerb: "configure"},
				Responses:    writtenResponses(),
			},
			logical.UpdateOperation: &framework.PathOperation{
				Callback:     b.configWrite,
				Summary:      "Change the config. Fields that are not given keep their values.",
				DisplayAttrs: &framework.DisplayAttributes{OperationVerb: "configure"},
				Responses:    writtenResponses(),
			},
			logical.PatchOperation: &framework.PathOperation{
				Callback:     b.configPatch,
				Summary:      "Change the config with a JSON merge patch: null resets a field to its default.",
				DisplayAttrs: &framework.DisplayAttributes{OperationVerb: "patch", OperationSuffix: "configuration"},
				Responses:    writtenResponses(),
			},
			logical.DeleteOperation: &framework.PathOperation{
				Callback:     b.configDelete,
				Summary:      "Delete the config. Nobody can log in until it is written again; users stay.",
				DisplayAttrs: &framework.DisplayAttributes{OperationSuffix: "configuration"},
				Responses:    writtenResponses(),
			},
		},
		HelpSynopsis:    configHelpSynopsis,
		HelpDescription: configHelpDescription,
	}
}

// configFields is the one place that says what the config's fields are.
func configFields() map[string]*framework.FieldSchema {
	defaults := defaultConfig()
	fields := map[string]*framework.FieldSchema{
		fieldHost: {
			Type:         framework.TypeString,
			Description:  "RADIUS server to ask: a host name, looked up at every login, or an IPv4 or IPv6 address. Required.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "Host"},
		},
		fieldPort: {
			Type:         framework.TypeInt,
			Default:      defaults.Port,
			Description:  "UDP port of the RADIUS server, 1 to 65535.",
			DisplayAttrs: &framework.DisplayAttributes{Value: defaults.Port},
		},
		fieldSecret: {
			Type:         framework.TypeString,
			Description:  "Secret shared with the RADIUS server. Required. Never returned. 16 characters or more are advised.",
			DisplayAttrs: &framework.DisplayAttributes{Sensitive: true},
		},
		fieldUnregisteredUserPolicies: {
			Type:        framework.TypeString,
			Default:     strings.Join(defaults.UnregisteredUserPolicies, ","),
			Description: "Comma-separated list of policies for people whom the RADIUS server accepts and who are not under users/.",
			DisplayAttrs: &framework.DisplayAttributes{
				Name:        "Policies for unregistered users",
				Description: "List of policies for people whom the RADIUS server accepts and who are not registered.",
			},
		},
		fieldDialTimeout: {
			Type:         framework.TypeDurationSecond,
			Default:      defaults.DialTimeout,
			Description:  "Seconds that looking up the host may take. 0: no limit but read_timeout.",
			DisplayAttrs: &framework.DisplayAttributes{Value: defaults.DialTimeout},
		},
		fieldReadTimeout: {
			Type:         framework.TypeDurationSecond,
			Default:      defaults.ReadTimeout,
			Description:  "Seconds that a whole login may take, retransmissions included. Raise it for people who approve on a phone; Vault's own clients give up after 60.",
			DisplayAttrs: &framework.DisplayAttributes{Value: defaults.ReadTimeout},
		},
		fieldNASPort: {
			Type:         framework.TypeInt,
			Default:      defaults.NASPort,
			Description:  "NAS-Port attribute of every Access-Request.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "NAS Port", Value: defaults.NASPort},
		},
		fieldNASIdentifier: {
			Type:         framework.TypeString,
			Default:      defaults.NASIdentifier,
			Description:  "NAS-Identifier attribute of every Access-Request, at most 253 octets. Empty: \"vault\", since RFC 2865 wants the NAS named.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "NAS Identifier"},
		},
		fieldMessageAuthenticator: {
			Type:          framework.TypeString,
			Default:       string(defaults.MessageAuthenticator),
			AllowedValues: []any{string(radclient.MessageAuthenticatorAuto), string(radclient.MessageAuthenticatorRequired), string(radclient.MessageAuthenticatorOff)},
			Description:   "When an answer must carry a Message-Authenticator: \"required\" (every answer), \"auto\" (answers of a code of which the server has signed one before), \"off\" (never). Requests always carry one, and one in an answer is always verified.",
			DisplayAttrs:  &framework.DisplayAttributes{Name: "Message-Authenticator", Value: string(defaults.MessageAuthenticator)},
		},
		fieldRenewal: {
			Type:          framework.TypeString,
			Default:       string(defaults.Renewal),
			AllowedValues: []any{string(renewalReauthenticate), string(renewalRecheck)},
			Description:   "What renewing a token asks for: \"reauthenticate\" sends the password, kept with the token's lease, to the RADIUS server again, as the built-in method does; \"recheck\" keeps no password and checks that the user is still registered with the same policies.",
			DisplayAttrs:  &framework.DisplayAttributes{Value: string(defaults.Renewal)},
		},
	}
	tokenutil.AddTokenFields(fields)
	fields["token_policies"].Description += ". They are added to those of the user."
	return fields
}

// configReadResponses describes a read: every field but the secret, and the
// policies as a list.
func configReadResponses() map[int][]framework.Response {
	fields := configFields()
	delete(fields, fieldSecret)
	fields[fieldUnregisteredUserPolicies].Type = framework.TypeStringSlice
	fields[fieldUnregisteredUserPolicies].Default = nil
	for _, schema := range fields {
		schema.Required = true
	}
	return dataResponses(fields)
}

func (b *backend) configExists(ctx context.Context, req *logical.Request, _ *framework.FieldData) (bool, error) {
	settings, err := b.settings.get(ctx, req.Storage)
	return settings != nil, err
}

func (b *backend) configRead(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	settings, err := b.settings.get(ctx, req.Storage)
	if settings == nil || err != nil {
		return nil, err
	}
	config := settings.config
	data := map[string]any{
		fieldHost:                     config.Host,
		fieldPort:                     config.Port,
		fieldUnregisteredUserPolicies: config.UnregisteredUserPolicies,
		fieldDialTimeout:              config.DialTimeout,
		fieldReadTimeout:              config.ReadTimeout,
		fieldNASPort:                  config.NASPort,
		fieldNASIdentifier:            config.NASIdentifier,
		fieldMessageAuthenticator:     string(config.MessageAuthenticator),
		fieldRenewal:                  string(config.Renewal),
	}
	config.PopulateTokenData(data)
	return &logical.Response{Data: data}, nil
}

func (b *backend) configWrite(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	return b.settings.change(func() (*logical.Response, error) {
		config, err := loadConfig(ctx, req.Storage)
		if err != nil {
			return nil, err
		}
		if config == nil {
			config = defaultConfig()
		}
		return b.configApply(ctx, req, d, config)
	})
}

func (b *backend) configPatch(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	return b.settings.change(func() (*logical.Response, error) {
		config, err := loadConfig(ctx, req.Storage)
		if err != nil {
			return nil, err
		}
		if config == nil {
			return nil, logical.CodedError(http.StatusNotFound, notConfiguredText)
		}
		return b.configApply(ctx, req, d, config)
	})
}

// configApply changes the config as the request says and stores it, or says
// what is wrong and stores nothing.
func (b *backend) configApply(ctx context.Context, req *logical.Request, d *framework.FieldData, config *configEntry) (*logical.Response, error) {
	resetNulls(d)
	if err := config.applyTokenFields(req, d); err != nil {
		return logical.ErrorResponse(err.Error()), nil
	}
	config.apply(d)
	if problems := config.problems(); len(problems) > 0 {
		return logical.ErrorResponse(strings.Join(problems, "; ")), nil
	}
	if len(config.Secret) <= shortSecretLen {
		b.Logger().Warn("config: the secret is short and can be guessed from a captured packet: use 16 characters or more")
	}
	if err := saveConfig(ctx, req.Storage, config); err != nil {
		return nil, err
	}
	return written(d), nil
}

// shortSecretLen is the length in octets up to which a secret is called short.
const shortSecretLen = 12

// apply takes the given fields over.
func (c *configEntry) apply(d *framework.FieldData) {
	if host, ok := d.GetOk(fieldHost); ok {
		c.Host = strings.ToLower(host.(string))
	}
	if policies, ok := d.GetOk(fieldUnregisteredUserPolicies); ok {
		c.UnregisteredUserPolicies = splitPolicies(policies.(string))
	}
	set(d, fieldPort, &c.Port)
	set(d, fieldSecret, &c.Secret)
	set(d, fieldDialTimeout, &c.DialTimeout)
	set(d, fieldReadTimeout, &c.ReadTimeout)
	set(d, fieldNASPort, &c.NASPort)
	set(d, fieldNASIdentifier, &c.NASIdentifier)
	if value, ok := d.GetOk(fieldMessageAuthenticator); ok {
		c.MessageAuthenticator = radclient.MessageAuthenticator(value.(string))
	}
	if value, ok := d.GetOk(fieldRenewal); ok {
		c.Renewal = renewal(value.(string))
	}
}

// applyTokenFields takes the given token fields over. The SDK's parser empties
// alias_metadata when it was not given.
func (c *configEntry) applyTokenFields(req *logical.Request, d *framework.FieldData) error {
	aliasMetadata := c.AliasMetadata
	if err := c.ParseTokenFields(req, d); err != nil {
		return err // names the field, in the words of every auth method
	}
	if _, given := d.GetOk(fieldAliasMetadata); !given {
		c.AliasMetadata = aliasMetadata
	}
	return nil
}

func (b *backend) configDelete(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	return b.settings.change(func() (*logical.Response, error) {
		if err := req.Storage.Delete(ctx, configKey); err != nil {
			return nil, fmt.Errorf("deleting the config: %w", err)
		}
		return nil, nil
	})
}

const configHelpSynopsis = `
Configure the RADIUS server that checks passwords.
`

const configHelpDescription = `
Says which RADIUS server to ask, and what tokens look like. "host" and "secret"
are required; everything else has a default. A later write changes the fields
that it gives and keeps the others; a write with a mistake changes nothing.

    $ vault write auth/radius/config host=radius.example.com secret=@secret.txt
    $ vault write auth/radius/config read_timeout=45s
    $ vault read auth/radius/config

The same request is sent again, within "read_timeout", until the server
answers. It is signed with a Message-Authenticator. Once the server signs its
answers too, set message_authenticator=required: that closes the Blast-RADIUS
attack (CVE-2024-3596) from the first login on.
`
