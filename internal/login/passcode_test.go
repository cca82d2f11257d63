package login

import (
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/decision"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
)

// asksForCode has a server accept the password and the code of carol, in two steps; whatever
// else is a reject. Without a second factor the password is enough.
func (f *fixture) asksForCode(password, code string) {
	f.server.setRespond(func(query source.Query) (source.Answer, error) {
		switch {
		case query.Answers == nil && query.Password == password && code == "":
			return f.server.answer(radclient.Accept), nil
		case query.Answers == nil && query.Password == password:
			return f.server.answer(radclient.Challenge, stateOf("state"), messageOf("Code?")), nil
		case query.Answers != nil && string(query.Answers.State) == "state" && query.Password == code:
			return f.server.answer(radclient.Accept), nil
		}
		return f.server.answer(radclient.Reject), nil
	})
}

func separatedBy(separator string) func(*Config) {
	return func(config *Config) { config.PasscodeSeparator = separator }
}

// takeQueries returns the queries since it was called before.
func (c *fakeChecker) takeQueries() []source.Query {
	c.mu.Lock()
	defer c.mu.Unlock()
	queries := c.queries
	c.queries = nil
	return queries
}

// lastDecision returns the latest decision since it was called before.
func (f *fixture) lastDecision() decision.Decision {
	f.t.Helper()
	taken := f.decided.take()
	require.NotEmpty(f.t, taken)
	return taken[len(taken)-1]
}

// sent returns the passwords that the server has got.
func (f *fixture) sent() (passwords []string) {
	for _, query := range f.server.takeQueries() {
		passwords = append(passwords, query.Password)
	}
	return passwords
}

func TestCodeAnswersTheChallengeInTheSameRequest(t *testing.T) {
	t.Parallel()
	for about, test := range map[string]struct {
		separator, password, passcode string
		sent                          []string
	}{
		"beside the password":         {"", "a,b", "123456", []string{"a,b", "123456"}},
		"after the password":          {",", "a,b,123456", "", []string{"a,b", "123456"}},
		"beside, with a separator":    {",", "a,b", "123456", []string{"a,b", "123456"}},
		"the password ends like one":  {",", "a,b,9999", "123456", []string{"a,b,9999"}},
		"off: all of it":              {"", "a,b,123456", "", []string{"a,b,123456"}},
		"no code: another step":       {",", "a,b", "", []string{"a,b"}},
		"a wrong code":                {",", "a,b,999999", "", []string{"a,b", "999999"}},
		"a wrong password":            {",", "x,123456", "", []string{"x"}},
		"what is no code is password": {",", "a,b,12", "", []string{"a,b,12"}},
	} {
		t.Run(about, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, separatedBy(test.separator))
			f.asksForCode("a,b", "123456")
			result, err := f.authenticate(Attempt{Username: "carol", Password: test.password, Passcode: test.passcode})
			require.NoError(t, err)
			require.Equal(t, test.sent, f.sent())
			accepted := len(test.sent) == 2 && test.sent[1] == "123456"
			require.Equal(t, accepted, result.Refusal == nil && result.Answer.Outcome == radclient.Accept, f.log)
			if accepted {
				require.Empty(t, result.Password, "nothing is kept for renewals")
				require.True(t, f.lastDecision().Answers)
			}
			require.NotContains(t, f.log.String(), "123456")
			require.NotContains(t, f.log.String(), "999999")
		})
	}
}

func TestPasswordIsKeptWithoutACodeThatWasIgnored(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(config *Config) {
		config.PasscodeSeparator, config.PasscodeUnasked = ",", source.PasscodeIgnore
	})
	f.asksForCode("pw", "")
	result, err := f.authenticate(Attempt{Username: "carol", Password: "pw,123456"})
	require.NoError(t, err)
	require.Nil(t, result.Refusal, f.log)
	require.Equal(t, "pw", result.Password)
	require.Equal(t, []string{"pw"}, f.sent())
}

func TestCodeThatIsNotAskedForRefusesTheLogin(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(config *Config) { config.PasscodeSeparator, config.LockoutThreshold = ",", 1 })
	f.asksForCode("pw", "")
	for range 2 {
		result, err := f.authenticate(Attempt{Username: "carol", Password: "pw,123456"})
		require.NoError(t, err)
		require.Equal(t, &Refusal{Text: DeniedText}, shown(result.Refusal))
		require.Equal(t, decision.Unasked, f.lastDecision().Class)
		require.Contains(t, f.log.String(), "a code came with the password, and the source does not ask for one")
	}
	require.Equal(t, []string{"pw", "pw"}, f.sent(), "it is no failed login: the password is right")
	f.saveLocalUser("dave", "pw", nil)
	result, err := f.authenticate(Attempt{Username: "dave", Password: "pw", Passcode: "123456"})
	require.NoError(t, err)
	require.Equal(t, decision.Unasked, result.Refusal.Reason.Class)
	result, err = f.authenticate(Attempt{Username: "dave", Password: "pw,123456"})
	require.NoError(t, err)
	require.Equal(t, decision.Rejected, result.Refusal.Reason.Class, "no code is typed after a password that is checked here")
}

