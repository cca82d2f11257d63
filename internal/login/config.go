package login

import (
	"slices"

	"layeh.com/radius"

	"vault-plugin-auth-radius/internal/profile"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
)

// Config holds the part of the config that logins go by.
type Config struct {
	source.RADIUSSettings
	LocalSettings

	Host                     string   `json:"host"`
	Port                     int      `json:"port"`
	PortGiven                bool     `json:"port_given"` // or Port is the default of UDP
	UnregisteredUserPolicies []string `json:"unregistered_user_policies"`
	NASIdentifier            string   `json:"nas_identifier"`

	Renewal                  Renewal       `json:"renewal"`
	Hosts                    []source.Host `json:"hosts"`
	BindAddress              string        `json:"bind_address"`
	Realm                    string        `json:"realm"`
	CaseInsensitiveUsernames bool          `json:"case_insensitive_usernames"`
	// CaseInsensitiveNames is the same, as Vault 2.0's built-in method calls it.
	CaseInsensitiveNames bool   `json:"case_insensitive_names"`
	DefaultRealm         string `json:"default_realm"`
	RegisteredOnly       bool   `json:"registered_only"`
	// TokenStrictlyBindIP is OpenBao's, of all its auth methods; nil: never set.
	TokenStrictlyBindIP *bool `json:"token_strictly_bind_ip,omitempty"`

	DefaultProfiles     []int64        `json:"default_profiles"` // ids
	RequestAttributes   []profile.Item `json:"request_attributes"`
	GroupAttributes     []string       `json:"group_attributes"`
	MetadataAttributes  []string       `json:"metadata_attributes"`
	SessionTimeoutAsTTL bool           `json:"session_timeout_as_ttl"`
}

// DefaultConfig returns the config of a mount before anything is set.
func DefaultConfig() Config {
	return Config{
		RADIUSSettings:           source.DefaultRADIUSSettings(),
		LocalSettings:            defaultLocalSettings(),
		Port:                     source.RADIUSPort,
		UnregisteredUserPolicies: []string{},
		Renewal:                  RenewalReauthenticate,
	}
}

// Clone returns a copy of everything that a caller could change through the copy.
func (c Config) Clone() Config {
	copied := c
	copied.UnregisteredUserPolicies = slices.Clone(c.UnregisteredUserPolicies)
	copied.Hosts = slices.Clone(c.Hosts)
	copied.DefaultProfiles = slices.Clone(c.DefaultProfiles)
	copied.RequestAttributes = slices.Clone(c.RequestAttributes)
	copied.GroupAttributes = slices.Clone(c.GroupAttributes)
	copied.MetadataAttributes = slices.Clone(c.MetadataAttributes)
	return copied
}

// newClient returns a RADIUS client as the config says, which calls changed when the state of a
// server changes. extra are attributes that probes have beside.
func (c *Config) newClient(
	extra radius.Attributes, changed func(radclient.Change), dial source.DialFunc,
) (*radclient.Client, error) {
	return c.RADIUSSettings.NewClient(c.Servers(), c.BindAddress, c.NASIdentifier, extra, changed, dial)
}

// nasAttributes returns the attributes of this mount in a request that no server gets, for
// checks of profiles.
func (c *Config) nasAttributes() (radius.Attributes, error) {
	nas, err := c.Nas(c.NASIdentifier)
	if err != nil {
		return nil, err
	}
	return nas.Attributes()
}

// ServerPort returns the port of the servers that have none of their own: as configured, or
// the transport's. The built-in method has always stored a port.
func (c *Config) ServerPort() int {
	if !c.PortGiven && c.Port == source.RADIUSPort {
		return c.DefaultPort()
	}
	return c.Port
}

// Servers returns the config's servers in the order of preference.
func (c *Config) Servers() []radclient.Server {
	hosts := append([]source.Host{{Host: c.Host}}, c.Hosts...)
	return c.RADIUSSettings.Servers(hosts, c.ServerPort())
}

// Renewal is how a token is renewed.
type Renewal string

const (
	// RenewalReauthenticate sends the password to the RADIUS server again, as
	// the built-in method does. It is kept with the token's lease.
	RenewalReauthenticate Renewal = "reauthenticate"
	// RenewalRecheck keeps no password; it checks the user and the policies.
	RenewalRecheck Renewal = "recheck"
)

// Renewals are all of them.
var Renewals = []Renewal{RenewalReauthenticate, RenewalRecheck}
