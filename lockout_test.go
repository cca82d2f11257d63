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
)

var threeInARow = lockoutPolicy{threshold: 3, duration: 10 * time.Minute, reset: time.Minute}

func TestFailedLoginsInARowLockANameOut(t *testing.T) {
	t.Parallel()
	room, now := newLockoutRoom(10), time.Unix(1_000_000, 0)
	require.False(t, room.failed("alice", "alice", threeInARow, now))
	require.False(t, room.failed("alice", "alice", threeInARow, now.Add(59*time.Second)))
	require.False(t, room.failed("alice", "alice", threeInARow, now.Add(119*time.Second)), "the count began anew")
	require.False(t, room.failed("alice", "alice", threeInARow, now.Add(120*time.Second)))
	require.False(t, room.isLocked("alice", threeInARow, 0, now.Add(120*time.Second)))
	locked := now.Add(121 * time.Second)
	require.True(t, room.failed("alice", "alice", threeInARow, locked))
	require.True(t, room.isLocked("alice", threeInARow, 0, locked.Add(599*time.Second)))
	require.False(t, room.isLocked("Alice", threeInARow, 0, locked))
	require.False(t, room.failed("alice", "alice", threeInARow, locked.Add(time.Second)), "it does not last longer for that")
	require.False(t, room.isLocked("alice", threeInARow, 0, locked.Add(10*time.Minute)))
	require.False(t, room.failed("alice", "alice", threeInARow, locked.Add(10*time.Minute)), "and the count begins anew")
	room.failed("bob", "bob", threeInARow, now)
	room.failed("bob", "bob", threeInARow, now)
	room.succeeded("bob", "bob", threeInARow, 0)
	require.False(t, room.failed("bob", "bob", threeInARow, now))
}

func TestMadeUpNamesNeitherGrowTheRoomNorPushOutLockedOnes(t *testing.T) {
	t.Parallel()
	const size = 100
	room, now := newLockoutRoom(size), time.Unix(1_000_000, 0)
	lock := func(name string, at time.Time) {
		for range 3 {
			room.failed(name, name, threeInARow, at)
		}
	}
	lock("alice", now)
	for i := range 20 * size {
		lock(fmt.Sprintf("made-up-%d", i), now)
		room.failed(fmt.Sprintf("other-%d", i), "other", threeInARow, now)
	}
	require.True(t, room.isLocked("alice", threeInARow, 0, now))
	require.Len(t, room.locked, size)
	require.Equal(t, size, room.counting.Len())
	lock("bob", now)
	require.True(t, room.isLocked("bob", threeInARow, 0, now), "as long as it is remembered, there is no room for it")
	later := now.Add(threeInARow.duration)
	lock("carol", later)
	require.Len(t, room.locked, 1, "those that are locked no more make room")
}

func TestFloodOfMadeUpNamesDoesNotTouchRegisteredOnes(t *testing.T) {
	t.Parallel()
	lockouts, now := newLockouts(), time.Unix(1_000_000, 0)
	for range 2 {
		lockouts.room(true).failed("alice", "alice", threeInARow, now)
	}
	for i := range 2 * lockoutNames {
		for range 3 {
			lockouts.room(false).failed(fmt.Sprintf("made-up-%d", i), "made-up", threeInARow, now)
		}
	}
	require.True(t, lockouts.room(true).failed("alice", "alice", threeInARow, now), "the count is kept")
	require.True(t, lockouts.unlock("alice", now))
	require.False(t, lockouts.unlock("alice", now))
	require.False(t, lockouts.room(true).isLocked("alice", threeInARow, 0, now))
}

func TestLockedOutNameIsRefusedWithoutAsking(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newTestBackend(t)
		b.ok(logical.UpdateOperation, "config", map[string]any{"extauth": "local", "lockout_threshold": 2, "lockout_duration": "10m", "password_hash_cost": 1})
		b.ok(logical.UpdateOperation, "users/alice", map[string]any{"password": "alice-password"})
		refused := func(password string) {
			require.Equal(t, deniedText, b.refused(logical.UpdateOperation, "login/alice", map[string]any{"password": password}))
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
			require.Equal(t, deniedText, b.refused(logical.UpdateOperation, "login/carol", answering(id, "000000")))
		}
		require.Equal(t, []string{"carol"}, b.ok(logical.ListOperation, "unlock", nil).Data["keys"])
		require.Equal(t, deniedText, b.refused(logical.UpdateOperation, "login/carol", map[string]any{"password": "carol-password"}))

		b.server.SetHandler(nil) // silence
		for range 3 {
			require.Equal(t, noAnswerText, b.refused(logical.UpdateOperation, "login/bob", map[string]any{"password": "bob-password"}))
		}
		require.Equal(t, []string{"carol"}, b.ok(logical.ListOperation, "unlock", nil).Data["keys"], "an outage is nobody's wrong password")
	})
}

func TestGuessesAtTheSameTimeDoNotPassTheThreshold(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, map[string]any{"lockout_threshold": 3})
	before := b.hasher.Computed()
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
	require.EqualValues(t, 12, b.hasher.Computed()-before, "each takes the time of one hash")
	require.Equal(t, 3, strings.Count(b.log.String(), "the password is wrong"), "but no more than three were judged")
	require.Equal(t, deniedText, b.refused(logical.UpdateOperation, "login/alice", map[string]any{"password": "alice-password"}))
	require.Empty(t, b.lockouts.registered.gates)
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
		require.Equal(t, deniedText, b.refused(logical.UpdateOperation, "login", map[string]any{"username": name, "password": "wrong"}))
	}
	require.Equal(t, deniedText, b.refused(logical.UpdateOperation, "login/alice", map[string]any{"password": "alice-password"}))
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
