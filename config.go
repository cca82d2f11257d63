package radiusauth

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/go-sockaddr"
	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/helper/tokenutil"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/bindaddress"
	"vault-plugin-auth-radius/internal/cache"
	"vault-plugin-auth-radius/internal/catalog"
	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/login"
	"vault-plugin-auth-radius/internal/passwd"
	"vault-plugin-auth-radius/internal/profile"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
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

// strictlyBindsIP reports whether a token is only good from where its login came.
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

// validate returns what is wrong with the config, each naming its field. A field
// that is missing is reported alone, as the built-in method does.
func (c *configEntry) validate() []string {
	switch {
	case c.Host == "" && c.Extauth != "":
		return c.validateRest() // it has no servers
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
	return append(found, c.validateRest()...)
}

// validateRest returns what is wrong beside the servers.
func (c *configEntry) validateRest() []string {
	var found []string
	if validate.ContainsRoot(c.UnregisteredUserPolicies) || validate.ContainsRoot(c.TokenPolicies) {
		found = append(found, validate.RootPolicyText)
	}
	if slices.ContainsFunc(c.TokenBoundCIDRs, isUnixSocket) {
		found = append(found, "config parameter `token_bound_cidrs` must be IP addresses or CIDR blocks")
	}
	others := append(c.RADIUSSettings.Validate(), c.LocalSettings.Validate()...)
	if c.Host != "" {
		others = append(others, c.FIPSProblems()...)
	}
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

// hashSettings say how passwords are hashed that are set now, on a mount that may
// not be configured yet.
func (b *backend) hashSettings(ctx context.Context, storage kv.Storage) (passwd.Settings, error) {
	settings, err := b.settings.get(ctx, storage)
	if settings == nil || err != nil {
		return passwd.Settings{}, err
	}
	return settings.config.HashSettings(), nil
}

// applyHosts takes the given servers over. One that was there before keeps its
// secret if none is given: it cannot be read to be written back.
func (c *configEntry) applyHosts(hosts []source.Host) {
	for i := range hosts {
		given := &hosts[i]
		given.Host = strings.ToLower(given.Host)
		was := slices.IndexFunc(c.Hosts, func(old source.Host) bool { return old.Host == given.Host && old.Port == given.Port })
		if given.Secret == "" && was >= 0 {
			given.Secret = c.Hosts[was].Secret
		}
	}
	c.Hosts = hosts
}

// hostProblems lists what is wrong with the further servers.
func (c *configEntry) hostProblems() []string {
	var found []string
	for i, entry := range c.Hosts {
		switch {
		case !validate.IsHost(entry.Host):
			found = append(found, fmt.Sprintf("config parameter `hosts`: entry %d: "+
				"`host` must be one host name or IP address, without scheme, port or spaces", i+1))
		case entry.Port < 0 || entry.Port > 65535:
			found = append(found, fmt.Sprintf("config parameter `hosts`: entry %d: `port` is %d; use 1 to 65535", i+1, entry.Port))
		}
	}
	servers := c.Servers()
	for i, server := range servers {
		same := func(other radclient.Server) bool { return other.Host == server.Host && other.Port == server.Port }
		if slices.ContainsFunc(servers[:i], same) {
			found = append(found, fmt.Sprintf("config parameter `hosts`: entry %d is there already: %.80s port %d", i, server.Host, server.Port))
		}
	}
	return found
}

// hostsData are the further servers as a read shows them: without secrets.
func (c *configEntry) hostsData() []map[string]any {
	data := []map[string]any{}
	for _, entry := range c.Hosts {
		host := map[string]any{"host": entry.Host}
		if entry.Port != 0 {
			host["port"] = entry.Port
		}
		data = append(data, host)
	}
	return data
}

// maxMetadataAttributes is how many attributes may become metadata.
const maxMetadataAttributes = 16

// reservedMetadata are the keys of metadata that are the method's own.
var reservedMetadata = []string{"username", "policies", "profiles", "extauth"}

// applyAttributes takes the given fields over that are about attributes and
// profiles, and lists what is wrong with them. It runs with changes of profiles
// held up.
func (b *backend) applyAttributes(
	ctx context.Context, req *logical.Request, d *framework.FieldData, config *configEntry,
) ([]string, error) {
	var problems []string
	unread := false // request_attributes are not as they were given
	if shortNames, given := d.GetOk(fieldDefaultProfiles); given {
		ids, err := catalog.Resolve(ctx, storageOf(req), shortNames.([]string))
		if unknown := (*catalog.UnknownError)(nil); errors.As(err, &unknown) {
			problems = append(problems, fmt.Sprintf("config parameter `%s`: %s", fieldDefaultProfiles, unknown))
		} else if err != nil {
			return nil, err
		}
		config.DefaultProfiles = ids
	}
	if values, given := d.GetOk(fieldRequestAttributes); given {
		items, wrong := readRequestAttributes(values.([]any))
		problems = append(problems, wrong...)
		config.RequestAttributes, unread = items, len(wrong) > 0
	}
	set(d, fieldGroupAttributes, &config.GroupAttributes)
	set(d, fieldMetadataAttributes, &config.MetadataAttributes)
	set(d, fieldSessionTimeoutAsTTL, &config.SessionTimeoutAsTTL)

	known, err := b.dictionaries.Get(ctx, storageOf(req))
	if err != nil {
		return nil, err
	}
	if _, err := config.RequestProfile(known, profile.Compile); err != nil && !unread {
		problems = append(problems, "config parameter "+err.Error())
	}
	for _, problem := range append(
		known.CheckReadable(fieldGroupAttributes, config.GroupAttributes),
		known.CheckReadable(fieldMetadataAttributes, config.MetadataAttributes)...,
	) {
		problems = append(problems, "config parameter "+problem)
	}
	for _, name := range config.MetadataAttributes {
		if slices.ContainsFunc(reservedMetadata, func(reserved string) bool { return strings.EqualFold(reserved, name) }) {
			problems = append(problems, fmt.Sprintf(
				"config parameter `%s`: %q is the name of metadata that every token has", fieldMetadataAttributes, name))
		}
	}
	if len(config.MetadataAttributes) > maxMetadataAttributes {
		problems = append(problems, fmt.Sprintf("config parameter `%s` has %d attributes; give %d at most",
			fieldMetadataAttributes, len(config.MetadataAttributes), maxMetadataAttributes))
	}
	return problems, nil
}

// readRequestAttributes reads a list of {attribute, value}.
func readRequestAttributes(values []any) ([]profile.Item, []string) {
	items, problems := readItems(fieldRequestAttributes, values, nil)
	for i := range items {
		if items[i].Operator != "" {
			problems = append(problems, fmt.Sprintf("%s[%d].op has no meaning here: leave it out", fieldRequestAttributes, i))
		}
		items[i].Operator = "+="
	}
	return items, problems
}

// requestAttributesData are request_attributes as a read shows them.
func requestAttributesData(items []profile.Item) []any {
	data := make([]any, 0, len(items))
	for _, item := range items {
		data = append(data, map[string]any{"attribute": item.Attribute, "value": item.Value})
	}
	return data
}

// settings are the config, and what logins need of it.
type settings struct {
	config *configEntry // the caller's own copy
	login  *login.Settings
}

// settingsCache keeps the config and its client in memory, so that a login
// reads no storage: each read is a round trip to the Vault process.
type settingsCache struct {
	dictionaries *catalog.Dictionaries
	// changed is called when the state of a RADIUS server changes.
	changed func(radclient.Change)
	// loaded is called with each config that is read from storage, or with the default one if
	// there is none.
	loaded func(*configEntry)
	// dial connects to RADIUS servers, in tests; nil means the network.
	dial source.DialFunc

	cached cache.Value[*settings] // nil if there is no config
}

func newSettingsCache(
	dictionaries *catalog.Dictionaries, changed func(radclient.Change), loaded func(*configEntry),
) *settingsCache {
	c := &settingsCache{dictionaries: dictionaries, changed: changed, loaded: loaded}
	// Logins may still be using the client: it goes on for them.
	c.cached.Retire = func(retired, _ *settings) { retired.close() }
	return c
}

// get returns the settings, from storage on a miss; nil means that the mount
// is not configured.
func (c *settingsCache) get(ctx context.Context, storage kv.Storage) (*settings, error) {
	loaded, err := c.cached.Get(ctx, func(ctx context.Context, before *settings) (*settings, error) {
		config, err := loadConfig(ctx, storage)
		if err != nil {
			return nil, err
		}
		if config == nil {
			c.loaded(defaultConfig())
			return nil, nil
		}
		d, err := c.dictionaries.Get(ctx, storage)
		if err != nil {
			return nil, err
		}
		c.loaded(config)
		return &settings{config: config, login: before.logins().Renew(&config.Config, d, c.changed, c.dial)}, nil
	})
	if err != nil {
		return nil, err
	}
	return loaded.clone(), nil
}

// drop forgets the config, and closes the client. The next one goes on with its counters.
func (c *settingsCache) drop() { c.cached.Clear() }

// Lookups returns how often the settings were in memory, and how often not.
func (c *settingsCache) Lookups() (hits, misses uint64) { return c.cached.Lookups() }

// close closes the client, which goes on for logins that are under way.
func (s *settings) close() {
	if s != nil {
		s.login.Close()
	}
}

// logins returns what logins need; nil if there are no settings.
func (s *settings) logins() *login.Settings {
	if s == nil {
		return nil
	}
	return s.login
}

// clone returns settings whose config the caller may change.
func (s *settings) clone() *settings {
	if s == nil {
		return nil
	}
	config := s.config.clone()
	return &settings{config: config, login: s.login.With(&config.Config)}
}
