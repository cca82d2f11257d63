package source

import (
	"time"

	"vault-plugin-auth-radius/internal/certificates"
	"vault-plugin-auth-radius/internal/directory"
	"vault-plugin-auth-radius/internal/radclient"
)

// ServerStats is what was seen of a server of a source since the plugin started, or since the
// server was added to the source.
type ServerStats struct {
	Source, SourceType string // as Label and TypeLabel have them
	Server             string // host:port as configured
	RADIUS             *radclient.Stats
	Directory          *directory.Stats // one of them is nil
}

// Stats returns what was seen of each server, none if the source could not be opened.
func (s *Source) Stats() []ServerStats {
	var all []ServerStats
	switch checker := s.Checker.(type) {
	case *radiusChecker:
		for _, stats := range checker.client.Stats() {
			server := radclient.Server{Host: stats.Host, Port: stats.Port}.String()
			all = append(all, ServerStats{Source: s.Label(), SourceType: s.TypeLabel(), Server: server, RADIUS: &stats})
		}
	case *directoryChecker:
		for _, stats := range checker.client.Stats() {
			server := directory.Server{Host: stats.Host, Port: stats.Port}.String()
			all = append(all, ServerStats{Source: s.Label(), SourceType: s.TypeLabel(), Server: server, Directory: &stats})
		}
	}
	return all
}

// certificateEnd returns when the server's certificate ends, as ServerStats has it; zero: there
// is none.
func (s ServerStats) certificateEnd() time.Time {
	if s.RADIUS != nil {
		return s.RADIUS.CertificateEnd
	}
	return s.Directory.CertificateEnd
}

// history is what was seen of the servers of a source, for the source that takes its place.
type history struct {
	radius    radclient.History
	directory directory.History
}

// Continue has the source go on with what was seen of the servers that the source before it had
// as well; nil means that there was none. It is called before the first login. A source that
// could not be opened keeps it all for the source that takes its place.
func (s *Source) Continue(before *Source) {
	if before != nil {
		s.seen = before.seen
	}
	switch checker := s.Checker.(type) {
	case *radiusChecker:
		checker.client.Continue(s.seen.radius)
		s.seen = history{radius: checker.client.History()}
	case *directoryChecker:
		checker.client.Continue(s.seen.directory)
		s.seen = history{directory: checker.client.History()}
	}
}

// The kinds of certificates.
const (
	CertificateCA     = "ca"
	CertificateClient = "client"
	CertificateServer = "server"
)

// Certificate is the end of a certificate that a source needs.
type Certificate struct {
	Source   string    // as Label has it
	Kind     string    // CertificateCA, CertificateClient or CertificateServer
	Server   string    // host:port as configured, of a server's
	NotAfter time.Time // of the certificate of the chain or the bundle that ends first
}

// Certificates returns the ends of the certificates that the source uses: the authorities that it
// believes, its own, and of each server the chain that it showed at the latest handshake. There
// are none without TLS. stats are what Stats returns: they are no small copy.
func (s *Source) Certificates(stats []ServerStats) []Certificate {
	var all []Certificate
	add := func(kind, server string, end time.Time) {
		if !end.IsZero() {
			all = append(all, Certificate{s.Label(), kind, server, end})
		}
	}
	add(CertificateCA, "", s.ends.ca)
	add(CertificateClient, "", s.ends.client)
	for _, of := range stats {
		add(CertificateServer, of.Server, of.certificateEnd())
	}
	return all
}

// certificateEnds are the ends of the certificates that a source was given; zero: there are none,
// or it has no use for them.
type certificateEnds struct{ ca, client time.Time }

// ReadCertificates notes when the certificates of the settings end.
func (s *Source) ReadCertificates(settings *RADIUSSettings) {
	if settings.Transport == radclient.TLS {
		s.ends = certificateEnds{certificates.EndPEM(settings.TLSCACert), certificates.EndPEM(settings.TLSClientCert)}
	}
}

// readEntry notes what the source needs to know of its entry.
func (s *Source) readEntry() {
	switch d := s.Entry.Directory; {
	case s.Entry.RADIUS != nil:
		s.TestUser = s.Entry.RADIUS.TestUser()
		s.ReadCertificates(s.Entry.RADIUS)
	case d != nil && (d.SSL || d.StartTLS):
		s.ends = certificateEnds{certificates.EndPEM(d.SSLCert), certificates.EndPEM(d.TLSClientCert)}
	}
}
