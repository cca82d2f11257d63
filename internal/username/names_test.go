package username

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTwinsAreThoseThatAreStillRegistered(t *testing.T) {
	t.Parallel()
	registry, users := newTestRegistry(t), usersNamed("alice", "Alice", "ALICE", "bob", "Bob", "carol")
	names := read(t, registry, users, Rules{})
	require.Equal(t, [][]string{{"ALICE", "Alice", "alice"}, {"Bob", "bob"}}, names.Twins())
	registry.Remove("Alice")
	registry.Remove("bob")
	require.Equal(t, [][]string{{"ALICE", "alice"}}, names.Twins())
	require.Equal(t, "ALICE", names.Closest("Alice"))
	require.Empty(t, names.Closest("carol"))
	require.Equal(t, []string{"ALICE", "alice"}, names.Like("\u00e1lice"))
	registry.Remove("alice")
	require.Empty(t, names.Twins())
}

func TestListsOfNamesInTheWayAreBounded(t *testing.T) {
	t.Parallel()
	users := usersNamed()
	for i := range 2 * maxListed {
		users.set(fmt.Sprintf(" hidden%03d", i), true)
		users.set(fmt.Sprintf("twin%03d", i), true)
		users.set(fmt.Sprintf("Twin%03d", i), true)
	}
	names := read(t, newTestRegistry(t), users, Rules{})
	require.Len(t, names.Hidden(), maxListed)
	require.Equal(t, " hidden000", names.Hidden()[0])
	require.Len(t, names.Twins(), maxListed)
}

func TestRenamedUsersAreNamedWithTheirNewNames(t *testing.T) {
	t.Parallel()
	users := usersNamed("Alice", "Bob", "Carol", "Dave", "eve")
	none, fold := Rules{}, Rules{FoldCase: true}
	describe := func(now, then Rules) string {
		t.Helper()
		text, err := Renamed(t.Context(), users, now, then)
		require.NoError(t, err)
		return text
	}
	require.Empty(t, describe(none, none))
	require.Zero(t, users.lists, "the same rules read nothing")
	require.Equal(t, `user "Alice" would be "alice", user "Bob" would be "bob", user "Carol" would be "carol", …: `+
		"delete each, and register the other", describe(none, fold))
	require.Equal(t, `user "eve" would be "eve@g": delete each, and register the other`,
		describe(fold, Rules{FoldCase: true, DefaultRealm: "g"}), "the others are hidden now")
	users.err = errStorage
	_, err := Renamed(t.Context(), users, none, fold)
	require.ErrorIs(t, err, errStorage)
}
