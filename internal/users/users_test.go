package users

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// memory is a storage of one folder, which fails from a write on.
type memory struct {
	entries map[string]string
	writes  int // that succeed
}

var errBroken = errors.New("storage is broken")

func newMemory() *memory { return &memory{entries: map[string]string{}, writes: 1000} }

func (m *memory) List(_ context.Context, prefix string) (names []string, err error) {
	for key := range m.entries {
		if name, found := strings.CutPrefix(key, prefix); found {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

func (m *memory) Get(_ context.Context, key string) ([]byte, error) {
	if value, found := m.entries[key]; found {
		return []byte(value), nil
	}
	return nil, nil
}

func (m *memory) write(do func()) error {
	if m.writes--; m.writes < 0 {
		return errBroken
	}
	do()
	return nil
}

func (m *memory) Put(_ context.Context, key string, value []byte) error {
	return m.write(func() { m.entries[key] = string(value) })
}

func (m *memory) Delete(_ context.Context, key string) error {
	return m.write(func() { delete(m.entries, key) })
}

func TestUserIsStoredAsTheBuiltInMethodStoresIt(t *testing.T) {
	t.Parallel()
	storage := newMemory()
	require.NoError(t, Save(t.Context(), storage, "Bob", &User{Policies: []string{"dev"}}))
	require.Equal(t, `{"Policies":["dev"]}`+"\n", storage.entries["user/Bob"])
	storage.entries["user/alice"] = `{"policies":["ops"]}`
	user, err := Load(t.Context(), storage, "alice")
	require.NoError(t, err)
	require.Equal(t, []string{"ops"}, user.Policies)
	for _, missing := range []string{"bob", "./Bob", "a/../Bob", ""} {
		user, err := Load(t.Context(), storage, missing)
		require.NoError(t, err)
		require.Nil(t, user, missing)
	}
}

func TestIndexNeverMissesAHolder(t *testing.T) {
	t.Parallel()
	before, after := &User{Profiles: []int64{1}, Source: 7}, &User{Profiles: []int64{2}}
	for writes := range 6 {
		storage := newMemory()
		require.NoError(t, SaveReferenced(t.Context(), storage, "a/b", nil, before))
		storage.writes = writes
		err := SaveReferenced(t.Context(), storage, "a/b", before, after)
		require.Equal(t, writes < 4, errors.Is(err, errBroken), "write %d", writes)
		stored, err := Load(t.Context(), storage, "a/b")
		require.NoError(t, err)
		for _, index := range stored.References() {
			require.Contains(t, storage.entries, ReferenceKey(index, "a/b"), "write %d", writes)
		}
		storage.writes = 1000
		names, count, err := Holders(t.Context(), storage, ProfileUsersKey(1))
		require.NoError(t, err)
		holds := slices.Contains(stored.Profiles, 1)
		require.Equal(t, holds, count == 1)
		require.Equal(t, holds, slices.Equal(names, []string{"a/b"}))
		require.Equal(t, holds, storage.entries[ReferenceKey(ProfileUsersKey(1), "a/b")] != "", "an entry of no holder is removed")
	}
}

func TestHoldersAreNamedUpToAFew(t *testing.T) {
	t.Parallel()
	storage := newMemory()
	for _, name := range []string{"a", "b", "c", "d"} {
		require.NoError(t, SaveReferenced(t.Context(), storage, name, nil, &User{Source: 1}))
	}
	names, count, err := Holders(t.Context(), storage, SourceUsersKey(1))
	require.NoError(t, err)
	require.EqualError(t, InUse("source \"x\"", names, count), "source \"x\" is in use by 4 users (a, b, c, …)")
	require.EqualError(t, InUse("it", []string{"a"}, 1), "it is in use by 1 user (a)")
}

func TestReasonsThatBlockAUser(t *testing.T) {
	t.Parallel()
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	later := now.Add(time.Second)
	require.Empty(t, (*User)(nil).BlockReason(now))
	require.Empty(t, (&User{ExpiresAt: &later}).BlockReason(now))
	require.Equal(t, "the user has expired", (&User{ExpiresAt: &now}).BlockReason(now))
	require.Equal(t, "the user is disabled", (&User{Disabled: true}).BlockReason(now))
}

func TestChangeIsSeenByTheNextRead(t *testing.T) {
	t.Parallel()
	storage, cached := newMemory(), NewCache()
	user, err := cached.Get(t.Context(), storage, "bob")
	require.NoError(t, err)
	require.Nil(t, user)
	require.NoError(t, cached.Change("bob", func() error { return Save(t.Context(), storage, "bob", &User{Email: "b@example.com"}) }))
	user, err = cached.Get(t.Context(), storage, "bob")
	require.NoError(t, err)
	require.Equal(t, "b@example.com", user.Email)
	user.Email = "changed in a copy"
	user, err = cached.Get(t.Context(), storage, "bob")
	require.NoError(t, err)
	require.Equal(t, "b@example.com", user.Email)
	require.ErrorIs(t, cached.Change("bob", func() error { return errBroken }), errBroken)
	require.Zero(t, cached.Len())
}
