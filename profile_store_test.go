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
				if got := status(b.send(logical.UpdateOperation, path, data)); got != http.StatusCreated {
					t.Errorf("%s: %d", name, got)
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
		for got := range counts {
			// PATCH finds no profile under the name that PUT took from it.
			require.Contains(t, []int{http.StatusOK, http.StatusCreated, http.StatusConflict, http.StatusNotFound}, got)
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
				if got := status(b.send(logical.UpdateOperation, "users/bob", map[string]any{"profiles": profiles})); got != http.StatusOK {
					t.Error(got)
				}
			}
		})
	}
	running.Wait()
	b.consistent()
}

// consistent holds what must always be true of profiles and users, whatever was
// cut short.
func (b *testBackend) consistent() {
	b.t.Helper()
	profiles := map[int64]string{}
	for _, result := range b.ok(logical.ReadOperation, "profiles", map[string]any{"limit": 100}).Data["results"].([]any) {
		profile := result.(map[string]any)
		id, shortName := profile["id"].(int64), profile["short_name"].(string)
		require.NotContains(b.t, slices.Collect(maps.Values(profiles)), shortName, "a short name of two")
		profiles[id] = shortName
		for _, reference := range []string{fmt.Sprint(id), shortName} {
			require.Equal(b.t, profile, b.ok(logical.ReadOperation, "profiles/"+reference, nil).Data)
		}
	}
	require.ElementsMatch(b.t, slices.Collect(maps.Values(profiles)), b.ok(logical.ListOperation, "profiles", nil).Data["keys"])
	names, _ := b.ok(logical.ListOperation, "users/", nil).Data["keys"].([]string)
	for _, name := range names {
		user, err := loadUser(b.t.Context(), b.storage, name)
		require.NoError(b.t, err)
		shown := []string{}
		for _, id := range user.Profiles {
			require.Contains(b.t, profiles, id, "%s has a profile that is gone", name)
			require.NotEmpty(b.t, b.stored(profileUserKey(id, name)), "the index misses %s", name)
			shown = append(shown, profiles[id])
		}
		require.Equal(b.t, shown, b.ok(logical.ReadOperation, "users/"+name, nil).Data["profiles"])
	}
}

// state is what requests show of profiles, by short name and without ids, and of
// users.
func (b *testBackend) state() map[string]any {
	b.t.Helper()
	state := map[string]any{}
	for _, result := range b.ok(logical.ReadOperation, "profiles", map[string]any{"limit": 100}).Data["results"].([]any) {
		profile := result.(map[string]any)
		delete(profile, "id")
		state["profile "+profile["short_name"].(string)] = profile
	}
	names, _ := b.ok(logical.ListOperation, "users/", nil).Data["keys"].([]string)
	for _, name := range names {
		state["user "+name] = b.ok(logical.ReadOperation, "users/"+name, nil).Data
	}
	return state
}

// newPopulatedBackend has two profiles and a user who has one of them.
func newPopulatedBackend(t *testing.T) *testBackend {
	t.Helper()
	b := newTestBackend(t)
	b.profile("one", map[string]any{"policies": "first"})
	b.profile("two", nil)
	b.profile("free", nil)
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"policies": "dev", "profiles": "one"})
	b.ok(logical.ReadOperation, "users/bob", nil) // caches the profile
	return b
}

