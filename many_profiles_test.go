package radiusauth

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

// manyProfiles are more profiles than a list describes, or than status waits for.
const manyProfiles = maxDescribedProfiles + 200

// withoutEffect are items that have no effect, which earlier versions have stored.
const withoutEffect = `{"attribute":"Pool-Name","op":":=","value":"main"}`

// storeProfile stores a profile as another server, or an earlier version, has.
func (b *testBackend) storeProfile(id int, shortName, items string) {
	b.t.Helper()
	b.store("profile-name/"+shortName, fmt.Sprintf(`{"id":%d}`+"\n", id))
	b.store(fmt.Sprintf("profile/%d", id), storedProfile(id, shortName, items))
}

// readsOf returns how often a request reads storage.
func (b *testBackend) readsOf(operation logical.Operation, path string, data map[string]any) (int64, *logical.Response) {
	b.t.Helper()
	before := b.storage.reads.Load()
	response := b.ok(operation, path, data)
	return b.storage.reads.Load() - before, response
}

func TestListOfProfilesReadsThoseOfItsPage(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	storeProfiles(t, b.storage.Storage, manyProfiles)
	b.ok(logical.ReadOperation, "profiles/1", nil) // the dictionary is read
	page := map[string]any{"limit": 10, "after": "profile-50"}
	reads, response := b.readsOf(logical.ListOperation, "profiles", page)
	require.EqualValues(t, 1+2*10, reads, "the names, and of each profile its id and itself")
	require.Len(t, response.Data["keys"], 10)
	require.Equal(t, "profile-500", response.Data["keys"].([]string)[0])
	require.Len(t, response.Data["key_info"], 10)
	require.Equal(t, map[string]any{"id": int64(500), "name": "Profile 500", "description": "", "enabled": true},
		response.Data["key_info"].(map[string]any)["profile-500"])
	require.Empty(t, response.Warnings)
	reads, _ = b.readsOf(logical.ListOperation, "profiles", page)
	require.EqualValues(t, 1+10, reads, "the profiles are in memory now")
}

func TestListOfMoreProfilesThanItDescribesHasTheirNames(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	storeProfiles(t, b.storage.Storage, manyProfiles)
	for _, limit := range []int{0, maxDescribedProfiles + 1} {
		reads, response := b.readsOf(logical.ListOperation, "profiles", map[string]any{"limit": limit})
		require.EqualValues(t, 1, reads)
		require.NotContains(t, response.Data, "key_info")
		require.Len(t, response.Warnings, 1)
		require.Contains(t, response.Warnings[0], "without key_info, which pages of up to 1000 have: give `limit` and `after`")
		require.Len(t, response.Data["keys"], max(limit, (1-min(limit, 1))*manyProfiles))
		require.IsIncreasing(t, response.Data["keys"])
	}
	response := b.ok(logical.ListOperation, "profiles", map[string]any{"limit": maxDescribedProfiles})
	require.Len(t, response.Data["key_info"], maxDescribedProfiles)
	require.Empty(t, response.Warnings)
}

// A crash leaves names in the index that no profile has, as does a rename that did not come to its end.
func TestNamesThatNoProfileHasAreNotListed(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	for _, name := range []string{"ant", "cat", "dog"} {
		b.profile(name, nil)
	}
	b.store("profile-name/bee", `{"id":99}`)
	b.store("profile-name/cow", `{"id":3}`) // that is dog
	b.store("profile-name/eel", `{"id":99}`)
	for after, want := range map[string][]string{"": {"ant", "cat", "dog"}, "ant": {"cat", "dog"}, "cat": {"dog"}, "dog": {}} {
		for limit := range 4 {
			listed := want
			if limit > 0 {
				listed = want[:min(limit, len(want))]
			}
			data := b.ok(logical.ListOperation, "profiles", map[string]any{"after": after, "limit": limit}).Data
			require.ElementsMatch(t, listed, data["keys"], "%q %d", after, limit)
		}
	}
}

func TestStatusReadsProfilesOnce(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	storeProfiles(t, b.storage.Storage, 50)
	b.storeProfile(51, "pool", withoutEffect)
	first, response := b.readsOf(logical.ReadOperation, "status", nil)
	require.Greater(t, first, int64(51))
	require.Len(t, response.Data["warnings"], 1)
	require.Contains(t, response.Data["warnings"].([]string)[0], "profile pool: it matches no user")
	require.NotContains(t, response.Data, "incomplete")
	reads, again := b.readsOf(logical.ReadOperation, "status", nil)
	require.Zero(t, reads)
	require.Equal(t, response.Data, again.Data)
}

