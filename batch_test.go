package radiusauth

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/batch"
	"vault-plugin-auth-radius/internal/catalog"
	"vault-plugin-auth-radius/internal/login"
	"vault-plugin-auth-radius/internal/users"
)

// batch creates a batch and gives the passwords by username.
func (b *testBackend) batch(data map[string]any) map[string]string {
	b.t.Helper()
	status, body := b.asFreeRADIUS("batch", data)
	require.Equal(b.t, http.StatusCreated, status)
	var answer struct {
		Users []struct{ Username, Password string }
	}
	require.NoError(b.t, json.Unmarshal([]byte(body), &answer))
	passwords := map[string]string{}
	for _, user := range answer.Users {
		passwords[user.Username] = user.Password
	}
	return passwords
}

func prefixBatch(name string, count int) map[string]any {
	return map[string]any{"name": name, "strategy": "prefix", "prefix": "guest", "number_of_users": count}
}

func TestPrefixBatchMakesUsersWhoCanLogIn(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	b.profile("short", map[string]any{"reply_attribute": []any{item("Session-Timeout", ":=", "60")}})
	b.ok(logical.UpdateOperation, "users/guest2", nil)
	data := prefixBatch("conference", 3)
	data["profiles"], data["policies"], data["expiration_date"] = "short", "guest", "2099-12-31"
	made := b.batch(data)
	require.Len(t, made, 3)
	for _, name := range []string{"guest1", "guest3", "guest4"} {
		require.Regexp(t, `^[2-9A-Za-z]{12}$`, made[name])
		auth := b.loginOK(name, made[name])
		require.Equal(t, []string{"guest"}, auth.Policies)
		require.EqualValues(t, 60, auth.TTL.Seconds())
		require.NotContains(t, b.stored("user/"+name), made[name])
	}
	user := b.ok(logical.ReadOperation, "users/guest1", nil).Data
	require.Equal(t, []any{"conference", "2100-01-01T00:00:00Z", "ssha256"}, []any{user["batch"], user["expires_at"], user["password_scheme"]})
	require.Equal(t, []string{"guest1", "guest3", "guest4"}, b.ok(logical.ReadOperation, "freeradius/batch/conference", nil).Data["usernames"])
	require.Contains(t, b.coded(http.StatusConflict, logical.UpdateOperation, "freeradius/batch", data), "exists already")
	b.coded(http.StatusConflict, logical.DeleteOperation, "profiles/short", nil)

	b.ok(logical.DeleteOperation, "freeradius/batch/conference", nil)
	require.ElementsMatch(t, []string{"alice", "guest2"}, b.ok(logical.ListOperation, "users/", nil).Data["keys"])
	require.Empty(t, b.ok(logical.ListOperation, "freeradius/batch", nil).Data["keys"])
	b.coded(http.StatusNotFound, logical.DeleteOperation, "freeradius/batch/conference", nil)
	require.Nil(t, b.ok(logical.ReadOperation, "freeradius/batch/conference", nil))
	b.ok(logical.DeleteOperation, "profiles/short", nil)
}

func TestUserOfTheSameNameOutlivesABatch(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	b.batch(prefixBatch("conference", 3))
	b.ok(logical.DeleteOperation, "users/guest2", nil)
	b.ok(logical.UpdateOperation, "users/guest2", map[string]any{"policies": "mine"})
	b.ok(logical.DeleteOperation, "freeradius/batch/conference", nil)
	require.ElementsMatch(t, []string{"alice", "guest2"}, b.ok(logical.ListOperation, "users/", nil).Data["keys"])
	require.Equal(t, []string{"mine"}, b.ok(logical.ReadOperation, "users/guest2", nil).Data["policies"])
}

