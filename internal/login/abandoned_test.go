package login

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/decision"
	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/source"
)

// leftStorage is one whose client goes away over a read of keys that begin so.
type leftStorage struct {
	kv.Storage
	key   string
	leave context.CancelFunc
}

func (s leftStorage) Get(ctx context.Context, key string) ([]byte, error) {
	if strings.HasPrefix(key, s.key) {
		s.leave()
		return nil, ctx.Err()
	}
	return s.Storage.Get(ctx, key)
}

func (s leftStorage) List(ctx context.Context, prefix string) ([]string, error) {
	if strings.HasPrefix(prefix, s.key) {
		s.leave()
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return s.Storage.List(ctx, prefix)
}

func TestClientThatGoesAwayOverAReadIsNoFaultOfStorage(t *testing.T) {
	t.Parallel()
	for _, key := range []string{source.KeyPrefix, "user/"} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, nil)
			var decided []decision.Decision
			f.service.Decided = func(d decision.Decision) { decided = append(decided, d) }
			ctx, leave := context.WithCancel(t.Context())
			_, _ = f.service.Authenticate(ctx, leftStorage{f.storage, key, leave}, f.settings,
				Attempt{Username: "alice", Password: rightPassword})
			require.Len(t, decided, 1)
			require.Equal(t, decision.Unanswered, decided[0].Outcome)
			require.Equal(t, decision.Abandoned, decided[0].Class, decided[0].Reason)
			require.Contains(t, decided[0].Reason, "the client has gone away: ")
			require.NotContains(t, f.log.String(), "[ERROR]")
			require.Empty(t, f.server.takeQueried())
		})
	}
}
