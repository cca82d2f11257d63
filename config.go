package radiusauth

import (
	"context"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-sockaddr"
	"github.com/hashicorp/vault/sdk/helper/tokenutil"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/bindaddress"
	"vault-plugin-auth-radius/internal/profile"
	"vault-plugin-auth-radius/internal/radclient"
)

// configKey is where the config is stored.
const configKey = "config"

// configEntry is the stored config. Its first keys are those of the built-in
// method, which can read an entry written here: it ignores the rest.
type configEntry struct {
	tokenutil.TokenParams

	Host                     string   `json:"host"`
	Port                     int      `json:"port"`
	Secret                   string   `json:"secret"`
	UnregisteredUserPolicies []string `json:"unregistered_user_policies"`
	DialTimeout              int      `json:"dial_timeout"` // seconds
	ReadTimeout              int      `json:"read_timeout"` // seconds
	NASPort                  int      `json:"nas_port"`
	NASIdentifier            string   `json:"nas_identifier"`

	MessageAuthenticator radclient.MessageAuthenticator `json:"message_authenticator"`
	Renewal              renewal                        `json:"renewal"`

	AuthProtocol radclient.Protocol   `json:"auth_protocol"`
	Retransmit   radclient.Retransmit `json:"retransmit"`

	Transport     radclient.Transport  `json:"transport"`
	PortGiven     bool                 `json:"port_given"` // or Port is the default of UDP
	TLSCACert     string               `json:"tls_ca_cert"`
	TLSClientCert string               `json:"tls_client_cert"`
	TLSClientKey  string               `json:"tls_client_key"`
	TLSServerName string               `json:"tls_server_name"`
	TLSMinVersion radclient.TLSVersion `json:"tls_min_version"`
	RADIUSVersion radclient.Version    `json:"radius_version"`

	Hosts          []hostEntry           `json:"hosts"`
	Strategy       radclient.Strategy    `json:"strategy"`
	StatusCheck    radclient.StatusCheck `json:"status_check"`
	ResponseWindow int                   `json:"response_window"` // seconds

	BindAddress              string `json:"bind_address"`
	NASIPAddress             string `json:"nas_ip_address"`
	NASPortType              string `json:"nas_port_type"`
	SendClientAddress        bool   `json:"send_client_address"`
	Realm                    string `json:"realm"`
	StripRealm               bool   `json:"strip_realm"`
	CaseInsensitiveUsernames bool   `json:"case_insensitive_usernames"`

	DefaultProfiles     []int64        `json:"default_profiles"` // ids
	RequestAttributes   []profile.Item `json:"request_attributes"`
	GroupAttributes     []string       `json:"group_attributes"`
	MetadataAttributes  []string       `json:"metadata_attributes"`
	SessionTimeoutAsTTL bool           `json:"session_timeout_as_ttl"`
}

// defaultConfig is the config of a mount before anything is set. An entry that
// the built-in method wrote is decoded over it.
func defaultConfig() *configEntry {
	return &configEntry{
		Port:                     1812,
		UnregisteredUserPolicies: []string{},
		DialTimeout:              10,
		ReadTimeout:              10,
		NASPort:                  10,
		MessageAuthenticator:     radclient.MessageAuthenticatorAuto,
		Renewal:                  renewalReauthenticate,
		AuthProtocol:             radclient.PAP,
		Retransmit:               radclient.RetransmitAuto,
		Transport:                radclient.UDP,
		TLSMinVersion:            radclient.TLS12,
		RADIUSVersion:            radclient.RADIUS10,
		Strategy:                 radclient.Failover,
		StatusCheck:              radclient.StatusCheckAuto,
		ResponseWindow:           5,
		NASPortType:              "Virtual",
		SendClientAddress:        true,
	}
}

// loadConfig reads the stored config; nil means that there is none.
func loadConfig(ctx context.Context, storage logical.Storage) (*configEntry, error) {
	config := defaultConfig()
	found, err := loadJSON(ctx, storage, configKey, "the config", config)
	if !found || err != nil {
		return nil, err
	}
	return config, nil
}

func saveConfig(ctx context.Context, storage logical.Storage, config *configEntry) error {
	return saveJSON(ctx, storage, configKey, "the config", config)
}

