package radiusauth

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/acct"
)

// heldAttempts holds writes of attempts to log in up, until they give up or may go on.
type heldAttempts struct {
	logical.Storage
	waiting atomic.Int64
	goOn    chan struct{}
}

func (s *heldAttempts) Put(ctx context.Context, entry *logical.StorageEntry) error {
	if strings.HasPrefix(entry.Key, "postauth/") {
		s.waiting.Add(1)
		defer s.waiting.Add(-1)
		select {
		case <-s.goOn:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return s.Storage.Put(ctx, entry)
}

// A flood of logins at FreeRADIUS is a flood of attempts to be kept. It holds nobody up,
// has nobody refused, and no stranger's refusals keep an accept out of the log.
func TestFloodOfAttemptsHoldsNobodyUp(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, b *testBackend) {
		storage := &heldAttempts{Storage: b.storage.Storage, goOn: make(chan struct{})}
		b.storage.Storage = storage
		var all sync.WaitGroup
		var kept, notKept, other atomic.Int64
		post := func(reply string) {
			began := time.Now()
			resp, err := b.send(logical.UpdateOperation, "freeradius/postauth", map[string]any{"username": "bob", "reply": reply})
			if err != nil || time.Since(began) > postAuthWait {
				t.Error(err, time.Since(began))
				return
			}
			switch resp.Data[logical.HTTPStatusCode] {
			case http.StatusCreated:
				kept.Add(1)
			case http.StatusNoContent:
				notKept.Add(1)
			default:
				other.Add(1)
			}
		}
		for range 3000 {
			all.Go(func() { post("Access-Reject") })
		}
		synctest.Wait()
		require.EqualValues(t, maxPostAuthWrites-acceptedPostAuthWrites, storage.waiting.Load())
		require.EqualValues(t, 3000-maxPostAuthWrites+acceptedPostAuthWrites, notKept.Load(), "at once")
		for range 3000 {
			all.Go(func() { post("Access-Accept") })
		}
		synctest.Wait()
		require.EqualValues(t, maxPostAuthWrites, storage.waiting.Load())
		time.Sleep(time.Second)
		synctest.Wait()
		require.Zero(t, storage.waiting.Load(), "the store is given up")

		close(storage.goOn)
		post("Access-Accept")
		post("Access-Reject")
		all.Wait()
		require.Zero(t, other.Load())
		require.EqualValues(t, 2, kept.Load())
		require.Equal(t, 1, strings.Count(b.log.String(), "attempts to log in were not kept: attempts=1 "))
	})
}

// What is stored is bounded between two runs of the maintenance as well. The log says once
// that attempts are not kept, and nobody is refused for it.
func TestAttemptsAreNotKeptWhenThereAreTooMany(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	records, err := b.records.get(t.Context(), vaultStorage{b.storage})
	require.NoError(t, err)
	kept := 0
	for err == nil {
		err = records.store.LogPostAuth(t.Context(), acct.PostAuth{Time: acct.TimeOf(time.Now()), Reply: "Access-Reject"})
		kept++
	}
	require.ErrorIs(t, err, acct.ErrTooManyPostAuths)
	require.LessOrEqual(t, kept, 10_000)
	post := func() int {
		code, _ := b.asFreeRADIUS("postauth", map[string]any{"username": "bob", "reply": "Access-Reject"})
		return code
	}
	for range 10 {
		require.Equal(t, http.StatusNoContent, post())
	}
	require.Equal(t, 1, strings.Count(b.log.String(), "were not kept"))
	require.Contains(t, b.log.String(), "too many attempts to log in")
	require.NoError(t, b.periodic(t.Context(), &logical.Request{Storage: b.storage}))
	require.Equal(t, http.StatusCreated, post())
}
