package login

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/catalog"
	"vault-plugin-auth-radius/internal/challenge"
	"vault-plugin-auth-radius/internal/decision"
	"vault-plugin-auth-radius/internal/lockout"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
	"vault-plugin-auth-radius/internal/users"
)

// explained explains an attempt, which storage does not fail.
func (f *fixture) explained(trial Trial) Explanation {
	f.t.Helper()
	explanation, err := f.service.Explain(f.t.Context(), f.storage, f.settings, trial)
	require.NoError(f.t, err)
	return explanation
}

// foreseen returns a trial for which no source is asked.
func foreseen(name, password string) Trial {
	return Trial{Attempt: Attempt{Username: name, Password: password}, For: decision.Login}
}

// asking returns a trial for which the source is asked.
func asking(name, password string) Trial {
	trial := foreseen(name, password)
	trial.Ask = true
	return trial
}

// verdict is what an explanation comes to.
type verdict struct {
	outcome decision.Outcome
	class   decision.Class
	reason  string
}

func verdictIn(e Explanation) verdict { return verdict{e.Verdict, e.Class, e.Reason} }

// requireForeseen explains an attempt without asking, which leaves no trace.
func (f *fixture) requireForeseen(trial Trial, want verdict) Explanation {
	f.t.Helper()
	f.log.Reset()
	f.decided.take()
	before := f.storage.writeCount()
	explanation := f.explained(trial)
	require.Equal(f.t, want, verdictIn(explanation))
	require.Empty(f.t, f.server.takeQueried(), "the server was asked")
	require.Empty(f.t, f.decided.take())
	require.Empty(f.t, f.log.String())
	require.Equal(f.t, before, f.storage.writeCount())
	return explanation
}

var notAsked = verdict{NotAsked, decision.None, ""}

func TestExplanationWithoutAskingShowsWhatWouldDecide(t *testing.T) {
	t.Parallel()
	f := newFixture(t, locking(3))
	office := f.saveChecked("office", itemOf("User-Name", "==", "alice"))
	f.saveUser("alice", assign(office))
	tries(attemptBy("alice", "wrong"))(f)
	f.server.takeQueried()
	for _, password := range []string{"", rightPassword, "wrong"} {
		e := f.requireForeseen(foreseen("alice", password), notAsked)
		require.Equal(t, []any{"alice", "alice", "the config's host", "", 1},
			[]any{e.Name, e.WireName, e.Route, e.Bar, e.Failures})
		require.True(t, e.Locked.IsZero())
		require.Equal(t, []int64{office}, e.User.Profiles)
		require.Same(t, f.settings.Source, e.Source)
		require.Empty(t, e.Server)
		require.Equal(t, []string{"dev", "office"}, e.Grant.Policies)
		require.NotNil(t, e.Authorization)
		require.Len(t, e.Profiles, 1)
		require.True(t, e.Profiles[0].Matched)
		require.Equal(t, []string{"alice"}, e.Profiles[0].Check[0].Found)
	}
}

func TestExplanationWithoutAskingKnowsWhatSpeaksAgainstALogin(t *testing.T) {
	t.Parallel()
	expired := fixtureTime.Add(-time.Second)
	for _, test := range []struct {
		config  func(*Config)
		prepare func(*fixture)
		trial   Trial
		want    verdict
	}{
		{nil, saves("alice", disabledUser), foreseen("alice", ""), verdict{decision.Refused, decision.Disabled, "the user is disabled"}},
		{
			nil, saves("alice", func(user *users.User) { user.ExpiresAt = &expired }), foreseen("alice", ""),
			verdict{decision.Refused, decision.Expired, "the user has expired"},
		},
		{nil, saves("Alice", nil), foreseen("alice", ""), verdict{decision.Refused, decision.Spelling, "registered as Alice: type it like that"}},
		{
			func(c *Config) { c.RegisteredOnly = true }, nil, foreseen("alice", ""),
			verdict{decision.Refused, decision.Unregistered, "the config has registered_only, and the name is not under users/"},
		},
		{locking(1), tries(attemptBy("alice", "wrong")), foreseen("alice", ""), verdict{decision.Refused, decision.Locked, lockedReason.Text}},
		{nil, nil, foreseen("\x00", ""), verdict{decision.Invalid, decision.Input, "username contains a control character"}},
		{
			nil, nil, foreseen("alice", "pass\x00word"),
			verdict{decision.Invalid, decision.Input, "password contains a NUL character"},
		},
		{
			nil, saves("alice", func(user *users.User) { user.Source = 9 }), foreseen("alice", ""),
			verdict{
				decision.Refused, decision.Misconfigured,
				"the stored config is not valid: write it again: the user's source is gone: set extauth of users/alice",
			},
		},
		{
			nil, func(f *fixture) { f.settings.Source = &source.Source{Checker: f.server, Err: errors.New("no secret")} },
			foreseen("alice", ""),
			verdict{decision.Refused, decision.Misconfigured, "the stored config is not valid: write it again: no secret"},
		},
		{
			nil, breaks(users.KeyPrefix), foreseen("alice", ""),
			verdict{decision.Unanswered, decision.Storage, "reading the names of users: listing users: storage is broken"},
		},
	} {
		f := newFixture(t, test.config)
		if test.prepare != nil {
			test.prepare(f)
		}
		f.server.takeQueried()
		f.requireForeseen(test.trial, test.want)
	}
}

