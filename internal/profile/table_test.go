package profile

// tableRow is a case of the operators as FreeRADIUS 3.2.1 was seen to treat it,
// or, where it is marked, as it is treated here instead.
type tableRow struct {
	number   int
	profiles []Definition // evaluated in this order
	logins   []tableLogin
	refused  string // part of what Compile says; empty: it compiles
	// deviation is why FreeRADIUS does otherwise; empty: it does the same.
	deviation string
	// FreeRADIUS does not start with such an item.
	failsToLoad bool
}

// tableLogin is one request and what comes of it.
type tableLogin struct {
	request    []string // attribute and value in turn
	want       outcome
	freeRADIUS *outcome // nil: the same
}

// outcome is whether the last profile matches, and the values of the reply.
type outcome struct {
	matched bool
	reply   []string
}

var yes, no = outcome{matched: true}, outcome{}

func replies(values ...string) outcome { return outcome{matched: true, reply: values} }

// login is a request, as attributes and values in turn, with its outcome here
// and, if FreeRADIUS has another one, there.
func login(want outcome, request ...string) tableLogin {
	return tableLogin{request: request, want: want}
}

func (l tableLogin) there(o outcome) tableLogin {
	l.freeRADIUS = &o
	return l
}

// checks is a profile with one check item, or several: attribute, operator and
// value in turn.
func checks(fields ...string) []Definition { return []Definition{{Check: items(fields...)}} }

func items(fields ...string) []Item {
	var all []Item
	for len(fields) > 0 {
		all = append(all, Item{fields[0], fields[1], fields[2]})
		fields = fields[3:]
	}
	return all
}

func sets(fields ...string) Definition { return Definition{Reply: items(fields...)} }

const (
	port    = "NAS-Port"
	caller  = "Calling-Station-Id"
	called  = "Called-Station-Id"
	portIs  = "NAS-Port-Type"
	class   = "Class"
	nas     = "NAS-IP-Address"
	network = "Framed-IPv6-Prefix"
	happens = "Event-Timestamp"
	message = "Reply-Message"
	session = "Session-Timeout"
)

