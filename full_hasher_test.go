package radiusauth

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/lockout"
	"vault-plugin-auth-radius/internal/login"
	"vault-plugin-auth-radius/internal/passwd"
	"vault-plugin-auth-radius/internal/throttle"
)

// Whoever is refused since too many wait for their hashes was not judged: it counts for
// no lockout, FreeRADIUS asks elsewhere, and the log has one line.
func TestFullQueueOfHashesIsNoRefusal(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, map[string]any{"lockout_threshold": 1000})
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"enabled": false, "password": "bob-password"})
	b.logins.Hasher = passwd.NewHasher(1, time.Nanosecond)
	b.logins.Floods = throttle.New(time.Minute, func() time.Time { return time.Unix(0, 0) })
	var refused, unanswered, away atomic.Int64
	for round := 0; round < 20 && (unanswered.Load() == 0 || away.Load() == 0); round++ {
		var logins sync.WaitGroup
		for i := range 60 {
			name := []string{"alice", "bob", fmt.Sprint("stranger", i)}[i%3]
			path := []string{"login", "freeradius/authorize"}[i%2]
			logins.Go(func() {
				resp, err := b.send(logical.UpdateOperation, path, map[string]any{"username": name, "password": "wrong"})
				if err != nil {
					t.Error(err)
					return
				}
				text, _ := resp.Data["error"].(string)
				switch status, _ := resp.Data[logical.HTTPStatusCode].(int); {
				case text == login.NoAnswerText:
					unanswered.Add(1)
				case status == http.StatusServiceUnavailable:
					away.Add(1)
				case text == login.DeniedText, status == http.StatusNoContent:
					refused.Add(1)
				default:
					t.Error(resp)
				}
			})
		}
		logins.Wait()
	}
	require.Positive(t, unanswered.Load())
	require.Positive(t, away.Load())
	require.Equal(t, 1, strings.Count(b.log.String(), "logins refused: too many wait for their passwords to be checked here"))
	require.Contains(t, b.log.String(), "refused=1 ")
	require.EqualValues(t, refused.Load(), strings.Count(b.log.String(), "login refused"), "of the others the log has why")
	failed := 0
	registered, others := b.logins.Lockouts.Usage()
	for _, usage := range []lockout.Usage{registered, others} {
		failed += usage.Failures
		require.Zero(t, usage.Turnstiles)
	}
	require.Equal(t, strings.Count(b.log.String(), "login refused by its source"), failed)

	b.logins.Hasher = passwd.NewHasher(0, time.Minute)
	b.loginOK("alice", "alice-password")
}
