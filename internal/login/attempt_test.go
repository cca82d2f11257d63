package login

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"layeh.com/radius/rfc2865"

	"vault-plugin-auth-radius/internal/catalog"
	"vault-plugin-auth-radius/internal/challenge"
	"vault-plugin-auth-radius/internal/dictionary"
	"vault-plugin-auth-radius/internal/passwd"
	"vault-plugin-auth-radius/internal/profile"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
	"vault-plugin-auth-radius/internal/users"
)

func TestAcceptedLoginHasTheNameTheSourceAndThePolicies(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(config *Config) { config.UnregisteredUserPolicies = []string{"guest"} })
	f.saveUser("alice", func(user *users.User) { user.Policies = []string{"dev"} })
	result := f.requireAccepted("alice")
	require.Equal(t, "alice", result.Name)
	require.Equal(t, f.settings.Source, result.Authorization.Source)
	require.Equal(t, []string{"dev"}, result.Grant.Policies)
	require.Nil(t, result.Challenge)
	require.Equal(t, "the config", result.Answer.Server)
	require.Equal(t, []string{"guest"}, f.requireAccepted("stranger").Grant.Policies)
	require.NotContains(t, f.log.String(), "[WARN]")
}

func TestSourceIsAskedWithWhatWasTypedAndFromWhere(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.requireAccepted("alice")
	query := f.server.lastQuery(t)
	require.Equal(t, "alice", query.Username)
	require.Equal(t, rightPassword, query.Password)
	require.Equal(t, "192.0.2.7", query.ClientAddress)
	require.Equal(t, passwd.Login, query.Caller.Class)
	require.Equal(t, query.Share, query.Caller.Share)
	require.Nil(t, query.Answers)
	require.NotNil(t, query.Known)
	f.configure(func(config *Config) { config.SendClientAddress = false })
	f.requireAccepted("alice")
	require.Empty(t, f.server.lastQuery(t).ClientAddress)
	_, own := f.saveSource("corp", source.TypeRADIUS, func(entry *source.Entry) { entry.Realms = []string{"corp"} })
	f.requireAccepted("alice@corp")
	require.Equal(t, "192.0.2.7", own.lastQuery(t).ClientAddress, "a source has a setting of its own")
}

func TestWarmLoginReadsNoStorage(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	id := f.saveProfile("staff", func(entry *catalog.Profile) { entry.Policies = []string{"staff"} })
	_, corp := f.saveSource("corp", source.TypeRADIUS, func(entry *source.Entry) { entry.Realms = []string{"corp"} })
	f.saveUser("alice@corp", func(user *users.User) { user.Profiles = []int64{id} })
	f.saveUser("blocked", disable)
	f.saveLocalUser("local", "local-password", nil)
	logins := func() {
		f.requireAccepted("alice@corp")
		f.requireAccepted("stranger")
		f.requireDenied("alice@corp", "wrong", "login refused by its source")
		f.requireDenied("blocked", rightPassword, "the user is disabled")
		f.requireDenied("blocked@else", rightPassword, "the user is disabled, as blocked")
		f.requireDenied("Alice@corp", rightPassword, "registered as alice@corp")
		require.Nil(t, f.login("local", "local-password").Refusal)
	}
	logins()
	corp.takeQueried()
	before := f.storage.readCount()
	logins()
	require.Equal(t, before, f.storage.readCount())
	require.Equal(t, []string{"alice@corp", "alice@corp"}, corp.takeQueried())
}

// After the source has been asked a failure would make Vault's clients try again, which is
// a second push to the user's phone.
func TestNothingCanFailAfterTheSourceHasBeenAsked(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	id := f.saveProfile("staff", func(entry *catalog.Profile) { entry.Policies = []string{"staff"} })
	f.saveUser("alice", func(user *users.User) { user.Profiles = []int64{id} })
	f.server.setRespond(func(source.Query) (source.Answer, error) {
		f.storage.breakKeys("")
		return f.server.answer(radclient.Accept), nil
	})
	require.Equal(t, []string{"staff"}, f.requireAccepted("alice").Grant.Policies)
}

func TestFaultOfStorageIsToldInTheLogOnly(t *testing.T) {
	t.Parallel()
	for about, test := range map[string]struct {
		broken  string
		attempt Attempt
	}{
		"sources":           {source.KeyPrefix, Attempt{}},
		"profiles":          {catalog.KeyPrefix, Attempt{}},
		"dictionaries":      {catalog.DictionaryKeyPrefix, Attempt{}},
		"the challenge key": {challenge.StorageKey, Attempt{ChallengeID: "id"}},
	} {
		t.Run(about, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, nil)
			id := f.saveProfile("staff", nil)
			f.configure(func(config *Config) { config.DefaultProfiles = []int64{id} })
			f.service.Dictionaries.Drop()
			f.storage.breakKeys(test.broken)
			attempt := test.attempt
			attempt.Username, attempt.Password = "alice", rightPassword
			result, err := f.authenticate(attempt)
			require.Equal(t, ErrReadFault, err)
			require.Nil(t, result.Refusal)
			require.Contains(t, f.log.String(), `reason="storage cannot be read: `)
			require.Contains(t, f.log.String(), errBroken.Error())
			require.Empty(t, f.server.takeQueried())
			f.storage.breakKeys()
			f.requireAccepted("alice")
		})
	}
}

