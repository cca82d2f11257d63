package source

import (
	"context"
	"errors"
	"time"

	"layeh.com/radius"

	"vault-plugin-auth-radius/internal/cache"
	"vault-plugin-auth-radius/internal/dictionary"
	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/passwd"
	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/username"
)

// Checker checks a password where it is known: at RADIUS servers, in a directory, or against
// the hashes stored here.
type Checker interface {
	// WireName returns the name that is sent to the servers.
	WireName(name string) string
	// Describe returns the attributes of a request, but for what proves the password.
	// nas is what the config says of this mount: a source may know better.
	Describe(nas radius.Attributes, credentials radclient.Credentials) radius.Attributes
	// Check returns the answer. The error means that there is none: no password was judged.
	Check(ctx context.Context, query Query) (Answer, error)
	// Serves reports whether host, with the port, is a server of the source.
	Serves(host string) bool
	// Close closes the connections. Checks that are under way go on.
	Close()
}

// Query holds what a checker needs to check a password.
type Query struct {
	radclient.Credentials
	Known *dictionary.Dictionary // makes attributes of the answer
	// SameName reports whether a directory's spelling of the name will do; nil: only the same
	// spelling.
	SameName func(spelled string) bool
	// Caller is the login for which a hash is computed, where a password is checked here.
	Caller passwd.Caller
}

// Answer is the answer of a source to a login.
type Answer struct {
	radclient.Verdict                   // without attributes, unless the source speaks RADIUS
	Reply             []dictionary.Item // seen by checks of profiles as reply:
	Groups            []string          // of the user, in the directory
	Notice            string            // of an accept, for operators; empty: none
	Remembered        bool              // an accept that took no hash: the password was known
}

// Source checks the passwords of some users.
type Source struct {
	Name    string  // as users/:name has it; empty: the config's servers
	Entry   *Entry  // nil for these, and for the passwords here
	Checker Checker // nil after an error
	Err     error   // why there is no checker
	// TestUser is the form of the name of the test user of its probes; "": there is none.
	TestUser string

	ends certificateEnds
	seen history
}

// Key returns a name of the source that does not change, for what is kept of a login.
func (s *Source) Key() string {
	if s.Entry == nil {
		return s.Name
	}
	return stored.Key(s.Entry.ID)
}

// IsLocal reports whether the password is compared with a hash that is stored here.
func (s *Source) IsLocal() bool {
	_, isLocal := s.Checker.(*localChecker)
	return isLocal
}

// CheckInVain takes the time that a wrong password takes where it is checked here, for a
// login that is refused anyway; elsewhere it takes none.
func (s *Source) CheckInVain(ctx context.Context, caller passwd.Caller, password string) error {
	if local, isLocal := s.Checker.(*localChecker); isLocal {
		return local.checkInVain(ctx, caller, password)
	}
	return nil
}

// MakeUp takes what an accept lacks of the time of a wrong password, for a login that is refused
// all the same.
func (s *Source) MakeUp(ctx context.Context, caller passwd.Caller, password string, accept Answer) error {
	if local, isLocal := s.Checker.(*localChecker); isLocal {
		return local.makeUp(ctx, caller, password, accept.Remembered)
	}
	return nil
}

// IsRADIUS reports whether RADIUS servers check the password.
func (s *Source) IsRADIUS() bool {
	_, isRADIUS := s.Checker.(*radiusChecker)
	return isRADIUS
}

// Wait returns how long a login waits for others of its name: no longer than for its own
// answer, which is readTimeout for the config's servers.
func (s *Source) Wait(readTimeout time.Duration) time.Duration {
	local, isLocal := s.Checker.(*localChecker)
	switch {
	case isLocal:
		return local.local.Hasher.Wait()
	case s.Entry != nil && s.Entry.RADIUS != nil:
		return s.Entry.RADIUS.Timeout()
	case s.Entry != nil:
		return time.Duration(s.Entry.Directory.ReadTimeout) * time.Second
	}
	return readTimeout
}

// Close closes the connections. Checks that are under way go on.
func (s *Source) Close() {
	if s.Checker != nil {
		s.Checker.Close()
	}
}

// Title returns the name of the source for texts to operators.
func (s *Source) Title() string {
	if s.Entry == nil {
		return "the config"
	}
	return "the source " + s.Name
}

// ofConfig is what the config's own servers are called where a source has to have a name. No
// source under extauth/ can be called that.
const ofConfig = "(config)"

// Label returns the name of the source for the log, metrics and attempts.
func (s *Source) Label() string {
	if s.Name == "" {
		return ofConfig
	}
	return s.Name
}

