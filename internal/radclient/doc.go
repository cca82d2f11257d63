// Package radclient is a RADIUS client for logins (RFC 2865) over UDP, TCP (RFC 6613)
// and TLS (RadSec, RFC 6614), with RADIUS/1.1 (RFC 9765) over TLS.
//
// A [Client] asks one of the servers of its [Config], and goes on to another where the
// first certainly has not decided the login. It signs every Access-Request with a
// Message-Authenticator; over UDP it sends the same packet again until an answer arrives
// or the time is up. It ignores every packet that is not provably the server's answer to
// that very request; over TCP and TLS, a packet that proves the stream to be broken ends
// the connection. Probes, which are Status-Server (RFC 5997) or logins of a test user,
// find out which servers live, as [StatusCheck] says.
//
// The client knows nothing of Vault: it returns a [Verdict], or an error that says what an
// operator should check.
package radclient
