// Package radclient is a RADIUS client for logins (RFC 2865).
//
// A [Client] asks one server over UDP. It signs every Access-Request with a
// Message-Authenticator, sends the same packet again until an answer arrives
// or the time is up, and ignores every datagram that is not provably the
// server's answer to that very request. What an answer means to Vault is not
// its business: it returns a [Verdict], or an error that says what an operator
// should check.
package radclient
