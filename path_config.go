package radiusauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/helper/tokenutil"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/login"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
	"vault-plugin-auth-radius/internal/username"
	"vault-plugin-auth-radius/internal/users"
	"vault-plugin-auth-radius/internal/validate"
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
				Callback:     b.configWrite,
				Summary:      "Change the config with a JSON merge patch: null resets a field to its default.",
				DisplayAttrs: &framework.DisplayAttributes{OperationVerb: "patch", OperationSuffix: "configuration"},
				Responses:    writtenResponses(),
			},
			logical.DeleteOperation: &framework.PathOperation{
				Callback:     b.configDelete,
				Summary:      "Delete the config. No user can log in until it is written again; users stay.",
				DisplayAttrs: &framework.DisplayAttributes{OperationSuffix: "configuration"},
				Responses:    writtenResponses(),
			},
		},
		HelpSynopsis:    configHelpSynopsis,
		HelpDescription: configHelpDescription,
	}
}

func (b *backend) configExists(ctx context.Context, req *logical.Request, _ *framework.FieldData) (bool, error) {
	settings, err := b.settings.get(ctx, storageOf(req))
	return settings != nil, err
}

func (b *backend) configRead(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	settings, err := b.settings.get(ctx, storageOf(req))
	if settings == nil || err != nil {
		return nil, err
	}
	config := settings.config
	data := map[string]any{
		fieldHost:                     config.Host,
		fieldPort:                     config.ServerPort(),
		fieldUnregisteredUserPolicies: config.UnregisteredUserPolicies,
		fieldNASIdentifier:            config.NASIdentifier,
		fieldRenewal:                  string(config.Renewal),
		fieldHosts:                    config.hostsData(),
		fieldBindAddress:              config.BindAddress,
		fieldRealm:                    config.Realm,
		fieldCaseInsensitiveUsernames: config.CaseInsensitiveUsernames,
		fieldCaseInsensitiveNames:     config.CaseInsensitiveNames,
		fieldDefaultRealm:             config.DefaultRealm,
		fieldRegisteredOnly:           config.RegisteredOnly,
		fieldTokenStrictlyBindIP:      config.strictlyBindsIP(),
	}
	addSettings(radiusFields, &config.RADIUSSettings, data)
	addSettings(localSettings, &config.LocalSettings, data)
	profiles, err := b.profiles.ShortNames(ctx, storageOf(req), config.DefaultProfiles)
	if err != nil {
		return nil, err
	}
	data[fieldDefaultProfiles] = profiles
	data[fieldRequestAttributes] = requestAttributesData(config.RequestAttributes)
	data[fieldGroupAttributes] = notNil(config.GroupAttributes)
	data[fieldMetadataAttributes] = notNil(config.MetadataAttributes)
	data[fieldSessionTimeoutAsTTL] = config.SessionTimeoutAsTTL
	config.PopulateTokenData(data)
	return &logical.Response{Data: data}, nil
}

// configWrite creates, updates and patches the config. They differ only if there is none.
func (b *backend) configWrite(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	return b.changeConfig(func() (*logical.Response, error) {
		config, err := loadConfig(ctx, storageOf(req))
		switch {
		case err != nil:
			return nil, err
		case config == nil && req.Operation == logical.PatchOperation:
			return nil, logical.CodedError(http.StatusNotFound, login.NotConfiguredText)
		case config == nil:
			config = defaultConfig()
		}
		return b.configApply(ctx, req, d, config)
	})
}

// changeConfig runs a change of the stored config while nothing is changed that it
// refers to, and forgets what is cached of it, unless the change was refused.
func (b *backend) changeConfig(do func() (*logical.Response, error)) (*logical.Response, error) {
	b.references.Lock()
	defer b.references.Unlock()
	resp, err := do()
	if err != nil || !resp.IsError() {
		b.settings.drop()
	}
	return resp, err
}

