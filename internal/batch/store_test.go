package batch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/kv"
)

// memory is a storage that fails the writes of some keys.
type memory struct {
	mu      sync.Mutex
	entries map[string][]byte // guarded by mu
	fail    func(key string) error
}

func newMemory() *memory {
	return &memory{entries: map[string][]byte{}, fail: func(string) error { return nil }}
}

func (m *memory) List(_ context.Context, prefix string) (names []string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(m.entries)) {
		if name, found := strings.CutPrefix(key, prefix); found {
			names = append(names, name)
		}
	}
	return names, nil
}

func (m *memory) Get(_ context.Context, key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.entries[key], nil
}

func (m *memory) Put(_ context.Context, key string, value []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.fail(key); err != nil {
		return err
	}
	m.entries[key] = value
	return nil
}

func (m *memory) Delete(_ context.Context, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.entries, key)
	return nil
}

// newTestStore returns a store whose users are keys of the storage, and where it tells what
// could not be removed.
func newTestStore() (store *Store, leftovers *[]string) {
	leftovers = new([]string)
	return &Store{
		RemoveUser: func(ctx context.Context, storage kv.Storage, _ *Entry, name string) error {
			return storage.Delete(ctx, "user/"+name)
		},
		OnProgress: func(string, string, int, int) {},
		OnLeftover: func(batch string, _ error) { *leftovers = append(*leftovers, batch) },
	}, leftovers
}

func numberedNames(count int) []string {
	names := make([]string, 0, count)
	for i := range count {
		names = append(names, fmt.Sprintf("guest%d", i))
	}
	return names
}

func TestBatchIsWrittenWholeAndDeletedWhole(t *testing.T) {
	t.Parallel()
	storage, names := newMemory(), numberedNames(2*chunkSize+1)
	store, leftovers := newTestStore()
	entry := &Entry{Name: "a b@c"}
	store.Lock()
	require.NoError(t, store.Create(t.Context(), storage, entry, names, func(ctx context.Context, i int) error {
		return storage.Put(ctx, "user/"+names[i], []byte("{}"))
	}))
	store.Unlock()
	require.Len(t, storage.entries, len(names)+1+3)
	listed, err := List(t.Context(), storage)
	require.NoError(t, err)
	require.Equal(t, []string{"a b@c"}, listed)
	loaded, err := Load(t.Context(), storage, "a b@c")
	require.NoError(t, err)
	require.Equal(t, Done, loaded.State)
	stored, err := loaded.Names(t.Context(), storage)
	require.NoError(t, err)
	require.Equal(t, names, stored)

	require.NoError(t, store.Clean(t.Context(), storage))
	require.Len(t, storage.entries, len(names)+1+3, "it is whole")
	require.NoError(t, store.Delete(t.Context(), storage, loaded))
	require.Empty(t, storage.entries)
	require.Empty(t, *leftovers)
}

func TestBatchThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	full := errors.New("the disk is full")
	names := numberedNames(40)
	for _, failing := range []string{"batch-users/x/0", "user/guest0", "user/guest39"} {
		storage := newMemory()
		storage.fail = func(key string) error {
			if key == failing {
				return full
			}
			return nil
		}
		store, leftovers := newTestStore()
		err := store.Create(t.Context(), storage, &Entry{Name: "x"}, names, func(ctx context.Context, i int) error {
			return storage.Put(ctx, "user/"+names[i], []byte("{}"))
		})
		require.ErrorIs(t, err, full, failing)
		require.Empty(t, storage.entries, failing)
		require.Empty(t, *leftovers)
	}
}

func TestFirstUserIsWrittenBeforeTheOthers(t *testing.T) {
	t.Parallel()
	storage, gone := newMemory(), errors.New("the profile is gone")
	store, _ := newTestStore()
	var written []int
	err := store.Create(t.Context(), storage, &Entry{Name: "x"}, numberedNames(40), func(_ context.Context, i int) error {
		written = append(written, i)
		return gone
	})
	require.ErrorIs(t, err, gone)
	require.Equal(t, []int{0}, written)
}

func TestWhatCannotBeRemovedIsRemovedByTheNextCleanUp(t *testing.T) {
	t.Parallel()
	storage, full := newMemory(), errors.New("the disk is full")
	store, leftovers := newTestStore()
	err := store.Create(t.Context(), storage, &Entry{Name: "x"}, []string{"guest0"}, func(ctx context.Context, _ int) error {
		if err := storage.Put(ctx, "user/guest0", []byte("{}")); err != nil {
			return err
		}
		storage.fail = func(string) error { return full }
		return nil
	})
	require.ErrorIs(t, err, full)
	require.Equal(t, []string{"x"}, *leftovers)
	require.NotEmpty(t, storage.entries)

	store.Lock()
	require.NoError(t, store.Clean(t.Context(), storage))
	require.NotEmpty(t, storage.entries, "the batch may be one that is being made")
	store.Unlock()
	require.NoError(t, store.Clean(t.Context(), storage), "it writes nothing, but deletes")
	require.Empty(t, storage.entries)
}
