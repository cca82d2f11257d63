package source

import (
	"context"
	"fmt"
	"math"
	"net"
	"net/netip"
	"time"

	"layeh.com/radius"

	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/validate"
)

// RADIUSSettings hold the settings of RADIUS servers that the config and a source of type
// radius or cerb have in common.
type RADIUSSettings struct {
	Secret      string `json:"secret"`
	DialTimeout int    `json:"dial_timeout"` // seconds
	ReadTimeout int    `json:"read_timeout"` // seconds
	NASPort     int64  `json:"nas_port"`     // of 32 bits without a sign: more than an int may hold

	MessageAuthenticator radclient.MessageAuthenticator `json:"message_authenticator"`

	AuthProtocol radclient.Protocol   `json:"auth_protocol"`
	Retransmit   radclient.Retransmit `json:"retransmit"`

	Transport     radclient.Transport  `json:"transport"`
	TLSCACert     string               `json:"tls_ca_cert"`
	TLSClientCert string               `json:"tls_client_cert"`
	TLSClientKey  string               `json:"tls_client_key"`
	TLSServerName string               `json:"tls_server_name"`
	TLSMinVersion radclient.TLSVersion `json:"tls_min_version"`
	RADIUSVersion radclient.Version    `json:"radius_version"`

	Strategy       radclient.Strategy    `json:"strategy"`
	StatusCheck    radclient.StatusCheck `json:"status_check"`
	ResponseWindow int                   `json:"response_window"` // seconds

	FailoverOnTrial radclient.FailoverOnTrial `json:"failover_on_trial"`

	// The login of the test user, with status_check=request; else empty.
	StatusCheckUsername string `json:"status_check_username,omitempty"`
	StatusCheckPassword string `json:"status_check_password,omitempty"`

	NASIPAddress      string `json:"nas_ip_address"`
	NASPortType       string `json:"nas_port_type"`
	SendClientAddress bool   `json:"send_client_address"`
	StripRealm        bool   `json:"strip_realm"`

	PasscodeSettings
}

// DefaultRADIUSSettings returns the settings before anything is set.
func DefaultRADIUSSettings() RADIUSSettings {
	return RADIUSSettings{
		DialTimeout:          10,
		ReadTimeout:          10,
		NASPort:              10,
		MessageAuthenticator: radclient.MessageAuthenticatorAuto,
		AuthProtocol:         radclient.PAP,
		Retransmit:           radclient.RetransmitAuto,
		Transport:            radclient.UDP,
		TLSMinVersion:        radclient.TLS12,
		RADIUSVersion:        radclient.RADIUS10,
		Strategy:             radclient.Failover,
		StatusCheck:          radclient.StatusCheckAuto,
		ResponseWindow:       5,
		FailoverOnTrial:      radclient.FailoverOnTrialAuto,
		NASPortType:          "Virtual",
		SendClientAddress:    true,
		PasscodeSettings:     DefaultPasscodeSettings(),
	}
}

// Validate returns what is wrong with the settings, each beginning with its field.
func (r *RADIUSSettings) Validate() []string {
	found := timeoutProblems(r.DialTimeout, r.ReadTimeout)
	if r.ResponseWindow < 1 || r.ResponseWindow > validate.MaxTimeout {
		found = append(found, fmt.Sprintf("`response_window` is %d; use 1 to %d seconds", r.ResponseWindow, validate.MaxTimeout))
	}
	if r.NASPort < 0 || r.NASPort > math.MaxUint32 {
		found = append(found, fmt.Sprintf("`nas_port` is %d; use 0 to %d", r.NASPort, uint32(math.MaxUint32)))
	}
	for _, problem := range []string{
		validate.CheckEnum("message_authenticator", r.MessageAuthenticator, radclient.MessageAuthenticators),
		validate.CheckEnum("auth_protocol", r.AuthProtocol, radclient.Protocols),
		validate.CheckEnum("retransmit", r.Retransmit, radclient.Retransmits),
		validate.CheckEnum("transport", r.Transport, radclient.Transports),
		validate.CheckEnum("tls_min_version", r.TLSMinVersion, radclient.TLSVersions),
		validate.CheckEnum("radius_version", r.RADIUSVersion, radclient.Versions),
		validate.CheckEnum("strategy", r.Strategy, radclient.Strategies),
		validate.CheckEnum("status_check", r.StatusCheck, radclient.StatusChecks),
		validate.CheckEnum("failover_on_trial", r.FailoverOnTrial, radclient.FailoverOnTrials),
	} {
		if problem != "" {
			found = append(found, problem)
		}
	}
	found = append(found, r.statusRequestProblems()...)
	if _, err := parseOptionalAddress(r.NASIPAddress); err != nil {
		found = append(found, "`nas_ip_address` is not an IP address")
	}
	if _, err := radclient.ParseNASPortType(r.NASPortType); err != nil {
		found = append(found, "`nas_port_type`: "+err.Error())
	}
	if r.TLSServerName != "" && !validate.IsHost(r.TLSServerName) {
		found = append(found, "`tls_server_name` is neither a host name nor an IP address")
	}
	found = append(found, r.PasscodeSettings.problems()...)
	checkTLS := r.tls().CheckGiven
	if r.Transport == radclient.TLS {
		checkTLS = r.tls().Check
	}
	if err := checkTLS(); err != nil {
		found = append(found, err.Error())
	}
	return found
}

