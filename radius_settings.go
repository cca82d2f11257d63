package radiusauth

import (
	"context"
	"fmt"
	"math"
	"net"
	"net/netip"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"layeh.com/radius"

	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/validate"
)

// radiusSettings say how RADIUS servers are asked: what the config and a source
// of type radius or cerb have in common.
type radiusSettings struct {
	Secret      string `json:"secret"`
	DialTimeout int    `json:"dial_timeout"` // seconds
	ReadTimeout int    `json:"read_timeout"` // seconds
	NASPort     int    `json:"nas_port"`

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
}

func defaultRADIUSSettings() radiusSettings {
	return radiusSettings{
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
	}
}

// radiusFieldNames are the fields that radiusSettings are made of; the config's
// schema describes them.
var radiusFieldNames = []string{
	fieldSecret, fieldDialTimeout, fieldReadTimeout, fieldNASPort, fieldMessageAuthenticator, fieldAuthProtocol,
	fieldRetransmit, fieldTransport, fieldTLSCACert, fieldTLSClientCert, fieldTLSClientKey, fieldTLSServerName,
	fieldTLSMinVersion, fieldRADIUSVersion, fieldStrategy, fieldStatusCheck, fieldStatusCheckUsername,
	fieldStatusCheckPassword, fieldResponseWindow, fieldFailoverOnTrial,
	fieldNASIPAddress, fieldNASPortType, fieldSendClientAddress, fieldStripRealm,
}

// apply takes the given fields over.
func (r *radiusSettings) apply(d *framework.FieldData) {
	set(d, fieldSecret, &r.Secret)
	set(d, fieldDialTimeout, &r.DialTimeout)
	set(d, fieldReadTimeout, &r.ReadTimeout)
	set(d, fieldNASPort, &r.NASPort)
	setText(d, fieldMessageAuthenticator, &r.MessageAuthenticator)
	setText(d, fieldAuthProtocol, &r.AuthProtocol)
	setText(d, fieldRetransmit, &r.Retransmit)
	setText(d, fieldTransport, &r.Transport)
	setPEM(d, fieldTLSCACert, &r.TLSCACert)
	setPEM(d, fieldTLSClientCert, &r.TLSClientCert)
	setPEM(d, fieldTLSClientKey, &r.TLSClientKey)
	set(d, fieldTLSServerName, &r.TLSServerName)
	setText(d, fieldTLSMinVersion, &r.TLSMinVersion)
	setText(d, fieldRADIUSVersion, &r.RADIUSVersion)
	setText(d, fieldStrategy, &r.Strategy)
	setText(d, fieldStatusCheck, &r.StatusCheck)
	r.applyStatusRequest(d)
	set(d, fieldResponseWindow, &r.ResponseWindow)
	setText(d, fieldFailoverOnTrial, &r.FailoverOnTrial)
	switch r.FailoverOnTrial {
	case "1": // what the framework makes of a JSON boolean
		r.FailoverOnTrial = radclient.FailoverOnTrialAlways
	case "0":
		r.FailoverOnTrial = radclient.FailoverOnTrialNever
	}
	set(d, fieldNASIPAddress, &r.NASIPAddress)
	set(d, fieldNASPortType, &r.NASPortType)
	set(d, fieldSendClientAddress, &r.SendClientAddress)
	set(d, fieldStripRealm, &r.StripRealm)
}

// data adds the settings to what a read shows: not the secret, nor the key, nor the test
// user's password.
func (r *radiusSettings) data(data map[string]any) {
	data[fieldDialTimeout] = r.DialTimeout
	data[fieldReadTimeout] = r.ReadTimeout
	data[fieldNASPort] = r.NASPort
	data[fieldMessageAuthenticator] = string(r.MessageAuthenticator)
	data[fieldAuthProtocol] = string(r.AuthProtocol)
	data[fieldRetransmit] = string(r.Retransmit)
	data[fieldTransport] = string(r.Transport)
	data[fieldTLSCACert] = r.TLSCACert
	data[fieldTLSClientCert] = r.TLSClientCert
	data[fieldTLSServerName] = r.TLSServerName
	data[fieldTLSMinVersion] = string(r.TLSMinVersion)
	data[fieldRADIUSVersion] = string(r.RADIUSVersion)
	data[fieldStrategy] = string(r.Strategy)
	data[fieldStatusCheck] = string(r.StatusCheck)
	data[fieldStatusCheckUsername] = r.StatusCheckUsername
	data[fieldResponseWindow] = r.ResponseWindow
	data[fieldFailoverOnTrial] = string(r.FailoverOnTrial)
	data[fieldNASIPAddress] = r.NASIPAddress
	data[fieldNASPortType] = r.NASPortType
	data[fieldSendClientAddress] = r.SendClientAddress
	data[fieldStripRealm] = r.StripRealm
}

