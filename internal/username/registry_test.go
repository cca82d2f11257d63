package username

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

var errStorage = errors.New("storage is away")

// memoryUsers are users in memory.
type memoryUsers struct {
	mu     sync.Mutex
	stored map[string]bool
	err    error
	panics bool
	lists  int
	looks  []string
	hold   chan struct{} // closed to let lists go on; nil: none is held up
	began  chan struct{} // closed when a list is held up
}

func usersNamed(names ...string) *memoryUsers {
	users := &memoryUsers{stored: map[string]bool{}}
	for _, name := range names {
		users.stored[name] = true
	}
	return users
}

func (u *memoryUsers) change(do func()) {
	u.mu.Lock()
	defer u.mu.Unlock()
	do()
}

func (u *memoryUsers) set(name string, stored bool) {
	u.change(func() {
		if u.stored[name] = stored; !stored {
			delete(u.stored, name)
		}
	})
}

func (u *memoryUsers) Names(ctx context.Context) ([]string, error) {
	names, hold, err := u.list()
	if hold != nil {
		close(u.began)
		select {
		case <-hold:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return names, err
}

func (u *memoryUsers) list() (names []string, hold chan struct{}, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.lists++
	if u.panics {
		panic("storage panics")
	}
	hold, u.hold = u.hold, nil
	return slices.Sorted(maps.Keys(u.stored)), hold, u.err
}

func (u *memoryUsers) Exists(_ context.Context, name string) (bool, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.looks = append(u.looks, name)
	return u.stored[name], u.err
}

// newTestRegistry returns a registry that fails the test if reading panics.
func newTestRegistry(t *testing.T) *Registry {
	t.Helper()
	registry := NewRegistry(func(*Names) {}, func(cause any) { t.Errorf("panic: %v", cause) })
	t.Cleanup(registry.Close)
	return registry
}

func read(t *testing.T, registry *Registry, users Users, rules Rules) *Names {
	t.Helper()
	names, err := registry.Get(t.Context(), users, rules)
	require.NoError(t, err)
	return names
}

func TestNamesAreReadOnceForTheSameRules(t *testing.T) {
	t.Parallel()
	registry, users := newTestRegistry(t), usersNamed("alice", "Bob")
	registry.Start(users, Rules{})
	first := read(t, registry, users, Rules{})
	require.Same(t, first, read(t, registry, users, Rules{}))
	require.Equal(t, 1, users.lists)
	require.True(t, first.Registered("alice"))
	require.False(t, first.Registered("bob"))

	folded := read(t, registry, users, Rules{FoldCase: true})
	require.Equal(t, 2, users.lists)
	require.Equal(t, Rules{FoldCase: true}, folded.Rules())
	require.Equal(t, []string{"Bob"}, folded.Hidden(), "no login leads to it")
	require.Equal(t, []string{"Bob"}, folded.HiddenLike("b\u00f3b"))
	require.Empty(t, folded.HiddenLike("alice"))
	require.Empty(t, first.Hidden())

	registry.Drop()
	require.NotSame(t, folded, read(t, registry, users, Rules{FoldCase: true}))
	require.Equal(t, 3, users.lists)
}

func TestNamesThatCouldNotBeReadAreReadAgain(t *testing.T) {
	t.Parallel()
	var causes []any
	reads := 0
	registry := NewRegistry(func(*Names) { reads++ }, func(cause any) { causes = append(causes, cause) })
	t.Cleanup(registry.Close)
	users := usersNamed("alice")
	users.err = errStorage
	_, err := registry.Get(t.Context(), users, Rules{})
	require.ErrorIs(t, err, errStorage)
	users.change(func() { users.err, users.panics = nil, true })
	_, err = registry.Get(t.Context(), users, Rules{})
	require.EqualError(t, err, "reading the names of users was interrupted")
	require.Equal(t, []any{"storage panics"}, causes)
	require.Zero(t, reads)
	users.change(func() { users.panics = false })
	require.True(t, read(t, registry, users, Rules{}).Registered("alice"))
	require.Equal(t, 1, reads)
}

func TestWaitForNamesEndsWithItsContextAndReadsWithTheRegistry(t *testing.T) {
	t.Parallel()
	registry, users := newTestRegistry(t), usersNamed("alice")
	users.hold, users.began = make(chan struct{}), make(chan struct{})
	registry.Start(users, Rules{})
	<-users.began
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := registry.Get(ctx, users, Rules{})
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "the names of users were not read in time")
	registry.Close() // returns, though the list is held up
	registry.Close()
}

// The list that is being read may be from before the change, or from after it.
func TestChangesWhileTheNamesAreReadAreKnown(t *testing.T) {
	t.Parallel()
	registry, users := newTestRegistry(t), usersNamed("old", "doubted")
	hold := make(chan struct{})
	users.hold, users.began = hold, make(chan struct{})
	registry.Start(users, Rules{})
	<-users.began
	users.set("old", false)
	registry.Remove("old")
	users.set("doubted", false)
	registry.Doubt("doubted")
	close(hold)
	names := read(t, registry, users, Rules{})
	for _, name := range []string{"old", "doubted"} {
		match, err := names.Match(t.Context(), users, name)
		require.NoError(t, err)
		require.Zero(t, match, name)
	}
	require.Equal(t, []string{"doubted"}, users.looks, "one name in doubt is one look")
}

func TestNameInDoubtIsWhatIsStored(t *testing.T) {
	t.Parallel()
	registry, users := newTestRegistry(t), usersNamed("alice")
	names := read(t, registry, users, Rules{})
	registry.Doubt("bob")
	users.set("bob", true)
	users.change(func() { users.err = errStorage })
	_, err := names.Match(t.Context(), users, "BOB")
	require.ErrorIs(t, err, errStorage)
	users.change(func() { users.err = nil })
	match, err := names.Match(t.Context(), users, "BOB")
	require.NoError(t, err)
	require.Equal(t, Match{SameFold: true, Similar: true}, match)
	require.Equal(t, "bob", names.Closest("BOB"))
	users.set("alice", false)
	names.Doubt("alice")
	match, err = names.Match(t.Context(), users, "alice")
	require.NoError(t, err)
	require.Zero(t, match)
	require.Equal(t, 1, users.lists)
}

func TestPageOfNamesHasThoseThatAreStored(t *testing.T) {
	t.Parallel()
	registry, users := newTestRegistry(t), usersNamed("Bob", "alice", "carol", "erin", "frank")
	names := read(t, registry, users, Rules{FoldCase: true}) // Bob is hidden
	page := func(after string, limit int, want ...string) {
		t.Helper()
		found, err := names.Page(t.Context(), users, after, limit)
		require.NoError(t, err)
		require.Equal(t, want, found)
	}
	page("", 2, "Bob", "alice")
	page("Bob", 2, "alice", "carol")
	page("alice", 10, "carol", "erin", "frank")
	require.Empty(t, users.looks)

	// What another server has written is read, where it belongs to the page.
	for name, stored := range map[string]bool{"carol": false, "dave": true, "erin": false, "grace": true} {
		users.set(name, stored)
		registry.Doubt(name)
	}
	page("Bob", 1, "alice")
	require.Empty(t, users.looks)
	page("alice", 1, "dave")
	require.NotContains(t, users.looks, "grace")
	page("alice", 10, "dave", "frank", "grace")
	looks := len(users.looks)
	page("alice", 10, "dave", "frank", "grace")
	require.Len(t, users.looks, looks, "once")

	registry.Remove("dave")
	registry.Doubt("zoe")
	users.change(func() { users.err = errStorage })
	_, err := names.Page(t.Context(), users, "frank", 10)
	require.ErrorIs(t, err, errStorage)
	page("alice", 1, "frank")
	require.Equal(t, 1, users.lists)
}

func TestTooManyDoubtsHaveAllNamesReadAnew(t *testing.T) {
	t.Parallel()
	registry, users := newTestRegistry(t), usersNamed()
	names := read(t, registry, users, Rules{})
	for i := range maxDoubts {
		registry.Doubt(Numbered("user", i))
	}
	require.Same(t, names, read(t, registry, users, Rules{}))
	registry.Doubt("alice")
	require.NotSame(t, names, read(t, registry, users, Rules{}))
}

func TestHiddenNameThatChangesHasAllNamesReadAnew(t *testing.T) {
	t.Parallel()
	for about, change := range map[string]func(*Registry, string){"doubt": (*Registry).Doubt, "remove": (*Registry).Remove} {
		registry, users := newTestRegistry(t), usersNamed("Alice")
		rules := Rules{FoldCase: true}
		require.Equal(t, []string{"Alice"}, read(t, registry, users, rules).HiddenLike("alice"), about)
		users.set("Alice", false)
		change(registry, "Alice")
		require.Empty(t, read(t, registry, users, rules).HiddenLike("alice"), about)
	}
}

func TestNewNameIsRegisteredBeforeAndAfterItIsStored(t *testing.T) {
	t.Parallel()
	registry, users := newTestRegistry(t), usersNamed()
	names := read(t, registry, users, Rules{})
	err := registry.Register(t.Context(), names, users, "alice", func() error {
		require.True(t, names.Registered("alice"))
		registry.Drop() // and read anew, from before the write
		names = read(t, registry, users, Rules{})
		require.False(t, names.Registered("alice"))
		users.set("alice", true)
		return nil
	})
	require.NoError(t, err)
	require.True(t, names.Registered("alice"))
	stored := false
	require.NoError(t, registry.Register(t.Context(), names, users, "alice", func() error { stored = true; return nil }))
	require.True(t, stored, "no new name")
}

func TestOtherSpellingOfARegisteredNameIsTaken(t *testing.T) {
	t.Parallel()
	registry, users := newTestRegistry(t), usersNamed("alice", "\u00e1lice")
	names := read(t, registry, users, Rules{})
	err := registry.Register(t.Context(), names, users, "ALICE", func() error { t.Error("stored"); return nil })
	var taken *TakenError
	require.ErrorAs(t, err, &taken)
	require.Equal(t, TakenError{"ALICE", "alice"}, *taken)
	require.ErrorContains(t, err, `"ALICE" is one name with the registered user "alice"`)
	require.False(t, names.Registered("ALICE"))
}

func TestNameWhoseWriteFailsIsLookedFor(t *testing.T) {
	t.Parallel()
	for _, applied := range []bool{false, true} {
		registry, users := newTestRegistry(t), usersNamed()
		names := read(t, registry, users, Rules{})
		err := registry.Register(t.Context(), names, users, "alice", func() error {
			users.set("alice", applied)
			return errStorage
		})
		require.ErrorIs(t, err, errStorage)
		match, err := names.Match(t.Context(), users, "alice")
		require.NoError(t, err)
		require.Equal(t, applied, match.Registered)
	}
}

func TestNameWhoseWritePanicsIsLookedFor(t *testing.T) {
	t.Parallel()
	registry, users := newTestRegistry(t), usersNamed("bob")
	names := read(t, registry, users, Rules{})
	require.Panics(t, func() {
		_ = registry.Register(t.Context(), names, users, "alice", func() error { panic("in storage") })
	})
	page, err := names.Page(t.Context(), users, "", 10)
	require.NoError(t, err)
	require.Equal(t, []string{"bob"}, page)
}
