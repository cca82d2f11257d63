package radiusauth

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"

	"vault-plugin-auth-radius/internal/login"
)

// agrees holds logins against what is stored: who is stored logs in, and other spellings
// are refused; if neither spelling is stored, both log in as strangers.
func (b *testBackend) agrees(names ...string) {
	b.t.Helper()
	registered := ""
	for _, name := range names {
		if b.stored("user/"+name) != "" {
			require.Empty(b.t, registered, "two spellings are registered")
			registered = name
		}
	}
	for _, name := range names {
		resp, err := b.send(logical.UpdateOperation, "login/"+name, map[string]any{"password": "p"})
		require.NoError(b.t, err)
		switch registered {
		case "":
			require.NoError(b.t, resp.Error(), name)
			require.Equal(b.t, []string{"guest"}, resp.Auth.Policies, name)
		case name:
			require.NoError(b.t, resp.Error(), name)
			require.Equal(b.t, []string{"staff"}, resp.Auth.Policies, name)
		default:
			require.EqualError(b.t, resp.Error(), login.DeniedText, "%s, beside %s", name, registered)
		}
	}
}

// acceptingStrangers is a mount whose server accepts everybody.
func acceptingStrangers(t *testing.T) *testBackend {
	t.Helper()
	return accepting(t, map[string]any{"unregistered_user_policies": "guest"})
}

var staff = map[string]any{"policies": "staff"}

func TestUsersThatAnotherServerWritesAreKnownWhereItIsTold(t *testing.T) {
	t.Parallel()
	active := acceptingStrangers(t)
	standby, storage := restarted(t, active)
	told := func() { standby.InvalidateKey(t.Context(), "user/alice") }
	agrees := func() {
		t.Helper()
		standby.agrees("Alice", "alice", "álice", "ALICE")
		standby.agrees("ALICE", "álice", "alice", "Alice")
	}
	agrees()
	active.ok(logical.UpdateOperation, "users/alice", staff)
	told()
	agrees()
	active.ok(logical.PatchOperation, "users/alice", map[string]any{"enabled": false})
	told()
	standby.denied("alice")
	standby.denied("Alice")
	standby.denied("alice@corp") // whom the server may take for alice
	active.ok(logical.DeleteOperation, "users/alice", nil)
	told()
	agrees()
	standby.loginOK("alice@corp", "p")

	told() // of nothing
	agrees()
	active.ok(logical.UpdateOperation, "users/Alice", staff)
	standby.InvalidateKey(t.Context(), "user/Alice")
	told()
	agrees()
	active.ok(logical.DeleteOperation, "users/Alice", nil)
	active.ok(logical.UpdateOperation, "users/alice", staff)
	told()
	standby.InvalidateKey(t.Context(), "user/Alice")
	agrees()
	require.Equal(t, http.StatusConflict, status(standby.send(logical.UpdateOperation, "users/ALICE", staff)))
	lists := storage.lists.Load()
	for range 3 {
		told()
		standby.loginOK("alice", "p")
		standby.loginOK("stranger", "p")
	}
	require.Equal(t, lists, storage.lists.Load(), "one name in doubt has one entry read")
}

// The list of names that is being read may be from before the write.
func TestUsersThatAnotherServerWritesWhileTheNamesAreRead(t *testing.T) {
	t.Parallel()
	for about, change := range map[string]struct{ before, after func(*testBackend) }{
		"new": {func(*testBackend) {}, func(b *testBackend) { b.ok(logical.UpdateOperation, "users/alice", staff) }},
		"deleted": {
			func(b *testBackend) { b.ok(logical.UpdateOperation, "users/alice", staff) },
			func(b *testBackend) { b.ok(logical.DeleteOperation, "users/alice", nil) },
		},
		"another spelling": {func(b *testBackend) { b.ok(logical.UpdateOperation, "users/Alice", staff) }, func(b *testBackend) {
			b.ok(logical.DeleteOperation, "users/Alice", nil)
			b.ok(logical.UpdateOperation, "users/alice", staff)
		}},
	} {
		t.Run(about, func(t *testing.T) {
			active := acceptingStrangers(t)
			change.before(active)
			standby, storage := restarted(t, active)
			held := storage.holdNext()
			standby.initialized()
			<-held.began
			change.after(active)
			standby.InvalidateKey(t.Context(), "user/alice")
			standby.InvalidateKey(t.Context(), "user/Alice")
			close(held.goOn)
			standby.agrees("Alice", "alice", "álice")
		})
	}
}

// And the same for writes here, which wait for the names themselves.
func TestUserIsDeletedWhileTheNamesAreRead(t *testing.T) {
	t.Parallel()
	before := acceptingStrangers(t)
	before.ok(logical.UpdateOperation, "users/alice", staff)
	b, storage := restarted(t, before)
	held := storage.holdNext()
	b.initialized()
	<-held.began
	b.ok(logical.DeleteOperation, "users/alice", nil)
	close(held.goOn)
	b.agrees("Alice", "alice")
}

// csvBatch is a batch of a user.
func csvBatch(batch, name string) map[string]any {
	return map[string]any{"name": batch, "strategy": "csv", "csvfile": name + ",,user@example.com,,"}
}

