package radiusauth

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/go-hclog"

	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/username"
)

// registeredNames are the names of the stored users, as the rules of a config and its
// sources make them.
type registeredNames struct {
	rules username.Rules
	index *username.Index
	done  chan struct{} // closed when the index is filled, or cannot be; what follows is then final
	err   error
	// hidden are stored names that no login leads to, by the skeleton of the canonical form
	// that they would have: from before a config, or from a method with other rules.
	hidden map[string][]string
	// twins are groups of registered names with one fold, from before that was refused.
	twins [][]string
}

// nameStore keeps the registered names in memory, so that a login of a name that is
// not registered reads no storage.
type nameStore struct {
	lifetime context.Context // of reads in the background
	end      context.CancelFunc
	reads    sync.WaitGroup

	mu      sync.Mutex
	current *registeredNames // guarded by mu; nil: to be read
}

func newNameStore() *nameStore {
	s := &nameStore{}
	s.lifetime, s.end = context.WithCancel(context.Background())
	return s
}

// close ends reads in the background.
func (s *nameStore) close() {
	s.end()
	s.reads.Wait()
}

// drop has the names read again when they are needed next.
func (s *nameStore) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current = nil
}

// doubt is told of a user's name that another server has written.
func (s *nameStore) doubt(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.current == nil:
	case s.current.hides(name):
		s.current = nil // it is in no index
	case s.current.index.Doubts() >= maxDoubts:
		s.current = nil // reading all of them anew costs less
	default:
		s.current.index.Doubt(name)
	}
}

// maxDoubts is how many names that another server has written are remembered.
const maxDoubts = 4096

// set makes a name registered, or one that is not: before it is stored and after, so
// that names which are read meanwhile have it, too.
func (s *nameStore) set(name string, registered bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil {
		return
	}
	if registered {
		s.current.index.Add(name)
	} else {
		s.current.index.Remove(name)
	}
}

// removed makes a name one that is not registered, after its user was deleted. A hidden
// name has the others read anew: it may have barred one of them.
func (s *nameStore) removed(name string) {
	if s.isHidden(name) {
		s.drop()
		return
	}
	s.set(name, false)
}

func (s *nameStore) isHidden(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current != nil && s.current.hides(name)
}

// hides reports whether no login leads to the name if it is stored: it is not canonical,
// or refused.
func (n *registeredNames) hides(name string) bool {
	return n.rules.Canonical(name) != name || username.Check(name) != nil
}

// register runs a write of the user while no name with its fold changes. A new name is
// registered before the write; if that fails, the next look at it reads storage. A new
// name with the fold of another one is refused with a [nameTakenError].
func (b *backend) register(ctx context.Context, storage kv.Storage, rules username.Rules, name string, store func() error) error {
	names, err := b.names.get(ctx, b.Logger(), storage, rules)
	if err != nil {
		return err
	}
	match, err := names.match(ctx, storage, name)
	switch {
	case err != nil:
		return err
	case match.Registered:
		return store()
	case match.SameFold:
		return &nameTakenError{name, names.closest(name)}
	}
	b.names.set(name, true)
	if err := store(); err != nil {
		b.names.doubt(name)
		return err
	}
	b.names.set(name, true)
	return nil
}

// nameTakenError means that a name is another spelling of a registered one.
type nameTakenError struct{ name, registered string }

func (e *nameTakenError) Error() string {
	return fmt.Sprintf("name: %q is one name with the registered user %q, to Vault or to servers that normalize names: one account is one user",
		e.name, e.registered)
}

// start begins to read the names, unless they are there. It returns without waiting.
func (s *nameStore) start(log hclog.Logger, storage kv.Storage, rules username.Rules) *registeredNames {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != nil && s.current.rules.Equal(rules) {
		return s.current
	}
	names := newRegisteredNames(rules)
	s.current = names
	s.reads.Go(func() { s.read(log, storage, names) })
	return names
}

// read fills the names. A panic ends the reading, not the process, which may serve other
// mounts.
func (s *nameStore) read(log hclog.Logger, storage kv.Storage, names *registeredNames) {
	defer close(names.done)
	defer func() {
		if cause := recover(); cause != nil {
			log.Error("reading the names of users panicked: please report this", "panic", fmt.Sprintf("%T", cause), "stack", string(debug.Stack()))
			s.forget(names)
		}
	}()
	names.err = names.fill(s.lifetime, storage)
	if names.err != nil {
		s.forget(names)
		return
	}
	names.report(log)
}

// forget drops names that could not be read.
func (s *nameStore) forget(names *registeredNames) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == names {
		s.current = nil
	}
}

// get returns the names, when they have been read.
func (s *nameStore) get(ctx context.Context, log hclog.Logger, storage kv.Storage, rules username.Rules) (*registeredNames, error) {
	names := s.start(log, storage, rules)
	select {
	case <-names.done:
		return names, names.err
	case <-ctx.Done():
		return nil, fmt.Errorf("the names of users were not read in time: %w", ctx.Err())
	}
}

