package radiusauth

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/login"
	"vault-plugin-auth-radius/internal/radiustest"
)

func TestLockedOutNameIsRefusedWithoutAsking(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newTestBackend(t)
		b.ok(logical.UpdateOperation, "config", map[string]any{"extauth": "local", "lockout_threshold": 2, "lockout_duration": "10m", "password_hash_cost": 1})
		b.ok(logical.UpdateOperation, "users/alice", map[string]any{"password": "alice-password"})
		refused := func(password string) {
			require.Equal(t, login.DeniedText, b.refused(logical.UpdateOperation, "login/alice", map[string]any{"password": password}))
		}
		refused("wrong")
		b.loginOK("alice", "alice-password") // begins the count anew
		refused("wrong")
		refused("wrong")
		refused("alice-password")
		require.Contains(t, b.log.String(), "locked out")
		list := b.ok(logical.ListOperation, "unlock", nil).Data
		require.Equal(t, []string{"alice"}, list["keys"])
		require.Equal(t, map[string]any{"until": time.Now().Add(10 * time.Minute).UTC().Format(time.RFC3339)}, list["key_info"].(map[string]any)["alice"])
		b.ok(logical.UpdateOperation, "unlock/alice", nil)
		require.Empty(t, b.ok(logical.ListOperation, "unlock", nil).Data["keys"])
		b.loginOK("alice", "alice-password")

		refused("wrong")
		refused("wrong")
		time.Sleep(10 * time.Minute)
		b.loginOK("alice", "alice-password")
		refused("wrong")
		refused("wrong")
		b.ok(logical.UpdateOperation, "config", map[string]any{"lockout_threshold": 0})
		b.loginOK("alice", "alice-password") // lockouts are off
	})
}

func TestOutageAndWrongCodeAndProfiles(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, b *testBackend) {
		b.configureUsers(map[string]any{"lockout_threshold": 2, "read_timeout": 1})
		b.profile("nobody", map[string]any{"enabled": false})
		b.ok(logical.UpdateOperation, "users/alice", map[string]any{"profiles": "nobody"})
		for range 4 {
			b.denied("alice") // by the profiles: the password is right
		}
		b.ok(logical.UpdateOperation, "users/alice", map[string]any{"profiles": ""})
		b.loginOK("alice", "alice-password")

		for range 2 { // a wrong one-time code counts
			id := b.challenge()["challenge_id"]
			require.Equal(t, login.DeniedText, b.refused(logical.UpdateOperation, "login/carol", answering(id, "000000")))
		}
		require.Equal(t, []string{"carol"}, b.ok(logical.ListOperation, "unlock", nil).Data["keys"])
		require.Equal(t, login.DeniedText, b.refused(logical.UpdateOperation, "login/carol", map[string]any{"password": "carol-password"}))

		b.server.SetHandler(nil) // silence
		for range 3 {
			require.Equal(t, login.NoAnswerText, b.refused(logical.UpdateOperation, "login/bob", map[string]any{"password": "bob-password"}))
		}
		require.Equal(t, []string{"carol"}, b.ok(logical.ListOperation, "unlock", nil).Data["keys"], "an outage is nobody's wrong password")
	})
}

func TestGuessesAtTheSameTimeDoNotPassTheThreshold(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, map[string]any{"lockout_threshold": 3})
	before := b.logins.Hasher.Computed()
	var guesses sync.WaitGroup
	var refused atomic.Int64
	for i := range 12 {
		guesses.Go(func() {
			resp, err := b.send(logical.UpdateOperation, "login/alice", map[string]any{"password": fmt.Sprintf("guess-%d", i)})
			if err == nil && resp.IsError() {
				refused.Add(1)
			}
		})
	}
	guesses.Wait()
	require.EqualValues(t, 12, refused.Load())
	require.EqualValues(t, 12, b.logins.Hasher.Computed()-before, "each takes the time of one hash")
	require.Equal(t, 3, strings.Count(b.log.String(), "the password is wrong"), "but no more than three were judged")
	require.Equal(t, login.DeniedText, b.refused(logical.UpdateOperation, "login/alice", map[string]any{"password": "alice-password"}))
	registered, _ := b.logins.Lockouts.Usage()
	require.Zero(t, registered.Turnstiles)
}

