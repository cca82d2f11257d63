package login

import (
	"context"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/catalog"
	"vault-plugin-auth-radius/internal/challenge"
	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/lockout"
	"vault-plugin-auth-radius/internal/passwd"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
	"vault-plugin-auth-radius/internal/throttle"
	"vault-plugin-auth-radius/internal/username"
	"vault-plugin-auth-radius/internal/users"
)

// rightPassword is what the servers of a fixture accept; see [fakeChecker].
const rightPassword = "right-password"

// fixtureTime is when a fixture begins: on a Monday.
var fixtureTime = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// fixture is a Service with all that it needs, in memory: no Vault, no network, a set clock.
type fixture struct {
	t        *testing.T
	service  *Service
	storage  *memoryStorage
	settings *Settings
	server   *fakeChecker // the config's servers
	log      *logBuffer
	decided  *decisions
	now      time.Time // that Clock returns, and that log lines are throttled by

	checkers map[string]*fakeChecker // of the stored sources, by name
}

// newFixture returns a fixture without users, profiles and sources. edit, which may be nil,
// changes its config.
func newFixture(t *testing.T, edit func(*Config)) *fixture {
	t.Helper()
	f := &fixture{
		t:        t,
		storage:  newMemoryStorage(),
		server:   newFakeChecker("the config"),
		log:      &logBuffer{},
		decided:  &decisions{},
		now:      fixtureTime,
		checkers: map[string]*fakeChecker{},
	}
	clock := func() time.Time { return f.now }
	logger := hclog.New(&hclog.LoggerOptions{Output: f.log, Level: hclog.Debug, DisableTime: true})
	dictionaries := &catalog.Dictionaries{OnInvalid: func(err error) { t.Errorf("dictionary: %v", err) }}
	profiles := catalog.NewProfiles(dictionaries, func(*catalog.Compiled) {}, func(cause any) { t.Errorf("profiles: %v", cause) })
	f.service = &Service{
		Users:        users.NewCache(),
		Names:        username.NewRegistry(func(*username.Names) {}, func(cause any) { t.Errorf("names: %v", cause) }),
		Sources:      source.NewStore(func(entry *source.Entry) (source.Checker, error) { return f.checkers[entry.Name], nil }),
		Dictionaries: dictionaries,
		Profiles:     profiles,
		Lockouts:     lockout.New(64),
		Challenges:   challenge.NewSealer(),
		Hasher:       passwd.NewHasher(0, source.MaxLocalWait),
		Known:        passwd.NewKnown(clock),
		Floods:       throttle.New(time.Minute, clock),
		Log:          func() hclog.Logger { return logger },
		Clock:        clock,
		Decided:      f.decided.add,
	}
	t.Cleanup(f.service.Names.Close)
	require.NoError(t, f.service.Challenges.EnsureKey(t.Context(), f.storage))
	config := DefaultConfig()
	config.NASIdentifier = "vault"
	config.PasswordCost = 1 // the cheapest
	f.settings = f.settingsOf(config)
	f.configure(edit)
	return f
}

// configure changes the config.
func (f *fixture) configure(edit func(*Config)) {
	f.t.Helper()
	config := f.settings.Config.Clone()
	if edit != nil {
		edit(&config)
	}
	f.settings = f.settingsOf(config)
}

// settingsOf returns the settings of a config whose servers are the fixture's fake one.
func (f *fixture) settingsOf(config Config) *Settings {
	f.t.Helper()
	known, err := f.service.Dictionaries.Get(f.t.Context(), f.storage)
	require.NoError(f.t, err)
	settings := NewSettings(&config, known, nil, nil)
	if config.Host == "" {
		settings.Source = &source.Source{Checker: f.server, TestUser: config.TestUser()}
		f.server.setWire(config.WireName)
	}
	return settings
}

// saveUser stores a user. edit, which may be nil, changes it before.
func (f *fixture) saveUser(name string, edit func(*users.User)) {
	f.t.Helper()
	before, err := users.Load(f.t.Context(), f.storage, name)
	require.NoError(f.t, err)
	user := &users.User{Policies: []string{}}
	if edit != nil {
		edit(user)
	}
	require.NoError(f.t, users.SaveReferenced(f.t.Context(), f.storage, name, before, user))
	f.service.Users.Drop(name)
	f.service.Names.Drop()
}

