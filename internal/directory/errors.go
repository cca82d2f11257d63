package directory

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"github.com/go-ldap/ldap/v3"

	"vault-plugin-auth-radius/internal/fips"
)

// UnavailableError means that no server answered: no password was judged.
type UnavailableError struct {
	Server string // host:port of the last one that was asked
	text   string
	err    error
}

// Error returns which server, what was wrong, and what to check.
func (e *UnavailableError) Error() string {
	return fmt.Sprintf("directory %s: %s", e.Server, e.text)
}

// Unwrap returns the cause.
func (e *UnavailableError) Unwrap() error { return e.err }

// maxWaiting bounds the logins that wait for a server at once, each with a connection of
// its own.
const maxWaiting = 512

// errPushedOut ends the wait of a login that gave its place to one with a better claim.
var errPushedOut = errors.New("too many logins wait for the directory, and this one has given up its place")

// FullError means that too many logins wait for the server, and that this one has no
// place among them, or has had to give it up: no password was judged.
type FullError struct {
	Server string // host:port
	Sent   bool   // the server was being asked when the place was given up
}

// Error returns that too many logins wait, and what helps.
func (e *FullError) Error() string {
	return fmt.Sprintf("too many logins wait for the directory %s (%d), so that some are refused at once:"+
		" there is a flood of logins, or the server does not answer them:"+
		" a rate-limit quota of Vault bounds what clients send: see docs/operating.md", e.Server, maxWaiting)
}

// ConfigurationError means that the directory cannot be asked as the source says:
// no password was judged.
type ConfigurationError struct {
	Server string // host:port
	text   string
	err    error
}

// Error returns which server, what was wrong, and what to change.
func (e *ConfigurationError) Error() string {
	return fmt.Sprintf("directory %s: %s", e.Server, e.text)
}

// Unwrap returns the cause.
func (e *ConfigurationError) Unwrap() error { return e.err }

// resultTexts say what a directory's results mean that are no word on the password
// (RFC 4511 appendix A).
var resultTexts = map[uint16]string{
	ldap.LDAPResultProtocolError:            "it does not know what was asked: is starttls set up there?",
	ldap.LDAPResultStrongAuthRequired:       "it wants passwords protected: set ssl or starttls",
	ldap.LDAPResultReferral:                 "it refers to another server, to which no password is sent: give that one as host",
	ldap.LDAPResultConfidentialityRequired:  "it wants passwords protected: set ssl or starttls",
	ldap.LDAPResultInvalidDNSyntax:          "it does not take the DN of the bind: see ldap_binddn, or search_binddn",
	ldap.LDAPResultUnwillingToPerform:       "it is not willing to do what was asked: see its log",
	ldap.LDAPResultInsufficientAccessRights: unreadableText,
}

// The texts for users that cannot read their own entry, and for anonymous searches.
const (
	unreadableText = "it lets nobody read what is needed: people must be able to read their own entry," +
		" or give user_search_base and search_binddn"
	anonymousText = "it allows no anonymous search: set search_binddn and search_password"
)

// explain turns a failure that is no word on the password into an
// UnavailableError or ConfigurationError.
func (s *server) explain(ctx context.Context, err error) error {
	var result *ldap.Error
	switch {
	case ctx.Err() != nil:
		text := "it did not answer in time: check that it runs, and that no firewall is between; or raise read_timeout"
		return &UnavailableError{s.name, text, errors.Join(ctx.Err(), err)}
	case !errors.As(err, &result) || result.ResultCode >= ldap.ErrorNetwork:
		return &UnavailableError{s.name, explainNetwork(err), err}
	}
	switch result.ResultCode {
	case ldap.LDAPResultBusy:
		return &UnavailableError{s.name, withResult("it is busy: see its log", result), err}
	case ldap.LDAPResultUnavailable:
		return &UnavailableError{s.name, withResult("it says that it is not available: see its log", result), err}
	case ldap.LDAPResultTimeLimitExceeded, ldap.LDAPResultOther, ldap.LDAPResultOperationsError:
		return &UnavailableError{s.name, withResult("it failed: see its log", result), err}
	}
	text, known := resultTexts[result.ResultCode]
	if !known {
		text = fmt.Sprintf("it answered %s: see its log", ldap.LDAPResultCodeMap[result.ResultCode])
	}
	return &ConfigurationError{s.name, withResult(text, result), err}
}

// explainAnonymous is explain for an anonymous search, which directories refuse in many
// ways.
func (s *server) explainAnonymous(ctx context.Context, err error) error {
	var result *ldap.Error
	if !errors.As(err, &result) || ctx.Err() != nil {
		return s.explain(ctx, err)
	}
	switch result.ResultCode {
	case ldap.LDAPResultOperationsError, // Active Directory
		ldap.LDAPResultStrongAuthRequired,
		ldap.LDAPResultInappropriateAuthentication, // 389 Directory Server
		ldap.LDAPResultInsufficientAccessRights,
		ldap.LDAPResultUnwillingToPerform: // OpenLDAP with "require authc"
		return &ConfigurationError{s.name, withResult(anonymousText, result), err}
	}
	return s.explain(ctx, err)
}

// explainNetwork returns what keeps the two from talking.
func explainNetwork(err error) string {
	var lookup *net.DNSError
	var authority x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	var record tls.RecordHeaderError
	var ended *tlsEndedError
	switch {
	case errors.As(err, &lookup):
		return fmt.Sprintf("its name cannot be looked up: check host, and DNS (%v)", err)
	case errors.As(err, &authority):
		return "its certificate is not signed by ssl_cert"
	case errors.As(err, &name):
		return fmt.Sprintf("its certificate is for another name: see host and tls_server_name (%v)", name)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Sprintf("its certificate has expired, or is not valid yet (%v)", invalid)
	case errors.As(err, &invalid):
		return fmt.Sprintf("its certificate is not valid (%v)", invalid)
	case fips.AsRefused(err) != nil:
		return fips.AsRefused(err).Error()
	case errors.As(err, &record):
		return "it does not speak TLS on that port: see port, ssl and starttls"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens on that port: check that it runs, and port"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return "it did not answer in time: check that it runs, and that no firewall is between"
	case errors.As(err, &ended):
		return ended.Error()
	}
	return fmt.Sprintf("it cannot be reached: check that it runs, and port, ssl and starttls (%v)", err)
}
