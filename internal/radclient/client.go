package radclient

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"time"

	"layeh.com/radius"
)

// Config says which server to ask and how.
type Config struct {
	Host   string // name, IPv4 or IPv6 address
	Port   int    // 1 to 65535
	Secret Secret // at least one octet

	// DialTimeout bounds looking the host up; 0 means ReadTimeout does.
	DialTimeout time.Duration
	// ReadTimeout bounds a whole login, retransmissions included.
	ReadTimeout time.Duration

	Protocol             Protocol             // the zero value means PAP
	MessageAuthenticator MessageAuthenticator // the zero value means auto
	Retransmit           Retransmit           // the zero value means auto
	NAS                  NAS

	// BindAddress is the source of requests, an IP address or the name of an
	// interface; empty lets the system choose.
	BindAddress string

	// Lookup resolves host names; nil means the system's resolver.
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)
}

// Client asks one RADIUS server. It is safe for concurrent use.
type Client struct {
	config     Config
	attributes radius.Attributes // of every request, after the credentials
	signed     signedCodes
	trip       roundTrip
	counters   counters
}

// New prepares a client. It opens nothing.
func New(config Config) (*Client, error) {
	switch {
	case config.Host == "":
		return nil, errors.New("radclient: no host")
	case config.Port < 1 || config.Port > 65535:
		return nil, fmt.Errorf("radclient: port %d is not in 1 to 65535", config.Port)
	case config.Secret.Empty():
		return nil, errors.New("radclient: no secret")
	case config.ReadTimeout <= 0:
		return nil, errors.New("radclient: read timeout is not positive")
	}
	if config.Lookup == nil {
		config.Lookup = systemLookup
	}
	attributes, err := config.NAS.attributes()
	if err != nil {
		return nil, fmt.Errorf("radclient: %w", err)
	}
	return &Client{config: config, attributes: attributes}, nil
}

// Authenticate asks the server about the credentials and returns its verdict.
// The error is a [NoAnswerError], an [UnreachableError], a [ProtocolError], or
// the context's own if that ended first. Credentials that RADIUS cannot carry
// are an error too, and then nothing was sent.
//
// The host is looked up each time. Its addresses are tried in order, but only
// past those that certainly did not see the request: silence may be a person
// who is looking for a phone, and a second request would be a second push.
func (c *Client) Authenticate(ctx context.Context, credentials Credentials) (Verdict, error) {
	bounded, cancel := context.WithTimeout(ctx, c.config.ReadTimeout)
	defer cancel()
	verdict, err := c.askAddresses(bounded, credentials)
	c.counters.ended(verdict, err)
	if err != nil && ctx.Err() != nil {
		return Verdict{}, fmt.Errorf("login abandoned: %w", ctx.Err())
	}
	return verdict, err
}

func (c *Client) askAddresses(ctx context.Context, credentials Credentials) (Verdict, error) {
	addresses, err := c.addressesFor(ctx, credentials)
	if err != nil {
		return Verdict{}, c.unreachable(err)
	}
	for len(addresses) > 1 {
		verdict, err := c.ask(ctx, addresses[0], credentials, true)
		if !errors.Is(err, errNotDelivered) {
			return verdict, err
		}
		addresses = addresses[1:]
	}
	return c.ask(ctx, addresses[0], credentials, false)
}

// addressesFor gives the addresses that may be asked: all of the host's, or the
// one that has asked for this answer.
func (c *Client) addressesFor(ctx context.Context, credentials Credentials) ([]netip.AddrPort, error) {
	if credentials.Answers == nil {
		return c.resolve(ctx)
	}
	address, err := netip.ParseAddrPort(credentials.Answers.Server)
	if err != nil {
		return nil, fmt.Errorf("the server that asked: %w", err)
	}
	return []netip.AddrPort{address}, nil
}

// ask sends one request to one address. With othersLeft, an address that
// certainly did not see the request ends it with errNotDelivered.
func (c *Client) ask(ctx context.Context, address netip.AddrPort, credentials Credentials, othersLeft bool) (Verdict, error) {
	sent, err := c.newRequest(credentials)
	if err != nil {
		return Verdict{}, err
	}
	conn, err := c.dial(ctx, address)
	switch {
	case err != nil && othersLeft:
		return Verdict{}, errNotDelivered
	case err != nil:
		return Verdict{}, c.unreachable(err)
	}
	defer conn.Close()

	exchange := &exchange{conn: conn, request: sent, check: c.check, plan: c.plan, othersLeft: othersLeft}
	packet, err := exchange.run(ctx)
	c.counters.exchanged(exchange, packet != nil)
	if packet != nil {
		c.trip.answered(exchange.waited, exchange.sends)
	}
	switch {
	case errors.Is(err, errSilence):
		return Verdict{}, &NoAnswerError{
			Host:    c.config.Host,
			Port:    c.config.Port,
			Sends:   exchange.sends,
			Waited:  exchange.waited,
			Refused: exchange.refused,
			Drops:   exchange.drops,
			Err:     exchange.fault,
		}
	case errors.Is(err, errNotDelivered):
		return Verdict{}, err
	case err != nil:
		return Verdict{}, c.unreachable(err)
	}
	if packet.Code == codeProtocolError {
		return Verdict{}, &ProtocolError{Host: c.config.Host, Port: c.config.Port, Cause: integer(packet.Attributes, errorCause)}
	}
	return sent.proof.check(checkServiceType(Verdict{
		Outcome:    outcomeOf(packet.Code),
		Attributes: packet.Attributes,
		Server:     address.String(),
		Sends:      exchange.sends,
		Drops:      exchange.drops,
	})), nil
}

// dial connects a socket: it takes datagrams from that address and port only.
func (c *Client) dial(ctx context.Context, address netip.AddrPort) (net.Conn, error) {
	dialer := &net.Dialer{}
	source, err := c.sourceAddress(address.Addr())
	if err != nil {
		return nil, err
	}
	if source != nil { // else LocalAddr must be a nil interface
		dialer.LocalAddr = source
	}
	return dialer.DialContext(ctx, "udp", address.String())
}

// plan says when copies of a request go out.
func (c *Client) plan(budget time.Duration) *schedule {
	if c.config.Retransmit == RetransmitNever {
		return once()
	}
	// A slow answer to one login must not cost the next one its copies.
	first := min(c.trip.firstInterval(), max(unmeasuredInterval, budget/20))
	return newSchedule(budget, first, rand.Float64)
}

// check takes or drops a datagram, and learns which codes the server signs.
func (c *Client) check(datagram []byte, sent *request) (*radius.Packet, DropReason) {
	packet, signed, reason := checkAnswer(datagram, sent, c.mustSign)
	if reason == 0 && signed {
		c.signed.learn(packet.Code)
	}
	return packet, reason
}

func (c *Client) mustSign(code radius.Code) bool {
	switch c.config.MessageAuthenticator {
	case MessageAuthenticatorRequired:
		return true
	case MessageAuthenticatorOff:
		return false
	default:
		return c.signed.has(code)
	}
}

func (c *Client) unreachable(err error) error {
	return &UnreachableError{Host: c.config.Host, Port: c.config.Port, Err: err}
}