// saveLocalUser stores a user with a password that is checked here.
func (f *fixture) saveLocalUser(name, password string, edit func(*users.User)) {
	f.t.Helper()
	settings := passwd.Settings{Algorithm: passwd.Argon2id, Cost: 1}
	hash, err := f.service.Hasher.Make(f.t.Context(), settings, password)
	require.NoError(f.t, err)
	f.saveUser(name, func(user *users.User) {
		user.Local, user.PasswordHash = true, hash.Text()
		if edit != nil {
			edit(user)
		}
	})
}

// saveProfile stores a profile, or changes the one with the short name, and returns its id.
func (f *fixture) saveProfile(shortName string, edit func(*catalog.Profile)) int64 {
	f.t.Helper()
	before, err := catalog.FindNamed(f.t.Context(), f.storage, shortName)
	entry := catalog.NewProfile()
	switch {
	case err == nil:
		entry = before.Clone()
	default:
		require.ErrorIs(f.t, err, catalog.ErrNotFound)
		entry.ID, err = kv.NextID(f.t.Context(), f.storage, catalog.SequenceKey, "profiles")
		require.NoError(f.t, err)
	}
	entry.Name, entry.ShortName = shortName, shortName
	entry.Revision++
	if edit != nil {
		edit(entry)
	}
	require.NoError(f.t, catalog.Save(f.t.Context(), f.storage, before, entry))
	f.service.Profiles.Forget(entry.ID)
	return entry.ID
}

// saveSource stores a source, and returns its id and what stands for its servers.
func (f *fixture) saveSource(name string, kind source.Type, edit func(*source.Entry)) (int64, *fakeChecker) {
	f.t.Helper()
	id, err := kv.NextID(f.t.Context(), f.storage, source.SequenceKey, "sources")
	require.NoError(f.t, err)
	entry := source.NewEntry(kind)
	entry.ID, entry.Revision, entry.Name = id, 1, name
	if edit != nil {
		edit(entry)
	}
	require.NoError(f.t, source.Save(f.t.Context(), f.storage, nil, entry))
	f.checkers[name] = newFakeChecker(name)
	f.service.Sources.Drop()
	return id, f.checkers[name]
}

// authenticate decides about an attempt. That nothing is written holds for each of them.
func (f *fixture) authenticate(attempt Attempt) (Outcome, error) {
	f.t.Helper()
	return f.authenticateIn(f.t.Context(), attempt)
}

// authenticateIn is authenticate in a context.
func (f *fixture) authenticateIn(ctx context.Context, attempt Attempt) (Outcome, error) {
	f.t.Helper()
	before := f.storage.writeCount()
	result, err := f.service.Authenticate(ctx, f.storage, f.settings, attempt)
	require.Equal(f.t, before, f.storage.writeCount(), "a login has written to storage")
	return result, err
}

// login decides about a name and a password, which are no input error.
func (f *fixture) login(name, password string) Outcome {
	f.t.Helper()
	result, err := f.authenticate(Attempt{Username: name, Password: password, Address: "192.0.2.7"})
	require.NoError(f.t, err)
	return result
}

// requireAccepted logs in with the right password.
func (f *fixture) requireAccepted(name string) Outcome {
	f.t.Helper()
	result := f.login(name, rightPassword)
	require.Nil(f.t, result.Refusal, "%s\n%s", name, f.log)
	require.Equal(f.t, radclient.Accept, result.Answer.Outcome)
	return result
}

// shown returns what a client may tell of a refusal.
func shown(refusal *Refusal) *Refusal {
	if refusal == nil {
		return nil
	}
	return &Refusal{Text: refusal.Text, Unanswered: refusal.Unanswered}
}

// requireDenied is refused with the one text of refusals, for a reason in the log.
func (f *fixture) requireDenied(name, password, reason string) Outcome {
	f.t.Helper()
	f.log.Reset()
	result := f.login(name, password)
	require.NotNil(f.t, result.Refusal, name)
	require.Equal(f.t, DeniedText, result.Refusal.Text, name)
	require.False(f.t, result.Refusal.Unanswered)
	require.Contains(f.t, f.log.String(), reason)
	return result
}
