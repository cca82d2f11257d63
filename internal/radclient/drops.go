package radclient

import (
	"fmt"
	"strings"
)

// DropReason says why a datagram was not taken for the server's answer.
type DropReason int

// The reasons, in the order in which a datagram is checked.
const (
	DropMalformed DropReason = iota + 1
	DropOtherIdentifier
	DropUnexpectedCode
	DropUnsigned
	DropWrongMessageAuthenticator
	DropWrongResponseAuthenticator
	DropUnsolicitedProxyState
	dropReasons // one more than the last
)

// String says what was wrong and, where an operator can do something about it,
// what to check.
func (r DropReason) String() string {
	switch r {
	case DropMalformed:
		return "malformed packet"
	case DropOtherIdentifier:
		return "identifier of another request"
	case DropUnexpectedCode:
		return "code that does not answer an Access-Request"
	case DropUnsigned:
		return "no Message-Authenticator (make the server send one, or see message_authenticator)"
	case DropWrongMessageAuthenticator:
		return "wrong Message-Authenticator (is the secret the same on the server?)"
	case DropWrongResponseAuthenticator:
		return "wrong Response Authenticator (is the secret the same on the server?)"
	case DropUnsolicitedProxyState:
		return "unsigned answer with a Proxy-State that was never sent (a Blast-RADIUS forgery looks like this)"
	}
	return fmt.Sprintf("unknown reason %d", int(r))
}

// Drops counts dropped datagrams by reason.
type Drops [dropReasons]int

// Total counts all of them.
func (d Drops) Total() int {
	total := 0
	for _, count := range d {
		total += count
	}
	return total
}

// String lists the reasons with their counts, such as "2 × malformed packet".
func (d Drops) String() string {
	var parts []string
	for reason, count := range d {
		if count > 0 {
			parts = append(parts, fmt.Sprintf("%d × %s", count, DropReason(reason)))
		}
	}
	return strings.Join(parts, ", ")
}
