package radclient

import "layeh.com/radius"

// Outcome is what a server decided.
type Outcome int

// The outcomes of an Access-Request (RFC 2865 section 4).
const (
	Reject Outcome = iota // the zero value lets nobody in
	Accept
	Challenge
)

// String names the outcome as the RFC does.
func (o Outcome) String() string {
	switch o {
	case Accept:
		return "Access-Accept"
	case Challenge:
		return "Access-Challenge"
	default:
		return "Access-Reject"
	}
}

// Verdict is a server's answer to a login.
type Verdict struct {
	Outcome    Outcome
	Attributes radius.Attributes // of the answer, in its order
	Reason     string            // of a reject, for the log; empty if unknown
	Server     string            // address and port that answered
	Sends      int               // copies of the request that went out
	Drops      Drops             // datagrams that came before, but were not the answer
}

func outcomeOf(code radius.Code) Outcome {
	switch code {
	case radius.CodeAccessAccept:
		return Accept
	case radius.CodeAccessChallenge:
		return Challenge
	default:
		return Reject
	}
}
