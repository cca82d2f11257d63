package login

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"

	"vault-plugin-auth-radius/internal/lockout"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
	"vault-plugin-auth-radius/internal/users"
)

func locking(threshold int) func(*Config) {
	return func(config *Config) {
		config.LockoutThreshold, config.LockoutDuration, config.LockoutCounterReset = threshold, 600, 60
	}
}

func TestNameIsLockedAfterTheThresholdUntilItsTimeIsUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, locking(3))
		for range 2 {
			f.requireDenied("alice", "wrong", "login refused by its source")
			require.NotContains(t, f.log.String(), "locked out")
		}
		f.requireDenied("alice", "wrong", "a name is locked out after failed logins: username=alice failed=3 for=10m0s")
		f.server.takeQueried()
		for _, password := range []string{rightPassword, "wrong"} {
			f.requireDenied("alice", password, lockedReason.Text)
		}
		require.Empty(t, f.server.takeQueried())
		f.requireAccepted("bob")
		time.Sleep(10*time.Minute - 1)
		f.requireDenied("alice", rightPassword, lockedReason.Text)
		time.Sleep(time.Nanosecond)
		f.requireAccepted("alice")
	})
}

func TestAcceptedLoginForgetsFailedOnes(t *testing.T) {
	t.Parallel()
	f := newFixture(t, locking(2))
	for range 3 {
		f.requireDenied("alice", "wrong", "login refused by its source")
		f.requireAccepted("alice")
	}
}

func TestFailedLoginsAreForgottenAfterTheReset(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, locking(2))
		f.requireDenied("alice", "wrong", "login refused by its source")
		time.Sleep(time.Minute)
		f.requireDenied("alice", "wrong", "login refused by its source")
		f.requireAccepted("alice")
	})
}

func TestNoNameIsLockedWithoutAThreshold(t *testing.T) {
	t.Parallel()
	f := newFixture(t, locking(0))
	for range 20 {
		f.requireDenied("alice", "wrong", "login refused by its source")
	}
	f.requireAccepted("alice")
}

// A server takes spellings, and what the mount makes one name, for one account.
func TestFailedLoginsCountByTheNameThatTheSourceIsAskedAbout(t *testing.T) {
	t.Parallel()
	f := newFixture(t, locking(3))
	f.configure(func(config *Config) { config.Realm = "corp" })
	for _, name := range []string{"carla", "CARLA@corp", `CORP\c` + "\u00e1rla"} {
		f.requireDenied(name, "wrong", "login refused by its source")
	}
	f.requireDenied("carla", rightPassword, lockedReason.Text)
	f.requireAccepted("carla@else")
}

func TestFailedLoginsCountForTheSourceThatWasAsked(t *testing.T) {
	t.Parallel()
	f := newFixture(t, locking(1))
	id, _ := f.saveSource("corp", source.TypeRADIUS, nil)
	f.saveUser("alice", nil)
	f.requireDenied("alice", "wrong", "login refused by its source")
	f.requireDenied("alice", rightPassword, lockedReason.Text)
	f.saveUser("alice", func(user *users.User) { user.Source = id })
	result := f.requireAccepted("alice")
	require.Equal(t, "corp", result.Authorization.Source.Name)
}

// step answers a challenge, or begins a login if the id is empty.
func (f *fixture) step(id, code string) Outcome {
	f.t.Helper()
	result, err := f.authenticate(Attempt{Username: "alice", Password: code, ChallengeID: id, Address: "192.0.2.7"})
	require.NoError(f.t, err)
	return result
}

// nextID requires that the outcome is a challenge, and returns the id to answer it with.
func (f *fixture) nextID(result Outcome) string {
	f.t.Helper()
	require.Nil(f.t, result.Refusal, f.log)
	require.Equal(f.t, radclient.Challenge, result.Answer.Outcome)
	require.NotNil(f.t, result.Next, f.log)
	return result.Next.ID
}

// askForCodes has the servers answer all but the code "right-code" with a challenge.
func (f *fixture) askForCodes() {
	f.server.setRespond(func(query source.Query) (source.Answer, error) {
		if query.Answers != nil && query.Password == "right-code" {
			return f.server.answer(radclient.Accept), nil
		}
		return f.server.answer(radclient.Challenge, &radius.AVP{Type: rfc2865.State_Type, Attribute: []byte("state")}), nil
	})
}

func TestFirstChallengeIsNoFailedLogin(t *testing.T) {
	t.Parallel()
	f := newFixture(t, locking(1))
	f.askForCodes()
	for range 3 {
		result := f.step("", rightPassword)
		f.nextID(result)
		require.Empty(t, result.Grant, "a challenge grants nothing yet")
	}
	result := f.step(f.nextID(f.step("", rightPassword)), "right-code")
	require.Equal(t, radclient.Accept, result.Answer.Outcome)
	require.Equal(t, "alice", result.Challenge.Username)
	require.Equal(t, &radclient.Challenged{Host: "the config:1812", Server: "the config", State: []byte("state")},
		f.server.lastQuery(t).Answers)
	require.Empty(t, f.service.Lockouts.Locked())
}

// A server may answer a wrong code with another challenge, without a word that it is wrong.
func TestChallengeAfterAnAnsweredOneIsAFailedLogin(t *testing.T) {
	t.Parallel()
	f := newFixture(t, locking(2))
	f.askForCodes()
	first := f.nextID(f.step("", rightPassword))
	second := f.nextID(f.step(first, "wrong-code"))
	outcome := f.step(second, "wrong-code")
	require.Equal(t, 2, outcome.failures)
	third := f.nextID(outcome)
	require.Contains(t, f.log.String(), "a name is locked out after failed logins: username=alice failed=2")
	f.server.takeQueried()
	result := f.step(third, "right-code")
	require.Equal(t, &Refusal{Text: DeniedText}, shown(result.Refusal))
	require.Equal(t, &Refusal{Text: DeniedText}, shown(f.step("", rightPassword).Refusal))
	require.Empty(t, f.server.takeQueried())
}