// A profile may be deleted, and a name be registered, after the batch was read.
func TestBatchThatDoesNotFitAnyMoreLeavesNobody(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	before := b.everything()
	for name, want := range map[string]any{"bob": new(*catalog.UnknownError), "alice": new(*userTakenError)} {
		user := &users.User{Local: true, Batch: "late"}
		if name == "bob" {
			user.Profiles = []int64{7}
		}
		entry := &batch.Entry{Name: "late", Profiles: user.Profiles}
		rows := []batch.Row{{Username: name}, {Username: "carol"}}
		require.ErrorAs(t, b.createBatch(t.Context(), vaultStorage{b.storage}, entry, rows, user), want)
		require.Equal(t, before, b.everything(), name)
	}
}

func TestBatchOfNamesInAnyCaseIsStoredAsLoginsAreFolded(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, map[string]any{"case_insensitive_usernames": true})
	made := b.batch(map[string]any{"name": "import", "strategy": "csv", "csvfile": "Bob,,bob@example.com,,\n,,ALICE@example.com,,"})
	b.loginOK("bOB", made["bob"])
	b.loginOK("Alice1", made["alice1"])
}

// Virtual time passes until the batch has expired.
func TestUsersOfAnExpiredBatchLogInNowhere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newTestBackend(t)
		b.ok(logical.UpdateOperation, "config", map[string]any{"extauth": "local"})
		made := b.batch(map[string]any{
			"name": "course", "strategy": "csv", "expiration_date": time.Now().Add(time.Hour).Format(time.RFC3339),
			"csvfile": "bob,,bob@example.com,,\nmia,nt:891fc570507eef023cbfec043dd5f2b1,mia@example.com,,",
		})
		b.ok(logical.PatchOperation, "users/mia", map[string]any{"expose_credential": true})
		bob, mia := map[string]any{"username": "bob", "password": made["bob"]}, map[string]any{"username": "mia"}
		auth := b.loginOK("bob", made["bob"])
		b.authorized(bob)
		b.authorized(mia)
		time.Sleep(time.Hour)
		require.Equal(t, login.DeniedText, b.refused(logical.UpdateOperation, "login", bob))
		for _, who := range []map[string]any{bob, mia} {
			status, _ := b.asFreeRADIUS("authorize", who)
			require.Equal(t, http.StatusNoContent, status)
		}
		require.Contains(t, b.renewRefused(auth), "expired")
	})
}

func TestCSVBatchTakesHashesAndPasswordsAndNamesFromEmails(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	made := b.batch(map[string]any{"name": "import", "strategy": "csv", "csvfile": "\ufeff" + strings.Join([]string{
		`rohith,pbkdf2_sha256$100000$cKdP39chT3pW$2EtVk4Hhm1V65GNfYAA5AHj0uyD60f2CmqumqiB/gRk=,rohith@example.com,Rohith,ASRK`,
		``,
		`,cleartext$my-own,alice@example.com,"Alice, the ""first""",Liddell`,
		`zoë,,zoe@example.com,Zoë,`,
	}, "\r\n")})
	require.Equal(t, map[string]string{"rohith": "", "alice1": "", "zoë": made["zoë"]}, made, "alice is taken; passwords that are known are not told")
	b.loginOK("rohith", "myPassword123")
	b.loginOK("alice1", "my-own")
	b.loginOK("zoë", made["zoë"])
	user := b.ok(logical.ReadOperation, "users/alice1", nil).Data
	require.Equal(t, []any{`Alice, the "first"`, "Liddell", "alice@example.com", "argon2id"}, []any{user["first_name"], user["last_name"], user["email"], user["password_scheme"]})
}

