package login

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/decision"
	"vault-plugin-auth-radius/internal/source"
	"vault-plugin-auth-radius/internal/username"
	"vault-plugin-auth-radius/internal/users"
)

func disable(user *users.User) { user.Disabled = true }

func TestBarredNamesAreRefusedAndNoSourceIsAsked(t *testing.T) {
	t.Parallel()
	type fixtureEdit = func(*fixture)
	saved := func(name string, edit func(*users.User)) fixtureEdit {
		return func(f *fixture) { f.saveUser(name, edit) }
	}
	inRealm := func(config *Config) { config.Realm = "corp" }
	for about, test := range map[string]struct {
		config  func(*Config)
		prepare fixtureEdit
		typed   string
		reason  string
	}{
		"disabled": {nil, saved("alice", disable), "alice", "the user is disabled"},
		"expired": {nil, saved("alice", func(user *users.User) {
			expiry := fixtureTime.Add(-time.Second)
			user.ExpiresAt = &expiry
		}), "alice", "the user has expired"},
		"another case": {nil, saved("alice", nil), "Alice", "registered as alice: type it like that"},
		"an accent":    {nil, saved("alice", nil), "\u00e1lice", "registered as alice: type it like that, or register \u00e1lice"},
		"an accent less": {
			nil, saved("jos\u00e9", nil), "jose", "registered as jos\u00e9: type it like that, or register jose",
		},
		"registered_only": {
			func(config *Config) { config.RegisteredOnly = true },
			saved("bob", nil), "alice", "the config has registered_only",
		},
		"hidden, disabled": {
			inRealm, saved("alice@corp", disable), "alice",
			`the user is disabled, as the stored user \"alice@corp\", whose name would be \"alice\" now`,
		},
		"hidden, with a password here": {
			inRealm, saved("alice@corp", func(user *users.User) { user.Local = true }), "alice",
			"the user has a source (extauth), as the stored user",
		},
		"hidden, with a source": {
			inRealm, saved("alice@corp", func(user *users.User) { user.Source = 7 }), "alice",
			"the user has a source (extauth), as the stored user",
		},
		"hidden, with profiles": {
			inRealm, saved("alice@corp", func(user *users.User) { user.Profiles = []int64{7} }), "alice",
			"the user has profiles, as the stored user",
		},
		"hidden, and another spelling": {inRealm, saved("Alice@corp", disable), "alice", "the user is disabled, as the stored user"},
		"hidden, and the name is registered": {inRealm, func(f *fixture) {
			f.saveUser("alice", nil)
			f.saveUser("alice@corp", disable)
		}, "alice", "the user is disabled, as the stored user"},
		"in a realm":              {nil, saved("alice", disable), "alice@corp", "the user is disabled, as alice"},
		"in two realms":           {nil, saved("alice", disable), `inner\alice@outer`, "the user is disabled, as alice"},
		"in an empty realm":       {nil, saved("alice", disable), "alice@", "the user is disabled, as alice"},
		"in the other notation":   {nil, saved("alice@corp", disable), `corp\alice`, "the user is disabled, as alice@corp"},
		"in a realm, similar":     {nil, saved("alice", disable), "ALICE@corp", "the user is disabled, as alice"},
		"in a realm, of a hidden": {inRealm, saved("alice@corp", disable), "alice@else", "the user is disabled, as alice@corp"},
		"in more realms than 16":  {nil, nil, "a" + strings.Repeat("@b", MaxNameRealms+1), "the name has more than 16 realms"},
		"disabled, and strip_realm": {
			func(config *Config) { config.StripRealm = true },
			saved("alice", disable), "alice@corp", "the user is disabled",
		},
	} {
		t.Run(about, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, test.config)
			f.configure(func(config *Config) { config.LockoutThreshold = 1 })
			if test.prepare != nil {
				test.prepare(f)
			}
			for _, password := range []string{rightPassword, "wrong"} {
				f.requireDenied(test.typed, password, "login refused: username=")
				require.Contains(t, f.log.String(), test.reason)
				require.NotContains(t, f.log.String(), password)
			}
			require.Empty(t, f.server.takeQueried())
			registered, others := f.service.Lockouts.Usage()
			require.Zero(t, registered.Failures+others.Failures, "it counts as no failed login")
			require.Empty(t, f.service.Lockouts.Locked())
		})
	}
}