func TestCodeThatIsNotAskedForForgetsNoFailedLogins(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(config *Config) { config.PasscodeSeparator, config.LockoutThreshold = ",", 2 })
	f.asksForCode("pw", "")
	for _, password := range []string{"wrong", "pw,123456", "wrong"} {
		result, err := f.authenticate(Attempt{Username: "carol", Password: password})
		require.NoError(t, err)
		require.NotNil(t, result.Refusal)
	}
	result, err := f.authenticate(Attempt{Username: "carol", Password: "pw"})
	require.NoError(t, err)
	require.NotNil(t, result.Refusal)
	require.Equal(t, lockedReason, result.Refusal.Reason)
}

func TestWrongCodeInTheSameRequestIsOneFailedLogin(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(config *Config) { config.PasscodeSeparator, config.LockoutThreshold = ",", 2 })
	f.asksForCode("pw", "123456")
	attempt := func(password string) *Refusal {
		result, err := f.authenticate(Attempt{Username: "carol", Password: password})
		require.NoError(t, err)
		return result.Refusal
	}
	require.NotNil(t, attempt("pw,999999"))
	require.Nil(t, attempt("pw,123456"), "one failed login locks no name out here")
	require.NotNil(t, attempt("pw,999999"))
	require.NotNil(t, attempt("pw,999999"))
	require.Equal(t, lockedReason, attempt("pw,123456").Reason)
}

func TestServerThatAsksForAnotherStepAfterTheCodeGetsOne(t *testing.T) {
	t.Parallel()
	f := newFixture(t, separatedBy(","))
	challengeWith(f.server, stateOf("state"), messageOf("And now?"))
	result, err := f.authenticate(Attempt{Username: "carol", Password: "pw,123456"})
	require.NoError(t, err)
	require.NotNil(t, result.Next, f.log)
	require.Equal(t, "And now?", result.Next.Message)
	require.Equal(t, []string{"pw", "123456"}, f.sent())
	require.Equal(t, 1, result.failures, "it may have been a wrong code")
	result, err = f.authenticate(Attempt{Username: "carol", Password: "x", ChallengeID: result.Next.ID})
	require.NoError(t, err)
	require.Equal(t, 2, result.Challenge.Round)
}

func TestSourcesSayForThemselvesHowCodesAreTyped(t *testing.T) {
	t.Parallel()
	f := newFixture(t, separatedBy(","))
	_, corp := f.saveSource("corp", source.TypeCERB, func(entry *source.Entry) {
		entry.Realms, entry.RADIUS.PasscodeSeparator = []string{"corp"}, "+"
	})
	_, ldap := f.saveSource("ldap", source.TypeLDAP, func(entry *source.Entry) { entry.Realms = []string{"ldap"} })
	for name, password := range map[string]string{"carol@corp": "pw+123456", "dave@corp": "pw,123456", "eve@ldap": "pw,123456"} {
		_, err := f.authenticate(Attempt{Username: name, Password: password})
		require.NoError(t, err)
	}
	passwords := map[string]string{}
	for _, checker := range []*fakeChecker{corp, ldap} {
		for _, query := range checker.takeQueries() {
			passwords[query.Username] = query.Password
		}
	}
	require.Equal(t, map[string]string{"carol@corp": "pw", "dave@corp": "pw,123456", "eve@ldap": "pw,123456"}, passwords)
}

func TestCodeIsNoAnswerToAChallengeID(t *testing.T) {
	t.Parallel()
	f := newFixture(t, separatedBy(","))
	f.asksForCode("pw", "123456")
	id, _ := f.requireChallenged(Attempt{Username: "carol", Password: "pw"})
	_, err := f.authenticate(Attempt{Username: "carol", Password: "123456", Passcode: "123456", ChallengeID: id})
	require.True(t, IsInputError(err))
	require.ErrorContains(t, err, "passcode and challenge_id exclude each other")
	result, err := f.authenticate(Attempt{Username: "carol", Password: "x,123456", ChallengeID: id})
	require.NoError(t, err)
	require.NotNil(t, result.Refusal, "the answer to a challenge is not taken apart")
	for _, code := range []string{"a\x00b", string(make([]byte, 129))} {
		_, err := f.authenticate(Attempt{Username: "carol", Password: "pw", Passcode: code})
		require.ErrorContains(t, err, "passcode")
	}
}

// Profiles see the code in the place of the password, as in a login of two requests.
func TestProfilesSeeTheCodeThatAnswered(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.asksForCode("pw", "123456")
	result, err := f.authenticate(Attempt{Username: "carol", Password: "pw", Passcode: "123456"})
	require.NoError(t, err)
	var seen []string
	for _, item := range result.Authorization.requestItems {
		if item.Attribute.Name == "User-Password" {
			seen = append(seen, string(item.Value))
		}
	}
	require.Equal(t, []string{"123456"}, seen)
}
