package radiusauth

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

// checker asks about a password, wherever that is known: RADIUS servers, a
// directory, or the hashes stored here.
type checker interface {
	// wireName is the name that is asked about.
	wireName(name string) string
	// describe gives the attributes of a request, but for what proves the password.
	// nas is what the config says of this mount: a source may know better.
	describe(nas radius.Attributes, credentials radclient.Credentials) radius.Attributes
	// check gives the answer. The error means that there is none: nobody's password
	// was judged.
	check(ctx context.Context, asked question) (answer, error)
	// asks tells whether host, with the port, is one of its servers.
	asks(host string) bool
	// status is what a read of status shows of the servers.
	status() []any
	// close ends what is kept open. Checks that are under way go on.
	close()
}

// question is what a source is asked.
type question struct {
	radclient.Credentials
	known *dictionary.Dictionary // makes attributes of the answer
	// sameName tells whether a directory's spelling of the name will do; nil: only the
	// very same.
	sameName func(spelled string) bool
	// caller is who waits, where a password is checked here.
	caller passwd.Caller
}

// answer is what a source says about a login.
type answer struct {
	radclient.Verdict                   // without attributes, unless the source speaks RADIUS
	reply             []dictionary.Item // what the checks of profiles see as reply:
	groups            []string          // of the person, in the directory
	notice            string            // of an accept, for operators; empty: none
}

// source is what checks the passwords of some people.
type source struct {
	name    string       // as users/:name has it; empty: the config's servers
	entry   *sourceEntry // nil for these, and for the passwords here
	checker checker      // nil if there is a fault
	fault   error        // why it cannot be asked
	// testUser is the form of the name that its probes log in under; "": none do.
	testUser string
}

// key names the source in what is kept of a login; names may change.
func (s *source) key() string {
	if s.entry == nil {
		return s.name
	}
	return sourceKey(s.entry.ID)
}

// isRADIUS tells whether RADIUS servers check the password.
func (s *source) isRADIUS() bool {
	_, isRADIUS := s.checker.(*radiusChecker)
	return isRADIUS
}

// wait returns how long a login waits for others of its name: no longer than for its own
// answer.
func (s *source) wait(config *configEntry) time.Duration {
	local, isLocal := s.checker.(*localChecker)
	switch {
	case isLocal:
		return local.hasher.Wait()
	case s.entry != nil && s.entry.RADIUS != nil:
		return s.entry.RADIUS.readTimeout()
	case s.entry != nil:
		return time.Duration(s.entry.Directory.ReadTimeout) * time.Second
	}
	return config.readTimeout()
}

// asks tells whether host, with the port, is one of the source's servers.
func (s *source) asks(host string) bool { return s.checker != nil && s.checker.asks(host) }

// errUnknownAttribute means that the dictionary has lost an attribute.
var errUnknownAttribute = errors.New("the dictionary does not know the attribute")

// replyItem makes an attribute that the checks of profiles see as reply:.
func replyItem(known *dictionary.Dictionary, name, text string) (dictionary.Item, error) {
	attribute, found := known.Lookup(name)
	if !found {
		return dictionary.Item{}, errUnknownAttribute
	}
	value, err := attribute.ParseValue(text)
	return dictionary.Item{Attribute: attribute, Value: value}, err
}

// openSource makes what asks a source.
func (b *backend) openSource(entry *sourceEntry) (checker, error) {
	if entry.RADIUS != nil {
		return openRADIUS(entry, b.serverChanged, b.settings.dial)
	}
	return b.openDirectory(entry)
}

// sourceSet is all sources as they are at a time. It does not change.
type sourceSet struct {
	ordered []*source // by id
	byID    map[int64]*source
	byName  map[string]*source
	byRealm map[string]*source // as username.FoldRealm has it
	realms  username.Realms
}

func newSourceSet(sources []*source) *sourceSet {
	set := &sourceSet{ordered: sources, byID: map[int64]*source{}, byName: map[string]*source{}, byRealm: map[string]*source{}}
	var realms [][]string
	for _, source := range sources {
		set.byID[source.entry.ID], set.byName[source.name] = source, source
		realms = append(realms, source.entry.Realms)
		for _, realm := range source.entry.Realms {
			set.byRealm[username.FoldRealm(realm)] = source
		}
	}
	set.realms = username.NewRealms(realms)
	return set
}

// sourceStore keeps the sources ready for logins, with what they keep open.
type sourceStore struct {
	// open makes what asks a source.
	open func(*sourceEntry) (checker, error)

	cached cache.Value[*sourceSet]
}

func newSourceStore(open func(*sourceEntry) (checker, error)) *sourceStore {
	s := &sourceStore{open: open}
	s.cached.Retire = (*sourceSet).closeBut
	return s
}

// get gives the sources, from storage if they may have changed. Those that have
// not keep their connections.
func (s *sourceStore) get(ctx context.Context, storage kv.Storage) (*sourceSet, error) {
	return s.cached.Get(ctx, s.load(storage))
}

// load makes sources of those that are stored, and of what is open before.
func (s *sourceStore) load(storage kv.Storage) func(context.Context, *sourceSet) (*sourceSet, error) {
	return func(ctx context.Context, before *sourceSet) (*sourceSet, error) {
		entries, err := loadSources(ctx, storage)
		if err != nil {
			return nil, err
		}
		var sources []*source
		for _, entry := range entries {
			current := before.unchanged(entry)
			if current == nil {
				current = &source{name: entry.Name, entry: entry}
				current.checker, current.fault = s.open(entry)
				if entry.RADIUS != nil {
					current.testUser = entry.RADIUS.testUser()
				}
			}
			sources = append(sources, current)
		}
		return newSourceSet(sources), nil
	}
}

// unchanged gives the source that is as the entry says; nil if there is none. A
// nil set has none.
func (s *sourceSet) unchanged(entry *sourceEntry) *source {
	if s == nil {
		return nil
	}
	if one := s.byID[entry.ID]; one != nil && one.entry.Revision == entry.Revision {
		return one
	}
	return nil
}

// closeBut closes the sources that are not in the other set, which may be nil.
func (s *sourceSet) closeBut(other *sourceSet) {
	if s == nil {
		return
	}
	for _, one := range s.ordered {
		if one.checker != nil && (other == nil || other.byID[one.entry.ID] != one) {
			one.checker.close()
		}
	}
}

// renew loads the sources again after a change: at once, so that nothing of an old one
// stays open.
func (s *sourceStore) renew(ctx context.Context, storage kv.Storage) error {
	return s.cached.Refresh(ctx, s.load(storage))
}

// drop has the sources loaded again when they are needed next.
func (s *sourceStore) drop() { s.cached.Drop() }

// close closes all sources.
func (s *sourceStore) close() { s.cached.Clear() }
