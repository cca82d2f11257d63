package radiusauth

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/go-sockaddr"
	"github.com/hashicorp/vault/sdk/helper/tokenutil"

	"vault-plugin-auth-radius/internal/bindaddress"
	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/login"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/username"
	"vault-plugin-auth-radius/internal/validate"
)

// configKey is where the config is stored.
const configKey = "config"

// configEntry is the stored config. Its first keys are those of the built-in
// method, which can read an entry written here: it ignores the rest.
type configEntry struct {
	tokenutil.TokenParams
	login.Config
}

// defaultConfig is the config of a mount before anything is set. An entry that
// the built-in method wrote is decoded over it.
func defaultConfig() *configEntry {
	return &configEntry{Config: login.DefaultConfig()}
}

// loadConfig reads the stored config; nil means that there is none.
func loadConfig(ctx context.Context, storage kv.Storage) (*configEntry, error) {
	config := defaultConfig()
	var spelled struct {
		Usernames *bool `json:"case_insensitive_usernames"`
		Names     *bool `json:"case_insensitive_names"`
	}
	found, err := kv.Load(ctx, storage, configKey, "the config", config, &spelled)
	if !found || err != nil {
		return nil, err
	}
	// OpenBao's method looks users up by the lower-cased name, and says so nowhere: a
	// config with a field that only its SDK stores, and none of ours, is one of its.
	openBao := config.TokenStrictlyBindIP != nil && spelled.Usernames == nil && spelled.Names == nil
	config.setFoldCase(openBao || config.CaseInsensitiveUsernames || config.CaseInsensitiveNames)
	return config, nil
}

// setFoldCase says, under both of its names, whether upper and lower case differ.
func (c *configEntry) setFoldCase(fold bool) {
	c.CaseInsensitiveUsernames, c.CaseInsensitiveNames = fold, fold
}

// strictlyBindsIP tells whether a token is only good from where its login came.
func (c *configEntry) strictlyBindsIP() bool {
	return c.TokenStrictlyBindIP != nil && *c.TokenStrictlyBindIP
}

func saveConfig(ctx context.Context, storage kv.Storage, config *configEntry) error {
	return kv.Save(ctx, storage, configKey, "the config", config)
}

// clone copies everything that a caller could change through the copy.
func (c *configEntry) clone() *configEntry {
	copied := *c
	copied.Config = c.Config.Clone()
	copied.TokenBoundCIDRs = slices.Clone(c.TokenBoundCIDRs)
	copied.TokenPolicies = slices.Clone(c.TokenPolicies)
	copied.AliasMetadata = maps.Clone(c.AliasMetadata)
	return &copied
}

// problems lists what is wrong with the config, each naming its field. A field
// that is missing is reported alone, as the built-in method does.
func (c *configEntry) problems() []string {
	switch {
	case c.Host == "" && c.Extauth != "":
		return c.otherProblems() // it has no servers
	case c.Host == "":
		return []string{"config parameter `host` cannot be empty"}
	case c.Secret == "" && c.Transport != radclient.TLS:
		return []string{"config parameter `secret` cannot be empty"}
	}
	tooLong := fmt.Sprintf("config parameter `nas_identifier` is longer than %d octets", radclient.MaxValueLen)
	checks := []struct {
		bad    bool
		advice string
	}{
		{!validate.IsHost(c.Host), "config parameter `host` must be one host name or IP address, without scheme, port or spaces"},
		{c.Port < 1 || c.Port > 65535, fmt.Sprintf("config parameter `port` is %d; use 1 to 65535", c.Port)},
		{len(c.NASIdentifier) > radclient.MaxValueLen, tooLong},
	}
	found := c.hostProblems()
	for _, check := range checks {
		if check.bad {
			found = append(found, check.advice)
		}
	}
	return append(found, c.otherProblems()...)
}

// otherProblems lists what is wrong beside the servers.
func (c *configEntry) otherProblems() []string {
	var found []string
	if validate.ContainsRoot(c.UnregisteredUserPolicies) || validate.ContainsRoot(c.TokenPolicies) {
		found = append(found, validate.RootPolicyText)
	}
	if slices.ContainsFunc(c.TokenBoundCIDRs, isUnixSocket) {
		found = append(found, "config parameter `token_bound_cidrs` must be IP addresses or CIDR blocks")
	}
	others := append(c.RADIUSSettings.Problems(), c.LocalSettings.Problems()...)
	if problem := validate.CheckEnum(fieldRenewal, c.Renewal, login.Renewals); problem != "" {
		others = append(others, problem)
	}
	if c.BindAddress != "" {
		if err := bindaddress.Check(c.BindAddress); err != nil {
			others = append(others, "`bind_address`: "+err.Error())
		}
	}
	for _, given := range []struct{ field, realm string }{{fieldRealm, c.Realm}, {fieldDefaultRealm, c.DefaultRealm}} {
		if given.realm != "" && (len(given.realm) > username.MaxLen || !username.IsRealm(given.realm)) {
			others = append(others, fmt.Sprintf("`%s`: %.80q is not a realm: use letters, digits and . - _, without @ and \\",
				given.field, given.realm))
		}
	}
	if c.Host == "" && c.ProbesByRequest() {
		others = append(others, "`status_check` is request, and there is no `host` that could be probed")
	}
	switch {
	case c.Realm != "" && c.DefaultRealm != "":
		others = append(others, "`realm` and `default_realm` exclude each other: no name would be without a realm")
	case c.RegisteredOnly && len(c.UnregisteredUserPolicies) > 0:
		others = append(others, "`registered_only` and `unregistered_user_policies` exclude each other: nobody would get those policies")
	case c.strictlyBindsIP() && len(c.TokenBoundCIDRs) > 0:
		others = append(others, "`token_strictly_bind_ip` and `token_bound_cidrs` exclude each other: give one")
	}
	for _, problem := range others {
		found = append(found, "config parameter "+problem)
	}
	return found
}

// isUnixSocket reports whether the SDK has taken the text for the path of a Unix socket,
// as it does with all that is neither an IP address nor a CIDR block.
func isUnixSocket(address *sockaddr.SockAddrMarshaler) bool {
	return address.Type()&sockaddr.TypeIP == 0
}
