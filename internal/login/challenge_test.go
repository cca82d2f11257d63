package login

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"

	"vault-plugin-auth-radius/internal/challenge"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
	"vault-plugin-auth-radius/internal/users"
)

// challengeWith has a server ask for a step after any password but the right one.
func challengeWith(server *fakeChecker, attributes ...*radius.AVP) {
	server.setRespond(func(query source.Query) (source.Answer, error) {
		if query.Answers != nil && query.Password == rightPassword {
			return server.answer(radclient.Accept), nil
		}
		return server.answer(radclient.Challenge, attributes...), nil
	})
}

func stateOf(text string) *radius.AVP {
	return &radius.AVP{Type: rfc2865.State_Type, Attribute: radius.Attribute(text)}
}

func messageOf(text string) *radius.AVP {
	return &radius.AVP{Type: rfc2865.ReplyMessage_Type, Attribute: radius.Attribute(text)}
}

// requireChallenged logs in, and returns what the next step takes.
func (f *fixture) requireChallenged(attempt Attempt) (id string, step radclient.Step) {
	f.t.Helper()
	result, err := f.authenticate(attempt)
	require.NoError(f.t, err)
	require.Nil(f.t, result.Refusal)
	require.Equal(f.t, radclient.Challenge, result.Answer.Outcome)
	require.NotNil(f.t, result.Next, "%s", f.log)
	require.NotEmpty(f.t, result.Next.ID)
	return result.Next.ID, result.Next.Step
}

func TestNextStepOfALoginGoesToTheServerThatAsked(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	challengeWith(f.server, stateOf("server's state"), messageOf("Code?"))
	id, step := f.requireChallenged(Attempt{Username: "carol", Password: "first"})
	require.Equal(t, "Code?", step.Message)
	require.Equal(t, 2*time.Minute, step.Time)
	require.Nil(t, f.server.lastQuery(t).Answers)

	result, err := f.authenticate(Attempt{Username: "carol", Password: rightPassword, ChallengeID: id})
	require.NoError(t, err)
	require.Nil(t, result.Refusal)
	require.Equal(t, radclient.Accept, result.Answer.Outcome)
	require.Equal(t, &radclient.Challenged{Host: "the config:1812", Server: "the config", State: []byte("server's state")},
		f.server.lastQuery(t).Answers)
	require.Equal(t, 1, result.Challenge.Round)
}

func TestStepMayBeAnsweredWithNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	challengeWith(f.server, stateOf("s"))
	id, _ := f.requireChallenged(Attempt{Username: "carol", Password: "first"})
	f.requireChallenged(Attempt{Username: "carol", ChallengeID: id})
	_, err := f.authenticate(Attempt{Username: "carol"})
	require.EqualError(t, err, "password cannot be empty")
}

func TestChallengeIDOpensOnceAndForItsLoginOnly(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	_, branch := f.saveSource("branch", source.TypeRADIUS, func(e *source.Entry) { e.Realms = []string{"branch.example"} })
	challengeWith(f.server, stateOf("s"))
	challengeWith(branch, stateOf("s"))
	id, _ := f.requireChallenged(Attempt{Username: "carol", Password: "first"})
	ofBranch, _ := f.requireChallenged(Attempt{Username: "carol@branch.example", Password: "first"})
	f.server.takeQueried()
	branch.takeQueried()
	for _, attempt := range []Attempt{
		{Username: "bob", Password: "code", ChallengeID: id},
		{Username: "carol", Password: "code", ChallengeID: ofBranch},
		{Username: "carol@branch.example", Password: "code", ChallengeID: id},
		{Username: "carol", Password: "code", ChallengeID: "made-up"},
	} {
		_, err := f.authenticate(attempt)
		require.ErrorIs(t, err, challenge.ErrInvalid)
		require.True(t, IsInputError(err))
	}
	require.Empty(t, f.server.takeQueried())
	require.Empty(t, branch.takeQueried())

	f.requireChallenged(Attempt{Username: "carol", Password: "code", ChallengeID: id})
	_, err := f.authenticate(Attempt{Username: "carol", Password: "code", ChallengeID: id})
	require.ErrorIs(t, err, challenge.ErrUsed)
}