func TestNamesThatOnlyLookBarredLogIn(t *testing.T) {
	t.Parallel()
	inRealm := func(config *Config) { config.Realm = "corp" }
	for about, test := range map[string]struct {
		config  func(*Config)
		prepare func(*fixture)
		typed   string
	}{
		"registered, and another is similar": {nil, func(f *fixture) {
			f.saveUser("alice", disable)
			f.saveUser("\u00e1lice", nil)
		}, "\u00e1lice"},
		"registered in a realm, and the base is disabled": {nil, func(f *fixture) {
			f.saveUser("alice", disable)
			f.saveUser("alice@corp", nil)
		}, "alice@corp"},
		"realm form of a user who is not disabled": {nil, func(f *fixture) { f.saveUser("alice", nil) }, "alice@corp"},
		"base of a disabled user's name":           {nil, func(f *fixture) { f.saveUser("alice@corp", disable) }, "alice"},
		"hidden twin without limits":               {inRealm, func(f *fixture) { f.saveUser("alice@corp", nil) }, "alice"},
		"another hidden twin of a registered name": {inRealm, func(f *fixture) {
			f.saveUser("alice", nil)
			f.saveUser("\u00e1lice@corp", disable)
		}, "alice"},
		"registered, with registered_only": {
			func(config *Config) { config.RegisteredOnly = true }, func(f *fixture) { f.saveUser("alice", nil) }, "alice",
		},
		"realm form of a user whom another source checks": {nil, func(f *fixture) {
			id, _ := f.saveSource("own", source.TypeRADIUS, nil)
			f.saveUser("alice", func(user *users.User) { user.Disabled, user.Source = true, id })
		}, "alice@corp"},
		"sixteen realms":                   {nil, func(*fixture) {}, "a" + strings.Repeat("@b", MaxNameRealms)},
		"name with a dot in storage's way": {nil, func(*fixture) {}, "a..b"},
	} {
		t.Run(about, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, test.config)
			test.prepare(f)
			require.Equal(t, test.typed, f.requireAccepted(test.typed).Name)
		})
	}
}

func TestUserExpiresAtTheVeryTime(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	expiry := f.now.Add(time.Hour)
	f.saveUser("alice", func(user *users.User) { user.ExpiresAt = &expiry })
	f.now = expiry.Add(-time.Nanosecond)
	f.requireAccepted("alice")
	f.now = expiry
	f.requireDenied("alice", rightPassword, "the user has expired")
}

func TestNamesThatAreNoNamesAreInputErrors(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(config *Config) { config.Realm = "corp" })
	for typed, want := range map[string]string{
		"":                       "username cannot be empty",
		"alice ":                 "username begins or ends with white space: type it without",
		"a\x00b":                 "username contains a control character",
		"al\u00adice":            "username contains an invisible format character or a line separator: type it without",
		"\xff":                   "username is not valid UTF-8",
		"alice/.":                "username is not a clean path: it has an empty part, or one that is a dot, between slashes",
		"./a@corp":               "username is not a clean path: it has an empty part, or one that is a dot, between slashes",
		".@corp":                 "username is not a clean path: it has an empty part, or one that is a dot, between slashes", // once canonical
		"\uff41lice":             errNotPlain.Error(),
		"jose\u0301":             errNotPlain.Error(),
		strings.Repeat("x", 254): "username is longer than 253 octets, the most that RADIUS can carry",
		strings.Repeat("x", 250): "username is longer than 253 octets, the most that RADIUS can carry", // with @corp
	} {
		result, err := f.authenticate(Attempt{Username: typed, Password: rightPassword})
		var input *InputError
		require.ErrorAs(t, err, &input, "%q", typed)
		require.EqualError(t, err, want, "%q", typed)
		require.True(t, IsInputError(err))
		require.Nil(t, result.Refusal)
	}
	require.Empty(t, f.server.takeQueried())
	require.NotContains(t, f.log.String(), "[ERROR]", "a client's mistake is none of the operator's")
}

func TestNamesAreCheckedBeforeTheirRealmIsCut(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(config *Config) { config.StripRealm = true })
	_, err := f.authenticate(Attempt{Username: strings.Repeat("x", 250) + "@corp", Password: rightPassword})
	require.EqualError(t, err, "username is longer than 253 octets, the most that RADIUS can carry")
	f.requireAccepted(strings.Repeat("x", 248) + "@corp")
}

// An earlier version may have stored such a name: its user is the only one who logs in so.
func TestNameThatIsNotPlainLogsInIfItIsRegistered(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.saveUser("\uff41lice", nil)
	f.requireAccepted("\uff41lice")
}