func TestOneOfTwoSpellingsIsRegisteredAtTheSameTime(t *testing.T) {
	t.Parallel()
	for about, register := range map[string][2]func(b *testBackend, name string) (*logical.Response, error){
		"users":            {registerUser, registerUser},
		"user and a batch": {registerUser, registerBatch},
		"batches":          {registerBatch, registerBatch},
	} {
		t.Run(about, func(t *testing.T) {
			t.Parallel()
			b := newLocalBackend(t, nil)
			b.storage.Storage = politeStorage{b.storage.Storage}
			for round := range 10 {
				names := [2]string{fmt.Sprintf("carol%d", round), fmt.Sprintf("CAROL%d", round)}
				var statuses [2]int
				var both sync.WaitGroup
				for i, name := range names {
					both.Go(func() { statuses[i] = status(register[i](b, name)) })
				}
				both.Wait()
				stored := [2]bool{b.stored("user/"+names[0]) != "", b.stored("user/"+names[1]) != ""}
				require.NotEqual(t, stored[0], stored[1], "%v", statuses)
				for i := range names {
					ended := []int{http.StatusOK, http.StatusCreated}
					if !stored[i] { // or the batch has given another name
						ended = []int{http.StatusConflict, http.StatusCreated}
					}
					require.Contains(t, ended, statuses[i], names[i])
				}
				if about == "users" {
					require.ElementsMatch(t, []int{http.StatusOK, http.StatusConflict}, statuses)
				}
			}
		})
	}
}

func registerUser(b *testBackend, name string) (*logical.Response, error) {
	return b.send(logical.CreateOperation, "users/"+name, staff)
}

func registerBatch(b *testBackend, name string) (*logical.Response, error) {
	return b.send(logical.UpdateOperation, "freeradius/batch", csvBatch("batch-"+name, name))
}

func TestRefusedRegistrationNamesBothSpellings(t *testing.T) {
	t.Parallel()
	b := acceptingStrangers(t)
	b.ok(logical.UpdateOperation, "users/alice", staff)
	text := b.coded(http.StatusConflict, logical.UpdateOperation, "users/ALICE", staff)
	require.Contains(t, text, `"ALICE" is one name with the registered user "alice"`)
	b.denied("Alice")
	require.Contains(t, b.log.String(), `registered as alice`)
	b.ok(logical.UpdateOperation, "users/álice", staff)
	b.ok(logical.DeleteOperation, "users/alice", nil)
	b.ok(logical.UpdateOperation, "users/ALICE", staff)
}

// Which names are like a refused one is known without reading storage, however many
// spellings strangers make up, and is what is registered now.
func TestNamesLikeAnotherAreThoseThatAreRegisteredNow(t *testing.T) {
	t.Parallel()
	b, storage := restarted(t, acceptingStrangers(t))
	b.ok(logical.UpdateOperation, "users/alice", staff) // reads the names
	b.ok(logical.UpdateOperation, "users/\u00c5lice", staff)
	b.ok(logical.DeleteOperation, "users/alice", nil)
	lists := storage.lists.Load()
	require.NotNil(t, b.loginOK("\u00e1lice@corp", "p"))
	b.denied("\u00e1lice")
	require.Contains(t, b.log.String(), "registered as \u00c5lice: type it like that, or register \u00e1lice")
	b.ok(logical.UpdateOperation, "users/alice", map[string]any{"enabled": false})
	b.denied("\u00e1lice@corp")
	b.denied("ALICE")
	require.Contains(t, b.log.String(), "registered as alice: type it like that")
	var logins sync.WaitGroup
	for i := range 200 {
		logins.Go(func() {
			marks := strings.NewReplacer("0", "\u0323", "1", "\u0331").Replace(fmt.Sprintf("%08b", i))
			for _, name := range []string{"alice" + marks, "alice" + marks + "@corp"} {
				resp, err := b.send(logical.UpdateOperation, "login", map[string]any{"username": norm.NFKC.String(name), "password": "p"})
				if err != nil || !resp.IsError() {
					t.Error(name, err)
				}
			}
		})
	}
	logins.Wait()
	require.Equal(t, lists, storage.lists.Load())
}

// Whatever is written here and by another server at the same time, no two spellings are
// registered, and logins go by what is stored in the end.
func TestNamesThatChangeInAllWaysAtOnce(t *testing.T) {
	t.Parallel()
	active := acceptingStrangers(t)
	standby, _ := restarted(t, active)
	active.storage.Storage = politeStorage{active.storage.Storage}
	spellings := []string{"alice", "Alice", "ALICE", "a\u0301lice", "\u00e1lice"}
	for _, b := range []*testBackend{active, standby} {
		b.acceptsAll()
	}
	var workers sync.WaitGroup
	for worker := range 6 {
		workers.Go(func() {
			random := rand.New(rand.NewPCG(5, uint64(worker))) // #nosec G404 -- a test that can be repeated
			for range 150 {
				name := spellings[random.IntN(3)]
				switch random.IntN(8) {
				case 0, 1:
					_, err := active.send(logical.CreateOperation, "users/"+name, staff)
					if unlessCoded(err) != nil {
						t.Error(err)
					}
					standby.InvalidateKey(t.Context(), "user/"+name)
				case 2:
					if _, err := active.send(logical.DeleteOperation, "users/"+name, nil); err != nil {
						t.Error(err)
					}
					standby.InvalidateKey(t.Context(), "user/"+name)
				case 3:
					active.names.Drop()
				case 4:
					standby.names.Drop()
				default:
					for _, b := range []*testBackend{active, standby} {
						resp, err := b.send(logical.UpdateOperation, "login/"+spellings[random.IntN(5)], map[string]any{"password": "p"})
						if err != nil || resp.IsError() && resp.Error().Error() == login.NoAnswerText {
							t.Error("neither refused nor accepted", err)
						}
					}
				}
			}
		})
	}
	workers.Wait()
	for _, b := range []*testBackend{active, standby} {
		b.agrees(spellings[:3]...)
	}
	active.ok(logical.UpdateOperation, "users/bob", staff)
	active.agrees("bob", "BOB")
}