func TestExplanationShowsWhatABarredUserWouldGet(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.saveUser("alice", func(user *users.User) { user.Disabled, user.Policies = true, []string{"dev"} })
	e := f.requireForeseen(foreseen("alice", ""), verdict{decision.Refused, decision.Disabled, "the user is disabled"})
	require.Equal(t, "the user is disabled", e.Bar)
	require.Equal(t, []string{"dev"}, e.Grant.Policies)
}

func TestExplanationSaysUntilWhenANameIsLocked(t *testing.T) {
	t.Parallel()
	f := newFixture(t, locking(1))
	tries(attemptBy("alice", "wrong"))(f)
	f.server.takeQueried()
	e := f.requireForeseen(foreseen("alice", ""), verdict{decision.Refused, decision.Locked, lockedReason.Text})
	require.Positive(t, time.Until(e.Locked))
	require.LessOrEqual(t, time.Until(e.Locked), 10*time.Minute)
}

func TestProfilesThatNeedNoAnswerDecideWithoutOne(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	refused := verdict{decision.Refused, decision.Profiles, "none of the profiles matches: own"}
	for _, test := range []struct {
		attribute, operator, value string
		password                   string
		want                       verdict
	}{
		{"User-Name", "==", "bob", "", refused},
		{"User-Name", "==", "bob", rightPassword, refused},
		{"Login-Time", ":=", "Wk1300-1800", "", verdict{
			decision.Refused, decision.Profiles, "profile own: Login-Time := Wk1300-1800: the time is outside of the windows",
		}},
		{"reply:Class", "==", "staff", "", verdict{NotAsked, decision.None, "without an answer: " + refused.reason}},
		{"Reply:Class", "==", "staff", "", verdict{NotAsked, decision.None, "without an answer: " + refused.reason}},
		{"User-Name", "==", "%{reply:Class}", "", verdict{NotAsked, decision.None, "without an answer: " + refused.reason}},
		{"User-Password", "==", "x", "", verdict{NotAsked, decision.None, "without a password: " + refused.reason}},
		{"User-Name", "==", "%{User-Password}", "", verdict{NotAsked, decision.None, "without a password: " + refused.reason}},
		{"User-Name", "==", "%{reply:Tunnel-Password}", "", verdict{NotAsked, decision.None, "without an answer: " + refused.reason}},
		{"User-Password", "==", "x", "y", refused},
		{"User-Password", "==", "x", "x", notAsked},
	} {
		f.saveUser("alice", assign(f.saveChecked("own", itemOf(test.attribute, test.operator, test.value))))
		e := f.requireForeseen(foreseen("alice", test.password), test.want)
		require.Len(t, e.Profiles, 1)
		require.Equal(t, test.want == notAsked, e.Authorization != nil, "what it gets is known")
	}
}

func TestExplanationOfProfilesIsInTheirOrderWithThoseThatCannotMatch(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	first := f.saveChecked("first", itemOf("User-Name", "==", "bob"))
	disabled := f.saveProfile("disabled", func(p *catalog.Profile) { p.Enabled = false })
	faulty := f.saveChecked("faulty", itemOf("No-Such-Attribute", "==", "x"))
	last := f.saveChecked("last", itemOf("User-Name", "==", "alice"))
	f.saveUser("alice", assign(first, disabled, faulty, last))
	e := f.requireForeseenButLines(foreseen("alice", ""))
	var shown [][]any
	for _, explained := range e.Profiles {
		shown = append(shown, []any{explained.Entry.ShortName, explained.Matched, explained.Fault != nil, len(explained.Check)})
	}
	require.Equal(t, [][]any{{"first", false, false, 1}, {"disabled", false, false, 0}, {"faulty", false, true, 0}, {"last", true, false, 1}},
		shown)
	require.Equal(t, []string{"dev", "last"}, e.Grant.Policies)
}

// requireForeseenButLines is an explanation of a login that nothing speaks against.
func (f *fixture) requireForeseenButLines(trial Trial) Explanation {
	f.t.Helper()
	explanation := f.explained(trial)
	require.Equal(f.t, notAsked, verdictIn(explanation))
	return explanation
}

