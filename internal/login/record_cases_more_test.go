package login

import (
	"github.com/hashicorp/go-hclog"

	"vault-plugin-auth-radius/internal/decision"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
	"vault-plugin-auth-radius/internal/users"
)

// recordedRenewals returns the cases of renewals.
func recordedRenewals(renewal decision.Use) []recorded {
	kept := Kept{Password: rightPassword}
	return []recorded{
		{
			about: "renewed", decide: renews("alice", kept), want: byServer(renewal, decision.Accepted, decision.None, ""),
			message: "renewal accepted", level: hclog.Info,
		},
		{
			about: "renewed without a password", config: recheckConfig, decide: renews("alice", Kept{}),
			want: unasked(renewal, decision.Accepted, decision.None, ""), message: "renewal accepted", level: hclog.Info,
		},
		{
			about: "not renewed by the source", decide: renews("alice", Kept{Password: "changed"}),
			want:    byServer(renewal, decision.Refused, decision.Rejected, rejectReason),
			message: "renewal refused by its source", level: hclog.Info,
		},
		{
			about: "renewal that needs a step", prepare: answers(radclient.Challenge, nil), decide: renews("alice", kept),
			want: byServer(renewal, decision.Refused, decision.ChallengeFault,
				"the RADIUS server asks for another step, and nobody is there to take it: see renewal=recheck"),
			message: "renewal refused", level: hclog.Error,
		},
		{
			about: "renewal by another source", decide: renews("alice", Kept{Source: "extauth/9"}),
			want: unasked(renewal, decision.Refused, decision.Changed,
				"another source checks the user now, not renewing"),
			message: "renewal refused", level: hclog.Info,
		},
		{
			about: "renewal of other policies", decide: func(f *fixture) {
				token := tokenOf("alice", "192.0.2.7", kept)
				token.RequestID, token.SamePolicies = "request-1", func([]string) bool { return false }
				_, _, _ = f.service.Renew(f.t.Context(), f.storage, f.settings, token)
			},
			want:    byServer(renewal, decision.Refused, decision.Changed, "policies have changed, not renewing"),
			message: "renewal refused", level: hclog.Info,
		},
		{
			about: "renewal of a user that was deleted", config: recheckConfig, decide: renews("alice", Kept{Registered: true}),
			want: unasked(renewal, decision.Refused, decision.Unregistered,
				"user is no longer registered, not renewing"),
			message: "renewal refused", level: hclog.Info,
		},
		{
			about: "renewal out of hours", config: recheckConfig, prepare: func(f *fixture) {
				f.saveUser("alice", assign(f.saveChecked("office", itemOf("Login-Time", ":=", "Wk1300-1800"))))
			},
			decide: renews("alice", Kept{Registered: true, Profiles: []string{"1:1"}}),
			want: registered(unasked(renewal, decision.Refused, decision.Profiles,
				"profile office: Login-Time := Wk1300-1800: the time is outside of the windows")),
			message: "renewal refused by the profiles", level: hclog.Info,
		},
		{
			about: "renewal that is not answered", prepare: answers(0, errBroken), decide: renews("alice", kept),
			want:    unasked(renewal, decision.Unanswered, decision.NoAnswer, errBroken.Error()),
			message: "renewal failed", level: hclog.Error,
		},
		{
			about: "renewal while users cannot be read", prepare: breaks(users.KeyPrefix), decide: renews("alice", kept),
			want: sourceless(unasked(renewal, decision.Unanswered, decision.Storage,
				"storage cannot be read: reading the names of users: listing users: storage is broken")),
			message: "renewal failed", level: hclog.Error,
		},
		{
			about: "renewal of no name", decide: renews("", kept), want: func() decision.Decision {
				d := sourceless(unasked(renewal, decision.Invalid, decision.Input, emptyName))
				d.Username = ""
				return d
			}(),
			message: "renewal refused: the name is not valid", level: hclog.Info,
		},
	}
}

