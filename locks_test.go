package radiusauth

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

// writes are requests that write, by kind. The number makes each another one.
var writes = map[string]func(n int) *logical.Request{
	"user": func(n int) *logical.Request {
		return write(logical.UpdateOperation, fmt.Sprintf("users/guest%d", n%4), map[string]any{"policies": "x", "profiles": "short"})
	},
	"user deletion": func(n int) *logical.Request {
		return write(logical.DeleteOperation, fmt.Sprintf("users/guest%d", n%4), nil)
	},
	"batch": func(n int) *logical.Request {
		return write(logical.UpdateOperation, "freeradius/batch", map[string]any{
			"name": fmt.Sprintf("batch-%d", n%4), "strategy": "prefix", "prefix": "guest", "number_of_users": 3, "profiles": "short",
		})
	},
	"batch deletion": func(n int) *logical.Request {
		return write(logical.DeleteOperation, fmt.Sprintf("freeradius/batch/batch-%d", n%4), nil)
	},
	"config": func(n int) *logical.Request {
		return write(logical.UpdateOperation, "config", map[string]any{"token_ttl": n + 1, "default_profiles": ""})
	},
	"profile": func(n int) *logical.Request {
		return write(logical.PatchOperation, "profiles/short", map[string]any{"description": fmt.Sprint(n)})
	},
	"profile deletion": func(int) *logical.Request { return write(logical.DeleteOperation, "profiles/unused", nil) },
	"source": func(n int) *logical.Request {
		return write(logical.UpdateOperation, "extauth/people", map[string]any{"read_timeout": n%60 + 1})
	},
	"dictionary": func(n int) *logical.Request {
		return write(logical.UpdateOperation, "dictionary/custom/acme", map[string]any{"text": fmt.Sprintf("VENDOR Acme %d", 60000+n)})
	},
	"dictionary deletion": func(int) *logical.Request {
		return write(logical.DeleteOperation, "dictionary/custom/acme", nil)
	},
	"freeradius config": func(n int) *logical.Request {
		return write(logical.UpdateOperation, "freeradius/config", map[string]any{"stale_session_after": 60 + n})
	},
}

func write(operation logical.Operation, path string, data map[string]any) *logical.Request {
	return &logical.Request{Operation: operation, Path: path, Data: data}
}

// newWritableBackend is a mount on which all of the writes do something.
func newWritableBackend(t *testing.T) *testBackend {
	t.Helper()
	b := newConfiguredBackend(t, nil)
	for _, profile := range []string{"short", "unused"} {
		b.profile(profile, map[string]any{"reply_attribute": []any{item("Session-Timeout", ":=", "60")}})
	}
	b.source("ldap", map[string]any{"name": "people"})
	for _, kind := range []string{"user", "dictionary"} {
		_, err := b.write(b.storage, writes[kind](0))
		require.NoError(t, err)
	}
	return b
}

func (b *testBackend) write(storage logical.Storage, req *logical.Request) (*logical.Response, error) {
	req.Storage = storage
	return b.HandleRequest(b.t.Context(), req)
}

// pausingStorage holds its user up at one of its calls, counted from 0.
type pausingStorage struct {
	logical.Storage
	at     int
	paused chan struct{} // closed when it is held up
	goOn   chan struct{}

	mu    sync.Mutex
	calls int // guarded by mu
}

func (s *pausingStorage) call() {
	s.mu.Lock()
	here := s.calls == s.at
	s.calls++
	s.mu.Unlock()
	if here {
		close(s.paused)
		<-s.goOn
	}
}

func (s *pausingStorage) Get(ctx context.Context, key string) (*logical.StorageEntry, error) {
	s.call()
	return s.Storage.Get(ctx, key)
}

func (s *pausingStorage) List(ctx context.Context, prefix string) ([]string, error) {
	s.call()
	return s.Storage.List(ctx, prefix)
}

func (s *pausingStorage) Put(ctx context.Context, entry *logical.StorageEntry) error {
	s.call()
	return s.Storage.Put(ctx, entry)
}

func (s *pausingStorage) Delete(ctx context.Context, key string) error {
	s.call()
	return s.Storage.Delete(ctx, key)
}