func TestStatusFollowsTheChangesOfProfiles(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	warned := func(want ...string) {
		t.Helper()
		data := b.ok(logical.ReadOperation, "status", nil).Data
		require.NotContains(t, data, "incomplete")
		warnings, _ := data["warnings"].([]string)
		require.Len(t, warnings, len(want), "%v", warnings)
		for i, name := range want {
			require.Contains(t, warnings[i], "profile "+name+": ")
		}
	}
	b.profile("ape", nil)
	warned()
	b.storeProfile(2, "bee", withoutEffect) // by another server
	warned("bee")
	b.storeProfile(1, "ape", withoutEffect)
	warned("ape", "bee")
	b.ok(logical.UpdateOperation, "profiles/ape", map[string]any{"name": "Ape", "short_name": "ape"}) // here
	warned("bee")
	b.ok(logical.DeleteOperation, "profiles/bee", nil)
	warned()

	// A dictionary is what the others depend on.
	b.ok(logical.UpdateOperation, "dictionary/custom/acme", map[string]any{
		"text": "VENDOR Umbrella 60001\nBEGIN-VENDOR Umbrella\nATTRIBUTE Umbrella-Role 1 string\nEND-VENDOR Umbrella",
	})
	b.profile("cat", map[string]any{"check_attribute": []any{item("reply:Umbrella-Role", "==", "x")}})
	warned()
	require.NoError(t, b.storage.Delete(t.Context(), "dictionary/acme"))
	b.InvalidateKey(t.Context(), "dictionary/acme")
	warned("cat")
}

func TestStatusNamesAHundredProfilesAndCountsTheOthers(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	for id := 1; id <= 103; id++ {
		b.storeProfile(id, fmt.Sprintf("pool-%03d", id), withoutEffect)
	}
	warnings := b.ok(logical.ReadOperation, "status", nil).Data["warnings"].([]string)
	require.Len(t, warnings, 101)
	require.Contains(t, warnings[99], "profile pool-100: ")
	require.Equal(t, "profiles: 3 more have such warnings", warnings[100])
}

// heldStorage holds the reader of a key up until it is released, or the reader gives up.
type heldStorage struct {
	logical.Storage
	key      string
	released chan struct{}
	isHeld   atomic.Bool
}

func (s *heldStorage) Get(ctx context.Context, key string) (*logical.StorageEntry, error) {
	if key == s.key {
		s.isHeld.Store(true)
		select {
		case <-s.released:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return s.Storage.Get(ctx, key)
}

func TestStatusSaysThatNotAllProfilesAreRead(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, b *testBackend) {
		storeProfiles(t, b.storage.Storage, manyProfiles)
		b.storeProfile(1, "profile-1", withoutEffect)
		held := &heldStorage{Storage: b.storage.Storage, key: "profile/1100", released: make(chan struct{})}
		b.storage.Storage = held
		data := b.ok(logical.ReadOperation, "status", nil).Data
		require.Len(t, data["warnings"], 1, "those that are known already")
		require.Len(t, data["incomplete"], 1)
		require.Regexp(t, `^profiles: 1\d\d\d of 1200 were read$`, data["incomplete"].([]string)[0])
		synctest.Wait()
		require.True(t, held.isHeld.Load())
		require.Equal(t, []string{"profiles: 1199 of 1200 were read"}, b.ok(logical.ReadOperation, "status", nil).Data["incomplete"])
		b.storeProfile(2, "profile-2", withoutEffect) // it was read before
		close(held.released)
		synctest.Wait()
		data = b.ok(logical.ReadOperation, "status", nil).Data
		require.NotContains(t, data, "incomplete")
		require.Len(t, data["warnings"], 2)
	})
}

func TestReadingOfProfilesEndsWithTheMount(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, b *testBackend) {
		storeProfiles(t, b.storage.Storage, manyProfiles)
		b.storage.Storage = &heldStorage{Storage: b.storage.Storage, key: "profile/1100", released: make(chan struct{})}
		require.Contains(t, b.ok(logical.ReadOperation, "status", nil).Data, "incomplete")
		b.Cleanup(t.Context()) // returns when all has ended
	})
}

// More changes than are remembered have all profiles read anew: while they are read, as well.
func TestManyChangesHaveAllProfilesReadAgain(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, b *testBackend) {
		storeProfiles(t, b.storage.Storage, manyProfiles)
		held := &heldStorage{Storage: b.storage.Storage, key: "profile/1100", released: make(chan struct{})}
		b.storage.Storage = held
		b.ok(logical.ReadOperation, "status", nil)
		for id := range manyProfiles {
			b.InvalidateKey(t.Context(), fmt.Sprintf("profile/%d", id+1))
		}
		synctest.Wait()
		close(held.released)
		reads, _ := b.readsOf(logical.ReadOperation, "status", nil)
		require.Greater(t, reads, int64(maxDescribedProfiles/2))
		synctest.Wait()
		require.NotContains(t, b.ok(logical.ReadOperation, "status", nil).Data, "incomplete")
	})
}

func TestStatusReadsProfilesAgainAfterAFault(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.ok(logical.ReadOperation, "status", nil)
	b.storeProfile(1, "ape", "")
	b.storage.failGets.Store(true)
	_, err := b.do(logical.ReadOperation, "status", nil)
	require.ErrorIs(t, err, errStorage)
	b.storage.failGets.Store(false)
	b.dictionaryChanged() // all are read anew
	b.storage.failLists.Store(true)
	_, err = b.do(logical.ReadOperation, "status", nil)
	require.ErrorIs(t, err, errStorage)
	b.storage.failLists.Store(false)
	require.NotContains(t, b.ok(logical.ReadOperation, "status", nil).Data, "incomplete")
}