// A number that becomes a realm, or makes the name too long, makes no other name.
func TestNameOfACSVThatIsTakenAndTakesNoNumberIsRefused(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, map[string]any{"strip_realm": true})
	long := strings.Repeat("a", 253)
	for name, rows := range map[string]int{"carol@": 2, long: 2, `carol\`: 2} {
		text := strings.Repeat(name+",,carol@example.com,,\n", rows)
		require.Contains(t, b.refused(logical.UpdateOperation, "freeradius/batch", map[string]any{"name": "x", "strategy": "csv", "csvfile": text}),
			"csvfile: line 2: the username is taken, and cannot have a number at its end", name)
	}
}

func TestNumberOfANameThatIsTakenComesBeforeItsRealm(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	for _, name := range []string{"dora@corp", `corp\dora`} {
		b.ok(logical.UpdateOperation, "users/"+name, nil)
	}
	made := b.batch(map[string]any{"name": "import", "strategy": "csv", "csvfile": "dora@corp,,d@example.com,,\ncorp\\dora,,d@example.com,,"})
	require.Contains(t, made, "dora1@corp")
	require.Contains(t, made, `corp\dora1`)
}

func TestWrongBatchesCreateNobody(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	before := b.everything()
	var long strings.Builder
	for line := range 6000 {
		if line == 4999 {
			long.WriteString("user5000,not-a-hash,user@example.com,a,b\n")
			continue
		}
		fmt.Fprintf(&long, "user%d,,user%d@example.com,a,b\n", line, line)
	}
	row := func(text string) map[string]any {
		return map[string]any{"name": "x", "strategy": "csv", "csvfile": text}
	}
	prefix := func(field string, value any) map[string]any {
		data := prefixBatch("x", 1)
		data[field] = value
		return data
	}
	for want, data := range map[string]map[string]any{
		"line 5000":                     row(long.String()),
		"line 2: it has 4 columns":      row("a,,a@example.com,,\nb,,b@example.com,"),
		"line 1: the email":             row("a,,nobody,,"),
		"line 1: username":              row("a\x01,,a@example.com,,"),
		"cleartext$: ends in a line":    row("a,\"cleartext$x\n\",a@example.com,,"),
		"line 3":                        row("a,,a@example.com,,\n\n\"b,,"),
		"no users":                      row("\n\n"),
		"csvfile: is missing":           row(""),
		"not UTF-8":                     row("\xff"),
		"strategy":                      {"name": "x", "strategy": "magic"},
		"prefix: prefix and number":     {"name": "x", "strategy": "csv", "csvfile": "a,,a@b.c,,", "prefix": "p"},
		"csvfile: belongs":              prefix("csvfile", "a,,a@b.c,,"),
		"prefix: give":                  prefix("prefix", "a b"),
		"number_of_users is 0":          nil,
		"password_length: is 11":        prefix("password_length", 11),
		"expiration_date: is over":      prefix("expiration_date", "2020-01-01"),
		"expiration_date: must be":      prefix("expiration_date", "31-12-2099"),
		"profiles: there is no profile": prefix("profiles", "nope"),
		"root policy":                   prefix("policies", "root"),
		"name: give":                    prefix("name", "../x"),
		"format":                        prefix("format", "pdf"),
	} {
		if data == nil {
			want, data = "number_of_users: is 0", prefix("number_of_users", 0)
		}
		require.Contains(t, b.refused(logical.UpdateOperation, "freeradius/batch", data), want)
	}
	require.Equal(t, before, b.everything())
}

func TestVouchersAreAPageOrAList(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	data := prefixBatch("page", 2)
	data["format"] = "html"
	status, page := b.asFreeRADIUS("batch", data)
	require.Equal(t, http.StatusCreated, status)
	require.Equal(t, 2, strings.Count(page, `class="voucher"`))
	require.Contains(t, page, "guest2")
	_, list := b.asFreeRADIUS("batch", map[string]any{"name": "list", "strategy": "csv", "format": "csv", "csvfile": "=cmd(),,a@example.com,<b>,\"x,y\"\nzoe,cleartext$my-own,z@example.com,,"})
	rows, err := csv.NewReader(strings.NewReader(list)).ReadAll()
	require.NoError(t, err)
	require.Equal(t, []string{"'=cmd()", "a@example.com", "<b>", "x,y"}, append(rows[1][:1:1], rows[1][2:]...))
	b.loginOK("=cmd()", rows[1][1])
	require.Empty(t, rows[2][1], "known to who has sent it")
}

// A crash in the middle is a write after which storage is gone.
func TestBatchThatACrashCutsShortLeavesNobody(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	b.profile("short", nil)
	data := prefixBatch("conference", 20)
	data["profiles"] = "short"
	b.storage.writes.Store(0)
	b.batch(data)
	writes := int(b.storage.writes.Load())
	b.ok(logical.DeleteOperation, "freeradius/batch/conference", nil)
	before := b.everything()
	for at := 1; at <= writes; at++ {
		b.storage.fault.Store(&fault{at: int64(at), after: true})
		_, err := b.do(logical.UpdateOperation, "freeradius/batch", data)
		require.ErrorIs(t, err, errStorage)
		b.storage.fault.Store(nil)
		if at < writes {
			require.Nil(t, b.ok(logical.ReadOperation, "freeradius/batch/conference", nil), "it is not there yet")
		}
		require.NoError(t, b.PeriodicFunc(t.Context(), &logical.Request{Storage: b.storage}))
		require.Equal(t, before, b.everything(), "write %d", at)
	}
	require.Len(t, b.batch(data), 20, "the name is free")
	b.storage.fault.Store(&fault{at: 9, after: true})
	_, err := b.do(logical.DeleteOperation, "freeradius/batch/conference", nil)
	require.ErrorIs(t, err, errStorage)
	b.storage.fault.Store(nil)
	require.NoError(t, b.PeriodicFunc(t.Context(), &logical.Request{Storage: b.storage}))
	require.Equal(t, before, b.everything())
}

// A server that loses its storage may have been told that the last write failed, which
// marks the batch as whole, though it was done.
func TestBatchThatIsWholeWithoutTheServersKnowledgeIsNotRemovedInPart(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	data := prefixBatch("conference", 5)
	b.storage.writes.Store(0)
	b.batch(data)
	writes := b.storage.writes.Load()
	b.storage.writes.Store(0)
	b.ok(logical.DeleteOperation, "freeradius/batch/conference", nil)
	before, removal := b.everything(), b.storage.writes.Load()
	for gone := writes + 1; gone <= writes+removal+1; gone++ {
		b.storage.fault.Store(&fault{at: writes, applied: true, gone: gone})
		_, err := b.do(logical.UpdateOperation, "freeradius/batch", maps.Clone(data))
		require.ErrorIs(t, err, errStorage)
		b.storage.fault.Store(nil)
		require.NoError(t, b.PeriodicFunc(t.Context(), &logical.Request{Storage: b.storage}))
		if read := b.ok(logical.ReadOperation, "freeradius/batch/conference", nil); read != nil {
			require.ElementsMatch(t, append(read.Data["usernames"].([]string), "alice"), b.ok(logical.ListOperation, "users/", nil).Data["keys"], "write %d", gone)
			b.ok(logical.DeleteOperation, "freeradius/batch/conference", nil)
		}
		require.Equal(t, before, b.everything(), "write %d", gone)
	}
}

func TestNameOfABatchThatACrashCutShortIsFreeWithinAMinute(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	data := prefixBatch("conference", 5)
	b.storage.fault.Store(&fault{at: 4, after: true})
	_, err := b.do(logical.UpdateOperation, "freeradius/batch", maps.Clone(data))
	require.ErrorIs(t, err, errStorage)
	b.storage.fault.Store(nil)
	require.Contains(t, b.coded(http.StatusConflict, logical.UpdateOperation, "freeradius/batch", maps.Clone(data)), "try again in a minute")
	require.NoError(t, b.PeriodicFunc(t.Context(), &logical.Request{Storage: b.storage}))
	require.Len(t, b.batch(data), 5)
}
