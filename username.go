package radiusauth

import (
	"context"
	"slices"
	"strings"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/radclient"
)

// canonicalName is the name as typed, or in lower case if the mount does not tell
// cases apart. What realms of sources make of it: [sourceSet.canonicalName].
func (c *configEntry) canonicalName(typed string) string {
	if c.CaseInsensitiveUsernames {
		return strings.ToLower(typed)
	}
	return typed
}

// canonicalName is the canonical name on a mount that may not be configured yet.
func (b *backend) canonicalName(ctx context.Context, storage logical.Storage, typed string) (string, error) {
	settings, err := b.settings.get(ctx, storage)
	if err != nil {
		return "", err
	}
	config := defaultConfig()
	if settings != nil {
		config = settings.config
	}
	sources, err := b.sources.get(ctx, storage)
	if err != nil {
		return "", err
	}
	return sources.canonicalName(config, typed), nil
}

// sameOnTheWire are other names for which the config's servers are asked about the
// same person.
func (c *configEntry) sameOnTheWire(name string) []string {
	var others []string
	if c.StripRealm {
		others = append(others, withoutRealm(name))
	}
	if c.Realm != "" {
		others = append(others, strings.TrimSuffix(name, "@"+c.Realm), c.wireName(name))
	}
	return slices.DeleteFunc(others, func(other string) bool { return other == name })
}

// wireName is the User-Name that the RADIUS server sees: with strip_realm
// without the realm that was typed, and with the config's realm if none is left.
func (c *configEntry) wireName(name string) string {
	if c.StripRealm {
		name = withoutRealm(name)
	}
	if c.Realm != "" && !hasRealm(name) {
		name += "@" + c.Realm
	}
	return name
}

// hasRealm tells whether a name has a realm: user@realm or REALM\user.
func hasRealm(name string) bool { return withoutRealm(name) != name }

// withoutRealm cuts the realm off a name. What would leave nothing is no realm.
func withoutRealm(name string) string {
	if _, user, found := strings.Cut(name, `\`); found && user != "" {
		return user
	}
	if at := strings.LastIndexByte(name, '@'); at > 0 {
		return name[:at]
	}
	return name
}

// isRealm tells whether the text can be a realm: what stands after @ or before \.
func isRealm(text string) bool {
	return !strings.ContainsAny(text, `@\`) && radclient.CheckUsername(text) == nil
}
