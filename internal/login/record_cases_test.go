package login

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/decision"
	"vault-plugin-auth-radius/internal/directory"
	"vault-plugin-auth-radius/internal/lockout"
	"vault-plugin-auth-radius/internal/passwd"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
	"vault-plugin-auth-radius/internal/users"
)

// recorded is a case of a decision, and what is recorded of it.
type recorded struct {
	about   string
	config  func(*Config)
	prepare func(*fixture)
	decide  func(*fixture)
	want    decision.Decision // but when it was, and how long it took
	message string            // of the line; empty for those that floods share
	level   hclog.Level
}

// attemptBy returns an attempt of a client with all that is recorded of one.
func attemptBy(name, password string) Attempt {
	return Attempt{Username: name, Password: password, Address: "192.0.2.7", RequestID: "request-1"}
}

// tries decides about an attempt to log in.
func tries(attempt Attempt) func(*fixture) {
	return func(f *fixture) { _, _ = f.service.Authenticate(f.t.Context(), f.storage, f.settings, attempt) }
}

// renews decides about a renewal of a token.
func renews(name string, kept Kept) func(*fixture) {
	return func(f *fixture) {
		token := tokenOf(name, "192.0.2.7", kept)
		token.RequestID = "request-1"
		_, _, _ = f.service.Renew(f.t.Context(), f.storage, f.settings, token)
	}
}

// forFreeRADIUS makes an attempt one of a user that FreeRADIUS asks for.
func forFreeRADIUS(attempt Attempt) Attempt {
	attempt.Use, attempt.Station = decision.FreeRADIUS, "00-11-22-33-44-55"
	return attempt
}

// exposes decides about a user that FreeRADIUS asks for without a password.
func exposes(name string) func(*fixture) {
	return func(f *fixture) {
		attempt := forFreeRADIUS(attemptBy(name, ""))
		_, _, _ = f.service.Expose(f.t.Context(), f.storage, f.settings, attempt)
	}
}

// explains decides about an attempt of an operator.
func explains(trial Trial) func(*fixture) {
	return func(f *fixture) { _, _ = f.service.Explain(f.t.Context(), f.storage, f.settings, trial) }
}

// answers has the config's server answer with an outcome, or fail.
func answers(outcome radclient.Outcome, err error) func(*fixture) {
	return func(f *fixture) {
		f.server.setRespond(func(query source.Query) (source.Answer, error) {
			if err != nil {
				return source.Answer{}, err
			}
			return f.server.answer(outcome, stateOf("s")), nil
		})
	}
}

// saves stores a user.
func saves(name string, edit func(*users.User)) func(*fixture) {
	return func(f *fixture) { f.saveUser(name, edit) }
}

// breaks has reads of storage fail.
func breaks(prefix string) func(*fixture) {
	return func(f *fixture) { f.storage.breakKeys(prefix) }
}

// byServer returns what is recorded of an attempt that the config's server has answered.
func byServer(use decision.Use, outcome decision.Outcome, class decision.Class, reason string) decision.Decision {
	d := unasked(use, outcome, class, reason)
	d.Server = "the config"
	return d
}

// unasked returns what is recorded of an attempt about which the config's server was not asked.
func unasked(use decision.Use, outcome decision.Outcome, class decision.Class, reason string) decision.Decision {
	d := decision.Decision{
		Use: use, Username: "alice", Address: "192.0.2.7", RequestID: "request-1", Source: "(config)", SourceType: "radius",
		Outcome: outcome, Class: class, Reason: reason,
	}
	if use == decision.FreeRADIUS {
		d.Station = "00-11-22-33-44-55"
	}
	return d
}

// registered changes a decision to one about a name that is under users/.
func registered(d decision.Decision) decision.Decision {
	d.Registered = true
	return d
}

// sourceless changes a decision to one before whose source was looked for.
func sourceless(d decision.Decision) decision.Decision {
	d.Source, d.SourceType = "", ""
	return d
}

// local changes a decision to one about a user whose password is checked here.
func local(d decision.Decision) decision.Decision {
	d.Source, d.SourceType, d.Registered = "local", "local", true
	return d
}

// at changes a decision to one that a server is named in.
func at(server string, d decision.Decision) decision.Decision {
	d.Server = server
	return d
}

// reasons are texts that several cases have.
const (
	rejectReason  = "the fake server's reason"
	emptyName     = "username cannot be empty"
	emptyPassword = "password cannot be empty"
	unreadReason  = "storage cannot be read: listing sources: storage is broken"
)

var disabledUser = func(user *users.User) { user.Disabled = true }