// It may have been a login of two steps: the failure is taken back when it is accepted.
func TestLoginOfTwoStepsIsNotLockedOutByItsFirst(t *testing.T) {
	t.Parallel()
	f := newFixture(t, locking(1))
	f.askForCodes()
	first := f.nextID(f.step("", rightPassword))
	second := f.nextID(f.step(first, "first-code"))
	require.Equal(t, &Refusal{Text: DeniedText}, shown(f.step("", rightPassword).Refusal), "others of the name are locked out")
	require.Equal(t, radclient.Accept, f.step(second, "right-code").Answer.Outcome)
	require.Empty(t, f.service.Lockouts.Locked())
	f.nextID(f.step("", rightPassword))
}

func TestRejectedCodeIsAFailedLogin(t *testing.T) {
	t.Parallel()
	f := newFixture(t, locking(1))
	f.askForCodes()
	id := f.nextID(f.step("", rightPassword))
	f.server.setRespond(func(source.Query) (source.Answer, error) { return f.server.answer(radclient.Reject), nil })
	require.Equal(t, DeniedText, f.step(id, "wrong-code").Refusal.Text)
	require.Equal(t, DeniedText, f.step("", rightPassword).Refusal.Text)
	require.Contains(t, f.service.Lockouts.Locked(), "alice")
}

// No more logins of a name are decided at once than may fail: the others wait, for no
// longer than for an answer.
func TestLoginThatWaitsForOthersOfItsNameTooLongIsUnanswered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, locking(1))
		f.configure(func(config *Config) { config.ReadTimeout = 5 })
		release := make(chan struct{})
		f.server.setRespond(func(source.Query) (source.Answer, error) {
			<-release
			return f.server.answer(radclient.Reject), nil
		})
		done := make(chan Outcome)
		begin := func(password string) {
			result, err := f.service.Authenticate(t.Context(), f.storage, f.settings, Attempt{Username: "alice", Password: password})
			assert.NoError(t, err)
			done <- result
		}
		go begin("wrong")
		synctest.Wait()
		began := time.Now()
		result := f.login("alice", rightPassword)
		require.Equal(t, &Refusal{Text: NoAnswerText, Unanswered: true}, shown(result.Refusal))
		require.Equal(t, 5*time.Second, time.Since(began))
		require.Contains(t, f.log.String(), "logins refused: too many of a name wait: username=alice refused=1")
		go begin(rightPassword)
		synctest.Wait()
		close(release)
		first, second := <-done, <-done
		require.Equal(t, DeniedText, first.Refusal.Text)
		require.Equal(t, DeniedText, second.Refusal.Text)
		require.Len(t, f.server.takeQueried(), 1, "the first has locked the name before the others were decided")
		require.Contains(t, f.log.String(), lockedReason.Text)
	})
}

func TestBlockedUserDoesNotWaitForLoginsThatAreUnderWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, locking(1))
		f.saveUser("alice", disable)
		turn, _, err := f.service.Lockouts.Begin(t.Context(), f.lockoutLogin("alice", f.settings.Source))
		require.NoError(t, err)
		defer turn.End(lockout.Undecided)
		began := time.Now()
		f.requireDenied("alice", rightPassword, "the user is disabled")
		require.Zero(t, time.Since(began))
	})
}

// Where a refusal takes the time of a hash it has to wait like others, or it would show by
// its time that the user is blocked.
func TestBlockedUserWhosePasswordIsKeptHereWaitsLikeOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, locking(1))
		f.saveLocalUser("alice", "local-password", disable)
		login := f.lockoutLogin("alice", f.service.localSource(f.settings, nil, "bob"))
		login.Barred, login.TakesTime = true, true
		turn, _, err := f.service.Lockouts.Begin(t.Context(), login)
		require.NoError(t, err)
		defer turn.End(lockout.Undecided)
		began := time.Now()
		require.Equal(t, &Refusal{Text: NoAnswerText, Unanswered: true}, shown(f.login("alice", "local-password").Refusal))
		require.Equal(t, source.MaxLocalWait, time.Since(began))
	})
}

// lockoutLogin is a login of a registered user, as another one meets it at the turnstile.
func (f *fixture) lockoutLogin(name string, src *source.Source) lockout.Login {
	return lockout.Login{
		Key: LockoutKey(f.settings.Config, src, name), Name: name, Registered: true,
		Policy: f.settings.Config.lockoutPolicy(), Wait: time.Second,
	}
}

// A panic of the source must not hold up the logins of its name for ever.
func TestTurnEndsWhateverHappens(t *testing.T) {
	t.Parallel()
	f := newFixture(t, locking(1))
	f.server.setRespond(func(source.Query) (source.Answer, error) { panic("of the source") })
	require.Panics(t, func() { _, _ = f.authenticate(Attempt{Username: "alice", Password: "p"}) })
	_, others := f.service.Lockouts.Usage()
	require.Zero(t, others.Turnstiles)
	require.Zero(t, others.Failures)
}

func TestLockoutKeyIsOfTheSourceAndTheNameOnTheWire(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(config *Config) { config.Realm = "corp" })
	key := LockoutKey(f.settings.Config, f.settings.Source, "alice")
	require.Equal(t, "alice@corp", key.WireName)
	require.Empty(t, key.Source)
}
