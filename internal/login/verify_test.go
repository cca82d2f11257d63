package login

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/catalog"
	"vault-plugin-auth-radius/internal/decision"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
	"vault-plugin-auth-radius/internal/users"
)

// verify has an attempt checked by the config's servers.
func (f *fixture) verify(name, password string) (Verification, error) {
	f.t.Helper()
	before := f.storage.writeCount()
	verified, err := f.service.Verify(f.t.Context(), f.storage, f.settings.Config, f.settings.Source, attemptBy(name, password))
	require.Equal(f.t, before, f.storage.writeCount())
	return verified, err
}

func TestVerifyShowsWhatTheSourceSays(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) { c.Realm = "corp" })
	verified, err := f.verify("alice", rightPassword)
	require.NoError(t, err)
	require.Nil(t, verified.Refusal)
	require.Equal(t, []any{radclient.Accept, "alice@corp", "the config"},
		[]any{verified.Answer.Outcome, verified.WireName, verified.Answer.Server})
	verified, err = f.verify("alice", "wrong")
	require.NoError(t, err)
	require.Equal(t, Reason{decision.Rejected, rejectReason}, verified.Refusal.Reason)
	require.Equal(t, "the fake server's message", verified.Answer.ReplyMessage)
	f.server.setError(&radclient.NoAnswerError{Host: "192.0.2.1", Port: 1812})
	verified, err = f.verify("alice", rightPassword)
	require.NoError(t, err)
	require.True(t, verified.Refusal.Unanswered)
	answers(radclient.Challenge, nil)(f)
	verified, err = f.verify("alice", rightPassword)
	require.NoError(t, err)
	require.Nil(t, verified.Refusal)
	require.Equal(t, radclient.Challenge, verified.Answer.Outcome)
}

// It is the source that is tried, and no user.
func TestVerifyIsBarredByNothingButALockout(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) {
		c.RegisteredOnly = true
		probingAs("probe")(&c.RADIUSSettings)
	})
	f.saveUser("alice", func(user *users.User) {
		user.Disabled = true
		user.Profiles = []int64{f.saveChecked("own", itemOf("User-Name", "==", "bob"))}
	})
	for _, name := range []string{"alice", "stranger", "probe"} {
		verified, err := f.verify(name, rightPassword)
		require.NoError(t, err)
		require.Nil(t, verified.Refusal, name)
	}
	taken := f.decided.take()
	require.Equal(t, []bool{true, false, false}, []bool{taken[0].Registered, taken[1].Registered, taken[2].Registered})
}

func TestVerifyCountsAsALoginDoes(t *testing.T) {
	t.Parallel()
	f := newFixture(t, locking(2))
	for range 2 {
		verified, err := f.verify("alice", "wrong")
		require.NoError(t, err)
		require.Equal(t, decision.Rejected, verified.Refusal.Reason.Class)
		_, err = f.verify("alice", rightPassword) // which forgets none
		require.NoError(t, err)
	}
	require.Contains(t, f.log.String(), "a name is locked out after failed logins: username=alice")
	f.server.takeQueried()
	verified, err := f.verify("alice", rightPassword)
	require.NoError(t, err)
	require.Equal(t, lockedReason, verified.Refusal.Reason)
	require.Empty(t, f.server.takeQueried())
	f.requireDenied("alice", rightPassword, lockedReason.Text)
}

func TestVerifyRefusesInputThatNoSourceIsAskedAbout(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	for _, input := range [][2]string{{"", rightPassword}, {"\x00", rightPassword}, {"alice", ""}, {"alice", "a\x00"}} {
		_, err := f.verify(input[0], input[1])
		require.True(t, IsInputError(err), "%q", input)
		require.Equal(t, decision.Invalid, f.decided.take()[0].Outcome)
	}
	require.Empty(t, f.server.takeQueried())
}

func TestVerifyFailsWithStorage(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{source.KeyPrefix, users.KeyPrefix + "alice", catalog.DictionaryKeyPrefix} {
		f := newFixture(t, nil)
		f.saveUser("alice", nil)
		f.service.Sources.Drop()
		f.service.Dictionaries.Drop()
		f.storage.breakKeys(prefix)
		_, err := f.verify("alice", rightPassword)
		require.ErrorIs(t, err, errBroken, prefix)
		require.Equal(t, decision.Storage, f.decided.take()[0].Class)
	}
}

func TestVerifyTellsHowLongItTook(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	verified, err := f.verify("alice", rightPassword)
	require.NoError(t, err)
	require.Positive(t, verified.Took)
	require.Less(t, verified.Took, time.Hour)
}
