package login

import (
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/source"
)

func TestServersAreAskedAboutTheNameThatTheConfigSays(t *testing.T) {
	t.Parallel()
	for about, test := range map[string]struct {
		edit  func(*Config)
		typed string
		want  string // canonical
		wire  string
	}{
		"as typed":                {nil, "alice@corp", "alice@corp", "alice@corp"},
		"realm is added":          {func(config *Config) { config.Realm = "corp" }, "alice", "alice", "alice@corp"},
		"own realm is kept":       {func(config *Config) { config.Realm = "corp" }, "alice@else", "alice@else", "alice@else"},
		"config's realm is cut":   {func(config *Config) { config.Realm = "corp" }, `CORP\alice`, "alice", "alice@corp"},
		"all realms are stripped": {func(config *Config) { config.StripRealm = true }, `A\alice@b`, "alice", "alice"},
		"stripped, and realm": {
			func(config *Config) { config.StripRealm, config.Realm = true, "corp" }, "alice@b", "alice", "alice@corp",
		},
		"default realm":        {func(config *Config) { config.DefaultRealm = "corp" }, "alice", "alice@corp", "alice@corp"},
		"upper case is folded": {func(config *Config) { config.CaseInsensitiveUsernames = true }, "ALICE", "alice", "alice"},
		"default realm, stripped": {
			func(config *Config) { config.DefaultRealm, config.StripRealm = "corp", true }, "alice", "alice@corp", "alice",
		},
		"upper case is told apart": {nil, "ALICE", "ALICE", "ALICE"},
	} {
		t.Run(about, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, test.edit)
			require.Equal(t, test.want, f.requireAccepted(test.typed).Name)
			require.Equal(t, []string{test.wire}, f.server.takeQueried())
		})
	}
}

func TestDirectoryIsAskedWithoutTheDefaultRealm(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(config *Config) { config.Extauth, config.DefaultRealm = "people", "corp" })
	_, people := f.saveSource("people", source.TypeLDAP, nil)
	_, radius := f.saveSource("radius", source.TypeRADIUS, nil)
	for _, name := range []string{"alice", "alice@CORP", "alice@else"} {
		f.requireAccepted(name)
	}
	require.Equal(t, []string{"alice", "alice", "alice@else"}, people.takeQueried())
	f.configure(func(config *Config) { config.Extauth = "radius" })
	f.requireAccepted("alice")
	require.Equal(t, []string{"alice@corp"}, radius.takeQueried())
}

func TestSourceWithAFaultHasTheNameAsItIs(t *testing.T) {
	t.Parallel()
	config := DefaultConfig()
	config.Realm = "corp"
	require.Equal(t, "alice", config.NameAsked(&source.Source{Err: errNoSource}, "alice"))
}

// A directory's own spelling is taken for a registered name, and for others only if the
// mount folds case: each spelling would be another user.
func TestSpellingOfADirectoryMayDifferForRegisteredNames(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.saveUser("alice", nil)
	f.requireAccepted("alice")
	same := f.server.lastQuery(t).SameName
	require.True(t, same("Alice"))
	require.False(t, same("\u00e1lice"))
	f.requireAccepted("bob")
	require.Nil(t, f.server.lastQuery(t).SameName)
	f.configure(func(config *Config) { config.CaseInsensitiveUsernames = true })
	f.requireAccepted("Bob")
	require.True(t, f.server.lastQuery(t).SameName("BOB"))
}
