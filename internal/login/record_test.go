package login

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/decision"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
)

// lineAbout returns the line that the log has to have about a decision, without its end.
func lineAbout(level hclog.Level, message string, d decision.Decision) string {
	line := &logBuffer{}
	hclog.New(&hclog.LoggerOptions{Output: line, Level: hclog.Debug, DisableTime: true}).Log(level, message,
		"username", d.Username, "source", d.Source, "server", d.Server, "outcome", string(d.Outcome), "reason", d.Reason,
		"duration_ms", float64(d.Duration.Round(10*time.Microsecond))/float64(time.Millisecond),
		"request_id", d.RequestID, "use", string(d.Use))
	return strings.TrimSuffix(line.String(), "\n")
}

func TestEachDecisionIsRecordedOnce(t *testing.T) {
	t.Parallel()
	for _, test := range recordedCases() {
		t.Run(test.about, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, nil)
			decided := test.record(f)[0]
			require.Equal(t, fixtureTime, decided.Time)
			require.GreaterOrEqual(t, decided.Duration, decided.Own)
			require.GreaterOrEqual(t, decided.Own, time.Duration(0))

			lines := strings.Count(f.log.String(), " use=")
			require.Equal(t, 1, lines, "%s", f.log)
			if test.message != "" {
				require.Contains(t, f.log.String(), lineAbout(test.level, test.message, decided))
			} else {
				require.Contains(t, f.log.String(), "[ERROR] logins refused: "+strings.SplitN(test.want.Reason, ":", 2)[0])
			}
			decided.Time, decided.Duration, decided.Own = time.Time{}, 0, 0
			require.Equal(t, test.want, decided)
		})
	}
}

func TestEachClassAndUseAndOutcomeIsRecorded(t *testing.T) {
	t.Parallel()
	classes, uses, outcomes := slices.Clone(decision.Classes), slices.Clone(decision.Uses), slices.Clone(decision.Outcomes)
	for _, test := range recordedCases() {
		classes = slices.DeleteFunc(classes, func(class decision.Class) bool { return class == test.want.Class })
		uses = slices.DeleteFunc(uses, func(use decision.Use) bool { return use == test.want.Use })
		outcomes = slices.DeleteFunc(outcomes, func(outcome decision.Outcome) bool { return outcome == test.want.Outcome })
	}
	require.Empty(t, classes)
	require.Empty(t, uses)
	require.Empty(t, outcomes)
}

// A line, and what is handed on, have no password and no code.
func TestNothingSecretIsRecorded(t *testing.T) {
	t.Parallel()
	const secret = "hunter2-hunter2"
	for about, attempt := range map[string]Attempt{
		"a password":        {Username: "alice", Password: secret},
		"a code":            {Username: "alice", Password: secret, ChallengeID: "made-up"},
		"a challenge":       {Username: "alice", Password: "code", ChallengeID: secret},
		"a long password":   {Username: "alice", Password: strings.Repeat(secret, 100)},
		"a NUL":             {Username: "alice", Password: secret + "\x00"},
		"not a name either": {Username: "\x00", Password: secret},
		"a client's word":   {Username: "alice", Password: "x", ClientAttributes: map[string]string{"device": secret}},
	} {
		f := newFixture(t, nil)
		f.saveUser("alice", assign(f.saveChecked("own", itemOf("User-Password", "==", secret+"!"), itemOf("client:device", "==", "x"))))
		for _, outcome := range []radclient.Outcome{radclient.Accept, radclient.Reject, radclient.Challenge} {
			answers(outcome, nil)(f)
			tries(attempt)(f)
			tries(forFreeRADIUS(attempt))(f)
			explains(Trial{Attempt: attempt, For: decision.Login, Ask: true})(f)
			renews("alice", Kept{Password: attempt.Password, Registered: true, Profiles: []string{"1:1"}})(f)
		}
		require.NotContains(t, f.log.String(), secret, about)
		for _, decided := range f.decided.take() {
			require.NotContains(t, decided.Reason, secret, about)
		}
	}
}