// table has a row for every case, by number.
var table = []tableRow{
	{number: 1, profiles: checks(port, "==", "5"), logins: []tableLogin{login(yes, port, "5"), login(no, port, "6"), login(no)}},
	{number: 2, profiles: checks(port, "!=", "5"), logins: []tableLogin{login(yes, port, "6"), login(no, port, "5"), login(no)}},
	{number: 3, profiles: checks(port, ">", "5"), logins: []tableLogin{login(yes, port, "6"), login(no, port, "5"), login(no)}},
	{number: 4, profiles: checks(port, ">=", "5"), logins: []tableLogin{login(yes, port, "5")}},
	{number: 5, profiles: checks(port, "<", "5"), logins: []tableLogin{login(yes, port, "4"), login(no, port, "5"), login(no)}},
	{number: 6, profiles: checks(port, "<=", "5"), logins: []tableLogin{login(yes, port, "5"), login(no, port, "6")}},
	{number: 7, profiles: checks(port, ">", "9"), logins: []tableLogin{login(yes, port, "10")}},
	{number: 8, profiles: checks(port, "==", "0x10"), logins: []tableLogin{login(yes, port, "16")}},
	{number: 9, profiles: checks(port, ">", "1"), logins: []tableLogin{login(yes, port, "2147483648")}},
	{
		number: 10, profiles: checks(port, ">", "1"), logins: []tableLogin{login(yes, port, "4294967295").there(no)},
		deviation: "FreeRADIUS subtracts and overflows: a number above 2^31 may count as less than a small one",
	},
	{number: 11, profiles: checks(port, "=", "5"), logins: []tableLogin{login(yes, port, "5"), login(no, port, "6"), login(no)}},
	{
		number: 12, profiles: checks(port, ":=", "5"), logins: []tableLogin{login(no, port, "6").there(yes), login(no).there(yes)},
		refused: "has no effect here", deviation: "an item that compares nothing looks like a limit, and lets every user in",
	},
	{
		number: 13, profiles: checks(port, "+=", "5"), logins: []tableLogin{login(no, port, "6").there(yes), login(no).there(yes)},
		refused: "has no effect here", deviation: "an item that compares nothing looks like a limit, and lets every user in",
	},
	{number: 14, profiles: checks(portIs, "==", "Virtual"), logins: []tableLogin{login(yes, portIs, "5")}},
	{number: 15, profiles: checks(portIs, "==", "5"), logins: []tableLogin{login(yes, portIs, "Virtual")}},
	{number: 16, profiles: checks(portIs, "==", "virtual"), logins: []tableLogin{login(yes, portIs, "5")}},
	{number: 17, profiles: checks(portIs, ">", "Async"), logins: []tableLogin{login(yes, portIs, "Virtual")}},
	{number: 18, profiles: checks(portIs, "==", "Virtual"), logins: []tableLogin{login(no, portIs, "Ethernet")}},
	{number: 19, profiles: checks("Tunnel-Medium-Type", "==", "IPv4"), logins: []tableLogin{login(yes, "Tunnel-Medium-Type", "IP")}},
	{number: 20, profiles: checks(caller, "==", "abc"), logins: []tableLogin{
		login(yes, caller, "abc"), login(no, caller, "ABC"), login(no, caller, "abc "),
	}},
	{number: 21, profiles: checks(caller, ">", "10"), logins: []tableLogin{login(yes, caller, "9")}},
	{number: 22, profiles: checks(caller, "=*", "ANY"), logins: []tableLogin{login(yes, caller, "x"), login(no)}},
	{number: 23, profiles: checks(caller, "!*", "ANY"), logins: []tableLogin{login(no, caller, "x"), login(yes)}},
	{
		number: 24, profiles: checks(port, "=*", "7"), logins: []tableLogin{login(no, port, "9").there(yes)},
		deviation: "FreeRADIUS ignores the value of =*; here a value is a pattern, as its author means it",
	},
	{
		number: 25, profiles: checks(caller, "=*", "^zzz$"), logins: []tableLogin{login(no, caller, "abc").there(yes)},
		deviation: "FreeRADIUS ignores the value of =*, and so lets every user in",
	},
	{
		number: 26, profiles: checks(caller, "=~", "^([0-9A-Fa-f]{2}[:-]){5}([0-9A-Fa-f]{2})$"),
		logins: []tableLogin{login(yes, caller, "00:11:22:aa:BB:cc"), login(no, caller, "001122aabbcc")},
	},
	{number: 27, profiles: checks(caller, "=~", "b"), logins: []tableLogin{login(yes, caller, "abc"), login(no)}},
	{number: 28, profiles: checks(caller, "=~", "^b"), logins: []tableLogin{login(no, caller, "abc")}},
	{number: 29, profiles: checks(caller, "=~", "B"), logins: []tableLogin{login(no, caller, "abc")}},
	{number: 29, profiles: checks(caller, "=~", "(?i)B"), logins: []tableLogin{login(yes, caller, "abc")}},
	{number: 30, profiles: checks(caller, "!~", "b"), logins: []tableLogin{login(yes, caller, "xyz"), login(no, caller, "abc"), login(no)}},
	{
		number: 31, profiles: checks(caller, "=~", "^A$"), logins: []tableLogin{login(no, caller, "A\n").there(yes)},
		deviation: "$ is the end of the value, not the place before a final line end",
	},
	{
		number: 32, profiles: checks(caller, "=~", "^(?!a)"), logins: []tableLogin{login(no, caller, "bcd").there(yes)},
		refused: "lookahead", deviation: "RE2 has no lookaround, and never takes exponential time",
	},
	{number: 33, profiles: checks(caller, "=~", "("), refused: "missing closing )", failsToLoad: true},
	{number: 33, profiles: checks(caller, "=~", ""), refused: "the pattern is empty", failsToLoad: true},
	{
		number: 34, profiles: checks(portIs, "=~", "^Wire"), logins: []tableLogin{login(yes, portIs, "Wireless-802.11").there(no)},
		deviation: "FreeRADIUS never matches numbers with patterns; here they match as they print",
	},
	{
		number: 35, profiles: checks(port, "!~", "^15$"), logins: []tableLogin{login(no, port, "15").there(yes)},
		deviation: "with FreeRADIUS, !~ holds for every number",
	},
	{number: 36, profiles: checks(class, "==", "0x616263"), logins: []tableLogin{login(yes, class, "abc")}},
	{number: 37, profiles: checks(class, ">", "0x61"), logins: []tableLogin{login(yes, class, "0x616263")}},
	{number: 38, profiles: checks(class, "<", "0x616263"), logins: []tableLogin{login(no, class, "0x61")}},
	{number: 39, profiles: checks(class, "==", "0x62"), logins: []tableLogin{login(yes, class, "0x61", class, "0x62")}},
	{
		number: 40, profiles: checks(class, "!=", "0x62"),
		logins: []tableLogin{login(yes, class, "0x61", class, "0x62"), login(no, class, "0x62", class, "0x62")},
	},
	{
		number: 41, profiles: checks(class, "==", "0x61", class, "==", "0x62"),
		logins: []tableLogin{login(yes, class, "0x61", class, "0x62"), login(no, class, "0x61")},
	},
	{number: 42, profiles: checks(message, "!~", "b"), logins: []tableLogin{login(yes, message, "ab", message, "xy")}},
	{number: 43, profiles: checks(nas, "<", "10.0.0.9"), logins: []tableLogin{login(no, nas, "10.0.0.10")}},
	{
		number: 44, profiles: checks(nas, ">", "10.0.0.1"), logins: []tableLogin{login(yes, nas, "200.0.0.1").there(no)},
		deviation: "FreeRADIUS overflows with addresses as with numbers",
	},
	{number: 45, profiles: checks(nas, "==", "10.0.0.1/32"), logins: []tableLogin{login(yes, nas, "10.0.0.1")}},
	{
		number: 46, profiles: checks(nas, "==", "10.0.0.0/8"), logins: []tableLogin{login(yes, nas, "10.1.2.3")},
		failsToLoad: true, deviation: "an address may be compared with a network, since operators need that",
	},
	{
		number: 47, profiles: checks(network, "<", "2001:db8::/32"),
		logins: []tableLogin{login(yes, network, "2001:db8:1::/48"), login(no, network, "2001:db8::/32"), login(no, network, "2001:dead::/48")},
	},
	{number: 48, profiles: checks(network, "<=", "2001:db8::/32"), logins: []tableLogin{login(yes, network, "2001:db8::/32")}},
	{number: 49, profiles: checks(network, ">", "2001:db8::/48"), logins: []tableLogin{login(yes, network, "2001:db8::/32")}},
	{
		number: 50, profiles: checks(network, "!=", "2001:db8::/32"), logins: []tableLogin{login(yes, network, "2001:dead::/32").there(no)},
		deviation: "FreeRADIUS takes different networks of one length for equal when it asks for !=",
	},
	{number: 51, profiles: checks(happens, "==", "1622505600"), logins: []tableLogin{login(yes, happens, "Jun  1 2021 00:00:00 UTC")}},
	{
		number: 52, profiles: checks(caller, "==", "%{Called-Station-Id}"),
		logins: []tableLogin{login(yes, caller, "a", called, "a"), login(no, caller, "a", called, "b"), login(no, caller, "a")},
	},
	{number: 53, profiles: checks(caller, "==", "%{%{Called-Station-Id}:-a}"), logins: []tableLogin{login(yes, caller, "a")}},
	{
		number: 54, profiles: checks(caller, "=~", "^%{Called-Station-Id}$"),
		logins:    []tableLogin{login(no, caller, "axb", called, "a.b").there(yes)},
		deviation: "an expanded value stands for itself in a pattern, so that no client can send a pattern",
	},
	{
		number: 55, profiles: checks("User-Password", "==", "%{User-Password}"),
		logins: []tableLogin{login(yes, "User-Password", "anything"), login(yes, "User-Password", "%{at} all")},
	},
	{
		number: 56, profiles: checks("User-Password", "==", "pw"), logins: []tableLogin{login(no).there(yes)},
		deviation: "FreeRADIUS skips the item if there is no password; what is absent never matches here",
	},
	{
		number: 57, profiles: checks("Simultaneous-Use", "==", "1"), logins: []tableLogin{login(no)},
		refused: "has no effect here", deviation: "no request has it, so that the item would never hold",
	},
	{
		number: 57, profiles: checks("Simultaneous-Use", ":=", "1"), logins: []tableLogin{login(no).there(yes)},
		refused: "has no effect here", deviation: "sessions are not counted at logins, so that the item would limit nothing",
	},
	{
		number: 58, profiles: checks("Tunnel-Type:1", "==", "VLAN"),
		logins: []tableLogin{login(yes, "Tunnel-Type:1", "VLAN"), login(no, "Tunnel-Type:2", "VLAN")},
	},
	{number: 59, profiles: []Definition{sets(message, "=", "x"), sets(message, "=", "y")}, logins: []tableLogin{login(replies("x"))}},
	{number: 60, profiles: []Definition{sets(message, "=", "x"), sets(message, ":=", "y")}, logins: []tableLogin{login(replies("y"))}},
	{
		number: 61, profiles: []Definition{sets(message, "=", "x", message, "+=", "x2"), sets(message, ":=", "y")},
		logins: []tableLogin{login(replies("y", "x2"))},
	},
	{number: 62, profiles: []Definition{sets(message, ":=", "x", message, ":=", "y")}, logins: []tableLogin{login(replies("x", "y"))}},
	{
		number: 63, profiles: []Definition{sets(message, "=", "x"), sets(message, "+=", "y", message, "=", "z")},
		logins: []tableLogin{login(replies("x", "y"))},
	},
	{number: 64, profiles: []Definition{sets(message, "+=", "y", message, "=", "z")}, logins: []tableLogin{login(replies("y", "z"))}},
	{
		number: 65, profiles: []Definition{sets(session, "=", "100"), sets(session, "<=", "50")},
		logins: []tableLogin{login(no).there(replies("50"))}, refused: "reply attributes take one of = := +=",
		deviation: "reply items set values and do not compute them",
	},
	{
		number: 66, profiles: []Definition{sets(session, "=", "%{Framed-MTU}")}, logins: []tableLogin{login(yes).there(replies("0"))},
		deviation: "FreeRADIUS sends 0 for a number without a value; here the attribute is left out",
	},
	{
		number: 67, profiles: []Definition{{Check: items(caller, "=~", "a(b)"), Reply: items(message, "=", "%{0}-%{1}")}},
		logins: []tableLogin{login(replies("ab-b"), caller, "abc")},
	},
	{
		number: 68, profiles: []Definition{sets("Framed-IP-Address", ":=", "255.255.255.254")},
		logins: []tableLogin{login(replies("255.255.255.254"))},
	},
}