func TestLoginsAtTheSameTimeWithTheRightPasswordAllSucceed(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, map[string]any{"lockout_threshold": 1})
	var logins sync.WaitGroup
	for range 10 {
		logins.Go(func() {
			if resp, err := b.send(logical.UpdateOperation, "login/alice", map[string]any{"password": "alice-password"}); err != nil || resp.IsError() {
				t.Error("a login was refused")
			}
		})
	}
	logins.Wait()
}

func TestOtherSpellingsOfANameCountTogether(t *testing.T) {
	t.Parallel()
	b, _ := newDirectoryBackend(t, inDirectory, nil)
	for _, name := range []string{"ALICE", "\u00e1lice"} {
		require.Equal(t, login.DeniedText, b.refused(logical.UpdateOperation, "login", map[string]any{"username": name, "password": "wrong"}))
	}
	require.Equal(t, login.DeniedText, b.refused(logical.UpdateOperation, "login/alice", map[string]any{"password": "alice-password"}))
	b.ok(logical.UpdateOperation, "unlock/alice", nil)
	b.loginOK("alice", "alice-password")
}

func TestChallengeTellsNobodyWhoMayLogIn(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, map[string]any{"lockout_threshold": 1})
	b.ok(logical.UpdateOperation, "users/alice", map[string]any{"enabled": false})
	b.refused(logical.UpdateOperation, "login/bob", map[string]any{"password": "wrong"})
	for _, name := range []string{"alice", "bob", "nobody"} {
		require.Equal(t, "challenge_id is not valid for this login: log in again",
			b.refused(logical.UpdateOperation, "login/"+name, map[string]any{"password": "x", "challenge_id": "x"}))
	}
}

// The server says nothing to a wrong password, as one does that looks for a phone.
func TestFloodOfSilentLoginsDoesNotShutTheUserOut(t *testing.T) {
	t.Parallel()
	for _, threshold := range []int{1, 5} {
		t.Run(fmt.Sprint(threshold), func(t *testing.T) {
			inVirtualTime(t, func(t *testing.T, b *testBackend) {
				b.startServer(radiustest.Options{Handler: func(r *radiustest.Request) []radiustest.Answer {
					if r.Password() != "alice-password" {
						return nil
					}
					return []radiustest.Answer{r.Accept()}
				}})
				b.configure(map[string]any{"lockout_threshold": threshold})
				var strangers sync.WaitGroup
				for i := range 1000 {
					strangers.Go(func() {
						time.Sleep(time.Duration(i) * 50 * time.Millisecond)
						if resp, err := b.passwordFrom("192.0.2.1", "alice", "wrong"); err != nil || resp.Error().Error() != login.NoAnswerText {
							t.Error(resp, err)
						}
					})
				}
				time.Sleep(15*time.Second + 10*time.Millisecond)
				for range 3 {
					began := time.Now()
					resp, err := b.passwordFrom("198.51.100.7", "alice", "alice-password")
					require.NoError(t, err)
					require.NoError(t, resp.Error())
					require.LessOrEqual(t, time.Since(began), 11*time.Second)
					time.Sleep(time.Second)
				}
				strangers.Wait()
				require.Empty(t, b.ok(logical.ListOperation, "unlock", nil).Data["keys"], "what was not judged does not count")
				_, others := b.logins.Lockouts.Usage()
				require.Zero(t, others.Turnstiles)
			})
		})
	}
}

// passwordFrom logs in from a client address.
func (b *testBackend) passwordFrom(address, name, password string) (*logical.Response, error) {
	return b.HandleRequest(b.t.Context(), &logical.Request{
		Operation: logical.UpdateOperation, Path: "login/" + name, Storage: b.storage,
		Data: map[string]any{"password": password}, Connection: &logical.Connection{RemoteAddr: address},
	})
}