// TypeLabel returns the type of the source: that of its entry, radius for the config's servers,
// or local.
func (s *Source) TypeLabel() string {
	switch {
	case s.Entry != nil:
		return string(s.Entry.Type)
	case s.Name == Local:
		return Local
	}
	return string(TypeRADIUS)
}

// Serves reports whether host, with the port, is a server of the source.
func (s *Source) Serves(host string) bool { return s.Checker != nil && s.Checker.Serves(host) }

// errUnknownAttribute means that the dictionary has lost an attribute.
var errUnknownAttribute = errors.New("the dictionary does not know the attribute")

// replyItem returns an attribute that the checks of profiles see as reply:.
func replyItem(known *dictionary.Dictionary, name, text string) (dictionary.Item, error) {
	attribute, found := known.Lookup(name)
	if !found {
		return dictionary.Item{}, errUnknownAttribute
	}
	value, err := attribute.ParseValue(text)
	return dictionary.Item{Attribute: attribute, Value: value}, err
}

// Set holds all sources as of one moment. It does not change.
type Set struct {
	Ordered []*Source // by id
	ByID    map[int64]*Source
	ByName  map[string]*Source
	ByRealm map[string]*Source // as username.FoldRealm has it
	Realms  username.Realms
}

// NewSet returns the set of the sources, which are in the order of their ids.
func NewSet(sources []*Source) *Set {
	set := &Set{Ordered: sources, ByID: map[int64]*Source{}, ByName: map[string]*Source{}, ByRealm: map[string]*Source{}}
	var realms [][]string
	for _, source := range sources {
		set.ByID[source.Entry.ID], set.ByName[source.Name] = source, source
		realms = append(realms, source.Entry.Realms)
		for _, realm := range source.Entry.Realms {
			set.ByRealm[username.FoldRealm(realm)] = source
		}
	}
	set.Realms = username.NewRealms(realms)
	return set
}

// Store keeps the sources ready for logins, with their connections.
type Store struct {
	// open returns the checker of a source.
	open func(*Entry) (Checker, error)

	cached cache.Value[*Set]
}

// NewStore returns a store that has not loaded sources yet. open returns the checker of a source.
func NewStore(open func(*Entry) (Checker, error)) *Store {
	s := &Store{open: open}
	s.cached.Retire = (*Set).closeExcept
	return s
}

// Get returns the sources, from storage if they may have changed. Unchanged sources keep their
// connections.
func (s *Store) Get(ctx context.Context, storage kv.Storage) (*Set, error) {
	return s.cached.Get(ctx, s.load(storage))
}

// load returns the function that loads the stored sources. Unchanged sources stay open.
func (s *Store) load(storage kv.Storage) func(context.Context, *Set) (*Set, error) {
	return func(ctx context.Context, before *Set) (*Set, error) {
		entries, err := LoadAll(ctx, storage)
		if err != nil {
			return nil, err
		}
		var sources []*Source
		for _, entry := range entries {
			current := before.unchanged(entry)
			if current == nil {
				current = &Source{Name: entry.Name, Entry: entry}
				current.readEntry()
				current.Checker, current.Err = s.open(entry)
				current.Continue(before.withID(entry.ID))
			}
			sources = append(sources, current)
		}
		return NewSet(sources), nil
	}
}

// unchanged returns the source that has the entry in the same revision; nil if there is none. A
// nil set has none.
func (s *Set) unchanged(entry *Entry) *Source {
	if source := s.withID(entry.ID); source != nil && source.Entry.Revision == entry.Revision {
		return source
	}
	return nil
}

// withID returns the source with the id; nil if there is none. A nil set has none.
func (s *Set) withID(id int64) *Source {
	if s == nil {
		return nil
	}
	return s.ByID[id]
}

// closeExcept closes the sources that are not in the other set, which may be nil.
func (s *Set) closeExcept(other *Set) {
	if s == nil {
		return
	}
	for _, source := range s.Ordered {
		if other == nil || other.ByID[source.Entry.ID] != source {
			source.Close()
		}
	}
}

// Renew loads the sources again after a change: at once, so that no connection of an old source
// stays open.
func (s *Store) Renew(ctx context.Context, storage kv.Storage) error {
	return s.cached.Refresh(ctx, s.load(storage))
}

// Drop has the sources loaded again when they are needed next.
func (s *Store) Drop() { s.cached.Drop() }

// Lookups returns how often the sources were in memory, and how often not.
func (s *Store) Lookups() (hits, misses uint64) { return s.cached.Lookups() }

// Close closes all sources.
func (s *Store) Close() { s.cached.Clear() }