// problems lists what is wrong with the settings, each beginning with its field.
func (r *radiusSettings) problems() []string {
	found := timeoutProblems(r.DialTimeout, r.ReadTimeout)
	if r.ResponseWindow < 1 || r.ResponseWindow > validate.MaxTimeout {
		found = append(found, fmt.Sprintf("`response_window` is %d; use 1 to %d seconds", r.ResponseWindow, validate.MaxTimeout))
	}
	if r.NASPort < 0 || r.NASPort > math.MaxUint32 {
		found = append(found, fmt.Sprintf("`nas_port` is %d; use 0 to %d", r.NASPort, uint32(math.MaxUint32)))
	}
	for _, problem := range []string{
		validate.CheckEnum(fieldMessageAuthenticator, r.MessageAuthenticator, radclient.MessageAuthenticators),
		validate.CheckEnum(fieldAuthProtocol, r.AuthProtocol, radclient.Protocols),
		validate.CheckEnum(fieldRetransmit, r.Retransmit, radclient.Retransmits),
		validate.CheckEnum(fieldTransport, r.Transport, radclient.Transports),
		validate.CheckEnum(fieldTLSMinVersion, r.TLSMinVersion, radclient.TLSVersions),
		validate.CheckEnum(fieldRADIUSVersion, r.RADIUSVersion, radclient.Versions),
		validate.CheckEnum(fieldStrategy, r.Strategy, radclient.Strategies),
		validate.CheckEnum(fieldStatusCheck, r.StatusCheck, radclient.StatusChecks),
		validate.CheckEnum(fieldFailoverOnTrial, r.FailoverOnTrial, radclient.FailoverOnTrials),
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
	checkTLS := r.tls().CheckGiven
	if r.Transport == radclient.TLS {
		checkTLS = r.tls().Check
	}
	if err := checkTLS(); err != nil {
		found = append(found, err.Error())
	}
	return found
}

// timeoutProblems says what is wrong with dial_timeout and read_timeout.
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

// dialFunc opens a socket or a connection, as radclient.Config has it.
type dialFunc func(ctx context.Context, network string, source netip.Addr, remote netip.AddrPort) (net.Conn, error)

// readTimeout is how long a whole login may take.
func (r *radiusSettings) readTimeout() time.Duration {
	seconds := min(r.ReadTimeout, validate.MaxTimeout)
	if seconds <= 0 {
		// The built-in method could store 0, with which no login ever worked.
		seconds = defaultRADIUSSettings().ReadTimeout
	}
	return time.Duration(seconds) * time.Second
}

// newClient makes a RADIUS client of the servers, which tells changed when the
// state of one does. extra are attributes that logins of the test user have beside.
func (r *radiusSettings) newClient(
	servers []radclient.Server, bindAddress, nasIdentifier string, extra radius.Attributes, changed func(radclient.Change), dial dialFunc,
) (*radclient.Client, error) {
	nas, err := r.nas(nasIdentifier)
	if err != nil {
		return nil, err
	}
	test := r.statusRequest()
	test.Attributes = extra
	return radclient.New(radclient.Config{
		Servers:              servers,
		Transport:            r.Transport,
		TLS:                  r.tls(),
		Strategy:             r.Strategy,
		DialTimeout:          time.Duration(min(r.DialTimeout, validate.MaxTimeout)) * time.Second,
		ReadTimeout:          r.readTimeout(),
		Protocol:             r.AuthProtocol,
		Retransmit:           r.Retransmit,
		StatusCheck:          r.StatusCheck,
		StatusRequest:        test,
		ResponseWindow:       time.Duration(r.ResponseWindow) * time.Second,
		FailoverOnTrial:      r.FailoverOnTrial,
		MessageAuthenticator: r.MessageAuthenticator,
		Changed:              changed,
		Dial:                 dial,
		BindAddress:          bindAddress,
		NAS:                  nas,
	})
}

// nas is what a request says of this mount.
func (r *radiusSettings) nas(identifier string) (radclient.NAS, error) {
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

// tls is what the two ends of RADIUS over TLS show and believe.
func (r *radiusSettings) tls() radclient.TLSConfig {
	return radclient.TLSConfig{
		CACertificates:    r.TLSCACert,
		ClientCertificate: r.TLSClientCert,
		ClientKey:         radclient.NewSecret(r.TLSClientKey),
		ServerName:        r.TLSServerName,
		MinVersion:        r.TLSMinVersion,
		Version:           r.RADIUSVersion,
	}
}

// The ports of RADIUS, over TLS another one (RFC 2865 section 3, RFC 6614
// section 2.1).
const (
	radiusPort = 1812
	radsecPort = 2083
)

// defaultPort is where the servers are, if nothing else is said.
func (r *radiusSettings) defaultPort() int {
	if r.Transport == radclient.TLS {
		return radsecPort
	}
	return radiusPort
}

// servers are the hosts as a client wants them: with the port and the secret that
// they have, or else with those that are given.
func (r *radiusSettings) servers(hosts []hostEntry, port int) []radclient.Server {
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

// parseOptionalAddress reads an IP address; an empty text gives an invalid one.
func parseOptionalAddress(text string) (netip.Addr, error) {
	if text == "" {
		return netip.Addr{}, nil
	}
	return netip.ParseAddr(text)
}