func TestLoginsAreUnansweredUntilTheNamesCanBeRead(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.saveUser("alice", disable)
	f.storage.breakKeys("user/")
	for _, name := range []string{"alice", "bob"} {
		result := f.login(name, rightPassword)
		require.Equal(t, &Refusal{Text: NoAnswerText, Unanswered: true}, shown(result.Refusal))
		require.Equal(t, name, result.Name)
		require.Contains(t, f.log.String(), `login failed: username=`+name)
		require.Contains(t, f.log.String(), "reading the names of users: listing users: storage is broken")
	}
	require.Empty(t, f.server.takeQueried())
	f.storage.breakKeys()
	f.requireDenied("alice", rightPassword, "the user is disabled")
	f.requireAccepted("bob")
}

func TestNamesUnreadTellTheCause(t *testing.T) {
	t.Parallel()
	require.ErrorIs(t, &namesUnreadError{errBroken}, errBroken)
}

// Another server may have deleted the user, without a word so far.
func TestUserThatIsGoneIsAStranger(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.saveUser("alice", disable)
	f.requireDenied("alice", rightPassword, "the user is disabled")
	require.NoError(t, f.storage.Delete(t.Context(), users.Key("alice")))
	f.service.Users.Drop("alice")
	f.requireAccepted("alice")
	f.requireAccepted("Alice")
	f.configure(func(config *Config) { config.RegisteredOnly = true })
	f.requireDenied("alice", rightPassword, "the config has registered_only")
}

func TestNameThatWasSimilarUntilNowIsRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	names, err := f.service.RegisteredNames(t.Context(), f.storage, username.Rules{})
	require.NoError(t, err)
	reason := barredAsStranger(f.settings, names, Identity{Name: "alice"}, username.Match{Similar: true})
	require.Equal(t, Reason{decision.Spelling, "a similar name was registered until now"}, reason)
}

// Each look at a user may be the one that fails: none of them lets the name pass.
func TestFaultsOfReadsOfUsersRefuse(t *testing.T) {
	t.Parallel()
	for about, test := range map[string]struct {
		config  func(*Config)
		prepare func(*fixture)
		broken  string
		typed   string
	}{
		"the user": {nil, func(f *fixture) { f.saveUser("alice", nil) }, "user/alice", "alice"},
		"the hidden user": {
			func(config *Config) { config.Realm = "corp" },
			func(f *fixture) { f.saveUser("alice@corp", nil) }, "user/alice@corp", "alice",
		},
		"the base": {nil, func(f *fixture) { f.saveUser("alice", nil) }, "user/alice", "alice@corp"},
		"a name in doubt": {nil, func(f *fixture) {
			f.requireAccepted("bob") // the names are read
			f.service.Names.Doubt("alice")
		}, "user/alice", "alice"},
		"a base in doubt": {nil, func(f *fixture) {
			f.requireAccepted("bob")
			f.service.Names.Doubt("alice")
		}, "user/alice", "alice@corp"},
	} {
		t.Run(about, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, test.config)
			test.prepare(f)
			f.server.takeQueried()
			f.requireAccepted("warm")
			f.server.takeQueried()
			f.storage.breakKeys(test.broken)
			_, err := f.authenticate(Attempt{Username: test.typed, Password: rightPassword})
			require.Equal(t, ErrReadFault, err)
			require.False(t, IsInputError(err))
			require.NotContains(t, err.Error(), test.typed)
			require.Contains(t, f.log.String(), `reason="storage cannot be read: `)
			require.Empty(t, f.server.takeQueried())
			f.storage.breakKeys()
			f.requireAccepted(test.typed)
		})
	}
}

func TestFaultAfterAUserIsGoneRefuses(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.saveUser("alice", nil)
	f.requireAccepted("warm")
	require.NoError(t, f.storage.Delete(t.Context(), users.Key("alice")))
	f.service.Users.Drop("alice")
	f.storage.failReadsFrom(2, "user/alice") // the first finds that the user is gone
	_, err := f.authenticate(Attempt{Username: "alice", Password: rightPassword})
	require.Equal(t, ErrReadFault, err)
}

func TestFailedLoginsOfRegisteredNamesAndTheirLikesAreCountedApart(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(config *Config) { config.LockoutThreshold = 9 })
	f.saveUser("alice", nil)
	f.requireDenied("alice", "wrong", "login refused by its source")
	f.requireDenied("stranger", "wrong", "login refused by its source")
	registered, others := f.service.Lockouts.Usage()
	require.Equal(t, 1, registered.Failures)
	require.Equal(t, 1, others.Failures)
	for name, want := range map[string]bool{"alice": true, "Alice": true, "stranger": false} {
		sources, err := f.service.Sources.Get(t.Context(), f.storage)
		require.NoError(t, err)
		identity, err := f.service.Identify(t.Context(), f.storage, f.settings, sources, name)
		require.NoError(t, err)
		require.Equal(t, want, identity.registered, name)
	}
}