// FIPSProblems returns what FIPS 140 mode has no place for, if it is on, each beginning with its
// field. Settings without a server have none.
func (r *RADIUSSettings) FIPSProblems() []string {
	return radclient.Config{Transport: r.Transport, TLS: r.tls(), Protocol: r.AuthProtocol}.FIPSProblems()
}

// timeoutProblems returns what is wrong with dial_timeout and read_timeout.
func timeoutProblems(dial, read int) []string {
	var found []string
	if dial < 0 || dial > validate.MaxTimeout {
		found = append(found, fmt.Sprintf("`dial_timeout` is %d; use 0 to %d seconds", dial, validate.MaxTimeout))
	}
	if read < 1 || read > validate.MaxTimeout {
		found = append(found, fmt.Sprintf("`read_timeout` is %d; use 1 to %d seconds", read, validate.MaxTimeout))
	}
	return found
}

// DialFunc opens a socket or a connection, as radclient.Config has it.
type DialFunc func(ctx context.Context, network string, source netip.Addr, remote netip.AddrPort) (net.Conn, error)

// Timeout returns how long a whole login may take.
func (r *RADIUSSettings) Timeout() time.Duration {
	seconds := min(r.ReadTimeout, validate.MaxTimeout)
	if seconds <= 0 {
		// The built-in method could store 0, with which no login ever worked.
		seconds = DefaultRADIUSSettings().ReadTimeout
	}
	return time.Duration(seconds) * time.Second
}

// NewClient returns a RADIUS client of the servers. onStateChange is called when the state of a
// server changes. extra are further attributes of logins of the test user.
func (r *RADIUSSettings) NewClient(
	servers []radclient.Server, bindAddress, nasIdentifier string, extra radius.Attributes,
	onStateChange func(radclient.Change), dial DialFunc,
) (*radclient.Client, error) {
	nas, err := r.Nas(nasIdentifier)
	if err != nil {
		return nil, err
	}
	test := r.StatusRequest()
	test.Attributes = extra
	return radclient.New(radclient.Config{
		Servers:              servers,
		Transport:            r.Transport,
		TLS:                  r.tls(),
		Strategy:             r.Strategy,
		DialTimeout:          time.Duration(min(r.DialTimeout, validate.MaxTimeout)) * time.Second,
		ReadTimeout:          r.Timeout(),
		Protocol:             r.AuthProtocol,
		Retransmit:           r.Retransmit,
		StatusCheck:          r.StatusCheck,
		StatusRequest:        test,
		ResponseWindow:       time.Duration(r.ResponseWindow) * time.Second,
		FailoverOnTrial:      r.FailoverOnTrial,
		MessageAuthenticator: r.MessageAuthenticator,
		Changed:              onStateChange,
		Dial:                 dial,
		BindAddress:          bindAddress,
		NAS:                  nas,
	})
}

// Nas returns how requests describe this mount.
func (r *RADIUSSettings) Nas(identifier string) (radclient.NAS, error) {
	portType, err := radclient.ParseNASPortType(r.NASPortType)
	if err != nil {
		return radclient.NAS{}, fmt.Errorf("nas_port_type: %w", err)
	}
	address, err := parseOptionalAddress(r.NASIPAddress)
	if err != nil {
		return radclient.NAS{}, fmt.Errorf("nas_ip_address: %w", err)
	}
	return radclient.NAS{
		Identifier: identifier,
		Address:    address,
		Port:       uint32(r.NASPort), // #nosec G115 -- checked on writing; the built-in method wraps as well
		PortType:   portType,
	}, nil
}

// tls returns the settings of RADIUS over TLS: certificates, and which to trust.
func (r *RADIUSSettings) tls() radclient.TLSConfig {
	return radclient.TLSConfig{
		CACertificates:    r.TLSCACert,
		ClientCertificate: r.TLSClientCert,
		ClientKey:         radclient.NewSecret(r.TLSClientKey),
		ServerName:        r.TLSServerName,
		MinVersion:        r.TLSMinVersion,
		Version:           r.RADIUSVersion,
	}
}

// The ports of RADIUS, and of RADIUS over TLS (RFC 2865 section 3, RFC 6614 section 2.1).
const (
	RADIUSPort = 1812
	RadSecPort = 2083
)

// DefaultPort returns the port of the servers if none is set.
func (r *RADIUSSettings) DefaultPort() int {
	if r.Transport == radclient.TLS {
		return RadSecPort
	}
	return RADIUSPort
}

// Servers returns the hosts as a client wants them: with their own port and secret, or else
// with the port that is given and the secret of the settings.
func (r *RADIUSSettings) Servers(hosts []Host, port int) []radclient.Server {
	var servers []radclient.Server
	for _, entry := range hosts {
		server := radclient.Server{Host: entry.Host, Port: port, Secret: radclient.NewSecret(r.Secret)}
		if entry.Port != 0 {
			server.Port = entry.Port
		}
		if entry.Secret != "" {
			server.Secret = radclient.NewSecret(entry.Secret)
		}
		servers = append(servers, server)
	}
	return servers
}

// parseOptionalAddress returns an IP address; for an empty text it is not valid.
func parseOptionalAddress(text string) (netip.Addr, error) {
	if text == "" {
		return netip.Addr{}, nil
	}
	return netip.ParseAddr(text)
}