// configKeepsNames refuses with 409 a config after which a stored user would be looked
// for under another name: a disabled user would not be disabled any more.
func (b *backend) configKeepsNames(ctx context.Context, storage kv.Storage, now, then *configEntry) error {
	sources, err := b.sources.Get(ctx, storage)
	if err != nil {
		return err
	}
	changed, err := username.Renamed(ctx, users.Stored{Storage: storage}, now.Rules(sources), then.Rules(sources))
	if changed != "" && err == nil {
		return conflict(errors.New(changed))
	}
	return err
}

// configApply changes the config as the request says and stores it; with problems it answers
// with them and stores nothing.
func (b *backend) configApply(
	ctx context.Context, req *logical.Request, d *framework.FieldData, config *configEntry,
) (*logical.Response, error) {
	before := config.clone()
	if port, given := d.Raw[fieldPort]; given {
		config.PortGiven = port != nil
	}
	resetNulls(d)
	if err := config.applyTokenFields(req, d); err != nil {
		return logical.ErrorResponse(err.Error()), nil
	}
	if err := config.apply(d); err != nil {
		return logical.ErrorResponse(err.Error()), nil
	}
	problems, err := b.applyAttributes(ctx, req, d, config)
	if err != nil {
		return nil, err
	}
	if config.Extauth != "" && config.Extauth != source.Local {
		entry, err := source.FindNamed(ctx, storageOf(req), config.Extauth)
		switch {
		case err == nil && len(entry.Realms) > 0:
			problems = append(problems, fmt.Sprintf("config parameter `%s`: the source %s has realms: "+
				"it checks their users only, or each of them would be two", fieldExtauth, config.Extauth))
		case errors.Is(err, source.ErrNotFound):
			problems = append(problems, fmt.Sprintf("config parameter `%s`: there is no source with the name %.80q under extauth/",
				fieldExtauth, config.Extauth))
		case err != nil:
			return nil, err
		}
	}
	if problems = append(config.validate(), problems...); len(problems) > 0 {
		return logical.ErrorResponse(strings.Join(problems, "; ")), nil
	}
	if config.Host != "" && len(config.Secret) <= shortSecretLen && config.Transport != radclient.TLS {
		b.Logger().Warn("config: the secret is short and can be guessed from a captured packet: use 16 characters or more")
	}
	if config.AuthProtocol == radclient.MSCHAPv2 && config.Transport != radclient.TLS {
		b.Logger().Warn("config: MS-CHAPv2 without TLS: who captures a login can find the password's hash: " +
			"keep it on a network that you trust")
	}
	if err := b.configKeepsNames(ctx, storageOf(req), before, config); err != nil {
		return nil, err
	}
	if err := b.logins.Challenges.EnsureKey(ctx, storageOf(req)); err != nil {
		return nil, err
	}
	if err := saveConfig(ctx, storageOf(req), config); err != nil {
		return nil, err
	}
	b.boundMemory(config)
	response := withWarnings(writeResponse(d), config.secretWarnings(d))
	return b.warnOfTestUser(ctx, storageOf(req), d, &config.RADIUSSettings, response), nil
}

// boundMemory has no more kept in memory than the config says.
func (b *backend) boundMemory(config *configEntry) {
	b.attempts.Resize(config.AttemptsKept)
	b.logins.Known.Keep(time.Duration(config.PasswordCacheTTL) * time.Second)
}

// shortSecretLen is the largest length in octets of a short secret.
const shortSecretLen = 12

// apply takes the given fields over.
func (c *configEntry) apply(d *framework.FieldData) error {
	if host, ok := d.GetOk(fieldHost); ok {
		c.Host = strings.ToLower(host.(string))
	}
	if policies, ok := d.GetOk(fieldUnregisteredUserPolicies); ok {
		c.UnregisteredUserPolicies = validate.SplitPolicies(policies.([]string))
	}
	applyRADIUS(&c.RADIUSSettings, d)
	applySettings(localSettings, &c.LocalSettings, d)
	set(d, fieldPort, &c.Port)
	set(d, fieldNASIdentifier, &c.NASIdentifier)
	setText(d, fieldRenewal, &c.Renewal)
	set(d, fieldBindAddress, &c.BindAddress)
	set(d, fieldRealm, &c.Realm)
	set(d, fieldDefaultRealm, &c.DefaultRealm)
	set(d, fieldRegisteredOnly, &c.RegisteredOnly)
	if err := c.applyFoldCase(d); err != nil {
		return err
	}
	if strict, given := d.GetOk(fieldTokenStrictlyBindIP); given && (strict.(bool) || c.TokenStrictlyBindIP != nil) {
		c.TokenStrictlyBindIP = new(strict.(bool))
	}
	if values, ok := d.GetOk(fieldHosts); ok {
		hosts, err := source.ParseHosts(values.([]any))
		if err != nil {
			return err
		}
		c.applyHosts(hosts)
	}
	return nil
}

