package radiusauth

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

// send is do without assertions, for goroutines.
func (b *testBackend) send(operation logical.Operation, path string, data map[string]any) (*logical.Response, error) {
	return b.HandleRequest(context.Background(), &logical.Request{Operation: operation, Path: path, Data: maps.Clone(data), Storage: b.storage})
}

// status is the status that Vault would answer with.
func status(resp *logical.Response, err error) int {
	coded := logical.HTTPCodedError(nil)
	switch {
	case errors.As(err, &coded):
		return coded.Code()
	case err != nil:
		return http.StatusInternalServerError
	case resp.IsError():
		return http.StatusBadRequest
	case resp != nil && resp.Data[logical.HTTPStatusCode] != nil:
		return resp.Data[logical.HTTPStatusCode].(int)
	}
	return http.StatusOK
}

// politeStorage lets other goroutines run after each operation, so that those who
// take no turns meet.
type politeStorage struct{ logical.Storage }

func (s politeStorage) Get(ctx context.Context, key string) (*logical.StorageEntry, error) {
	defer runtime.Gosched()
	return s.Storage.Get(ctx, key)
}

func (s politeStorage) List(ctx context.Context, prefix string) ([]string, error) {
	defer runtime.Gosched()
	return s.Storage.List(ctx, prefix)
}

func (s politeStorage) Put(ctx context.Context, entry *logical.StorageEntry) error {
	defer runtime.Gosched()
	return s.Storage.Put(ctx, entry)
}

func (s politeStorage) Delete(ctx context.Context, key string) error {
	defer runtime.Gosched()
	return s.Storage.Delete(ctx, key)
}

func newPoliteBackend(t *testing.T) *testBackend {
	t.Helper()
	b := newTestBackend(t)
	b.storage.Storage = politeStorage{b.storage.Storage}
	return b
}

func TestWritersAtOnceGetDifferentIDs(t *testing.T) {
	t.Parallel()
	for _, writers := range []int{2, 50} {
		b := newPoliteBackend(t)
		var running sync.WaitGroup
		for i := range writers {
			running.Go(func() {
				name := fmt.Sprintf("profile-%d", i)
				data, path := map[string]any{"name": "n", "short_name": name}, "profiles"
				if i%2 == 1 {
					path += "/" + name
				}
				if answered := status(b.send(logical.UpdateOperation, path, data)); answered != http.StatusCreated {
					t.Errorf("%s: %d", name, answered)
				}
			})
		}
		running.Wait()
		page := b.ok(logical.ReadOperation, "profiles", map[string]any{"limit": 100}).Data
		require.Equal(t, writers, page["count"])
		for i, result := range page["results"].([]any) {
			require.EqualValues(t, i+1, result.(map[string]any)["id"])
		}
		require.Len(t, b.ok(logical.ListOperation, "profiles", nil).Data["keys"], writers)
	}
}

func TestOfWritersAtOnceOneGetsTheShortName(t *testing.T) {
	t.Parallel()
	for _, writers := range []int{2, 50} {
		b := newPoliteBackend(t)
		for i := range writers {
			b.profile(fmt.Sprintf("profile-%d", i), nil)
		}
		counts := make(chan int, 4*writers)
		var running sync.WaitGroup
		for i := range writers {
			data := map[string]any{"name": "n", "short_name": "wanted"}
			running.Go(func() { counts <- status(b.send(logical.UpdateOperation, "profiles", data)) })
			running.Go(func() {
				counts <- status(b.send(logical.PatchOperation, fmt.Sprintf("profiles/profile-%d", i), data))
			})
			running.Go(func() { counts <- status(b.send(logical.UpdateOperation, fmt.Sprintf("profiles/%d", i+1), data)) })
		}
		running.Wait()
		close(counts)
		holders, ids := 0, map[any]bool{}
		for _, result := range b.ok(logical.ReadOperation, "profiles", map[string]any{"limit": 100}).Data["results"].([]any) {
			profile := result.(map[string]any)
			require.False(t, ids[profile["id"]])
			ids[profile["id"]] = true
			if profile["short_name"] == "wanted" {
				holders++
			}
		}
		require.Equal(t, 1, holders)
		for answered := range counts {
			// PATCH finds no profile under the name that PUT took from it.
			require.Contains(t, []int{http.StatusOK, http.StatusCreated, http.StatusConflict, http.StatusNotFound}, answered)
		}
	}
}

// Nobody ever has a profile that is gone: the one or the other comes too late.
func TestProfileIsNotDeletedWhileItIsGiven(t *testing.T) {
	t.Parallel()
	b := newPoliteBackend(t)
	b.ok(logical.UpdateOperation, "config", minimalConfig())
	b.ok(logical.UpdateOperation, "users/eve", map[string]any{"policies": "dev"})
	givers := map[string]func(string) (*logical.Response, error){
		"new user": func(name string) (*logical.Response, error) {
			return b.send(logical.CreateOperation, "users/"+name, map[string]any{"profiles": name})
		},
		"user": func(name string) (*logical.Response, error) {
			return b.send(logical.PatchOperation, "users/eve", map[string]any{"profiles": name})
		},
		"config": func(name string) (*logical.Response, error) {
			return b.send(logical.UpdateOperation, "config", map[string]any{"default_profiles": name})
		},
	}
	for _, kind := range slices.Sorted(maps.Keys(givers)) {
		for i := range 60 {
			name := fmt.Sprintf("%s-%d", strings.ReplaceAll(kind, " ", "-"), i)
			b.profile(name, nil)
			var both sync.WaitGroup
			var gave, deleted int
			both.Go(func() { gave = status(givers[kind](name)) })
			both.Go(func() { deleted = status(b.send(logical.DeleteOperation, "profiles/"+name, nil)) })
			both.Wait()
			given := gave == http.StatusOK && deleted == http.StatusConflict
			refused := gave == http.StatusBadRequest && deleted == http.StatusOK
			require.True(t, given || refused, "%s: giving %d, deleting %d", name, gave, deleted)
		}
	}
}

func TestUsersWriteAtOnceAndTheIndexKnowsThem(t *testing.T) {
	t.Parallel()
	b := newPoliteBackend(t)
	b.profile("one", nil)
	b.profile("two", nil)
	var running sync.WaitGroup
	for i := range 40 {
		running.Go(func() {
			for _, profiles := range []string{"one", "two", "one,two", []string{"", "one"}[i%2]} {
				if answered := status(b.send(logical.UpdateOperation, "users/bob", map[string]any{"profiles": profiles})); answered != http.StatusOK {
					t.Error(answered)
				}
			}
		})
	}
	running.Wait()
	b.consistent()
}

// A load that has read storage before a change must not put the old profile into
// the cache after it.
func TestLoadOfAProfileThatMeetsAChangeLeavesNoOldOne(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.profile("one", map[string]any{"policies": "old"})
	slow := &slowStorage{Storage: b.storage, key: "profile/1", read: make(chan struct{}), changed: make(chan struct{})}
	var both sync.WaitGroup
	both.Go(func() { _, _ = b.profiles.Get(context.Background(), vaultStorage{slow}, []int64{1}) })
	<-slow.read // the load has the old entry in its hand
	both.Go(func() {
		defer close(slow.changed)
		if _, err := b.send(logical.PatchOperation, "profiles/one", map[string]any{"policies": "new"}); err != nil {
			t.Error(err)
		}
	})
	both.Wait()
	loaded, err := b.profiles.Get(t.Context(), vaultStorage{b.storage}, []int64{1})
	require.NoError(t, err)
	require.Equal(t, []string{"new"}, loaded[0].Entry.Policies)
}