func TestUnreadablePasswordsAreInputErrors(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	for password, want := range map[string]string{
		"": "password cannot be empty", "a\x00b": "password contains a NUL character",
		strings.Repeat("x", maxPassword+1): "password is longer than 1024 octets",
	} {
		result, err := f.authenticate(Attempt{Username: "alice", Password: password})
		require.EqualError(t, err, want)
		require.True(t, IsInputError(err))
		require.Equal(t, "alice", result.Name)
	}
	require.Empty(t, f.server.takeQueried())
	require.NotContains(t, f.log.String(), "[ERROR]")
}

func TestWrongChallengeIsAnInputError(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	_, err := f.authenticate(Attempt{Username: "alice", Password: "123456", ChallengeID: "made-up"})
	require.Equal(t, challenge.ErrInvalid, err)
	require.True(t, IsInputError(err))
	require.False(t, IsInputError(errors.New("another")))
	require.Empty(t, f.server.takeQueried())
}

func TestInputErrorSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	err := &InputError{errNotPlain}
	require.ErrorIs(t, err, errNotPlain)
	require.EqualError(t, err, errNotPlain.Error())
}

// A RADIUS server that asks here must not be asked about the same login.
func TestSourceThatIsNotAllowedIsNotAsked(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	_, allowed := f.saveSource("corp", source.TypeLDAP, func(entry *source.Entry) { entry.Realms = []string{"corp"} })
	onlyCorp := func(src *source.Source) string {
		if src.Name == "corp" {
			return ""
		}
		return "only corp is asked"
	}
	result, err := f.authenticate(Attempt{Username: "alice", Password: rightPassword, RefuseSource: onlyCorp})
	require.NoError(t, err)
	require.Equal(t, &Refusal{Text: DeniedText}, shown(result.Refusal))
	require.Empty(t, f.server.takeQueried())
	result, err = f.authenticate(Attempt{Username: "alice@corp", Password: rightPassword, RefuseSource: onlyCorp})
	require.NoError(t, err)
	require.Nil(t, result.Refusal)
	require.Equal(t, []string{"alice@corp"}, allowed.takeQueried())
}

func TestProfilesSeeTheRequestThatTheAttemptHas(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	id := f.saveProfile("wifi", func(entry *catalog.Profile) {
		entry.Check = []profile.Item{
			{Attribute: "NAS-Identifier", Operator: "==", Value: "access-point"},
			{Attribute: "client:version", Operator: "==", Value: "7"},
			{Attribute: "User-Password", Operator: "==", Value: rightPassword},
		}
	})
	f.configure(func(config *Config) { config.DefaultProfiles = []int64{id} })
	known, err := f.service.Dictionaries.Get(t.Context(), f.storage)
	require.NoError(t, err)
	identifier, found := known.Lookup("NAS-Identifier")
	require.True(t, found)
	attempt := Attempt{
		Username: "alice", Password: rightPassword, ClientAttributes: map[string]string{"version": "7"},
		RequestItems: []dictionary.Item{{Attribute: identifier, Value: []byte("access-point")}},
	}
	result, err := f.authenticate(attempt)
	require.NoError(t, err)
	require.Nil(t, result.Refusal, f.log)
	attempt.RequestItems = nil // then it is the one that goes to the source, which is from "vault"
	result, err = f.authenticate(attempt)
	require.NoError(t, err)
	require.Equal(t, &Refusal{Text: DeniedText}, shown(result.Refusal))
}

func TestRequestAttributesGoToTheConfigsServersOnly(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(config *Config) {
		config.RequestAttributes = []profile.Item{{Attribute: "Filter-Id", Operator: ":=", Value: "for %{User-Name}"}}
	})
	_, corp := f.saveSource("corp", source.TypeRADIUS, func(entry *source.Entry) { entry.Realms = []string{"corp"} })
	f.requireAccepted("alice")
	sent := f.server.lastQuery(t).Attributes
	require.Equal(t, "for alice", string(sent.Get(rfc2865.FilterID_Type)))
	f.requireAccepted("alice@corp")
	require.Empty(t, corp.lastQuery(t).Attributes)
}
