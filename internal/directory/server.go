package directory

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/go-ldap/ldap/v3"

	"vault-plugin-auth-radius/internal/bindaddress"
	"vault-plugin-auth-radius/internal/fairshare"
)

// probeInterval is how often a dead server is tried again.
const probeInterval = 5 * time.Second

// server is one server of a directory.
type server struct {
	client   *Client
	at       Server
	name     string      // host:port
	tls      *tls.Config // nil: there is none
	pool     pool
	waiting  *fairshare.Admission // logins
	counters *counters

	mu            sync.Mutex
	dead          bool   // guarded by mu
	namingContext string // guarded by mu; of Active Directory, once it is known
}

func newServer(c *Client, at Server) (*server, error) {
	s := &server{client: c, at: at, name: at.String(), counters: &counters{}}
	s.waiting = fairshare.NewAdmission(maxWaiting, errPushedOut)
	if c.config.Security == LDAPS || c.config.Security == StartTLS {
		var err error
		if s.tls, err = c.config.tls(at.Host); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *server) isDead() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dead
}

func (s *server) stats() Stats {
	stats := Stats{
		Host: s.at.Host, Port: s.at.Port, State: Alive,
		Accepted: s.counters.accepted.Load(), Rejected: s.counters.rejected.Load(),
		Unavailable: s.counters.unavailable.Load(), FailedOver: s.counters.failedOver.Load(), Full: s.counters.full.Load(),
		InFlight: int(s.counters.inFlight.Load()),
	}
	if end := s.counters.certificateEnd.Load(); end != 0 && s.tls != nil {
		stats.CertificateEnd = time.Unix(end, 0)
	}
	if s.isDead() {
		stats.State = Dead
	}
	if last := s.counters.lastAnswer.Load(); last != 0 {
		stats.LastAnswer = time.Unix(0, last)
	}
	return stats
}

// authenticate asks this server, if not too many logins wait for it. A connection that
// was kept, and turns out to be broken, is replaced by a new one, once.
func (s *server) authenticate(ctx context.Context, credentials Credentials) (Verdict, error) {
	ctx, pushOut := context.WithCancelCause(ctx)
	defer pushOut(nil)
	place := s.waiting.Enter(credentials.Share, pushOut)
	if place == nil {
		s.counters.full.Add(1)
		return Verdict{}, &FullError{Server: s.name}
	}
	defer s.waiting.Leave(place)
	s.counters.inFlight.Add(1)
	defer s.counters.inFlight.Add(-1)
	conn := s.pool.take()
	kept := conn != nil
	verdict, err := s.login(ctx, conn, credentials)
	var unavailable *UnavailableError
	if kept && errors.As(err, &unavailable) && ctx.Err() == nil {
		verdict, err = s.login(ctx, nil, credentials)
	}
	s.note(ctx, verdict, err)
	if err != nil && errors.Is(context.Cause(ctx), errPushedOut) {
		s.counters.full.Add(1)
		return Verdict{}, &FullError{Server: s.name, Sent: true}
	}
	verdict.Host, verdict.Server = s.at.Host, s.name
	return verdict, err
}

// note counts the result of a login, and learns from it whether the server is dead.
func (s *server) note(ctx context.Context, verdict Verdict, err error) {
	var unavailable *UnavailableError
	switch {
	case errors.Is(ctx.Err(), context.Canceled): // by the client: it says nothing of the server
	case errors.As(err, &unavailable):
		s.counters.unavailable.Add(1)
		s.die(err)
	default:
		if verdict.Accepted {
			s.counters.accepted.Add(1)
		} else if err == nil {
			s.counters.rejected.Add(1)
		}
		s.counters.lastAnswer.Store(time.Now().UnixNano())
		s.live()
	}
}

// die marks the server as dead, and has it tried again in the background. After Close
// nothing goes on in the background, so that the server stays as it was.
func (s *server) die(err error) {
	if s.isDead() || !s.client.beginProbe() {
		return
	}
	if s.setDead(true) { // by another login, meanwhile
		s.client.probes.Done()
		return
	}
	s.report(Change{s.name, Dead, err})
	go func() {
		defer s.client.probes.Done()
		s.probe()
	}()
}

// setDead notes whether the server is dead, and reports whether it was before.
func (s *server) setDead(dead bool) (before bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before, s.dead = s.dead, dead
	return before
}

func (s *server) live() {
	if s.setDead(false) {
		s.report(Change{Server: s.name, To: Alive})
	}
}

func (s *server) report(change Change) {
	if s.client.config.Changed != nil {
		s.client.config.Changed(change)
	}
}

// probe tries the server until it answers, by this or by a login.
func (s *server) probe() {
	ticker := time.NewTicker(probeInterval)
	defer ticker.Stop()
	for {
		select {
		case <-s.client.ctx.Done():
			return
		case <-ticker.C:
		}
		if !s.isDead() || s.answers() {
			s.live()
			return
		}
	}
}

// answers reports whether the server takes a connection and answers when its root entry
// is read, whatever the answer is.
func (s *server) answers() bool {
	ctx, cancel := context.WithTimeout(s.client.ctx, s.client.config.ConnectTimeout)
	defer cancel()
	conn, err := s.connect(ctx)
	if err != nil {
		return false
	}
	defer conn.close()
	defer conn.until(ctx)()
	_, err = conn.Search(rootRequest())
	var result *ldap.Error
	if !errors.As(err, &result) {
		return err == nil
	}
	code := result.ResultCode
	return code < ldap.ErrorNetwork && code != ldap.LDAPResultBusy && code != ldap.LDAPResultUnavailable
}

// connect makes a connection that is ready for binds.
func (s *server) connect(ctx context.Context) (*connection, error) {
	security := s.client.config.Security
	ctx, cancel := context.WithTimeout(ctx, s.client.config.ConnectTimeout)
	defer cancel()
	raw, err := s.dial(ctx)
	if err != nil {
		return nil, err
	}
	if security == Cleartext {
		return newConnection(raw, nil), nil
	}
	if security == StartTLS {
		err = startTLS(ctx, raw)
	}
	var secured *tlsConn
	if err == nil {
		secured, err = secure(ctx, raw, s.tls)
	}
	if err != nil {
		_ = raw.Close()
		return nil, err
	}
	s.counters.shown(secured.ConnectionState().PeerCertificates)
	return newConnection(secured, secured), nil
}

// dial opens a TCP connection, from the bind address if there is one.
func (s *server) dial(ctx context.Context) (net.Conn, error) {
	config := s.client.config
	switch {
	case config.Dial != nil:
		return config.Dial(ctx, s.name)
	case config.BindAddress == "":
		return (&net.Dialer{}).DialContext(ctx, "tcp", s.name)
	}
	remotes, err := net.DefaultResolver.LookupNetIP(ctx, "ip", s.at.Host)
	if err != nil {
		return nil, err
	}
	err = errors.New("the host has no address")
	for _, remote := range remotes {
		var source netip.Addr
		if source, err = bindaddress.Choose(config.BindAddress, remote.Unmap()); err != nil {
			continue
		}
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: source.AsSlice(), Zone: source.Zone()}}
		target := netip.AddrPortFrom(remote.Unmap(), uint16(s.at.Port)) // #nosec G115 -- a port
		var conn net.Conn
		if conn, err = dialer.DialContext(ctx, "tcp", target.String()); err == nil {
			return conn, nil
		}
	}
	return nil, err
}