// clone copies everything that a caller could change through the copy.
func (c *configEntry) clone() *configEntry {
	copied := *c
	copied.TokenBoundCIDRs = slices.Clone(c.TokenBoundCIDRs)
	copied.TokenPolicies = slices.Clone(c.TokenPolicies)
	copied.AliasMetadata = maps.Clone(c.AliasMetadata)
	copied.UnregisteredUserPolicies = slices.Clone(c.UnregisteredUserPolicies)
	copied.Hosts = slices.Clone(c.Hosts)
	copied.DefaultProfiles = slices.Clone(c.DefaultProfiles)
	copied.RequestAttributes = slices.Clone(c.RequestAttributes)
	copied.GroupAttributes = slices.Clone(c.GroupAttributes)
	copied.MetadataAttributes = slices.Clone(c.MetadataAttributes)
	return &copied
}

// problems lists what is wrong with the config, each naming its field. A field
// that is missing is reported alone, as the built-in method does.
func (c *configEntry) problems() []string {
	switch {
	case c.Host == "":
		return []string{"config parameter `host` cannot be empty"}
	case c.Secret == "" && c.Transport != radclient.TLS:
		return []string{"config parameter `secret` cannot be empty"}
	}
	checks := []struct {
		bad    bool
		advice string
	}{
		{!isHost(c.Host), "config parameter `host` must be one host name or IP address, without scheme, port or spaces"},
		{c.Port < 1 || c.Port > 65535, fmt.Sprintf("config parameter `port` is %d; use 1 to 65535", c.Port)},
		{containsRoot(c.UnregisteredUserPolicies) || containsRoot(c.TokenPolicies), rootPolicyText},
		{c.DialTimeout < 0 || c.DialTimeout > maxTimeout, fmt.Sprintf("config parameter `dial_timeout` is %d; use 0 to %d seconds", c.DialTimeout, maxTimeout)},
		{c.ReadTimeout < 1 || c.ReadTimeout > maxTimeout, fmt.Sprintf("config parameter `read_timeout` is %d; use 1 to %d seconds", c.ReadTimeout, maxTimeout)},
		{c.ResponseWindow < 1 || c.ResponseWindow > maxTimeout, fmt.Sprintf("config parameter `response_window` is %d; use 1 to %d seconds", c.ResponseWindow, maxTimeout)},
		{c.NASPort < 0 || c.NASPort > math.MaxUint32, fmt.Sprintf("config parameter `nas_port` is %d; use 0 to %d", c.NASPort, uint32(math.MaxUint32))},
		{slices.ContainsFunc(c.TokenBoundCIDRs, isNoAddress), "config parameter `token_bound_cidrs` must be IP addresses or CIDR blocks"},
		{len(c.NASIdentifier) > radclient.MaxValueLen, fmt.Sprintf("config parameter `nas_identifier` is longer than %d octets", radclient.MaxValueLen)},
	}
	found := c.hostProblems()
	for _, check := range checks {
		if check.bad {
			found = append(found, check.advice)
		}
	}
	for _, problem := range []string{
		notOneOf(fieldMessageAuthenticator, c.MessageAuthenticator, radclient.MessageAuthenticators),
		notOneOf(fieldRenewal, c.Renewal, renewals),
		notOneOf(fieldAuthProtocol, c.AuthProtocol, radclient.Protocols),
		notOneOf(fieldRetransmit, c.Retransmit, radclient.Retransmits),
		notOneOf(fieldTransport, c.Transport, radclient.Transports),
		notOneOf(fieldTLSMinVersion, c.TLSMinVersion, radclient.TLSVersions),
		notOneOf(fieldRADIUSVersion, c.RADIUSVersion, radclient.Versions),
		notOneOf(fieldStrategy, c.Strategy, radclient.Strategies),
		notOneOf(fieldStatusCheck, c.StatusCheck, radclient.StatusChecks),
	} {
		if problem != "" {
			found = append(found, problem)
		}
	}
	if _, err := parseOptionalAddress(c.NASIPAddress); err != nil {
		found = append(found, fmt.Sprintf("config parameter `nas_ip_address`: %q is not an IP address", c.NASIPAddress))
	}
	if _, err := radclient.ParseNASPortType(c.NASPortType); err != nil {
		found = append(found, "config parameter `nas_port_type`: "+err.Error())
	}
	if c.BindAddress != "" {
		if err := bindaddress.Check(c.BindAddress); err != nil {
			found = append(found, "config parameter `bind_address`: "+err.Error())
		}
	}
	if c.TLSServerName != "" && !isHost(c.TLSServerName) {
		found = append(found, fmt.Sprintf("config parameter `tls_server_name`: %q is neither a host name nor an IP address", c.TLSServerName))
	}
	if c.Transport == radclient.TLS {
		if err := c.tls().Check(); err != nil {
			found = append(found, "config parameter "+err.Error())
		}
	}
	if c.Realm != "" && (strings.ContainsAny(c.Realm, `@\`) || radclient.CheckUsername(c.Realm) != nil) {
		found = append(found, fmt.Sprintf("config parameter `realm`: %q is not a realm: give it without @ and \\", c.Realm))
	}
	return found
}

// newClient makes a RADIUS client as the config says, which tells changed when
// the state of a server does.
func (c *configEntry) newClient(changed func(radclient.Change)) (*radclient.Client, error) {
	readTimeout := min(c.ReadTimeout, maxTimeout)
	if readTimeout <= 0 {
		// The built-in method could store 0, with which no login ever worked.
		readTimeout = defaultConfig().ReadTimeout
	}
	portType, err := radclient.ParseNASPortType(c.NASPortType)
	if err != nil {
		return nil, fmt.Errorf("nas_port_type: %w", err)
	}
	address, err := parseOptionalAddress(c.NASIPAddress)
	if err != nil {
		return nil, fmt.Errorf("nas_ip_address: %w", err)
	}
	return radclient.New(radclient.Config{
		Servers:              c.servers(),
		Transport:            c.Transport,
		TLS:                  c.tls(),
		Strategy:             c.Strategy,
		DialTimeout:          time.Duration(min(c.DialTimeout, maxTimeout)) * time.Second,
		ReadTimeout:          time.Duration(readTimeout) * time.Second,
		Protocol:             c.AuthProtocol,
		Retransmit:           c.Retransmit,
		StatusCheck:          c.StatusCheck,
		ResponseWindow:       time.Duration(c.ResponseWindow) * time.Second,
		MessageAuthenticator: c.MessageAuthenticator,
		Changed:              changed,
		BindAddress:          c.BindAddress,
		NAS: radclient.NAS{
			Identifier: c.NASIdentifier,
			Address:    address,
			Port:       uint32(c.NASPort), // #nosec G115 -- checked on writing; the built-in method wraps as well
			PortType:   portType,
		},
	})
}

// tls is what the two ends of RADIUS over TLS show and believe.
func (c *configEntry) tls() radclient.TLSConfig {
	return radclient.TLSConfig{
		CACertificates:    c.TLSCACert,
		ClientCertificate: c.TLSClientCert,
		ClientKey:         radclient.NewSecret(c.TLSClientKey),
		ServerName:        c.TLSServerName,
		MinVersion:        c.TLSMinVersion,
		Version:           c.RADIUSVersion,
	}
}

// radsecPort is where servers listen for RADIUS over TLS (RFC 6614 section 2.1).
const radsecPort = 2083

// port is where the servers are that have none of their own: as configured, or
// the transport's. The built-in method has always stored a port.
func (c *configEntry) port() int {
	if c.Transport == radclient.TLS && !c.PortGiven && c.Port == defaultConfig().Port {
		return radsecPort
	}
	return c.Port
}

// parseOptionalAddress reads an IP address; an empty text gives an invalid one.
func parseOptionalAddress(text string) (netip.Addr, error) {
	if text == "" {
		return netip.Addr{}, nil
	}
	return netip.ParseAddr(text)
}

// isNoAddress tells whether the SDK has taken a text that is neither an IP
// address nor a CIDR block for the path of a Unix socket.
func isNoAddress(address *sockaddr.SockAddrMarshaler) bool {
	return address.Type()&sockaddr.TypeIP == 0
}

// maxTimeout is the longest timeout in seconds. Vault itself ends a request
// after 90, unless its listener says otherwise.
const maxTimeout = 3600

// isHost tells whether the text is one IP address or host name. Underscores
// are in use in host names, whatever RFC 1123 says.
func isHost(text string) bool {
	if _, err := netip.ParseAddr(text); err == nil {
		return true
	}
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789-_"
	if len(text) > 253 {
		return false
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(text, "."), ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, letters) != "" {
			return false
		}
	}
	return true
}