func TestWriteThatFailsHalfwayLeavesTheOldOrTheNew(t *testing.T) {
	t.Parallel()
	requests := map[string]struct {
		operation logical.Operation
		path      string
		data      map[string]any
		writes    int // without a fault
	}{
		"create":              {logical.UpdateOperation, "profiles", map[string]any{"name": "New", "short_name": "new"}, 3},
		"create by name":      {logical.UpdateOperation, "profiles/new", map[string]any{"name": "New"}, 3},
		"change":              {logical.PatchOperation, "profiles/one", map[string]any{"policies": "other"}, 1},
		"replace":             {logical.UpdateOperation, "profiles/1", map[string]any{"name": "Uno", "short_name": "one"}, 1},
		"rename":              {logical.PatchOperation, "profiles/1", map[string]any{"short_name": "new"}, 3},
		"rename by replacing": {logical.UpdateOperation, "profiles/1", map[string]any{"name": "New", "short_name": "new"}, 3},
		"delete":              {logical.DeleteOperation, "profiles/free", nil, 2},
		"new user":            {logical.UpdateOperation, "users/eve", map[string]any{"profiles": "two,one"}, 3},
		"other profiles":      {logical.UpdateOperation, "users/bob", map[string]any{"profiles": "two,free"}, 4},
		"no profiles":         {logical.PatchOperation, "users/bob", map[string]any{"profiles": nil}, 2},
		"delete the user":     {logical.DeleteOperation, "users/bob", nil, 2},
	}
	for name, request := range requests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newPopulatedBackend(t)
			old := b.state()
			b.storage.writes.Store(0)
			b.ok(request.operation, request.path, request.data)
			require.EqualValues(t, request.writes, b.storage.writes.Load())
			changed := b.state()
			require.NotEqual(t, old, changed)

			for at := 1; at <= request.writes; at++ {
				for _, fault := range []*fault{
					{at: int64(at)}, {at: int64(at), applied: true}, {at: int64(at), after: true}, {at: int64(at), after: true, applied: true},
				} {
					b := newPopulatedBackend(t)
					b.storage.fault.Store(fault)
					_, err := b.do(request.operation, request.path, maps.Clone(request.data))
					require.ErrorIs(t, err, errStorage, "write %d", at)
					b.storage.fault.Store(nil)
					b.consistent()
					restarted := newTestBackend(t)
					restarted.storage.Storage = b.storage.Storage
					restarted.consistent()
					got := b.state()
					require.Contains(t, []map[string]any{old, changed}, got)
					require.Equal(t, got, restarted.state())

					resp, err := b.do(request.operation, request.path, maps.Clone(request.data))
					if maps.EqualFunc(got, changed, func(a, b any) bool { return fmt.Sprint(a) == fmt.Sprint(b) }) {
						require.Contains(t, []int{200, 201, 404, 409}, status(resp, err), "it was done already")
					} else {
						require.Contains(t, []int{200, 201}, status(resp, err))
					}
					b.consistent()
					require.Equal(t, changed, b.state())
					b.leaveNothing()
				}
			}
		})
	}
}

// leaveNothing deletes all users and profiles, which nothing may be in the way
// of, and takes all short names once more.
func (b *testBackend) leaveNothing() {
	b.t.Helper()
	users, _ := b.ok(logical.ListOperation, "users/", nil).Data["keys"].([]string)
	for _, name := range users {
		b.ok(logical.DeleteOperation, "users/"+name, nil)
	}
	profiles, _ := b.ok(logical.ListOperation, "profiles", nil).Data["keys"].([]string)
	for _, name := range profiles {
		b.ok(logical.DeleteOperation, "profiles/"+name, nil)
	}
	for key := range b.everything() {
		require.False(b.t, strings.HasPrefix(key, profileKeyPrefix) || strings.HasPrefix(key, userKeyPrefix), key)
	}
	highest := int64(0)
	for _, name := range []string{"one", "two", "free", "new"} {
		id := b.profile(name, nil)
		require.Greater(b.t, id, max(highest, 3), "an id was given twice")
		highest = id
	}
}

func TestFailedWriteOfAProfileIsNotCached(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	b.profile("one", map[string]any{"policies": "first"})
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"profiles": "one"})
	require.Equal(t, []string{"first"}, b.loginOK("bob", "bob-password").Policies)
	b.storage.fault.Store(&fault{at: 1, applied: true})
	_, err := b.do(logical.PatchOperation, "profiles/one", map[string]any{"policies": "second"})
	require.ErrorIs(t, err, errStorage)
	require.Equal(t, []string{"second"}, b.loginOK("bob", "bob-password").Policies, "what is stored counts")
}

// A load that has read storage before a change must not put the old profile into
// the cache after it.
func TestLoadOfAProfileThatMeetsAChangeLeavesNoOldOne(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.profile("one", map[string]any{"policies": "old"})
	slow := &slowStorage{Storage: b.storage, key: "profile/1", read: make(chan struct{}), changed: make(chan struct{})}
	var both sync.WaitGroup
	both.Go(func() { _, _ = b.profiles.get(context.Background(), slow, []int64{1}) })
	<-slow.read // the load has the old entry in its hand
	both.Go(func() {
		defer close(slow.changed)
		if _, err := b.send(logical.PatchOperation, "profiles/one", map[string]any{"policies": "new"}); err != nil {
			t.Error(err)
		}
	})
	both.Wait()
	loaded, err := b.profiles.get(t.Context(), b.storage, []int64{1})
	require.NoError(t, err)
	require.Equal(t, []string{"new"}, loaded[0].entry.Policies)
}
