package profile

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"vault-plugin-auth-radius/internal/dictionary"
	"vault-plugin-auth-radius/internal/logintime"
)

// The numbers of attributes that are internal to FreeRADIUS, and that mean something
// here, too. In a custom dictionary their names may be those of others.
const (
	authType        = 1000
	expirationDate  = 1010
	simultaneousUse = 1034
	loginTime       = 1042
	currentTime     = 1044
	clockTime       = 1089 // Time-Of-Day
)

// The values of Auth-Type that are known.
const (
	authReject = 4
	authAccept = 254
)

// internalNumber returns the number of an attribute of the request that is internal to
// FreeRADIUS; 0: it is another one. What a source calls by such a name is an
// attribute like others.
func (r reference) internalNumber() uint32 {
	if r.key.list != requestList || !r.attribute.Internal || r.key.vendor != 0 || r.key.path != "" {
		return 0
	}
	return r.key.number
}

// DecidedByClock reports whether check items of the request with that attribute
// look at the time of the login, whatever the request has.
func DecidedByClock(attribute *dictionary.Attribute) bool {
	number := reference{key: keyOf(requestList, attribute), attribute: attribute}.internalNumber()
	return clockParsers[number] != nil
}

// errNoExpansion is the error of a value that would be known at a login only.
var errNoExpansion = errors.New("cannot have expansions here: write it out")

// clockParser returns the clock of a check item: of an operator and a value. The error is an
// operatorError if the operator makes no sense for it.
type clockParser func(operator checkOperator, text string) (clock, error)

// clockParsers are those of the attributes, by their numbers.
var clockParsers = map[uint32]clockParser{
	expirationDate: parseExpiration,
	loginTime:      parseLoginTime,
	currentTime:    parseCurrentTime,
	clockTime:      parseClockTime,
}

// operatorError is a problem with an operator, rather than with a value.
type operatorError string

func (e operatorError) Error() string { return string(e) }

// parseLimitDate returns the time of a date. A number that could be a year or a day, too, is refused: in
// seconds since 1970, which numbers are, 20301231 is long ago.
func parseLimitDate(text string) (dictionary.Moment, error) {
	const since2001 = 1_000_000_000
	if seconds, err := strconv.ParseUint(strings.TrimSpace(text), 10, 64); err == nil && seconds < since2001 {
		return dictionary.Moment{}, errors.New("is a number of seconds since 1970 from before 2001: write a day as 2030-12-31")
	}
	return dictionary.ParseMoment(text)
}

func parseExpiration(operator checkOperator, text string) (clock, error) {
	if operator.test != assigns && !operator.compares(equal) {
		return nil, operatorError("has no meaning for Expiration: " +
			"use :=, which refuses logins from that time on, or ==, which makes the profile match until then")
	}
	until, err := parseLimitDate(text)
	return expiration{until}, err
}

func parseLoginTime(operator checkOperator, text string) (clock, error) {
	if operator.test != assigns {
		return nil, operatorError("has no meaning for Login-Time: " +
			"use :=, which refuses logins at other times, or Current-Time ==, which makes the profile match in the windows only")
	}
	windows, err := logintime.Parse(text)
	return window{windows}, err
}

const currentTimeUsage = "use == or != with windows such as Wk0800-1800, or <, <=, > and >= with a date"

func parseCurrentTime(operator checkOperator, text string) (clock, error) {
	switch {
	case operator.compares(equal), operator.compares(less | greater | apart):
		windows, err := logintime.Parse(text)
		if err != nil {
			return nil, fmt.Errorf("%w; dates take <, <=, > and >=", err)
		}
		if operator.accepts == equal {
			return window{windows}, nil
		}
		return outside{window{windows}}, nil
	case operator.test == compares:
		date, err := parseLimitDate(text)
		return dateComparison{operator.accepts, date}, err
	case operator.test == assigns:
		return nil, operatorError("has no effect here with Current-Time: " + currentTimeUsage + "; Login-Time := refuses logins at other times")
	}
	return nil, operatorError("has no meaning for Current-Time: " + currentTimeUsage)
}

func parseClockTime(operator checkOperator, text string) (clock, error) {
	switch operator.test {
	case compares:
		seconds, err := parseTimeOfDay(text)
		return timeOfDay{operator.accepts, seconds}, err
	case assigns:
		return nil, operatorError("has no effect here with Time-Of-Day: use ==, !=, <, <=, > or >=")
	}
	return nil, operatorError("has no meaning for Time-Of-Day: use ==, !=, <, <=, > or >=")
}

// compares reports whether the operator compares and accepts those orders.
func (o checkOperator) compares(accepts order) bool {
	return o.test == compares && o.accepts == accepts
}