// recordedCases returns a case at least of each class, and of each way to decide.
func recordedCases() []recorded {
	const login, renewal, freeradius, trial = decision.Login, decision.Renewal, decision.FreeRADIUS, decision.Trial
	alice := attemptBy("alice", rightPassword)
	wrong := attemptBy("alice", "wrong")
	expired := fixtureTime.Add(-time.Second)
	silent := &radclient.NoAnswerError{Host: "2001:db8::1", Port: 1812}
	gone := fmt.Errorf("login abandoned: %w", context.Canceled)
	misfit := &directory.ConfigurationError{Server: "ldap.example:389"}
	return append([]recorded{
		{
			about: "accepted", prepare: saves("alice", nil), decide: tries(alice),
			want: registered(byServer(login, decision.Accepted, decision.None, "")), message: "login accepted", level: hclog.Info,
		},
		{
			about: "challenged", prepare: answers(radclient.Challenge, nil), decide: tries(alice),
			want:    byServer(login, decision.Challenged, decision.None, ""),
			message: "login goes on: its source asks for another step", level: hclog.Info,
		},
		{
			about: "rejected", decide: tries(wrong), want: byServer(login, decision.Refused, decision.Rejected, rejectReason),
			message: "login refused by its source", level: hclog.Info,
		},
		{
			about: "no profile", prepare: func(f *fixture) {
				f.saveUser("alice", assign(f.saveChecked("office", itemOf("NAS-Port-Type", "==", "Wireless-802.11"))))
			},
			decide:  tries(alice),
			want:    registered(byServer(login, decision.Refused, decision.Profiles, "none of the profiles matches: office")),
			message: "login refused by the profiles", level: hclog.Info,
		},
		{
			about: "what cannot be a name", decide: tries(attemptBy("", rightPassword)),
			want: func() decision.Decision {
				d := sourceless(unasked(login, decision.Invalid, decision.Input, emptyName))
				d.Username = ""
				return d
			}(),
			message: "login refused: the request is not valid", level: hclog.Info,
		},
		{
			about: "no password", decide: tries(attemptBy("alice", "")),
			want:    unasked(login, decision.Invalid, decision.Input, emptyPassword),
			message: "login refused: the request is not valid", level: hclog.Info,
		},
		{
			about: "a challenge_id that was never made", decide: tries(Attempt{
				Username: "alice", Password: "code", ChallengeID: "made-up", Address: "192.0.2.7", RequestID: "request-1",
			}),
			want: unasked(login, decision.Invalid, decision.ChallengeFault,
				"challenge_id is not valid for this login: log in again"),
			message: "login refused: the request is not valid", level: hclog.Info,
		},
		{
			about: "disabled", prepare: saves("alice", disabledUser), decide: tries(alice),
			want:    registered(unasked(login, decision.Refused, decision.Disabled, "the user is disabled")),
			message: "login refused", level: hclog.Info,
		},
		{
			about: "expired", prepare: saves("alice", func(user *users.User) { user.ExpiresAt = &expired }),
			decide:  tries(alice),
			want:    registered(unasked(login, decision.Refused, decision.Expired, "the user has expired")),
			message: "login refused", level: hclog.Info,
		},
		{
			about: "the failed login that locks the name", config: locking(1), decide: tries(wrong),
			want: func() decision.Decision {
				d := byServer(login, decision.Refused, decision.Rejected, rejectReason)
				d.LocksName = true
				return d
			}(),
			message: "login refused by its source", level: hclog.Info,
		},
		{
			about: "locked", config: locking(1), prepare: tries(wrong), decide: tries(alice),
			want:    unasked(login, decision.Refused, decision.Locked, lockedReason.Text),
			message: "login refused", level: hclog.Info,
		},
		{
			about: "another spelling", prepare: saves("Alice", nil), decide: tries(alice),
			want: unasked(login, decision.Refused, decision.Spelling,
				"registered as Alice: type it like that"),
			message: "login refused", level: hclog.Info,
		},
		{
			about: "not registered", config: func(c *Config) { c.RegisteredOnly = true }, decide: tries(alice),
			want: unasked(login, decision.Refused, decision.Unregistered,
				"the config has registered_only, and the name is not under users/"),
			message: "login refused", level: hclog.Info,
		},
		{
			about: "the test user", config: func(c *Config) { probingAs("alice")(&c.RADIUSSettings) }, decide: tries(alice),
			want: unasked(login, decision.Refused, decision.TestUser,
				"status_check_username of the config has the name: its probes log in under it, and nobody else does"),
			message: "login refused", level: hclog.Info,
		},
		{
			about: "silence", prepare: answers(0, silent), decide: tries(alice),
			want:    at("[2001:db8::1]:1812", unasked(login, decision.Unanswered, decision.NoAnswer, silent.Error())),
			message: "login failed", level: hclog.Error,
		},
		{
			about: "abandoned", prepare: answers(0, gone), decide: tries(alice),
			want:    unasked(login, decision.Unanswered, decision.Abandoned, "the client has gone away: "+gone.Error()),
			message: "login failed", level: hclog.Info,
		},
		{
			about: "a directory that cannot be asked so", prepare: answers(0, misfit), decide: tries(alice),
			want: at("ldap.example:389", unasked(login, decision.Refused, decision.Misconfigured,
				"the directory cannot be asked like this: "+misfit.Error())),
			message: "login refused", level: hclog.Error,
		},
		{
			about: "a source that is gone", prepare: saves("alice", func(user *users.User) { user.Source = 7 }),
			decide: tries(alice),
			want: func() decision.Decision {
				d := registered(unasked(login, decision.Refused, decision.Misconfigured,
					"the stored config is not valid: write it again: the user's source is gone: set extauth of users/alice"))
				return d
			}(),
			message: "login refused", level: hclog.Error,
		},
		{
			about: "sources that cannot be read", prepare: breaks(source.KeyPrefix), decide: tries(alice),
			want:    sourceless(unasked(login, decision.Unanswered, decision.Storage, unreadReason)),
			message: "login failed", level: hclog.Error,
		},
		{
			about: "users that cannot be read", prepare: breaks(users.KeyPrefix), decide: tries(alice),
			want: sourceless(unasked(login, decision.Unanswered, decision.Storage,
				"reading the names of users: listing users: storage is broken")),
			message: "login failed", level: hclog.Error,
		},
		{
			about: "a config that cannot be read", decide: func(f *fixture) { _ = f.service.ReadFault(alice, errBroken) },
			want: sourceless(unasked(login, decision.Unanswered, decision.Storage,
				"storage cannot be read: storage is broken")),
			message: "login failed", level: hclog.Error,
		},
		{
			about: "no config", decide: func(f *fixture) {
				refusal := &Refusal{Text: NotConfiguredText, Reason: Reason{decision.NotConfigured, NotConfiguredText}}
				f.service.TurnAway(f.t.Context(), f.storage, nil, alice, refusal, nil)
			},
			want:    sourceless(unasked(login, decision.Refused, decision.NotConfigured, NotConfiguredText)),
			message: "login refused", level: hclog.Error,
		},
		{
			about: "from outside", prepare: saves("alice", nil), decide: func(f *fixture) {
				f.service.TurnAway(f.t.Context(), f.storage, f.settings, alice, denied(decision.Address, "outside"), nil)
			},
			want:    registered(unasked(login, decision.Refused, decision.Address, "outside")),
			message: "login refused", level: hclog.Warn,
		},
		{
			about: "from outside, and storage cannot be read", prepare: breaks(""), decide: func(f *fixture) {
				f.service.TurnAway(f.t.Context(), f.storage, f.settings, alice, denied(decision.Address, "outside"), nil)
			},
			want:    sourceless(unasked(login, decision.Refused, decision.Address, "outside")),
			message: "login refused", level: hclog.Warn,
		},
		{
			about: "what makes no sense", decide: func(f *fixture) {
				f.service.TurnAway(f.t.Context(), f.storage, f.settings, alice, nil, errBroken)
			},
			want:    unasked(login, decision.Invalid, decision.Input, errBroken.Error()),
			message: "login refused: the request is not valid", level: hclog.Info,
		},
		{
			about: "a flood at a server", prepare: answers(0, &radclient.FullError{Host: "192.0.2.1", Port: 1812}),
			decide: tries(alice),
			want: at("192.0.2.1:1812", unasked(login, decision.Unanswered, decision.Flood,
				"too many wait: "+(&radclient.FullError{Host: "192.0.2.1", Port: 1812}).Error())),
			level: hclog.Error,
		},
		{
			about: "a flood at a directory", prepare: answers(0, &directory.FullError{Server: "ldap.example:389"}),
			decide: tries(alice),
			want: at("ldap.example:389", unasked(login, decision.Unanswered, decision.Flood,
				"too many wait: "+(&directory.FullError{Server: "ldap.example:389"}).Error())),
			level: hclog.Error,
		},
		{
			about: "a flood at the hashes", prepare: answers(0, &passwd.FullError{}), decide: tries(alice),
			want: unasked(login, decision.Unanswered, decision.Flood,
				"too many wait for their passwords to be checked here: "+(&passwd.FullError{}).Error()),
			level: hclog.Error,
		},
		{
			about: "a flood of a name", prepare: answers(0, lockout.TurnError("others")), decide: tries(alice),
			want:  unasked(login, decision.Unanswered, decision.Flood, "too many of a name wait: others"),
			level: hclog.Error,
		},
	}, append(recordedRenewals(renewal), append(recordedForFreeRADIUS(freeradius), recordedTrials(trial)...)...)...)
}

// record makes the decision of the case, the only one that is left in the fixture's records.
func (r recorded) record(f *fixture) []decision.Decision {
	f.t.Helper()
	f.configure(r.config)
	if r.prepare != nil {
		r.prepare(f)
	}
	f.log.Reset()
	f.decided.take()
	r.decide(f)
	taken := f.decided.take()
	require.Len(f.t, taken, 1, r.about)
	return taken
}