// The user's source is another one than when the step was asked for.
func TestChallengeIDOfAnotherSourceIsRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.saveUser("carol", nil)
	challengeWith(f.server, stateOf("s"))
	id, _ := f.requireChallenged(Attempt{Username: "carol", Password: "first"})
	other, branch := f.saveSource("branch", source.TypeRADIUS, nil)
	branch.name = f.server.name // it has the same servers
	f.saveUser("carol", func(u *users.User) { u.Source = other })
	_, err := f.authenticate(Attempt{Username: "carol", Password: "code", ChallengeID: id})
	require.ErrorIs(t, err, challenge.ErrInvalid)
	require.Empty(t, branch.takeQueried())
}

func TestStepExpiresWithTheTimeThatTheServerAllows(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, nil)
		timeout := &radius.AVP{Type: rfc2865.SessionTimeout_Type, Attribute: radius.Attribute{0, 0, 0, 30}}
		challengeWith(f.server, stateOf("s"), timeout)
		inTime, step := f.requireChallenged(Attempt{Username: "carol", Password: "first"})
		late, _ := f.requireChallenged(Attempt{Username: "carol", Password: "first"})
		require.Equal(t, 30*time.Second, step.Time)
		time.Sleep(30 * time.Second)
		f.requireChallenged(Attempt{Username: "carol", Password: "code", ChallengeID: inTime})
		time.Sleep(time.Nanosecond)
		_, err := f.authenticate(Attempt{Username: "carol", Password: "code", ChallengeID: late})
		require.ErrorIs(t, err, challenge.ErrExpired)
	})
}

func TestLoginTakesNoMoreThanEightSteps(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	challengeWith(f.server, stateOf("s"))
	id := ""
	for range 8 {
		id, _ = f.requireChallenged(Attempt{Username: "carol", Password: "code", ChallengeID: id})
	}
	result, err := f.authenticate(Attempt{Username: "carol", Password: "code", ChallengeID: id})
	require.NoError(t, err)
	require.Equal(t, &Refusal{Text: DeniedText}, shown(result.Refusal))
	require.Nil(t, result.Next)
	require.Contains(t, f.log.String(), "asks for step after step: 8 so far")
}

func TestWrongCodesAreCountedFromStepToStep(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	challengeWith(f.server, stateOf("s"))
	id, _ := f.requireChallenged(Attempt{Username: "carol", Password: "first"})
	id, _ = f.requireChallenged(Attempt{Username: "carol", Password: "wrong", ChallengeID: id})
	result, err := f.authenticate(Attempt{Username: "carol", Password: rightPassword, ChallengeID: id})
	require.NoError(t, err)
	require.Equal(t, 2, result.Challenge.Round)
	require.Equal(t, 1, result.Challenge.Failures)
}

func TestStepThatCannotBeAnsweredIsRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	challengeWith(f.server, stateOf("one"), stateOf("two"))
	result, err := f.authenticate(Attempt{Username: "carol", Password: "first"})
	require.NoError(t, err)
	require.Equal(t, &Refusal{Text: DeniedText}, shown(result.Refusal))
	require.Nil(t, result.Next)
	require.Contains(t, f.log.String(), "the RADIUS server's challenge cannot be answered")
	require.Contains(t, f.log.String(), "more than one State")
}

// The config makes the key: a login may run on a server that only reads.
func TestStepThatCannotBeSealedIsRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	challengeWith(f.server, stateOf("s"))
	require.NoError(t, f.storage.Delete(t.Context(), challenge.StorageKey))
	f.service.Challenges.Drop()
	result, err := f.authenticate(Attempt{Username: "carol", Password: "first"})
	require.NoError(t, err)
	require.Equal(t, &Refusal{Text: DeniedText}, shown(result.Refusal))
	require.Contains(t, f.log.String(), "the challenge cannot be sealed: write the config once more")
}
