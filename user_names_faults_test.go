package radiusauth

import (
	"fmt"
	"maps"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

// What a broken storage has of a registration or a deletion is what logins go by, and
// what is not stored can be registered, in whatever spelling.
func TestWritesThatFailLeaveTheNamesThatAreStored(t *testing.T) {
	t.Parallel()
	withProfile := map[string]any{"policies": "staff", "profiles": "any"}
	changes := map[string]struct {
		operation logical.Operation
		data      map[string]any
		before    map[string]any // nil: not registered
		writes    int
	}{
		"register":      {logical.UpdateOperation, withProfile, nil, 2},
		"delete":        {logical.DeleteOperation, nil, withProfile, 2},
		"change":        {logical.UpdateOperation, map[string]any{"policies": "staff", "profiles": ""}, withProfile, 2},
		"change a text": {logical.PatchOperation, map[string]any{"email": "e@example.com"}, withProfile, 1},
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := acceptingStrangers(t)
			b.profile("any", nil)
			for at := 1; at <= change.writes; at++ {
				for i, strike := range []*fault{
					{at: int64(at)}, {at: int64(at), applied: true}, {at: int64(at), after: true}, {at: int64(at), after: true, applied: true},
				} {
					user := fmt.Sprintf("eve%d%d", at, i)
					spellings := []string{user, "E" + user[1:], "é" + user[1:]}
					if change.before != nil {
						b.ok(logical.UpdateOperation, "users/"+user, maps.Clone(change.before))
					}
					b.agrees(spellings...)
					b.storage.fault.Store(strike)
					_, err := b.do(change.operation, "users/"+user, maps.Clone(change.data))
					require.ErrorIs(t, err, errStorage, "write %d", at)
					b.storage.fault.Store(nil)
					b.agrees(spellings...)

					if b.stored("user/"+user) == "" {
						b.ok(logical.UpdateOperation, "users/"+spellings[1], staff)
						b.agrees(spellings...)
						b.ok(logical.DeleteOperation, "users/"+spellings[1], nil)
					}
					resp, err := b.do(change.operation, "users/"+user, maps.Clone(change.data))
					require.NoError(t, err)
					require.NoError(t, resp.Error())
					b.agrees(spellings...)
				}
			}
		})
	}
}

// A batch that fails halfway is removed, now or when storage works again.
func TestBatchThatFailsLeavesItsNamesFree(t *testing.T) {
	t.Parallel()
	for at := 1; at <= 5; at++ { // its entry, its names, two users, its end
		for i, strike := range []*fault{
			{at: int64(at)}, {at: int64(at), applied: true}, {at: int64(at), after: true}, {at: int64(at), after: true, applied: true},
		} {
			b := newTestBackend(t)
			b.ok(logical.UpdateOperation, "config", minimalConfig())
			b.storage.fault.Store(strike)
			_, err := b.do(logical.UpdateOperation, "freeradius/batch", prefixBatch("course", 2))
			require.ErrorIs(t, err, errStorage, "write %d, %d", at, i)
			b.storage.fault.Store(nil)
			require.NoError(t, b.batches.Clean(t.Context(), vaultStorage{b.storage}))
			if b.ok(logical.ReadOperation, "freeradius/batch/course", nil) != nil { // it is there: only the answer is lost
				b.ok(logical.DeleteOperation, "freeradius/batch/course", nil)
			}
			require.Empty(t, b.stored("user/guest1")+b.stored("user/guest2"))
			b.ok(logical.UpdateOperation, "users/Guest1", staff)
			b.ok(logical.UpdateOperation, "users/GUEST2", staff)
		}
	}
}

func TestHiddenNameInDoubtIsInNobodysWay(t *testing.T) {
	t.Parallel()
	b := acceptingStrangers(t)
	b.store("user/ alice", `{"Policies":["old"]}`) // from a version that did not check names
	require.Equal(t, []string{"guest"}, b.loginOK("alice", "p").Policies)
	for _, applied := range []bool{false, true} {
		b.storage.fault.Store(&fault{at: 1, applied: applied})
		_, err := b.do(logical.DeleteOperation, "users/ alice", nil)
		require.ErrorIs(t, err, errStorage)
		b.storage.fault.Store(nil)
		require.Equal(t, []string{"guest"}, b.loginOK("alice", "p").Policies)
		hidden := b.ok(logical.ReadOperation, "status", nil).Data["hidden_users"]
		require.Equal(t, applied, hidden == nil)
	}
	b.store("user/ alice", `{"Policies":["old"]}`) // by another server, which tells of it
	require.Equal(t, []string{"guest"}, b.loginOK("alice", "p").Policies)
	require.Equal(t, []string{" alice"}, b.ok(logical.ReadOperation, "status", nil).Data["hidden_users"])
	b.ok(logical.UpdateOperation, "users/alice", staff)
	b.ok(logical.DeleteOperation, "users/ alice", nil)
	require.Empty(t, b.ok(logical.ReadOperation, "status", nil).Data["hidden_users"])
	require.Equal(t, []string{"staff"}, b.loginOK("alice", "p").Policies)
}

// Pairs that are stored from before stay, and an operator is told.
func TestTwinsFromBeforeStayUntilOneIsDeleted(t *testing.T) {
	t.Parallel()
	before := acceptingStrangers(t)
	for _, name := range []string{"alice", "Alice", "bob", "BOB", "carol"} {
		before.store("user/"+name, `{"Policies":["`+name+`"]}`)
	}
	b, _ := restarted(t, before)
	twins := func() any { return b.ok(logical.ReadOperation, "status", nil).Data["twin_users"] }
	require.Equal(t, [][]string{{"Alice", "alice"}, {"BOB", "bob"}}, twins())
	require.Contains(t, b.log.String(), "delete all but one of them: users=[\"Alice\", \"alice\"]")
	require.Equal(t, []string{"Alice"}, b.loginOK("Alice", "p").Policies)
	require.Equal(t, []string{"alice"}, b.loginOK("alice", "p").Policies)
	b.denied("ALICE")
	b.coded(409, logical.UpdateOperation, "users/ALICE", staff)
	b.ok(logical.UpdateOperation, "users/Alice", staff) // no new one
	b.ok(logical.DeleteOperation, "users/bob", nil)
	require.Equal(t, [][]string{{"Alice", "alice"}}, twins())
	b.denied("bob")
	b.ok(logical.DeleteOperation, "users/Alice", nil)
	require.Nil(t, twins())
	b.denied("Alice")
	require.Equal(t, []string{"alice"}, b.loginOK("alice", "p").Policies)
}
