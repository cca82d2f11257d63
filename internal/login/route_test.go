package login

import (
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/source"
	"vault-plugin-auth-radius/internal/users"
)

func TestUsersOwnSourceComesBeforeTheRealmAndTheConfig(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	id, own := f.saveSource("own", source.TypeRADIUS, nil)
	_, ofRealm := f.saveSource("corp", source.TypeRADIUS, func(entry *source.Entry) { entry.Realms = []string{"corp"} })
	_, byDefault := f.saveSource("default", source.TypeLDAP, nil)
	f.saveUser("alice", func(user *users.User) { user.Source = id })
	f.saveUser("alice@corp", func(user *users.User) { user.Source = id })
	f.saveUser("bob@corp", nil)
	f.saveLocalUser("carol@corp", "local-password", nil)

	sources := map[string]*fakeChecker{"own": own, "corp": ofRealm, "default": byDefault, "": f.server}
	requireAsked := func(name, want string) {
		t.Helper()
		result := f.requireAccepted(name)
		require.Equal(t, want, result.Authorization.Source.Name, name)
		for title, checker := range sources {
			if queried := checker.takeQueried(); title == want {
				require.Equal(t, []string{name}, queried, title)
			} else {
				require.Empty(t, queried, "%s was asked about %s", title, name)
			}
		}
	}
	for name, want := range map[string]string{
		"alice": "own", "alice@corp": "own", "bob@corp": "corp", "stranger@corp": "corp", "stranger": "", "bob@else": "",
	} {
		requireAsked(name, want)
	}
	f.configure(func(config *Config) { config.Extauth = "default" })
	for name, want := range map[string]string{
		"alice": "own", "bob@corp": "corp", "stranger@corp": "corp", "stranger": "default", "bob@else": "default",
	} {
		requireAsked(name, want)
	}
	result := f.login("carol@corp", "local-password")
	require.Nil(t, result.Refusal)
	require.Equal(t, source.Local, result.Authorization.Source.Name)
}

func TestRealmsOfSourcesAreFoundInAnyCaseAndNotation(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	_, ofRealm := f.saveSource("corp", source.TypeRADIUS, func(entry *source.Entry) {
		entry.Realms = []string{"Corp.example", "staff"}
	})
	for _, name := range []string{"bob@corp.EXAMPLE", `STAFF\bob`, "bob@staff", "bob@staff@corp.example"} {
		require.Equal(t, "bob@Corp.example", f.requireAccepted(name).Name)
	}
	require.Len(t, ofRealm.takeQueried(), 4)
	require.Empty(t, f.server.takeQueried())
}

func TestConfigMayHaveAllPasswordsCheckedHere(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(config *Config) { config.Extauth = source.Local })
	f.saveLocalUser("alice", "local-password", func(user *users.User) { user.Local = false })
	result := f.login("alice", "local-password")
	require.Nil(t, result.Refusal)
	require.Equal(t, source.Local, result.Authorization.Source.Name)
	f.requireDenied("alice", rightPassword, "the password is wrong")
	f.requireDenied("stranger", rightPassword, "there is no password for this name here")
	require.Empty(t, f.server.takeQueried())
}

// No other source takes over: it may know the name as another account.
func TestGoneSourceRefusesAndSaysWhatToDo(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.saveUser("alice", func(user *users.User) { user.Source = 99 })
	result := f.login("alice", rightPassword)
	require.Equal(t, &Refusal{Text: NotConfiguredText}, shown(result.Refusal))
	require.Contains(t, f.log.String(), "the user's source is gone: set extauth of users/alice")

	f.log.Reset()
	f.configure(func(config *Config) { config.Extauth = "gone" })
	result = f.login("bob", rightPassword)
	require.Equal(t, &Refusal{Text: NotConfiguredText}, shown(result.Refusal))
	require.Contains(t, f.log.String(), `the config's extauth \"gone\" is gone`)
	require.Empty(t, f.server.takeQueried())
}

func TestMountWithoutServersRefuses(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	config := DefaultConfig()
	f.settings.Source = NewSettings(&config, nil, nil, nil).Source
	result := f.login("alice", rightPassword)
	require.Equal(t, &Refusal{Text: NotConfiguredText}, shown(result.Refusal))
	require.Contains(t, f.log.String(), errNoSource.Error())
}
