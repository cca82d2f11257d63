package login

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/catalog"
	"vault-plugin-auth-radius/internal/directory"
	"vault-plugin-auth-radius/internal/profile"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
	"vault-plugin-auth-radius/internal/users"
)

func TestRejectIsLoggedWithWhatTheServerSays(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.requireDenied("alice", "wrong", `login refused by its source: username=alice source="(config)" server="the config" `+
		`outcome=refused reason="the fake server's reason" duration_ms=`)
	require.Contains(t, f.log.String(), ` use=login reply_message="the fake server's message"`)
	require.NotContains(t, f.log.String(), "wrong")
	f.saveSource("corp", source.TypeRADIUS, func(entry *source.Entry) { entry.Realms = []string{"corp"} })
	f.requireDenied("alice@corp", "wrong", "username=alice@corp source=corp server=corp")
	f.server.setRespond(func(source.Query) (source.Answer, error) { return f.server.answer(radclient.Reject), nil })
	f.requireDenied("alice", "wrong", "login refused by its source")
	require.NotContains(t, f.log.String(), "reply_message")
}

func TestSourceThatIsAwayLeavesTheLoginUnanswered(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(config *Config) { config.LockoutThreshold = 1 })
	f.server.setError(&radclient.NoAnswerError{Host: "192.0.2.1", Port: 1812})
	for range 2 {
		f.log.Reset()
		result := f.login("alice", "wrong")
		require.Equal(t, &Refusal{Text: NoAnswerText, Unanswered: true}, shown(result.Refusal))
		require.Contains(t, f.log.String(), "login failed: username=alice ")
		require.Contains(t, f.log.String(), "no answer from RADIUS server 192.0.2.1 port 1812")
	}
	require.Len(t, f.server.takeQueried(), 2, "it counts as no failed login")
	f.server.setError(nil)
	f.requireAccepted("alice")
}

func TestMisconfiguredDirectoryIsAFaultForTheOperator(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(config *Config) { config.LockoutThreshold = 1 })
	f.server.setError(&directory.ConfigurationError{Server: "ldap.example:389"})
	for range 2 {
		result := f.requireDenied("alice", rightPassword, `reason="the directory cannot be asked like this: directory ldap.example:389`)
		require.False(t, result.Refusal.rejected)
	}
	require.Len(t, f.server.takeQueried(), 2, "it counts as no failed login")
}

func TestSourceWithAFaultIsNotAsked(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.settings.Source = &source.Source{Checker: f.server, Err: errors.New("the secret is empty")}
	result := f.login("alice", rightPassword)
	require.Equal(t, &Refusal{Text: NotConfiguredText}, shown(result.Refusal))
	require.Contains(t, f.log.String(),
		`reason="the stored config is not valid: write it again: the secret is empty"`)
	require.Empty(t, f.server.takeQueried())
}

func TestDroppedAnswersAreToldBesideTheValidOne(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.server.setRespond(func(source.Query) (source.Answer, error) {
		answer := f.server.answer(radclient.Accept)
		answer.Drops[radclient.DropMalformed] = 2
		return answer, nil
	})
	f.requireAccepted("alice")
	require.Contains(t, f.log.String(), `answers were dropped before the valid one came: server="the config"`)
	require.Contains(t, f.log.String(), radclient.DropMalformed.String())
}

func TestAcceptedUserWhomNoProfileMatchesIsRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(config *Config) { config.LockoutThreshold = 1 })
	id := f.saveProfile("office", func(entry *catalog.Profile) {
		entry.Check = []profile.Item{{Attribute: "Calling-Station-Id", Operator: "==", Value: "198.51.100.1"}}
	})
	f.saveUser("alice", func(user *users.User) { user.Profiles = []int64{id} })
	for range 2 {
		f.requireDenied("alice", rightPassword, `login refused by the profiles: username=alice source="(config)" server="the config" `+
			`outcome=refused reason="none of the profiles matches: office"`)
	}
	require.Len(t, f.server.takeQueried(), 2, "it counts as no failed login: the password is right")
}

func TestAttributesThatCannotBeMadeAreLeftOutAndTold(t *testing.T) {
	t.Parallel()
	notANumber := []profile.Item{{Attribute: "Session-Timeout", Operator: ":=", Value: "%{User-Name}"}}
	f := newFixture(t, func(config *Config) { config.RequestAttributes = notANumber })
	id := f.saveProfile("office", func(entry *catalog.Profile) { entry.Reply = notANumber })
	f.saveUser("alice", func(user *users.User) { user.Profiles = []int64{id} })
	f.requireAccepted("alice")
	require.Empty(t, f.server.lastQuery(t).Attributes)
	require.Contains(t, f.log.String(), "request_attributes: not all could be sent: username=alice reason=")
	require.Contains(t, f.log.String(), "profile: a reply attribute was left out: username=alice field=reply_attribute[0].value")
}
