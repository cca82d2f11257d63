package radclient

import (
	"fmt"
	"slices"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
)

// Outcome is what a server decided.
type Outcome int

// The outcomes of an Access-Request (RFC 2865 section 4).
const (
	Reject Outcome = iota // the zero value lets no user in
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
	// ReplyMessage holds the server's texts for the user that it rejects, on one line
	// that is safe for the log; empty: none.
	ReplyMessage string
	Host         string // server that answered, with the port, as in the config
	Server       string // its address and port
	Sends        int    // copies of the request that went out
	Drops        Drops  // datagrams that came before, but were not the answer
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

// loginServices are the Service-Types that let a user log in. Servers that serve
// networks as well often return Framed for every user.
var loginServices = []rfc2865.ServiceType{
	rfc2865.ServiceType_Value_LoginUser,
	rfc2865.ServiceType_Value_FramedUser,
	rfc2865.ServiceType_Value_AdministrativeUser,
	rfc2865.ServiceType_Value_NASPromptUser,
	rfc2865.ServiceType_Value_AuthenticateOnly,
}

// checkServiceType turns an accept for another service than a login, such as a
// call check, into a reject (RFC 2865 section 5.6, RFC 5080 section 2.6.2).
func checkServiceType(verdict Verdict) Verdict {
	if _, found := verdict.Attributes.Lookup(rfc2865.ServiceType_Type); !found || verdict.Outcome != Accept {
		return verdict
	}
	service := rfc2865.ServiceType(integer(verdict.Attributes, rfc2865.ServiceType_Type))
	if !slices.Contains(loginServices, service) {
		verdict.Outcome = Reject
		verdict.Reason = fmt.Sprintf("the server accepted for another service than a login: Service-Type %s", service)
	}
	return verdict
}

// errorCause is Error-Cause (RFC 5176 section 3.5).
const errorCause radius.Type = 101

// integer reads an attribute of four octets; 0 if it is absent or of another
// length (RFC 6929 section 2.8).
func integer(attributes radius.Attributes, kind radius.Type) uint32 {
	value, err := radius.Integer(attributes.Get(kind))
	if err != nil {
		return 0
	}
	return value
}
