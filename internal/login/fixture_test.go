package login

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/stretchr/testify/require"
	"layeh.com/radius"

	"vault-plugin-auth-radius/internal/catalog"
	"vault-plugin-auth-radius/internal/challenge"
	"vault-plugin-auth-radius/internal/dictionary"
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

// fixture is a Service with all that it needs, in memory: no Vault, no network, a set clock.
type fixture struct {
	t        *testing.T
	service  *Service
	storage  *memoryStorage
	settings *Settings
	server   *fakeChecker // the config's servers
	log      *logBuffer
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
		now:      time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC), // a Monday
		checkers: map[string]*fakeChecker{},
	}
	clock := func() time.Time { return f.now }
	logger := hclog.New(&hclog.LoggerOptions{Output: f.log, Level: hclog.Debug, DisableTime: true})
	dictionaries := &catalog.Dictionaries{OnInvalid: func(err error) { t.Errorf("dictionary: %v", err) }}
	profiles := catalog.NewProfiles(dictionaries)
	profiles.OnWarnings = func(*catalog.Compiled) {}
	f.service = &Service{
		Users:        users.NewCache(),
		Names:        username.NewRegistry(func(*username.Names) {}, func(cause any) { t.Errorf("names: %v", cause) }),
		Sources:      source.NewStore(func(entry *source.Entry) (source.Checker, error) { return f.checkers[entry.Name], nil }),
		Dictionaries: dictionaries,
		Profiles:     profiles,
		Lockouts:     lockout.New(64),
		Challenges:   challenge.NewSealer(),
		Hasher:       passwd.NewHasher(0, source.MaxLocalWait),
		Floods:       throttle.New(time.Minute, clock),
		Log:          func() hclog.Logger { return logger },
		Clock:        clock,
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

// errBroken is what a broken storage returns.
var errBroken = errors.New("storage is broken")

// memoryStorage is a [kv.Storage] that counts, and that can fail. It is safe for concurrent
// use.
type memoryStorage struct {
	mu            sync.Mutex
	entries       map[string][]byte
	reads, writes int
	broken        []string // the beginnings of keys that fail
	spared        int      // reads of these keys that do not fail yet
}

func newMemoryStorage() *memoryStorage { return &memoryStorage{entries: map[string][]byte{}} }

// breakKeys has calls fail for keys that begin like one of these, and for no others.
func (m *memoryStorage) breakKeys(prefixes ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.broken, m.spared = prefixes, 0
}

// failReadsFrom does as breakKeys, from the read on that has the number, which begins at 1.
func (m *memoryStorage) failReadsFrom(number int, prefixes ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.broken, m.spared = prefixes, number-1
}

func (m *memoryStorage) readCount() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.reads
}

func (m *memoryStorage) writeCount() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.writes
}

// fault runs with mu held.
func (m *memoryStorage) fault(key string) error {
	for _, prefix := range m.broken {
		if strings.HasPrefix(key, prefix) {
			if m.spared > 0 {
				m.spared--
				return nil
			}
			return errBroken
		}
	}
	return nil
}

func (m *memoryStorage) List(_ context.Context, prefix string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reads++
	seen := map[string]bool{}
	var names []string
	for key := range m.entries {
		rest, found := strings.CutPrefix(key, prefix)
		if !found {
			continue
		}
		name := rest
		if folder, _, nested := strings.Cut(rest, "/"); nested {
			name = folder + "/"
		}
		if !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names, m.fault(prefix)
}

func (m *memoryStorage) Get(_ context.Context, key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reads++
	return m.entries[key], m.fault(key)
}

func (m *memoryStorage) Put(_ context.Context, key string, value []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.writes++
	if err := m.fault(key); err != nil {
		return err
	}
	m.entries[key] = bytes.Clone(value)
	return nil
}

func (m *memoryStorage) Delete(_ context.Context, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.writes++
	if err := m.fault(key); err != nil {
		return err
	}
	delete(m.entries, key)
	return nil
}

// fakeChecker is a [source.Checker] that answers as it is told: unless it is told
// otherwise, it accepts rightPassword and rejects others. It is safe for concurrent use.
type fakeChecker struct {
	name string // that its answers have as the server's

	mu      sync.Mutex
	respond func(source.Query) (source.Answer, error) // nil: as above
	wire    func(string) string                       // nil: the name as it is
	queries []source.Query
}

func newFakeChecker(name string) *fakeChecker { return &fakeChecker{name: name} }

// setRespond has queries answered by a function.
func (c *fakeChecker) setRespond(respond func(source.Query) (source.Answer, error)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.respond = respond
}

// setError has queries fail with an error; nil: they are answered again.
func (c *fakeChecker) setError(err error) {
	if err == nil {
		c.setRespond(nil)
		return
	}
	c.setRespond(func(source.Query) (source.Answer, error) { return source.Answer{}, err })
}

// setWire has the name that is asked about made by a function.
func (c *fakeChecker) setWire(wire func(string) string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wire = wire
}

// answer returns an answer of the checker's server.
func (c *fakeChecker) answer(outcome radclient.Outcome, attributes ...*radius.AVP) source.Answer {
	return source.Answer{Verdict: radclient.Verdict{
		Outcome: outcome, Attributes: attributes, Host: c.name + ":1812", Server: c.name,
	}}
}

// takeQueried returns the names that were asked about, and forgets them.
func (c *fakeChecker) takeQueried() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	names := []string{}
	for _, query := range c.queries {
		names = append(names, query.Username)
	}
	c.queries = nil
	return names
}

// lastQuery returns the latest query.
func (c *fakeChecker) lastQuery(t *testing.T) source.Query {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	require.NotEmpty(t, c.queries, "nothing was asked")
	return c.queries[len(c.queries)-1]
}

func (c *fakeChecker) Check(_ context.Context, query source.Query) (source.Answer, error) {
	c.mu.Lock()
	c.queries = append(c.queries, query)
	respond := c.respond
	c.mu.Unlock()
	switch {
	case respond != nil:
		return respond(query)
	case query.Password == rightPassword:
		return c.withReply(query, c.answer(radclient.Accept)), nil
	}
	answer := c.answer(radclient.Reject)
	answer.Reason, answer.ReplyMessage = "the fake server's reason", "the fake server's message"
	return answer, nil
}

// withReply returns the answer with its attributes decoded, as a RADIUS source does.
func (c *fakeChecker) withReply(query source.Query, answer source.Answer) source.Answer {
	answer.Reply = query.Known.Decode(answer.Attributes, dictionary.Keys{Plain: true})
	return answer
}

func (c *fakeChecker) WireName(name string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.wire == nil {
		return name
	}
	return c.wire(name)
}

func (c *fakeChecker) Describe(nas radius.Attributes, credentials radclient.Credentials) radius.Attributes {
	return radclient.RequestAttributes(nas, credentials)
}

func (c *fakeChecker) Serves(host string) bool { return host == c.name+":1812" }

func (c *fakeChecker) Status() []any { return nil }

func (c *fakeChecker) Close() {}

// logBuffer holds the log. It is safe for concurrent use.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(line)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// Reset forgets the lines so far.
func (b *logBuffer) Reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text.Reset()
}
