package directory

import (
	"context"
	"errors"
	"sync"
)

// Client asks the servers of one directory. It is safe for concurrent use.
type Client struct {
	config  Config
	servers []*server

	ctx    context.Context // ends what goes on in the background
	end    context.CancelFunc
	probes sync.WaitGroup

	mu     sync.Mutex
	closed bool // guarded by mu; no probe begins after it
}

// New returns a client. Nothing is sent before the first login. The error names the
// field of the source that is wrong.
func New(config Config) (*Client, error) {
	if err := config.Check(); err != nil {
		return nil, err
	}
	if len(config.Servers) == 0 || config.Timeout <= 0 {
		return nil, errors.New("a directory needs servers and a timeout")
	}
	c := &Client{config: config.withDefaults()}
	c.ctx, c.end = context.WithCancel(context.Background())
	for _, address := range config.Servers {
		server, err := newServer(c, address)
		if err != nil {
			return nil, err
		}
		c.servers = append(c.servers, server)
	}
	return c, nil
}

// Close closes what is kept open, and waits for what goes on in the background.
// Logins that are under way, or come later, go on with connections of their own.
func (c *Client) Close() {
	c.markClosed()
	c.end()
	for _, server := range c.servers {
		server.pool.close()
	}
	c.probes.Wait()
}

func (c *Client) markClosed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
}

// beginProbe reports whether a probe may begin, which then has to end with
// probes.Done.
func (c *Client) beginProbe() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.probes.Add(1)
	}
	return !c.closed
}

// Stats returns what was seen so far of each server.
func (c *Client) Stats() []Stats {
	stats := make([]Stats, 0, len(c.servers))
	for _, server := range c.servers {
		stats = append(stats, server.stats())
	}
	return stats
}

// Authenticate reports whether the directory takes the password, and reads the user's
// entry. The error is an [UnavailableError], a [FullError] or a [ConfigurationError]:
// then the password was not judged.
//
// A server that is silent after it got the password is given up for the next one,
// which may count a wrong password once more.
func (c *Client) Authenticate(ctx context.Context, credentials Credentials) (Verdict, error) {
	if err := c.config.Kind.CheckUsername(credentials.Username); err != nil {
		return Verdict{Reason: err.Error()}, nil
	}
	if credentials.Password == "" {
		// It would be an unauthenticated bind, which succeeds (RFC 4513 section 5.1.2).
		return Verdict{Reason: "the password is empty"}, nil
	}
	if c.config.Security == "" {
		text := "passwords would go to it in clear text: set ssl or starttls, and ssl_cert, or allow_cleartext"
		return Verdict{}, &ConfigurationError{c.servers[0].name, text, nil}
	}
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	var last error
	servers := c.order()
	for i, server := range servers {
		verdict, err := server.authenticate(ctx, credentials)
		if !mayGoOn(err) {
			return verdict, err
		}
		last = err
		if ctx.Err() != nil {
			break
		}
		if i+1 < len(servers) {
			server.counters.failedOver.Add(1)
		}
	}
	return Verdict{}, last
}

// mayGoOn reports whether a login that has failed goes on to another server.
func mayGoOn(err error) bool {
	var unavailable *UnavailableError
	var full *FullError
	return errors.As(err, &unavailable) || (errors.As(err, &full) && !full.Sent)
}

// order returns the servers as a login asks them: the dead last, so that they cost
// nothing as long as another answers.
func (c *Client) order() []*server {
	var alive, dead []*server
	for _, server := range c.servers {
		if server.isDead() {
			dead = append(dead, server)
		} else {
			alive = append(alive, server)
		}
	}
	return append(alive, dead...)
}
