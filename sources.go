package radiusauth

import (
	"context"
	"errors"
	"sync"

	"github.com/hashicorp/vault/sdk/logical"
	"layeh.com/radius"

	"vault-plugin-auth-radius/internal/dictionary"
	"vault-plugin-auth-radius/internal/radclient"
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
	known    *dictionary.Dictionary // makes attributes of the answer
	foldCase bool                   // whether the mount does not tell upper and lower case apart
}

// answer is what a source says about a login.
type answer struct {
	radclient.Verdict                   // without attributes, unless the source speaks RADIUS
	reply             []dictionary.Item // what the checks of profiles see as reply:
	groups            []string          // of the person, in the directory
}

// source is what checks the passwords of some people.
type source struct {
	name    string       // as users/:name has it; empty: the config's servers
	entry   *sourceEntry // nil for these, and for the passwords here
	checker checker      // nil if there is a fault
	fault   error        // why it cannot be asked
}

// key names the source in what is kept of a login; names may change.
func (s *source) key() string {
	if s.entry == nil {
		return s.name
	}
	return sourceKey(s.entry.ID)
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
		return openRADIUS(entry, b.serverChanged)
	}
	return b.openDirectory(entry)
}

// sourceSet is all sources as they are at a time. It does not change.
type sourceSet struct {
	ordered []*source // by id
	byID    map[int64]*source
	byName  map[string]*source
	byRealm map[string]*source // as foldRealm has it
}

func newSourceSet(sources []*source) *sourceSet {
	set := &sourceSet{ordered: sources, byID: map[int64]*source{}, byName: map[string]*source{}, byRealm: map[string]*source{}}
	for _, one := range sources {
		set.byID[one.entry.ID], set.byName[one.name] = one, one
		for _, realm := range one.entry.Realms {
			set.byRealm[foldRealm(realm)] = one
		}
	}
	return set
}

// sourceStore keeps the sources ready for logins, with what they keep open, and
// orders their changes.
type sourceStore struct {
	// open makes what asks a source.
	open func(*sourceEntry) (checker, error)

	// changes orders changes of sources, and of what refers to them, with each
	// other: no two get one name or realm, and none is deleted while a user is given
	// to it.
	changes sync.Mutex

	mu    sync.RWMutex
	stale bool       // guarded by mu; set is from before a change
	set   *sourceSet // guarded by mu; nil until loaded
}

// get gives the sources, from storage if they may have changed. Those that have
// not keep their connections.
func (s *sourceStore) get(ctx context.Context, storage logical.Storage) (*sourceSet, error) {
	s.mu.RLock()
	set, stale := s.set, s.stale
	s.mu.RUnlock()
	if set != nil && !stale {
		return set, nil
	}

	// Loading holds the lock: a change that comes meanwhile makes stale what was
	// loaded, instead of being overwritten by it.
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.set != nil && !s.stale {
		return s.set, nil
	}
	entries, err := loadSources(ctx, storage)
	if err != nil {
		return nil, err
	}
	before := s.set
	var sources []*source
	for _, entry := range entries {
		one := before.unchanged(entry)
		if one == nil {
			one = &source{name: entry.Name, entry: entry}
			one.checker, one.fault = s.open(entry)
		}
		sources = append(sources, one)
	}
	s.set, s.stale = newSourceSet(sources), false
	before.closeBut(s.set)
	return s.set, nil
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

// change runs a change of stored sources, alone. Whatever came of it, the
// sources are loaded again: at once, so that nothing of an old one stays open.
func (s *sourceStore) change(ctx context.Context, storage logical.Storage, do func() (*logical.Response, error)) (*logical.Response, error) {
	s.changes.Lock()
	defer s.changes.Unlock()
	resp, err := do()
	s.drop()
	if _, loadErr := s.get(ctx, storage); err == nil && loadErr != nil {
		return nil, loadErr
	}
	return resp, err
}

// drop has the sources loaded again when they are needed next.
func (s *sourceStore) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stale = true
}

// close closes all sources.
func (s *sourceStore) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set.closeBut(nil)
	s.set = nil
}
