package acct

import "strings"

// StatusType is the Acct-Status-Type of a packet (RFC 2866 section 5.1), as
// FreeRADIUS writes it.
type StatusType string

// The packets that matter here.
const (
	Start         StatusType = "Start"
	InterimUpdate StatusType = "Interim-Update"
	Stop          StatusType = "Stop"
	AccountingOn  StatusType = "Accounting-On"
	AccountingOff StatusType = "Accounting-Off"
)

// statusTypes are the names and numbers that stand for a status type, in lower
// case. Alive is FreeRADIUS's other name for Interim-Update.
var statusTypes = map[string]StatusType{
	"start": Start, "1": Start,
	"stop": Stop, "2": Stop,
	"interim-update": InterimUpdate, "alive": InterimUpdate, "3": InterimUpdate,
	"accounting-on": AccountingOn, "7": AccountingOn,
	"accounting-off": AccountingOff, "8": AccountingOff,
}

// parseStatusType returns the status type with that name or number; text itself
// if there is none, for Check to refuse.
func parseStatusType(text string) StatusType {
	if status, ok := statusTypes[statusKey(text)]; ok {
		return status
	}
	return StatusType(text)
}

// statusKey returns a name or number as statusTypes has it.
func statusKey(text string) string { return strings.ToLower(strings.TrimSpace(text)) }

// StatusOf returns the status type that a packet's fields tell, and reports whether it is
// one that matters here. Others are RFC 2867's of tunnels, Failed, and what vendors have
// added: they are about no session. A missing one is for ParsePacket to refuse.
func StatusOf(values map[string]string) (text string, found bool) {
	text = values["status_type"]
	if text == "" {
		text = values["Acct-Status-Type"]
	}
	_, found = statusTypes[statusKey(text)]
	return text, found || strings.TrimSpace(text) == ""
}

// AboutNAS reports whether such a packet is about a whole NAS, Accounting-On and
// Accounting-Off, and not about one session.
func (s StatusType) AboutNAS() bool { return s == AccountingOn || s == AccountingOff }
