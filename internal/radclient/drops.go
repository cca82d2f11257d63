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
	DropLate    // no login waits for it any more
	dropReasons // one more than the last
)

// dropTexts say what was wrong: in a word for counters and, where an operator
// can do something about it, with what to check for the log.
var dropTexts = [dropReasons]struct{ name, text string }{
	DropMalformed:       {"malformed", "malformed packet"},
	DropOtherIdentifier: {"other_identifier", "identifier of another request"},
	DropUnexpectedCode:  {"unexpected_code", "code that does not answer an Access-Request"},
	DropUnsigned: {
		"no_message_authenticator",
		"no Message-Authenticator (make the server send one, or see message_authenticator)",
	},
	DropWrongMessageAuthenticator: {
		"wrong_message_authenticator",
		"wrong Message-Authenticator (is the secret the same on the server?)",
	},
	DropWrongResponseAuthenticator: {
		"wrong_response_authenticator",
		"wrong Response Authenticator (is the secret the same on the server?)",
	},
	DropUnsolicitedProxyState: {
		"unsolicited_proxy_state",
		"unsigned answer with a Proxy-State that was never sent (a Blast-RADIUS forgery looks like this)",
	},
	DropLate: {"late", "answer to a login that had ended"},
}

// Name returns the reason in a word.
func (r DropReason) Name() string { return dropTexts[r].name }

// String returns what was wrong and, where an operator can do something about it,
// what to check.
func (r DropReason) String() string { return dropTexts[r].text }

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

// plus adds others up.
func (d Drops) plus(others Drops) Drops {
	for reason, count := range others {
		d[reason] += count
	}
	return d
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
