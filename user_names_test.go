package radiusauth

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/login"
	"vault-plugin-auth-radius/internal/source"
	"vault-plugin-auth-radius/internal/username"
	"vault-plugin-auth-radius/internal/users"
)

// namesStorage counts the lists of users, and holds one up or lets it fail.
type namesStorage struct {
	logical.Storage
	lists  atomic.Int64
	broken atomic.Bool
	panics atomic.Bool
	hold   atomic.Pointer[heldList] // nil: none
	ended  atomic.Bool              // a list that was held up has ended with its context
}

// heldList is a list of users that is held up, with what it has found.
type heldList struct{ began, goOn chan struct{} }

func (s *namesStorage) List(ctx context.Context, prefix string) ([]string, error) {
	if !strings.HasPrefix(prefix, users.KeyPrefix) {
		return s.Storage.List(ctx, prefix)
	}
	s.lists.Add(1)
	switch {
	case s.panics.Load():
		panic("storage panics: " + testSecret)
	case s.broken.Load():
		return nil, errStorage
	}
	keys, err := s.Storage.List(ctx, prefix)
	if held := s.hold.Swap(nil); held != nil {
		close(held.began)
		select {
		case <-held.goOn:
		case <-ctx.Done():
			s.ended.Store(true)
			return nil, ctx.Err()
		}
	}
	return keys, err
}

// holdNext has the next list of users held up.
func (s *namesStorage) holdNext() *heldList {
	held := &heldList{make(chan struct{}), make(chan struct{})}
	s.hold.Store(held)
	return held
}

// restarted is the mount after a restart, without what it had in memory.
func restarted(t *testing.T, b *testBackend) (*testBackend, *namesStorage) {
	t.Helper()
	again := newTestBackend(t)
	t.Cleanup(func() { again.Cleanup(context.WithoutCancel(t.Context())) })
	storage := &namesStorage{Storage: b.storage.Storage}
	again.storage.Storage, again.server = storage, b.server
	return again, storage
}

func (b *testBackend) initialized() {
	b.t.Helper()
	ctx, cancel := context.WithCancel(b.t.Context())
	require.NoError(b.t, b.Initialize(ctx, &logical.InitializationRequest{Storage: b.storage}))
	cancel() // what it has begun goes on
}

func TestNamesAreReadFromTheStartOnceAFolder(t *testing.T) {
	t.Parallel()
	before := accepting(t, map[string]any{"unregistered_user_policies": "guest"})
	for _, name := range []string{"alice", "a/bob", "a/carol", "a/b/dave"} {
		before.ok(logical.UpdateOperation, "users/"+name, map[string]any{"policies": "staff"})
	}
	b, storage := restarted(t, before)
	held := storage.holdNext()
	b.initialized()
	<-held.began // before any login
	waiting := make(chan *logical.Response, 2)
	for range 2 {
		go func() {
			resp, _ := b.send(logical.UpdateOperation, "login/stranger", map[string]any{"password": "p"})
			waiting <- resp
		}()
	}
	require.Empty(t, waiting)
	close(held.goOn)
	for range 2 {
		require.Equal(t, []string{"guest"}, (<-waiting).Auth.Policies)
	}
	b.loginOK("another", "p")
	require.Equal(t, []string{"staff"}, b.loginOK("a/b/dave", "p").Policies)
	require.Contains(t, b.refused(logical.UpdateOperation, "login/a/B/dave", map[string]any{"password": "p"}), login.DeniedText)
	require.EqualValues(t, 3, storage.lists.Load(), "one a folder")
}