// A write that is held up at any of its calls of storage, and a second one that comes
// meanwhile, both end: no two kinds take their locks in different orders. And logins
// wait for neither.
func TestTwoWritesOfAnyKindsBothEndAndLoginsGoOn(t *testing.T) {
	t.Parallel()
	for _, first := range slices.Sorted(maps.Keys(writes)) {
		t.Run(first, func(t *testing.T) {
			b := newWritableBackend(t)
			n := 0
			for _, second := range slices.Sorted(maps.Keys(writes)) {
				for at := 0; b.heldUp(first, second, at, n); at++ {
					n++
				}
			}
			b.consistent()
		})
	}
}

// heldUp tells whether the first write had so many calls that it was held up.
func (b *testBackend) heldUp(first, second string, at, n int) bool {
	b.loginOK("alice", "alice-password") // reads into memory what a login needs: it may wait for a read
	storage := &pausingStorage{Storage: b.storage, at: at, paused: make(chan struct{}), goOn: make(chan struct{})}
	ended := make(chan error, 2)
	go func() {
		_, err := b.write(storage, writes[first](n))
		ended <- err
	}()
	select {
	case err := <-ended:
		require.NoError(b.t, unlessCoded(err), first)
		return false
	case <-storage.paused:
	}
	go func() { ended <- secondWrite(b, writes[second](n)) }()
	for len(ended) == 0 && !waitsForALock("secondWrite") {
		runtime.Gosched()
	}
	b.inTime(fmt.Sprintf("login while a write of %s is held up at call %d and one of %s waits", first, at, second), func() {
		b.loginOK("alice", "alice-password")
		b.refused(logical.UpdateOperation, "login/unknown", map[string]any{"password": "p"})
	})
	close(storage.goOn)
	b.inTime(first+" and "+second, func() {
		for range 2 {
			require.NoError(b.t, unlessCoded(<-ended), "%s and %s", first, second)
		}
	})
	return true
}

func secondWrite(b *testBackend, req *logical.Request) error {
	_, err := b.write(b.storage, req)
	return err
}

// unlessCoded leaves out errors that say what is wrong with a request: a name that is
// taken, a batch that is gone.
func unlessCoded(err error) error {
	var coded logical.HTTPCodedError
	if errors.As(err, &coded) {
		return nil
	}
	return err
}

// waitsForALock tells whether a goroutine with the function on its stack does.
func waitsForALock(function string) bool {
	for _, goroutine := range strings.Split(goroutines(), "\n\n") {
		state, stack, _ := strings.Cut(goroutine, "\n")
		if strings.Contains(stack, function) && (strings.Contains(state, "sync.") || strings.Contains(state, "chan receive")) {
			return true
		}
	}
	return false
}

func goroutines() string {
	buffer := make([]byte, 1<<20)
	return string(buffer[:runtime.Stack(buffer, true)])
}

// inTime fails, with the stacks of all goroutines, if something hangs.
func (b *testBackend) inTime(what string, do func()) {
	b.t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		b.t.Fatalf("%s: hangs\n%s", what, goroutines())
	}
}

func TestWritesOfAllKindsAtOnceEnd(t *testing.T) {
	t.Parallel()
	b := newWritableBackend(t)
	kinds := slices.Sorted(maps.Keys(writes))
	var workers sync.WaitGroup
	for worker := range 12 {
		workers.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(worker))) // #nosec G404 -- a test that can be repeated
			for range 40 {
				kind := kinds[random.IntN(len(kinds))]
				if kind == "profile deletion" {
					kind = "profile" // "short" stays in use, "unused" would be gone at once
				}
				if _, err := b.write(b.storage, writes[kind](random.IntN(1000))); unlessCoded(err) != nil {
					t.Errorf("%s: %s", kind, err)
				}
			}
		})
	}
	for range 4 {
		workers.Go(func() {
			for range 20 {
				if resp, err := b.send(logical.UpdateOperation, "login/alice", map[string]any{"password": "alice-password"}); err != nil || resp.IsError() {
					t.Errorf("login: %v, %v", resp, err)
				}
			}
		})
	}
	b.inTime("writes of all kinds at once", workers.Wait)
	b.consistent()
	b.loginOK("alice", "alice-password")
}