// recordedForFreeRADIUS returns those of users that FreeRADIUS asks for.
func recordedForFreeRADIUS(freeradius decision.Use) []recorded {
	alice := forFreeRADIUS(attemptBy("alice", rightPassword))
	refusing := alice
	refusing.RefuseSource = func(*source.Source) string { return "not this one" }
	return []recorded{
		{
			about: "accepted for FreeRADIUS", decide: tries(alice),
			want: byServer(freeradius, decision.Accepted, decision.None, ""), message: "login accepted", level: hclog.Info,
		},
		{
			about: "a source that is not for FreeRADIUS", decide: tries(refusing),
			want:    unasked(freeradius, decision.Refused, decision.NotForFreeRADIUS, "not this one"),
			message: "login refused", level: hclog.Info,
		},
		{
			about: "a step that FreeRADIUS cannot take", prepare: answers(radclient.Challenge, nil), decide: tries(alice),
			want:    byServer(freeradius, decision.Refused, decision.ChallengeFault, notForFreeRADIUS),
			message: "login refused", level: hclog.Error,
		},
		{
			about: "exposed", prepare: func(f *fixture) { f.saveExposed("alice", nil) }, decide: exposes("alice"),
			want:    at("local", local(unasked(freeradius, decision.Accepted, decision.None, ""))),
			message: "login accepted", level: hclog.Info,
		},
		{
			about: "nothing to expose", decide: exposes("alice"),
			want: unasked(freeradius, decision.Refused, decision.NoPasswordExposed,
				"the request has no password, and the name is not under users/"),
			message: "login refused", level: hclog.Info,
		},
		{
			about: "exposed and disabled", prepare: func(f *fixture) { f.saveExposed("alice", disabledUser) },
			decide:  exposes("alice"),
			want:    local(unasked(freeradius, decision.Refused, decision.Disabled, "the user is disabled")),
			message: "login refused", level: hclog.Info,
		},
		{
			about: "not read for FreeRADIUS", prepare: breaks(source.KeyPrefix), decide: exposes("alice"),
			want:    sourceless(unasked(freeradius, decision.Unanswered, decision.Storage, unreadReason)),
			message: "login failed", level: hclog.Error,
		},
	}
}

// recordedTrials returns those of operators.
func recordedTrials(trial decision.Use) []recorded {
	asking := func(name, password string) Trial {
		return Trial{Attempt: attemptBy(name, password), For: decision.Login, Ask: true}
	}
	verifies := func(name, password string) func(*fixture) {
		return func(f *fixture) {
			_, _ = f.service.Verify(f.t.Context(), f.storage, f.settings.Config, f.settings.Source, attemptBy(name, password))
		}
	}
	turned := asking("alice", rightPassword)
	turned.TurnedAway = denied(decision.Address, "outside")
	return []recorded{
		{
			about: "explained, accepted", decide: explains(asking("alice", rightPassword)),
			want: byServer(trial, decision.Accepted, decision.None, ""), message: "trial accepted", level: hclog.Info,
		},
		{
			about: "explained, rejected", decide: explains(asking("alice", "wrong")),
			want:    byServer(trial, decision.Refused, decision.Rejected, rejectReason),
			message: "trial refused by its source", level: hclog.Info,
		},
		{
			about: "explained, from outside", decide: explains(turned),
			want:    unasked(trial, decision.Refused, decision.Address, "outside"),
			message: "trial refused", level: hclog.Warn,
		},
		{
			about: "explained, not read", prepare: breaks(source.KeyPrefix), decide: explains(asking("alice", rightPassword)),
			want:    sourceless(unasked(trial, decision.Unanswered, decision.Storage, unreadReason)),
			message: "trial failed", level: hclog.Error,
		},
		{
			about: "verified with a code", config: separatedBy(","), decide: verifies("alice", rightPassword+",123456"),
			want: byServer(trial, decision.Refused, decision.Unasked,
				"a code came with the password, and the source does not ask for one: see passcode_unasked"),
			message: "trial refused", level: hclog.Info,
		},
		{
			about: "verified, accepted", decide: verifies("alice", rightPassword),
			want: byServer(trial, decision.Accepted, decision.None, ""), message: "trial accepted", level: hclog.Info,
		},
		{
			about: "verified, challenged", prepare: answers(radclient.Challenge, nil), decide: verifies("alice", "any"),
			want:    byServer(trial, decision.Challenged, decision.None, ""),
			message: "trial ended: its source asks for another step", level: hclog.Info,
		},
		{
			about: "verified without a password", decide: verifies("alice", ""),
			want:    unasked(trial, decision.Invalid, decision.Input, emptyPassword),
			message: "trial refused: the request is not valid", level: hclog.Info,
		},
		{
			about: "verified, not read", prepare: breaks(source.KeyPrefix), decide: verifies("alice", rightPassword),
			want:    unasked(trial, decision.Unanswered, decision.Storage, unreadReason),
			message: "trial failed", level: hclog.Error,
		},
	}
}