func TestStepThatAnswersAChallengeIsRecordedAsOne(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	challengeWith(f.server, stateOf("s"))
	id, _ := f.requireChallenged(Attempt{Username: "alice", Password: "first"})
	tries(Attempt{Username: "alice", Password: rightPassword, ChallengeID: id})(f)
	taken := f.decided.take()
	require.Equal(t, []bool{false, true}, []bool{taken[0].Answers, taken[1].Answers})
}

func TestTimeOfTheSourceIsNotThePluginsOwn(t *testing.T) {
	t.Parallel()
	const inServer, inStorage = 3 * time.Second, 10 * time.Millisecond
	for about, decide := range map[string]func(*fixture){
		"a login":   tries(attemptBy("alice", rightPassword)),
		"a renewal": renews("alice", Kept{Password: rightPassword}),
		"a trial":   explains(Trial{Attempt: attemptBy("alice", rightPassword), For: decision.Login, Ask: true}),
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, nil)
			f.storage.latency = inStorage
			f.server.setRespond(func(source.Query) (source.Answer, error) {
				time.Sleep(inServer)
				return f.server.answer(radclient.Accept), nil
			})
			began := time.Now()
			decide(f)
			decided := f.decided.take()[0]
			require.Equal(t, time.Since(began), decided.Duration, about)
			require.Equal(t, inServer, decided.Duration-decided.Own, about)
			require.GreaterOrEqual(t, decided.Own, inStorage, about)
			require.Contains(t, f.log.String(), " duration_ms=3")
		})
	}
}

func TestTimeOfTheLoginsBeforeIsNotThePluginsOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, locking(1)) // which lets the logins of a name in after each other
		f.requireAccepted("bob")
		f.decided.take()
		f.server.setRespond(func(source.Query) (source.Answer, error) {
			time.Sleep(3 * time.Second)
			return f.server.answer(radclient.Accept), nil
		})
		var logins sync.WaitGroup
		for range 2 {
			logins.Go(func() { tries(attemptBy("alice", rightPassword))(f) })
		}
		logins.Wait()
		taken := f.decided.take()
		require.Equal(t, []time.Duration{3 * time.Second, 6 * time.Second},
			[]time.Duration{taken[0].Duration, taken[1].Duration})
		require.Equal(t, []time.Duration{0, 0}, []time.Duration{taken[0].Own, taken[1].Own})
	})
}

func TestFloodHasALineAMinuteAndEachDecisionIsHandedOn(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	first, second := &radclient.FullError{Host: "192.0.2.1", Port: 1812}, &radclient.FullError{Host: "192.0.2.2", Port: 1812}
	refuse := func(times int, fault error) {
		answers(0, fault)(f)
		for range times {
			tries(attemptBy("alice", rightPassword))(f)
		}
	}
	refuse(50, first)
	require.Len(t, f.decided.take(), 50)
	require.Equal(t, 1, strings.Count(f.log.String(), "\n"))
	require.Contains(t, f.log.String(), "[ERROR] logins refused: too many wait: server=192.0.2.1:1812 refused=1 reason=")
	refuse(2, second)
	require.Contains(t, f.log.String(), "server=192.0.2.2:1812 refused=1 ", "another server has a line of its own")
	f.now = f.now.Add(time.Minute)
	f.log.Reset()
	refuse(1, first)
	require.Contains(t, f.log.String(), "server=192.0.2.1:1812 refused=50 ")
	require.Contains(t, f.log.String(), `source="(config)" use=login`)
}

func TestServiceWithoutAListenerDecidesAllTheSame(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.service.Decided = nil
	f.requireAccepted("alice")
	require.Contains(t, f.log.String(), "login accepted: username=alice")
}

// What is typed is quoted: it makes no key of its own.
func TestNameForgesNoKeyOfALine(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	const name = `x outcome=accepted use="login`
	tries(attemptBy(name, "wrong"))(f)
	decided := f.decided.take()[0]
	require.Equal(t, name, decided.Username)
	require.Contains(t, f.log.String(), `username="x outcome=accepted use=\"login" source="(config)" `)
	require.Equal(t, 1, strings.Count(f.log.String(), "\n"))
}
