// Package decision describes what was decided about logins, in the words and classes that
// the log, the metrics and the kept attempts share.
package decision

import "time"

// Decision is what was decided about an attempt to log in, to renew a token, or about a
// user that FreeRADIUS asks for.
type Decision struct {
	Time     time.Time // when it was decided
	Use      Use
	Username string // canonical; empty if what was typed cannot be a name
	// Registered reports whether the very name is under users/.
	Registered bool
	Address    string // of the client, as Vault believes it; empty: unknown
	Station    string // Calling-Station-Id of a request of FreeRADIUS; empty: none

	Source     string // by name, or as source.Source.Label has it; empty: none was found
	SourceType string // radius, cerb, ldap, ad, local; empty: none was found
	Server     string // that answered, or that the fault is about; empty: none

	Outcome Outcome
	Class   Class
	Reason  string // of what is not accepted, in the words of the log; empty: none

	Answers   bool // a challenge of the login's step before
	LocksName bool // it is the failed login after which the name is locked out

	Duration time.Duration // from the request to the decision
	// Own is the part of Duration that the plugin needed itself: without the wait for the
	// source, and for other logins of the name.
	Own       time.Duration
	RequestID string // Vault's, which the audit log has too; empty: none
}

// Use is what a decision is for.
type Use string

// The uses.
const (
	Login      Use = "login"
	Renewal    Use = "renewal"
	FreeRADIUS Use = "freeradius"
	Trial      Use = "trial" // by an operator: explain, verify
)

// Uses are all uses.
var Uses = []Use{Login, Renewal, FreeRADIUS, Trial}

// Outcome is what came of an attempt.
type Outcome string

// The outcomes.
const (
	Accepted   Outcome = "accepted"
	Challenged Outcome = "challenged" // the source asks for another step
	Refused    Outcome = "refused"
	Unanswered Outcome = "unanswered" // nothing has judged the password
	Invalid    Outcome = "invalid"    // the request is wrong, whoever sends it
)

// Outcomes are all outcomes.
var Outcomes = []Outcome{Accepted, Challenged, Refused, Unanswered, Invalid}

// Class is the kind of a reason: a label of metrics, so that there are few.
type Class string

// The classes.
const (
	None              Class = "none"               // accepted, or challenged
	Input             Class = "input"              // a name, a password or a challenge_id that cannot be one
	NotConfigured     Class = "not_configured"     // there is no config, or no source for the name
	Address           Class = "client_address"     // unknown, or outside token_bound_cidrs
	Disabled          Class = "disabled"           // the user's entry says so
	Expired           Class = "expired"            // as the user's entry says
	Locked            Class = "locked"             // after failed logins
	Spelling          Class = "spelling"           // of a registered name, or a hidden or realm form of it
	Unregistered      Class = "unregistered"       // and only registered users log in, or are renewed
	TestUser          Class = "test_user"          // of probes
	Rejected          Class = "rejected"           // by the source
	Profiles          Class = "profiles"           // by the profiles
	ChallengeFault    Class = "challenge"          // the source's next step cannot be taken
	Unasked           Class = "passcode_unasked"   // a code that the source does not ask for
	Misconfigured     Class = "misconfigured"      // the config or the source cannot be used as it is stored
	NoAnswer          Class = "no_answer"          // of the source
	Flood             Class = "flood"              // too many wait
	Storage           Class = "storage"            // of Vault cannot be read
	Abandoned         Class = "abandoned"          // by the client
	Changed           Class = "changed"            // what a token was made of, so that it is not renewed
	NotForFreeRADIUS  Class = "not_for_freeradius" // such users are not accepted for FreeRADIUS
	NoPasswordExposed Class = "no_password"        // FreeRADIUS has no password, and gets no hash
)

// Classes are all classes.
var Classes = []Class{
	None, Input, NotConfigured, Address, Disabled, Expired, Locked, Spelling, Unregistered, TestUser, Rejected,
	Profiles, ChallengeFault, Unasked, Misconfigured, NoAnswer, Flood, Storage, Abandoned, Changed, NotForFreeRADIUS, NoPasswordExposed,
}
