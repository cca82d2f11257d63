package acct

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// newBoundedStore keeps ten attempts, and five more between two calls of Maintain, of
// which two have to be accepts.
func newBoundedStore(storage *memory) *VaultStore {
	store := NewVaultStore(storage)
	store.postAuths = newPostAuthCount(10, 5, 2)
	return store
}

func refusal(i int) PostAuth {
	return PostAuth{Username: fmt.Sprint("stranger", i), Reply: "Access-Reject", Time: TimeOf(at(i))}
}

// requireAttempts checks that the attempts are those of the users, the newest first, and
// that no entries are left in indexes.
func requireAttempts(t *testing.T, storage *memory, store *VaultStore, usernames ...string) {
	t.Helper()
	found, more, err := store.PostAuths(t.Context(), PostAuthFilter{}, Page{Size: 100})
	require.NoError(t, err)
	require.False(t, more)
	var names []string
	for _, attempt := range found {
		names = append(names, attempt.Username)
		ofUser, _, err := store.PostAuths(t.Context(), PostAuthFilter{Username: attempt.Username}, Page{})
		require.NoError(t, err)
		require.Contains(t, ofUser, attempt)
	}
	require.Equal(t, usernames, names)
	require.Len(t, storage.keys(postAuthUserPrefix), len(usernames))
	require.Len(t, storage.keys(postAuthPrefix), len(usernames))
}

func TestFloodOfAttemptsIsBoundedAlsoBetweenCallsOfMaintain(t *testing.T) {
	t.Parallel()
	storage := newMemory()
	store := newBoundedStore(storage)
	for second := range 400 {
		for i := range 10 {
			err := store.LogPostAuth(t.Context(), refusal(10*second+i))
			if i < 3 {
				require.NoError(t, err, "the newest are kept")
				continue
			}
			require.ErrorIs(t, err, ErrTooManyPostAuths)
		}
		require.LessOrEqual(t, len(storage.keys(postAuthPrefix)), 15)
		require.LessOrEqual(t, len(storage.keys(postAuthUserPrefix)), 15)
		require.False(t, maintain(t, store, at(1_000_000), Retention{}).More)
	}
	requireAttempts(t, storage, store, "stranger3992", "stranger3991", "stranger3990", "stranger3982", "stranger3981",
		"stranger3980", "stranger3972", "stranger3971", "stranger3970", "stranger3962")
}

func TestAcceptsAreKeptWhenRefusalsAreTooMany(t *testing.T) {
	t.Parallel()
	storage := newMemory()
	store := newBoundedStore(storage)
	for i := range 100 {
		_ = store.LogPostAuth(t.Context(), refusal(i))
	}
	for i, want := range []error{nil, nil, ErrTooManyPostAuths} {
		attempt := PostAuth{Username: fmt.Sprint("bob", i), Reply: "Access-Accept", Time: TimeOf(at(100 + i))}
		require.ErrorIs(t, store.LogPostAuth(t.Context(), attempt), want)
	}
	requireAttempts(t, storage, store, "bob1", "bob0", "stranger2", "stranger1", "stranger0")
}

// What an earlier process has stored is counted bit by bit: before that, no more are
// written than between two calls.
func TestAttemptsFromBeforeTheStartAreCounted(t *testing.T) {
	t.Parallel()
	storage := newMemory()
	before := NewVaultStore(storage)
	const stored = 3*batch + 10
	for i := range stored {
		require.NoError(t, before.LogPostAuth(t.Context(), refusal(i)))
	}
	store := newBoundedStore(storage)
	for i := range 3 {
		require.NoError(t, store.LogPostAuth(t.Context(), refusal(stored+i)))
	}
	calls, deleted := 0, 0
	for report := (Report{More: true}); report.More; calls++ {
		report = maintain(t, store, at(100_000), Retention{})
		require.LessOrEqual(t, report.DeletedPostAuths, batch)
		deleted += report.DeletedPostAuths
		if calls < 3 {
			require.ErrorIs(t, store.LogPostAuth(t.Context(), refusal(stored+3)), ErrTooManyPostAuths, "it still counts")
		}
	}
	require.Equal(t, stored+3-10, deleted)
	require.Equal(t, 7, calls)
	requireAttempts(t, storage, store, "stranger3012", "stranger3011", "stranger3010", "stranger3009", "stranger3008",
		"stranger3007", "stranger3006", "stranger3005", "stranger3004", "stranger3003")
}

// The number goes by what there is, whatever was deleted for its age while attempts were
// counted.
func TestAttemptsAreDeletedForTheirAgeWhileTheyAreCounted(t *testing.T) {
	t.Parallel()
	for _, expired := range []int{0, 5, batch - 1, batch, 2 * batch, 2*batch + 5} {
		storage := newMemory()
		before := NewVaultStore(storage)
		for i := range 2*batch + 5 {
			require.NoError(t, before.LogPostAuth(t.Context(), refusal(i)))
		}
		store := newBoundedStore(storage)
		require.True(t, maintain(t, store, at(0), Retention{}).More) // a first step of counting
		for more := true; more; {
			more = maintain(t, store, at(expired).Add(time.Hour), Retention{PostAuths: time.Hour}).More
			store.postAuths.mu.Lock()
			if store.postAuths.counted {
				require.Equal(t, len(storage.keys(postAuthPrefix)), store.postAuths.stored)
			}
			store.postAuths.mu.Unlock()
		}
		require.Len(t, storage.keys(postAuthPrefix), min(10, 2*batch+5-expired))
	}
}

// A write that has failed may have been done or not: neither lets the log grow, nor makes
// attempts go that are not too many.
func TestFailedWritesOfAttemptsAreCountedAnew(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		storage := newMemory()
		store := newBoundedStore(storage)
		for second := range 60 {
			storage.faults(func(n int) (bool, bool) { return second%3 > 0 && !after, second%3 > 0 && after })
			for i := range 5 {
				_ = store.LogPostAuth(t.Context(), refusal(5*second+i))
			}
			storage.faults(nil)
			before := len(storage.keys(postAuthPrefix))
			require.LessOrEqual(t, before, 15)
			require.Equal(t, max(0, before-10), maintain(t, store, at(0), Retention{}).DeletedPostAuths, "no more than are too many")
		}
	}
}

func TestAttemptsAtTheSameTimeAreBounded(t *testing.T) {
	t.Parallel()
	storage := newMemory()
	store := newBoundedStore(storage)
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() { _ = store.LogPostAuth(t.Context(), refusal(i)) })
	}
	all.Wait()
	require.Len(t, storage.keys(postAuthPrefix), 3)
}