// internalItem compiles a check item whose attribute is internal to FreeRADIUS. done is
// false for one that is compared as others are.
func (c *compiler) internalItem(at place, compiled *checkItem, operator checkOperator) (done, valid bool) {
	number := compiled.target.internalNumber()
	switch {
	case number == 0:
		return false, true
	case number == authType:
		return true, c.authType(at, compiled, operator)
	case clockParsers[number] != nil:
		return true, c.clockItem(at, compiled, operator, clockParsers[number])
	case number == simultaneousUse && operator.test == assigns && c.stored:
		c.ineffective = append(c.ineffective, Problem{at.field("attribute"), "Simultaneous-Use does not limit logins yet"})
		compiled.test = always
		return true, true
	case operator.test == assigns || !c.sentByFreeRADIUS(compiled.target.attribute):
		return true, c.addProblem(at, "attribute", noEffect(compiled.target.attribute))
	}
	return false, true
}

// clockItem compiles an item that the clock decides.
func (c *compiler) clockItem(at place, compiled *checkItem, operator checkOperator, parse clockParser) bool {
	text, err := c.literal(compiled.item.Value)
	if err == nil {
		compiled.clock, err = parse(operator, text)
	}
	compiled.limit = operator.test == assigns
	var wrongOperator operatorError
	switch {
	case errors.As(err, &wrongOperator):
		return c.addProblem(at, "op", err)
	case err != nil:
		return c.addProblem(at, "value", fmt.Errorf("%.40q %w", compiled.item.Value, err))
	}
	return true
}

// authType compiles Auth-Type, of which Reject has an effect.
func (c *compiler) authType(at place, compiled *checkItem, operator checkOperator) bool {
	if operator.test != assigns {
		err := errors.New("compares Auth-Type, which no request has: only Auth-Type := Reject has an effect here")
		return c.addProblem(at, "op", err)
	}
	text, err := c.literal(compiled.item.Value)
	if err != nil {
		return c.addProblem(at, "value", err)
	}
	value, _ := compiled.target.attribute.ParseValue(text) // nil has no number, so it is not one of those
	switch number, _ := compiled.target.attribute.Number64(value); number {
	case authReject:
		compiled.clock, compiled.limit = rejection{}, true
		return true
	case authAccept:
		return c.addProblem(at, "value", fmt.Errorf("%.40q has no effect here: nothing is accepted without a password", text))
	}
	return c.addProblem(at, "value", fmt.Errorf("%.40q has no effect here: only Auth-Type := Reject has one", text))
}

// literal returns a value that has no expansions.
func (c *compiler) literal(value string) (string, error) {
	t, err := c.template(value)
	if err != nil {
		return "", err
	}
	text, plain := t.text()
	if !plain {
		return "", errNoExpansion
	}
	return text, nil
}

// noEffect returns the error for an attribute that controls FreeRADIUS.
func noEffect(attribute *dictionary.Attribute) error {
	name := attribute.Name
	switch {
	case attribute.Number == simultaneousUse:
		return fmt.Errorf("%s has no effect here: it does not limit logins yet", name)
	case strings.EqualFold(name, "Group"):
		return fmt.Errorf("%s has no effect here: compare reply:Group, where directories put the groups of a user", name)
	case isPassword(name):
		return fmt.Errorf("%s has no effect here: passwords are set under users/", name)
	}
	return fmt.Errorf("%s has no effect here: it controls FreeRADIUS, and no request has it", name)
}

func isPassword(name string) bool {
	return strings.Contains(strings.ToLower(name), "-password")
}

// requestNames, and names that begin with requestPrefixes, are attributes internal to
// FreeRADIUS that it may put into a request, and send to freeradius/authorize.
var (
	requestNames = []string{
		"acct-input-octets64", "acct-output-octets64", "acct-session-start-time", "acct-unique-session-id",
		"called-station-ssid", "client-ip-address", "client-shortname", "eap-code", "eap-id", "eap-session-id",
		"eap-session-resumed", "eap-sim-imsi", "eap-type", "hint", "huntgroup-name", "inner-realm-name",
		"inner-tunnel-user-name", "ldap-userdn", "module-failure-message", "module-success-message", "ms-chap-user-name", "ntlm-user-name",
		"outer-realm-name", "peap-version", "realm", "request-processing-stage", "sql-user-name", "stripped-user-domain",
		"stripped-user-name", "tls-psk-identity", "tls-server-name-indication", "user-category", "virtual-server",
		"wimax-mn-nai",
	}
	requestPrefixes = []string{
		"dhcp-", "digest-", "packet-", "radclient-", "soh-", "tls-cert-", "tls-client-cert-", "tls-ocsp-", "tmp-",
	}
)

// sentByFreeRADIUS reports whether a request may have the attribute: one that
// FreeRADIUS puts there, or an operator's own of a custom dictionary.
func (c *compiler) sentByFreeRADIUS(attribute *dictionary.Attribute) bool {
	standard, known := dictionary.Standard().Lookup(attribute.Name)
	if !known || !standard.Same(attribute) {
		return true
	}
	name := strings.ToLower(attribute.Name)
	begins := func(prefix string) bool { return strings.HasPrefix(name, prefix) }
	return slices.Contains(requestNames, name) || slices.ContainsFunc(requestPrefixes, begins)
}
