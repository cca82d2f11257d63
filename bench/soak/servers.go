package soak

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"time"

	"vault-plugin-auth-radius/internal/directorytest"
	"vault-plugin-auth-radius/internal/postgrestest"
	"vault-plugin-auth-radius/internal/radiustest"
	"vault-plugin-auth-radius/internal/tlstest"
)

// radiusSecret is the shared secret of all servers.
const radiusSecret = "soak-secret-of-24-octets"

// Names of the RADIUS servers.
const (
	steadyServer    = "steady"    // FreeRADIUS, never away
	restartedServer = "restarted" // FreeRADIUS, stopped and started again
	forgingServer   = "forging"   // forges answers before the right one
)

// servers are the RADIUS servers of a run, a directory and a database.
type servers struct {
	steady, restarted *radiustest.FreeRADIUS
	forging           *radiustest.Server
	directory         *directorytest.OpenLDAP
	database          *postgrestest.Postgres
	forged            atomic.Int64      // answers so far
	vault             *tlstest.Identity // what Vault shows to steady, and trusts there
}

// startServers runs the servers, whose certificates are valid beyond the run.
func startServers(ctx context.Context, folder string, length time.Duration) (*servers, error) {
	s := &servers{}
	identity, err := s.makeIdentities(length)
	if err != nil {
		return nil, err
	}
	options := radiustest.FreeRADIUSOptions{
		Secret: radiusSecret, Users: passwords(), Codes: codes(), SignAnswers: true, KeepLog: logKept,
	}
	s.restarted, err = radiustest.StartFreeRADIUS(ctx, filepath.Join(folder, restartedServer), options)
	if err == nil {
		options.TLS = identity
		s.steady, err = radiustest.StartFreeRADIUS(ctx, filepath.Join(folder, steadyServer), options)
	}
	if err == nil {
		s.forging, err = radiustest.Start(radiustest.Options{
			Secret: radiusSecret, Handler: s.forge(scriptedUsers().Handler()), Keep: 1000,
		})
	}
	if err == nil {
		s.directory, err = directorytest.StartOpenLDAP(ctx, filepath.Join(folder, "directory"), directorytest.OpenLDAPOptions{
			Users: directoryPasswords(), TLS: identity, KeepLog: logKept,
		})
	}
	if err == nil {
		s.database, err = postgrestest.Start(ctx, filepath.Join(folder, "database"), "fsync=off")
	}
	if err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

// stop ends all servers that run.
func (s *servers) stop() error {
	var problems []error
	for _, server := range []*radiustest.FreeRADIUS{s.steady, s.restarted} {
		if server != nil {
			problems = append(problems, server.Stop())
		}
	}
	if s.forging != nil {
		problems = append(problems, s.forging.Close())
	}
	if s.directory != nil {
		problems = append(problems, s.directory.Stop())
	}
	if s.database != nil {
		problems = append(problems, s.database.Stop())
	}
	return errors.Join(problems...)
}

// makeIdentities makes the certificates of RadSec, and returns the server's.
func (s *servers) makeIdentities(length time.Duration) (*tlstest.Identity, error) {
	authority, err := tlstest.NewAuthority("Authority of the soak")
	if err != nil {
		return nil, err
	}
	until := time.Now().Add(length + time.Hour)
	ofServer, err := authority.Issue(tlstest.CertificateOptions{Names: []string{"127.0.0.1"}, Until: until})
	if err != nil {
		return nil, err
	}
	ofVault, err := authority.Issue(tlstest.CertificateOptions{CommonName: "vault", Until: until})
	if err != nil {
		return nil, err
	}
	s.vault = &tlstest.Identity{Certificate: ofVault, Trusts: authority}
	return &tlstest.Identity{Certificate: ofServer, Trusts: authority}, nil
}

// forge has a handler's answers follow forged ones, of which the client may believe none: of a right
// password they reject, of a wrong one they accept, and they come first.
func (s *servers) forge(handler radiustest.Handler) radiustest.Handler {
	return func(r *radiustest.Request) []radiustest.Answer {
		right := handler(r)
		if r.Username() == "" { // Status-Server
			return right
		}
		forged := forgeries(r)
		s.forged.Add(int64(len(forged)))
		return append(forged, right...)
	}
}

// forgeries returns answers to a request that must not be believed.
func forgeries(r *radiustest.Request) []radiustest.Answer {
	return []radiustest.Answer{
		r.Accept().WrongAuthenticator(),
		r.Reject("forged").WrongAuthenticator(),
		r.Accept().WrongMessageAuthenticator(),
		r.Reject("forged").WrongMessageAuthenticator(),
		r.Accept().WithProxyState(),
		r.Reject("forged").WrongIdentifier(),
		r.Accept().Truncated(),
		r.Reject("forged").OverrunAttribute(),
		r.Accept().FromOtherPort(),
		r.Reject("forged").FromOtherPort(),
	}
}

// restart stops the server that is restarted, now and then, until the run is over. It is never away when
// this returns.
func (s *servers) restart(running context.Context, plan Plan, away *outages) error {
	timer := time.NewTimer(plan.Period / 2)
	defer timer.Stop()
	for {
		select {
		case <-running.Done():
			return nil
		case <-timer.C:
		}
		timer.Reset(plan.Period)
		if err := s.outage(running, plan.Away, away); err != nil {
			return fmt.Errorf("restart of a RADIUS server: %w", err)
		}
	}
}

// outage has the restarted server away for a time.
func (s *servers) outage(running context.Context, length time.Duration, away *outages) error {
	away.begin(restartedServer, time.Now())
	if err := s.restarted.Stop(); err != nil {
		return err
	}
	back := time.NewTimer(length)
	defer back.Stop()
	select {
	case <-running.Done():
	case <-back.C:
	}
	if err := s.restarted.Restart(); err != nil {
		return err
	}
	away.end(restartedServer, time.Now())
	return nil
}