func TestProfilesOfAnUnknownZoneRefuse(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.saveUser("alice", assign(f.saveChecked("own", itemOf("reply:Class", "==", "x"))))
	f.settings.Zone = nil
	f.requireForeseen(foreseen("alice", ""), verdict{decision.Refused, decision.Profiles, ErrUnknownZone.Error()})
}

func TestExplanationForFreeRADIUS(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	trial := func(name, password string, ask bool) Trial {
		return Trial{Attempt: Attempt{Username: name, Password: password}, For: decision.FreeRADIUS, Ask: ask}
	}
	f.saveExposed("carol", nil)
	f.saveExposed("dora", disabledUser)
	f.saveUser("erin", nil)
	accepted := verdict{decision.Accepted, decision.None, ""}
	e := f.requireForeseen(trial("carol", "", false), accepted)
	require.Equal(t, "local", e.Server)
	f.requireForeseen(trial("dora", "", false), verdict{decision.Refused, decision.Disabled, "the user is disabled"})
	f.requireForeseen(trial("erin", "", false), verdict{
		decision.Refused, decision.NoPasswordExposed,
		"the request has no password, and the user's hash may not be exposed: see expose_credential",
	})
	f.requireForeseen(trial("erin", rightPassword, false), notAsked)
	refusing := trial("erin", rightPassword, false)
	refusing.RefuseSource = func(*source.Source) string { return "not this one" }
	f.requireForeseen(refusing, verdict{decision.Refused, decision.NotForFreeRADIUS, "not this one"})

	require.Equal(t, accepted, verdictIn(f.explained(trial("carol", "", true))))
	require.Equal(t, accepted, verdictIn(f.explained(trial("erin", rightPassword, true))))
	answers(radclient.Challenge, nil)(f)
	require.Equal(t, verdict{decision.Refused, decision.ChallengeFault, notForFreeRADIUS},
		verdictIn(f.explained(trial("erin", "x", true))))
	for _, decided := range f.decided.take() {
		require.Equal(t, decision.Trial, decided.Use)
	}
}

func TestExplanationOfAClientFromOutsideIsThat(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.saveUser("alice", nil)
	outside := verdict{decision.Refused, decision.Address, "outside"}
	for _, prepare := range []func(*fixture){
		func(*fixture) {}, saves("alice", disabledUser), breaks(users.KeyPrefix), breaks(""),
	} {
		prepare(f)
		f.service.Sources.Drop()
		trial := foreseen("alice", "")
		trial.TurnedAway = denied(decision.Address, "outside")
		f.requireForeseen(trial, outside)
	}
	trial := foreseen("\x00", "")
	trial.TurnedAway = denied(decision.Address, "outside")
	f.requireForeseen(trial, outside)
}

func TestExplanationThatAsksIsALoginInAllButTheToken(t *testing.T) {
	t.Parallel()
	f := newFixture(t, locking(2))
	f.saveUser("alice", func(user *users.User) { user.Policies = []string{"dev"} })
	e := f.explained(asking("alice", rightPassword))
	require.Equal(t, verdict{decision.Accepted, decision.None, ""}, verdictIn(e))
	require.Equal(t, []any{"the config", []string{"dev"}}, []any{e.Server, e.Grant.Policies})
	rejected := verdict{decision.Refused, decision.Rejected, rejectReason}
	require.Equal(t, rejected, verdictIn(f.explained(asking("alice", "wrong"))))
	e = f.explained(asking("alice", rightPassword))
	require.Equal(t, decision.Accepted, e.Verdict)
	require.Equal(t, 1, e.Failures, "an accept forgets nothing")
	require.Equal(t, rejected, verdictIn(f.explained(asking("alice", "wrong"))))
	f.server.takeQueried()
	e = f.explained(asking("alice", rightPassword))
	require.Equal(t, verdict{decision.Refused, decision.Locked, lockedReason.Text}, verdictIn(e))
	require.False(t, e.Locked.IsZero())
	require.Empty(t, f.server.takeQueried(), "a locked name is not asked")
	f.requireDenied("alice", rightPassword, lockedReason.Text)
}

func TestExplanationThatAsksNeedsAPassword(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	require.Equal(t, verdict{decision.Invalid, decision.Input, emptyPassword}, verdictIn(f.explained(asking("alice", ""))))
}