func TestPanicWhileProfilesAreReadEndsTheReading(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.storeProfile(1, "pool", withoutEffect)
	storage := &panickingStorage{Storage: b.storage.Storage, key: "profile/1"}
	storage.panics.Store(true)
	b.storage.Storage = storage
	_, err := b.do(logical.ReadOperation, "status", nil)
	require.ErrorContains(t, err, "reading the profiles was interrupted")
	require.Equal(t, 1, strings.Count(b.log.String(), "reading storage in the background panicked: please report this"))
	require.NotContains(t, b.log.String(), testSecret)
	storage.panics.Store(false)
	require.Len(t, b.ok(logical.ReadOperation, "status", nil).Data["warnings"], 1)
}

// meanwhileStorage has something else happen once, before a key is read or written.
type meanwhileStorage struct {
	logical.Storage
	key       string
	happen    func()
	happening sync.Once
}

func (s *meanwhileStorage) Get(ctx context.Context, key string) (*logical.StorageEntry, error) {
	if key == s.key {
		s.happening.Do(s.happen)
	}
	return s.Storage.Get(ctx, key)
}

func (s *meanwhileStorage) Put(ctx context.Context, entry *logical.StorageEntry) error {
	if entry.Key == s.key {
		s.happening.Do(s.happen)
	}
	return s.Storage.Put(ctx, entry)
}

// A profile is stored after its name: who lists profiles in between finds the name alone.
func TestListWhileAProfileIsCreatedHidesItFromNobody(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	meanwhile := b.storage.Storage
	b.storage.Storage = &meanwhileStorage{Storage: meanwhile, key: "profile/1", happen: func() {
		b.storage.Storage = meanwhile
		require.Empty(t, b.ok(logical.ListOperation, "profiles", nil).Data["keys"])
	}}
	b.profile("ape", nil)
	require.Equal(t, []string{"ape"}, b.ok(logical.ListOperation, "profiles", nil).Data["keys"])
	b.ok(logical.UpdateOperation, "users/alice", map[string]any{"profiles": "ape"})
	require.Equal(t, []string{"ape"}, b.ok(logical.ReadOperation, "users/alice", nil).Data["profiles"])
}

// Of a write that has failed nobody knows whether it is done after all, and when.
func TestProfileIsFoundThatAWriteHasStoredLate(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.store("profile-name/ape", `{"id":1}`)
	require.Empty(t, b.ok(logical.ListOperation, "profiles", nil).Data["keys"])
	entry := &logical.StorageEntry{Key: "profile/1", Value: []byte(storedProfile(1, "ape", ""))}
	require.NoError(t, b.storage.Put(t.Context(), entry))
	require.Equal(t, []string{"ape"}, b.ok(logical.ListOperation, "profiles", nil).Data["keys"])
}

// What was known of the warnings is forgotten with the dictionary: also while status reads what has changed before.
func TestStatusWhileTheDictionaryChangesDoesNotSayThatAllWasRead(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.storeProfile(1, "pool", withoutEffect)
	require.Len(t, b.ok(logical.ReadOperation, "status", nil).Data["warnings"], 1)
	b.InvalidateKey(t.Context(), "profile/1")
	b.storage.Storage = &meanwhileStorage{Storage: b.storage.Storage, key: "profile/1", happen: b.dictionaryChanged}
	require.Equal(t, []string{"profiles: 0 of 1 were read"}, b.ok(logical.ReadOperation, "status", nil).Data["incomplete"])
	data := b.ok(logical.ReadOperation, "status", nil).Data
	require.NotContains(t, data, "incomplete")
	require.Len(t, data["warnings"], 1)
}

func TestFaultWhileProfilesAreReadIsToldToAllWhoWait(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, b *testBackend) {
		storeProfiles(t, b.storage.Storage, 3)
		broken := &panickingStorage{Storage: b.storage.Storage, key: "profile/2"}
		broken.panics.Store(true)
		held := &heldStorage{Storage: broken, key: "profile/2", released: make(chan struct{})}
		b.storage.Storage = held
		const waiters = 5
		faults := make(chan error, waiters)
		for range waiters {
			go func() {
				_, err := b.do(logical.ReadOperation, "status", nil)
				faults <- err
			}()
		}
		synctest.Wait()
		close(held.released)
		for range waiters {
			require.ErrorContains(t, <-faults, "reading the profiles was interrupted")
		}
	})
}

// panickingStorage panics at reads of a key.
type panickingStorage struct {
	logical.Storage
	key    string
	panics atomic.Bool
}

func (s *panickingStorage) Get(ctx context.Context, key string) (*logical.StorageEntry, error) {
	if key == s.key && s.panics.Load() {
		panic("storage panics: " + testSecret)
	}
	return s.Storage.Get(ctx, key)
}
