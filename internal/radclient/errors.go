package radclient

import (
	"errors"
	"fmt"
	"time"
)

// NoAnswerError means that no valid answer came in time. Whether the server
// saw the request is unknown.
type NoAnswerError struct {
	Host    string
	Port    int
	Sends   int           // copies of the request that went out
	Waited  time.Duration // from the first copy to the end
	Refused int           // times the host said that nothing listens on the port
	Drops   Drops         // datagrams that came, but were not the answer
	Dead    bool          // the server was found dead before the time was up
	Err     error         // the last fault of the socket after the first copy; nil if none
}

// Error returns which server was silent and what to check.
func (e *NoAnswerError) Error() string {
	text := fmt.Sprintf("no answer from RADIUS server %s port %d after %d sends in %s",
		e.Host, e.Port, e.Sends, e.Waited.Round(time.Millisecond))
	if e.Err != nil {
		text = fmt.Sprintf("%s (%v)", text, e.Err)
	}
	if e.Dead {
		text += ": the server was found dead"
	}
	if e.Refused > 0 {
		return text + ": nothing listens on that port: check that the server runs and that the port is right"
	}
	if total := e.Drops.Total(); total > 0 {
		return fmt.Sprintf("%s: dropped %d answers: %s", text, total, e.Drops)
	}
	return text + ": check that the server runs, that it lists this host as a client with the same secret," +
		" and that no firewall is between them; or it answers from another address"
}

func isNoAnswer(err error) bool {
	var noAnswer *NoAnswerError
	return errors.As(err, &noAnswer)
}

// Unwrap returns the fault of the socket, if there was one.
func (e *NoAnswerError) Unwrap() error { return e.Err }

// FullError means that too many logins wait for the server, and that this one has no
// place among them, or has had to give it up.
type FullError struct {
	Host string
	Port int
	Sent bool // the request went out before the place was given up
}

// Error returns that too many logins wait, and what helps.
func (e *FullError) Error() string {
	return fmt.Sprintf("too many logins wait for RADIUS server %s port %d, so that some are refused at once:"+
		" there is a flood of logins, or the server does not answer them:"+
		" a rate-limit quota of Vault bounds what clients send: see docs/operating.md", e.Host, e.Port)
}

func isFull(err error) bool {
	var full *FullError
	return errors.As(err, &full)
}

// ProtocolError means that the server answered that it could not process the
// request (Protocol-Error, RFC 7930 section 4).
type ProtocolError struct {
	Host  string
	Port  int
	Cause uint32 // Error-Cause (RFC 5176 section 3.5); 0 if the server sent none
}

// Error returns which server refused to decide.
func (e *ProtocolError) Error() string {
	return fmt.Sprintf("RADIUS server %s port %d answered Protocol-Error (Error-Cause %d):"+
		" it did not process the login: its log says why", e.Host, e.Port, e.Cause)
}

// notProcessed reports whether the server said that another one may do better:
// Request Not Routable, Other Proxy Processing Error, Resources Unavailable.
func (e *ProtocolError) notProcessed() bool {
	return e.Cause == 502 || e.Cause == 505 || e.Cause == 506
}

// UnreachableError means that no request was sent at all.
type UnreachableError struct {
	Host string
	Port int
	Err  error
}

// Error returns which server could not be reached, and why.
func (e *UnreachableError) Error() string {
	text := fmt.Sprintf("cannot reach RADIUS server %s port %d: %v", e.Host, e.Port, e.Err)
	if isTLSError(e.Err) {
		return text // it says what to check
	}
	return text + ": check `host`, DNS and routing"
}

// Unwrap returns the cause.
func (e *UnreachableError) Unwrap() error { return e.Err }