// applyFoldCase takes the field over that has two names: this method's and the built-in's.
func (c *configEntry) applyFoldCase(d *framework.FieldData) error {
	usernames, isOurs := d.GetOk(fieldCaseInsensitiveUsernames)
	names, isBuiltIn := d.GetOk(fieldCaseInsensitiveNames)
	switch {
	case isOurs && isBuiltIn && usernames != names:
		return fmt.Errorf("config parameters `%s` and `%s` are two names of one field, and have two values: give one",
			fieldCaseInsensitiveUsernames, fieldCaseInsensitiveNames)
	case isOurs:
		c.setFoldCase(usernames.(bool))
	case isBuiltIn:
		c.setFoldCase(names.(bool))
	}
	return nil
}

// applyTokenFields takes the given token fields over. The SDK's parser empties
// alias_metadata when it was not given.
func (c *configEntry) applyTokenFields(req *logical.Request, d *framework.FieldData) error {
	aliasMetadata := c.AliasMetadata
	if err := c.ParseTokenFields(req, d); err != nil {
		if field, accepts := unreadTokenField(req, d); field != "" {
			return fmt.Errorf("config parameter `%s` must be %s", field, accepts)
		}
		return err // names the field, in the words of every auth method
	}
	if _, given := d.GetOk(fieldAliasMetadata); !given {
		c.AliasMetadata = aliasMetadata
	}
	return nil
}

// unreadTokenField returns a token field whose value the SDK cannot read, and what it
// accepts; empty if there is none. The SDK's own text repeats the value.
func unreadTokenField(req *logical.Request, d *framework.FieldData) (field, accepts string) {
	for _, tried := range []struct{ field, accepts string }{
		{fieldTokenBoundCIDRs, "IP addresses or CIDR blocks"},
		{fieldTokenType, "default, service or batch"},
	} {
		alone := &framework.FieldData{Raw: map[string]any{tried.field: d.Raw[tried.field]}, Schema: d.Schema}
		if new(tokenutil.TokenParams).ParseTokenFields(req, alone) != nil {
			return tried.field, tried.accepts
		}
	}
	return "", ""
}

func (b *backend) configDelete(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	return b.changeConfig(func() (*logical.Response, error) {
		config, err := loadConfig(ctx, storageOf(req))
		if config == nil || err != nil {
			return nil, err
		}
		if err := b.configKeepsNames(ctx, storageOf(req), config, defaultConfig()); err != nil {
			return nil, err
		}
		if err := storageOf(req).Delete(ctx, configKey); err != nil {
			return nil, fmt.Errorf("deleting the config: %w", err)
		}
		b.boundMemory(defaultConfig())
		return nil, nil
	})
}

const configHelpSynopsis = `
Configure the RADIUS server that checks passwords.
`

const configHelpDescription = `
Says which RADIUS servers check passwords, and what tokens look like. "host" and
"secret" are required; everything else has a default. A later write changes the
fields in it and keeps the others; a write with an invalid field changes nothing.

    $ vault write auth/radius/config host=radius.example.com secret=@secret.txt
    $ vault write auth/radius/config read_timeout=45s
    $ vault read auth/radius/config

The same request is sent again, within "read_timeout", until the server
answers. It is signed with a Message-Authenticator. Once the server signs its
answers too, set message_authenticator=required: that closes the Blast-RADIUS
attack (CVE-2024-3596) from the first login on.

One account is one user, however its name is typed: "realm", "strip_realm",
"default_realm" and "case_insensitive_usernames" say which names are one. A write
after which registered users would have other names is refused (409). With
"registered_only" only users under users/ log in.
`