func TestLoginsAreUnansweredWhileTheNamesCannotBeRead(t *testing.T) {
	t.Parallel()
	before := newLocalBackend(t, nil)
	before.ok(logical.UpdateOperation, "users/chap",
		map[string]any{"password_hash": "nt:891fc570507eef023cbfec043dd5f2b1", "expose_credential": true})
	b, storage := restarted(t, before)
	for _, fault := range []*atomic.Bool{&storage.broken, &storage.panics} {
		b.names.Drop()
		fault.Store(true)
		b.initialized()
		for range 2 { // registered, and somebody else
			require.Equal(t, login.NoAnswerText, b.refused(logical.UpdateOperation, "login/alice", map[string]any{"password": "alice-password"}))
			require.Equal(t, login.NoAnswerText, b.refused(logical.UpdateOperation, "login/bob", map[string]any{"password": "p"}))
		}
		for _, data := range []map[string]any{{"username": "alice", "password": "alice-password"}, {"username": "chap"}} {
			status, _ := b.asFreeRADIUS("authorize", data)
			require.Equal(t, http.StatusServiceUnavailable, status)
		}
		require.Equal(t, http.StatusInternalServerError, status(b.send(logical.UpdateOperation, "users/new", nil)))
		require.Empty(t, b.stored("user/new"))
		require.Empty(t, b.ok(logical.ListOperation, "unlock", nil).Data["keys"], "it counts for nothing")
		fault.Store(false)
		b.loginOK("alice", "alice-password")
		require.Contains(t, b.authorized(map[string]any{"username": "chap"}), "NT-Password")
	}
	require.Contains(t, b.log.String(), "reading the names of users")
	require.NotContains(t, b.log.String(), testSecret)
}

func TestEndOfTheMountEndsTheReadingOfNames(t *testing.T) {
	t.Parallel()
	b, storage := restarted(t, newLocalBackend(t, nil))
	held := storage.holdNext()
	b.initialized()
	<-held.began
	b.Cleanup(t.Context())
	require.True(t, storage.ended.Load())
	b.Cleanup(t.Context())
}

func TestLoginThatGivesUpWaitingIsUnanswered(t *testing.T) {
	t.Parallel()
	b, storage := restarted(t, newLocalBackend(t, nil))
	held := storage.holdNext()
	b.initialized()
	<-held.began
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	resp, err := b.HandleRequest(ctx, &logical.Request{
		Operation: logical.UpdateOperation, Path: "login/bob", Storage: uncancelled{b.storage}, Data: map[string]any{"password": "p"},
	})
	require.NoError(t, err)
	require.EqualError(t, resp.Error(), login.NoAnswerText)
	close(held.goOn)
	b.loginOK("alice", "alice-password")
}

// uncancelled reads whatever becomes of the context.
type uncancelled struct{ logical.Storage }

func (s uncancelled) Get(ctx context.Context, key string) (*logical.StorageEntry, error) {
	return s.Storage.Get(context.WithoutCancel(ctx), key)
}

func (s uncancelled) List(ctx context.Context, prefix string) ([]string, error) {
	return s.Storage.List(context.WithoutCancel(ctx), prefix)
}

// A warm login reads and writes nothing, whoever logs in.
func TestNamesNeverSeenBeforeAndRefusedSpellingsTouchNoStorage(t *testing.T) {
	t.Parallel()
	b := accepting(t, nil)
	b.ok(logical.UpdateOperation, "users/alice", map[string]any{"policies": "staff"})
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"enabled": false})
	refused := func(name string) {
		require.Equal(t, login.DeniedText, b.refused(logical.UpdateOperation, "login/"+name, map[string]any{"password": "p"}))
	}
	b.loginOK("alice", "p")
	b.denied("bob")
	refused("Alice")
	b.storage.reads.Store(0)
	b.storage.writes.Store(0)
	for _, name := range []string{"new1", "new2@corp", `CORP\new3`, "alice@corp", "álice@corp"} {
		require.Empty(t, b.loginOK(name, "p").Policies)
	}
	for _, name := range []string{"Alice", "ALICE", "álice", "aLice", "bob", "bob@corp"} {
		refused(name)
	}
	require.Zero(t, b.storage.reads.Load())
	require.Zero(t, b.storage.writes.Load())
}

func BenchmarkReadingTheNamesOfUsers(b *testing.B) {
	storage := &logical.InmemStorage{}
	for i := range 100_000 {
		if err := users.Save(b.Context(), vaultStorage{storage}, fmt.Sprintf("registered-user-of-%06d", i), &users.User{}); err != nil {
			b.Fatal(err)
		}
	}
	rules := defaultConfig().Rules(source.NewSet(nil))
	for b.Loop() {
		names := username.NewRegistry(func(*username.Names) {}, nil)
		if _, err := names.Get(b.Context(), users.Stored{Storage: vaultStorage{storage}}, rules); err != nil {
			b.Fatal(err)
		}
		names.Close()
	}
}