func newRegisteredNames(rules username.Rules) *registeredNames {
	return &registeredNames{
		rules: rules, index: username.NewIndex(), done: make(chan struct{}), hidden: map[string][]string{},
		err: errors.New("reading the names of users was interrupted"), // by a panic
	}
}

// fill reads the names of the stored users.
func (n *registeredNames) fill(ctx context.Context, storage kv.Storage) error {
	stored, err := userNames(ctx, storage)
	if err != nil {
		return err
	}
	registered := make([]string, 0, len(stored))
	for _, name := range stored {
		if n.hides(name) {
			skeleton := username.Skeleton(n.rules.Canonical(name))
			n.hidden[skeleton] = append(n.hidden[skeleton], name)
			continue
		}
		registered = append(registered, name)
	}
	n.twins = n.index.Fill(registered)
	return nil
}

// maxListedNames is how many names the log and status show.
const maxListedNames = 100

// report logs stored names that are in an operator's way.
func (n *registeredNames) report(log hclog.Logger) {
	for _, names := range n.twins[:min(len(n.twins), maxListedNames)] {
		log.Warn("users are one person to Vault, and may be one to a server: delete all but one of them", "users", names)
	}
	if hidden := n.hiddenNames(); len(hidden) > 0 {
		log.Warn("stored users are not found under their names, as the config has it: register them anew, and delete these", "users", hidden)
	}
}

// hiddenLike returns the hidden names whose canonical form a server may take for the
// name.
func (n *registeredNames) hiddenLike(name string) []string {
	if len(n.hidden) == 0 {
		return nil // as nearly always
	}
	return n.hidden[username.Skeleton(name)]
}

// hiddenNames lists some of the hidden names, sorted.
func (n *registeredNames) hiddenNames() []string {
	names := []string{}
	for _, stored := range n.hidden {
		names = append(names, stored...)
	}
	slices.Sort(names)
	return names[:min(len(names), maxListedNames)]
}

// currentTwins lists some of the groups of registered names with one fold that are still
// registered.
func (n *registeredNames) currentTwins() [][]string {
	var twins [][]string
	for _, group := range n.twins {
		left := slices.DeleteFunc(slices.Clone(group), func(name string) bool { return !n.index.Match(name).Registered })
		if len(left) > 1 {
			twins = append(twins, left)
		}
	}
	return twins[:min(len(twins), maxListedNames)]
}

// match looks a name up, and in storage what another server has written meanwhile.
func (n *registeredNames) match(ctx context.Context, storage kv.Storage, name string) (username.Match, error) {
	match := n.index.Match(name)
	for _, doubt := range match.Doubts {
		user, err := loadUser(ctx, storage, doubt.Name)
		if err != nil {
			return match, err
		}
		n.index.Resolve(doubt, user != nil)
	}
	if len(match.Doubts) > 0 {
		match = n.index.Match(name)
	}
	return match, nil
}

// like returns the registered names that have the skeleton of a name, but for the name
// itself. match has read what was in doubt of them before.
func (n *registeredNames) like(name string) []string { return n.index.Like(name) }

// closest returns the one of the names like another that has its fold, or else the first;
// "" if there are none, or none any more.
func (n *registeredNames) closest(name string) string {
	names := n.like(name)
	for _, other := range names {
		if username.Fold(other) == username.Fold(name) {
			return other
		}
	}
	if len(names) == 0 {
		return ""
	}
	return names[0]
}

// rules are what the config and the sources say of names, on a mount that may not be
// configured yet.
func (b *backend) rules(ctx context.Context, storage kv.Storage) (username.Rules, error) {
	settings, err := b.settings.get(ctx, storage)
	if err != nil {
		return username.Rules{}, err
	}
	config := defaultConfig()
	if settings != nil {
		config = settings.config
	}
	sources, err := b.sources.get(ctx, storage)
	if err != nil {
		return username.Rules{}, err
	}
	return config.rules(sources), nil
}

// rules are what the config and the sources say of names.
func (c *configEntry) rules(sources *sourceSet) username.Rules {
	return username.Rules{
		FoldCase:     c.CaseInsensitiveUsernames,
		StripRealm:   c.StripRealm,
		Realm:        c.Realm,
		DefaultRealm: c.DefaultRealm,
		Realms:       sources.realms,
	}
}

// renamed describes up to three of the stored names that are their own canonical form
// now, and would not be with other rules; "" if there are none.
func renamed(ctx context.Context, storage kv.Storage, now, then username.Rules) (string, error) {
	if now.Equal(then) {
		return "", nil
	}
	names, err := userNames(ctx, storage)
	if err != nil {
		return "", err
	}
	var shown []string
	for _, name := range names {
		if now.Canonical(name) != name || then.Canonical(name) == name {
			continue
		}
		if len(shown) == shownUsers {
			shown = append(shown, "…")
			break
		}
		shown = append(shown, fmt.Sprintf("user %q would be %q", name, then.Canonical(name)))
	}
	if len(shown) == 0 {
		return "", nil
	}
	return strings.Join(shown, ", ") + ": delete each, and register the other", nil
}
