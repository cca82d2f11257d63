package radclient

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Config holds which servers to ask and how.
type Config struct {
	Servers  []Server // at least one, in the order of preference
	Strategy Strategy // the zero value means failover

	// DialTimeout bounds looking a host up and connecting to it; 0 means
	// ReadTimeout does.
	DialTimeout time.Duration
	// ReadTimeout bounds a whole login: retransmissions, and other servers after
	// the first, included.
	ReadTimeout time.Duration
	// ResponseWindow is the silence after which new logins avoid a server that
	// answers no Status-Server; 0 means that they never do. If it leaves no time in
	// ReadTimeout for another server, it is shorter.
	ResponseWindow time.Duration

	Transport            Transport            // the zero value means UDP
	TLS                  TLSConfig            // with transport TLS
	Protocol             Protocol             // the zero value means PAP
	MessageAuthenticator MessageAuthenticator // the zero value means auto
	Retransmit           Retransmit           // the zero value means auto
	StatusCheck          StatusCheck          // the zero value means auto
	FailoverOnTrial      FailoverOnTrial      // the zero value means auto
	StatusRequest        Credentials          // of the test user, with StatusCheckRequest
	NAS                  NAS

	// BindAddress is the source of requests, as package bindaddress reads it;
	// empty lets the system choose.
	BindAddress string

	// Changed, if set, is called when the state of a server's address changes. It
	// must not block.
	Changed func(Change)

	// Lookup resolves host names; nil means the system's resolver.
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)
	// Dial opens a socket or a connection, network "udp" or "tcp"; nil means the
	// system's. An invalid source lets the system choose.
	Dial func(ctx context.Context, network string, source netip.Addr, remote netip.AddrPort) (net.Conn, error)
}

// Server is a RADIUS server.
type Server struct {
	Host   string // name, IPv4 or IPv6 address
	Port   int    // 1 to 65535
	Secret Secret // at least one octet; with transport TLS it is always "radsec"
}

// String names the server by host and port.
func (s Server) String() string { return net.JoinHostPort(s.Host, strconv.Itoa(s.Port)) }

// Change is a change of what is known of a server's address.
type Change struct {
	Server   Server
	Address  netip.AddrPort
	From, To State
}

// check returns what is wrong with the config; nil: nothing.
func (c Config) check() error {
	if len(c.Servers) == 0 {
		return errors.New("no server")
	}
	for _, server := range c.Servers {
		switch {
		case server.Host == "":
			return errors.New("no host")
		case server.Port < 1 || server.Port > 65535:
			return fmt.Errorf("port %d is not in 1 to 65535", server.Port)
		case server.Secret.Empty() && c.Transport != TLS:
			return errors.New("no secret")
		}
	}
	if c.ReadTimeout <= 0 {
		return errors.New("read timeout is not positive")
	}
	if c.StatusCheck == StatusCheckRequest {
		if err := c.checkStatusRequest(); err != nil {
			return fmt.Errorf("status check by request: %w", err)
		}
	}
	if problems := c.FIPSProblems(); len(problems) > 0 {
		return errors.New(strings.Join(problems, "; "))
	}
	if c.Transport == TLS {
		return c.TLS.Check()
	}
	return nil
}

// checkStatusRequest returns what is wrong with the test user's login; nil: nothing. A
// connection is looked after with Status-Server, which servers of TCP and TLS answer (RFC
// 6613 section 2.6.5).
func (c Config) checkStatusRequest() error {
	switch {
	case c.Transport != UDP && c.Transport != "":
		return errors.New("it is for UDP only")
	case c.ResponseWindow <= 0:
		return errors.New("response window is not positive")
	}
	return errors.Join(CheckUsername(c.StatusRequest.Username), CheckPassword(c.StatusRequest.Password))
}

// withDefaults fills in what is left out.
func (c Config) withDefaults() Config {
	c.Transport = cmp.Or(c.Transport, UDP)
	c.Protocol = cmp.Or(c.Protocol, PAP)
	c.StatusCheck = cmp.Or(c.StatusCheck, StatusCheckAuto)
	c.FailoverOnTrial = cmp.Or(c.FailoverOnTrial, FailoverOnTrialAuto)
	c.ResponseWindow = min(c.ResponseWindow, max(c.ReadTimeout/2, c.ReadTimeout-time.Second))
	if c.Lookup == nil {
		c.Lookup = systemLookup
	}
	if c.Dial == nil {
		c.Dial = systemDial
	}
	return c
}
