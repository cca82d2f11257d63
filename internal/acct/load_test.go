package acct

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/longtest"
)

// deliver sends the packets of every session to a store, those of one in their order,
// and each until it is taken. acknowledged, if not nil, hears of each that is.
func deliver(ctx context.Context, store Store, sessions [][]Packet, acknowledged func(Packet)) error {
	const senders = 8
	var group sync.WaitGroup
	failures := make([]error, senders)
	for sender := range senders {
		group.Go(func() {
			for i := sender; i < len(sessions); i += senders {
				for _, p := range sessions[i] {
					if err := send(ctx, store, p); err != nil {
						failures[sender] = err
						return
					}
					if acknowledged != nil {
						acknowledged(p)
					}
				}
			}
		})
	}
	group.Wait()
	for _, err := range failures {
		if err != nil {
			return err
		}
	}
	return nil
}

// send sends a packet again and again, as a NAS does, until the store takes it.
func send(ctx context.Context, store Store, p Packet) (err error) {
	for range 200 {
		if _, err = store.Record(ctx, p); err == nil || ctx.Err() != nil {
			return err
		}
	}
	return fmt.Errorf("not taken: %w", err)
}

// requireReference compares what the store has with the reference, session by
// session.
func requireReference(t *testing.T, store Store, arrived [][]Packet) {
	t.Helper()
	for _, packets := range arrived {
		if len(packets) == 0 {
			continue
		}
		found, _, err := store.Sessions(t.Context(), Filter{UniqueID: packets[0].UniqueID}, Page{})
		require.NoError(t, err)
		require.Len(t, found, 1)
		requireRecord(t, reference(packets), found[0])
	}
}

// requireRecord is faster than require.Equal, as long as they are equal. The id is
// the database's.
func requireRecord(t *testing.T, want, found Record) {
	t.Helper()
	want, found = shown(want), shown(found)
	if !reflect.DeepEqual(want, found) {
		require.Equal(t, want, found)
	}
}

// spoiledTraffic returns sessions as they arrive over a bad network.
func spoiledTraffic(seed uint64, n int) [][]Packet {
	random := rand.New(rand.NewPCG(seed, seed))
	arriving := traffic(random, n)
	for i := range arriving {
		arriving[i] = spoil(random, arriving[i])
	}
	return arriving
}

func TestVaultStoreAgreesWithTheReferenceWhenStorageFailsAtRandom(t *testing.T) {
	t.Parallel()
	const seed = 1
	t.Logf("seed %d", seed)
	storage := newMemory()
	faults := rand.New(rand.NewPCG(seed, 2))
	storage.faults(func(int) (before, after bool) { return faults.IntN(40) == 0, faults.IntN(40) == 0 })
	store := NewVaultStore(storage)
	arriving := spoiledTraffic(seed, longtest.Choose(2000, 10_000))
	require.NoError(t, deliver(t.Context(), store, arriving, nil))
	storage.faults(nil)
	requireReference(t, store, arriving)
	requireIndexed(t, storage, store)
}

// requireIndexed checks that every record can be found by all of its indexes.
func requireIndexed(t *testing.T, storage *memory, store *VaultStore) {
	t.Helper()
	entries := map[string]bool{}
	for _, key := range storage.keys("acct/") {
		entries[key] = true
	}
	for _, key := range storage.keys(sessionPrefix) {
		r, err := store.read(t.Context(), key[len(sessionPrefix)+3:])
		require.NoError(t, err)
		for _, key := range indexKeys(r) {
			require.True(t, entries[key], "%s is not at %s", r.UniqueID, key)
		}
	}
}