func TestExplainedChallengeHasNoNextStepAndCountsNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t, locking(1))
	challengeWith(f.server, stateOf("s"))
	for range 3 {
		before := f.storage.writeCount()
		e := f.explained(asking("alice", "first"))
		require.Equal(t, verdict{decision.Challenged, decision.None, ""}, verdictIn(e))
		require.Zero(t, e.Failures, "the first step is no failed login, as at a login")
		require.Equal(t, before, f.storage.writeCount())
	}
	require.NoError(t, f.storage.Delete(t.Context(), challenge.StorageKey))
	f.service.Challenges.Drop()
	require.Equal(t, decision.Challenged, f.explained(asking("alice", "first")).Verdict, "nothing is sealed for an answer")
	challengeWith(f.server, stateOf("one"), stateOf("two"))
	e := f.explained(asking("alice", "first"))
	require.Equal(t, []any{decision.Refused, decision.ChallengeFault}, []any{e.Verdict, e.Class}, "as a login would be")
	require.Contains(t, e.Reason, "the RADIUS server's challenge cannot be answered")
	e = f.explained(Trial{Attempt: Attempt{Username: "alice", Password: "first"}, For: decision.FreeRADIUS, Ask: true})
	require.Equal(t, notForFreeRADIUS, e.Reason)
}

func TestExplanationShowsWhatTheAnswerHas(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.saveUser("alice", assign(f.saveChecked("own", itemOf("reply:Class", "==", "staff"))))
	reply := ""
	f.server.setRespond(func(source.Query) (source.Answer, error) {
		answer := f.server.answer(radclient.Accept)
		answer.Reply = append(answer.Reply, repliedItem(t, "Class", reply))
		return answer, nil
	})
	for text, want := range map[string]verdict{
		"staff": {decision.Accepted, decision.None, ""},
		"guest": {decision.Refused, decision.Profiles, "none of the profiles matches: own"},
	} {
		reply = text
		e := f.explained(asking("alice", rightPassword))
		require.Equal(t, want, verdictIn(e))
		require.Equal(t, []string{e.Profiles[0].Check[0].Found[0]}, e.Profiles[0].Check[0].Found)
		require.Equal(t, text == "staff", e.Profiles[0].Matched)
	}
}

func TestStorageFaultsFailAnExplanation(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{source.KeyPrefix, users.KeyPrefix + "alice", catalog.DictionaryKeyPrefix} {
		for _, trial := range []Trial{
			foreseen("alice", ""), asking("alice", rightPassword),
			{Attempt: Attempt{Username: "alice"}, For: decision.FreeRADIUS},
		} {
			f := newFixture(t, nil)
			f.saveExposed("alice", nil)
			f.service.Sources.Drop()
			f.service.Dictionaries.Drop()
			f.storage.breakKeys(prefix)
			e, err := f.service.Explain(t.Context(), f.storage, f.settings, trial)
			require.ErrorIs(t, err, errBroken, prefix)
			require.Equal(t, Explanation{}, e)
			require.Len(t, f.decided.take(), map[bool]int{true: 1}[trial.Ask], prefix)
		}
	}
}

// The words of an explanation are those of the log and of what is handed on, whatever refuses.
func TestExplanationHasTheReasonThatIsRecorded(t *testing.T) {
	t.Parallel()
	for _, test := range recordedCases() {
		if test.want.Use != decision.Login || test.want.Class == decision.NotConfigured {
			continue
		}
		f := newFixture(t, nil)
		decided := test.record(f)[0]
		if decided.Class == decision.Input && decided.Username == "alice" && decided.Reason != emptyPassword ||
			decided.Outcome == decision.Invalid && decided.Class == decision.ChallengeFault || decided.LocksName {
			continue // an explanation has no path and no challenge_id; and its own refusal would count
		}
		trial := asking(decided.Username, rightPassword)
		switch {
		case decided.Class == decision.Rejected:
			trial.Password = "wrong"
		case decided.Reason == emptyPassword:
			trial.Password = ""
		case decided.Class == decision.Address:
			trial.TurnedAway = denied(decision.Address, "outside")
		case test.about == "a config that cannot be read" || test.about == "sources that cannot be read":
			continue // an explanation fails
		}
		e := f.explained(trial)
		require.Equal(t, verdict{decided.Outcome, decided.Class, decided.Reason}, verdictIn(e), test.about)
		require.Equal(t, decided.Server, e.Server, test.about)
		again := f.decided.take()
		require.Len(t, again, 1)
		require.Equal(t, decided.Reason, again[0].Reason)
	}
}

func TestExplanationCountsWhereTheLoginCounts(t *testing.T) {
	t.Parallel()
	f := newFixture(t, locking(3))
	f.configure(func(c *Config) { c.Realm = "corp" })
	f.explained(asking("alice", "wrong"))
	f.explained(asking("ALICE@corp", "wrong"))
	e := f.explained(foreseen("alice", ""))
	require.Equal(t, []any{2, "alice@corp"}, []any{e.Failures, e.WireName})
	failures, _ := f.service.Lockouts.Count(lockout.Key{Source: f.settings.Source.Key(), WireName: "alice@corp"}, f.settings.Config.lockoutPolicy())
	require.Equal(t, 2, failures)
}
