package login

import (
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
	"vault-plugin-auth-radius/internal/users"
)

// probingAs has servers probed with logins of a test user.
func probingAs(name string) func(*source.RADIUSSettings) {
	return func(settings *source.RADIUSSettings) {
		settings.StatusCheck, settings.StatusCheckUsername = radclient.StatusCheckRequest, name
	}
}

func TestNobodyLogsInAsTheTestUserOfTheConfig(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(config *Config) { probingAs("probe")(&config.RADIUSSettings) })
	f.saveSource("corp", source.TypeRADIUS, func(entry *source.Entry) { entry.Realms = []string{"corp"} })
	for _, name := range []string{"probe", "PROBE", "pr\u00f6be", "probe@else", `ELSE\probe`, "probe@inner@outer", "probe@"} {
		f.requireDenied(name, rightPassword, "status_check_username of the config has the name")
	}
	f.saveUser("probe", nil)
	f.requireDenied("probe", rightPassword, "status_check_username of the config has the name")
	f.saveLocalUser("probe", rightPassword, nil)
	f.requireDenied("probe", rightPassword, "status_check_username of the config has the name")
	require.Empty(t, f.server.takeQueried())
	f.requireAccepted("probe@corp") // which another source is asked about
	f.requireAccepted("prober")
	f.configure(func(config *Config) { config.StatusCheck = radclient.StatusCheckAuto })
	f.requireAccepted("probe@else")
}

func TestNobodyLogsInAsTheTestUserOfASource(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	id, servers := f.saveSource("corp", source.TypeRADIUS, func(entry *source.Entry) {
		entry.Realms = []string{"corp"}
		probingAs("probe")(entry.RADIUS)
	})
	f.saveUser("probe@own", func(user *users.User) { user.Source = id })
	for _, name := range []string{"probe", "probe@corp", `CORP\Probe`, "probe@own"} {
		f.requireDenied(name, rightPassword, "status_check_username of the source corp has the name")
	}
	require.Empty(t, servers.takeQueried())
	f.requireAccepted("probe@else") // which the config's servers are asked about
	f.requireAccepted("prober@corp")
}

// What a source is asked about may be the test user's name, whatever was typed.
func TestNameThatIsTheTestUsersOnTheWireIsBarred(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(config *Config) {
		config.Realm = "corp"
		probingAs("probe@corp")(&config.RADIUSSettings)
	})
	f.requireDenied("probe", rightPassword, "status_check_username of the config has the name")
	require.Empty(t, f.server.takeQueried())
}

func TestNameThatIsTheTestUsersHereIsBarredWhateverIsAsked(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(config *Config) {
		config.DefaultRealm, config.StripRealm = "corp", true
		probingAs("probe@corp")(&config.RADIUSSettings)
	})
	require.Equal(t, "probe", f.settings.Config.NameAsked(f.settings.Source, "probe@corp"))
	f.requireDenied("probe", rightPassword, "status_check_username of the config has the name")
	require.Empty(t, f.server.takeQueried())
}

func TestReasonOfATestUserIsThatOfItsLogins(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(config *Config) { probingAs("probe")(&config.RADIUSSettings) })
	sources, err := f.service.Sources.Get(t.Context(), f.storage)
	require.NoError(t, err)
	for _, name := range []string{"probe", "alice"} {
		reason := BarredAsTestUser(f.settings, sources, Identity{Name: name, Source: f.settings.Source}).Text
		require.Equal(t, name == "probe", reason != "")
		if reason != "" {
			f.requireDenied(name, rightPassword, reason)
		}
	}
}
