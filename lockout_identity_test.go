package radiusauth

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/lockout"
	"vault-plugin-auth-radius/internal/login"
	"vault-plugin-auth-radius/internal/radiustest"
)

// guess sends a wrong password, and tells whether a server was asked about it.
func (b *testBackend) guess(name string) (queried bool) {
	b.t.Helper()
	before := b.server.Distinct()
	require.Equal(b.t, login.DeniedText, b.refused(logical.UpdateOperation, "login", map[string]any{"username": name, "password": "wrong"}), name)
	return b.server.Distinct() > before
}

// rejecting is a mount whose server rejects everybody.
func rejecting(t *testing.T, config map[string]any) *testBackend {
	t.Helper()
	b := newTestBackend(t)
	b.startServer(radiustest.Options{Handler: func(r *radiustest.Request) []radiustest.Answer {
		return []radiustest.Answer{r.Reject("no")}
	}})
	b.configure(config)
	return b
}

func TestSpellingsOfANameThatASourceIsAskedAboutCountTogether(t *testing.T) {
	t.Parallel()
	for about, test := range map[string]struct {
		config    map[string]any
		together  [3]string
		elsewhere string
	}{
		"marks and case": {nil, [3]string{"carla", "CARLA", "c\u00e1rla"}, "carla@corp"},
		"blanks":         {nil, [3]string{"a b", "A B", "\u00e1 b"}, "ab"},
		"realm":          {map[string]any{"realm": "corp"}, [3]string{"carla", "CARLA@corp", `CORP\c` + "\u00e1rla"}, "carla@guest"},
		"strip_realm":    {map[string]any{"strip_realm": true}, [3]string{"carla", "CARLA@guest", `A\carla@b`}, "karla"},
		"default_realm":  {map[string]any{"default_realm": "corp"}, [3]string{"carla", "CARLA@corp", `CORP\carla`}, "carla@guest"},
		"of a source":    {nil, [3]string{"carla@people", `PEOPLE\Carla`, "c\u00e1rla@people@staff"}, "carla"},
	} {
		t.Run(about, func(t *testing.T) {
			t.Parallel()
			b := rejecting(t, map[string]any{"lockout_threshold": 3})
			b.source("radius", map[string]any{
				"realms": "staff,people", "strip_realm": true, "host": b.server.Host(), "port": b.server.Port(),
				"secret": testSecret,
			})
			b.ok(logical.UpdateOperation, "config", test.config)
			for _, name := range test.together {
				require.True(t, b.guess(name), name)
			}
			for _, name := range test.together {
				require.False(t, b.guess(name), name)
			}
			require.True(t, b.guess(test.elsewhere), "another name, or another source")
			locked := b.ok(logical.ListOperation, "unlock", nil).Data["keys"].([]string)
			require.Len(t, locked, 1)
			b.ok(logical.UpdateOperation, "unlock/"+test.together[1], nil)
			require.Empty(t, b.ok(logical.ListOperation, "unlock", nil).Data["keys"])
			require.True(t, b.guess(test.together[0]))
		})
	}
}

func TestStrangersDoNotFloodTheTableOfRegisteredNames(t *testing.T) {
	t.Parallel()
	b := rejecting(t, map[string]any{"lockout_threshold": 3})
	b.logins.Lockouts = lockout.New(4)
	b.ok(logical.UpdateOperation, "users/alice", nil)
	require.True(t, b.guess("alice"))
	require.True(t, b.guess("alice"))
	for i := range 12 {
		for range 3 {
			b.guess(fmt.Sprintf("stranger%d", i))
		}
		b.guess(fmt.Sprintf("alice@realm%d", i))
		b.guess([]string{"Alice", "\u00e1lice", "ALICE"}[i%3])
	}
	registered, _ := b.logins.Lockouts.Usage()
	require.Equal(t, 1, registered.Names)
	require.True(t, b.guess("alice"), "refused spellings count for nobody")
	require.False(t, b.guess("alice"), "and alice's failures are remembered")
}

func TestRefusalsWithoutAskingCountForNobody(t *testing.T) {
	t.Parallel()
	b := rejecting(t, map[string]any{"lockout_threshold": 1})
	b.ok(logical.UpdateOperation, "users/alice", nil)
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"enabled": false})
	for range 3 {
		for _, name := range []string{"Alice", "\u00e1lice", "bob", "bob@corp", "BOB"} { // rules 3 and 4
			require.False(t, b.guess(name))
		}
		for _, name := range []string{"alice ", "\uff41lice", "al\u00adice", "jose\u0301", "alice/."} { // rule 1
			b.refused(logical.UpdateOperation, "login", map[string]any{"username": name, "password": "wrong"})
		}
	}
	require.Empty(t, b.ok(logical.ListOperation, "unlock", nil).Data["keys"])
	registered, others := b.logins.Lockouts.Usage()
	require.Zero(t, registered.Names+others.Names)
	require.True(t, b.guess("alice"))
	require.Equal(t, []string{"alice"}, b.ok(logical.ListOperation, "unlock", nil).Data["keys"])
}

// askingAgain is a mount whose server answers a wrong code with another challenge, and
// counts how many it has judged.
func askingAgain(t *testing.T, threshold int) (*testBackend, *atomic.Int64) {
	t.Helper()
	b, judged := newTestBackend(t), &atomic.Int64{}
	b.startServer(radiustest.Options{Handler: func(r *radiustest.Request) []radiustest.Answer {
		switch {
		case r.Copy > 1:
			return nil // of a client that is held up: it is no second code
		case len(r.State()) == 0:
			return []radiustest.Answer{r.Challenge([]byte("code"), "Code?")}
		case r.Password() == "123456":
			return []radiustest.Answer{r.Accept()}
		}
		judged.Add(1)
		return []radiustest.Answer{r.Challenge([]byte("again"), "That was wrong. Code?").After(20 * time.Millisecond)}
	}})
	b.configure(map[string]any{"lockout_threshold": threshold})
	return b, judged
}

// answer answers a challenge; nil: it was refused.
func (b *testBackend) answer(id any, code string) *logical.Response {
	resp, err := b.send(logical.UpdateOperation, "login/carol", answering(id, code))
	if err != nil || resp.IsError() {
		return nil
	}
	return resp
}

func TestWrongCodesThatAreAskedForAgainCount(t *testing.T) {
	t.Parallel()
	b, judged := askingAgain(t, 3)
	step := b.challenge()
	for range 3 {
		step = b.answer(step["challenge_id"], "000000").Data
	}
	require.Nil(t, b.answer(step["challenge_id"], "123456"), "locked out")
	require.EqualValues(t, 3, judged.Load())
	require.Equal(t, []string{"carol"}, b.ok(logical.ListOperation, "unlock", nil).Data["keys"])
	require.Equal(t, login.DeniedText, b.refused(logical.UpdateOperation, "login/carol", map[string]any{"password": "p"}))
	b.ok(logical.UpdateOperation, "unlock/Carol", nil)

	step = b.challenge()
	for range 2 {
		step = b.answer(step["challenge_id"], "000000").Data
	}
	require.NotNil(t, b.answer(step["challenge_id"], "123456").Auth)
	_, others := b.logins.Lockouts.Usage()
	require.Zero(t, others.Names, "given back")
}

func TestLoginUnderWayIsNotRefusedForItsOwnFirstFailures(t *testing.T) {
	t.Parallel()
	b, judged := askingAgain(t, 1)
	other := b.challenge()
	step := b.answer(b.challenge()["challenge_id"], "000000").Data
	require.Equal(t, []string{"carol"}, b.ok(logical.ListOperation, "unlock", nil).Data["keys"])
	require.Nil(t, b.answer(other["challenge_id"], "123456"), "another login has failed nowhere, but the name is locked out")
	require.NotNil(t, b.answer(step["challenge_id"], "123456").Auth)
	require.Empty(t, b.ok(logical.ListOperation, "unlock", nil).Data["keys"], "given back")

	step = b.challenge()
	for range 2 {
		step = b.answer(step["challenge_id"], "000000").Data
	}
	require.Nil(t, b.answer(step["challenge_id"], "123456"), "three rounds are too many")
	require.EqualValues(t, 3, judged.Load())
}

// Logins that go on at the same time have one wrong code more than the threshold at most:
// that of the one that is not refused for its own.
func TestWrongCodesOfManyLoginsAtTheSameTime(t *testing.T) {
	t.Parallel()
	b, judged := askingAgain(t, 3)
	var steps []map[string]any
	for range 8 {
		steps = append(steps, b.challenge())
	}
	// Three logins fail once each, and go on together, with five that have not failed.
	for i := range 3 {
		steps[i] = b.answer(steps[i]["challenge_id"], "000000").Data
	}
	var logins sync.WaitGroup
	for _, step := range steps {
		logins.Go(func() {
			for next := b.answer(step["challenge_id"], "000000"); next != nil; {
				next = b.answer(next.Data["challenge_id"], "000000")
			}
		})
	}
	logins.Wait()
	require.LessOrEqual(t, judged.Load(), int64(4))
	_, others := b.logins.Lockouts.Usage()
	require.Zero(t, others.Turnstiles)
	require.Equal(t, []string{"carol"}, b.ok(logical.ListOperation, "unlock", nil).Data["keys"])
}

// Two users may have one skeleton. Who knows the password of one does not guess the
// other's for ever.
func TestLoginOfOneUserForgetsNoFailuresOfAnother(t *testing.T) {
	t.Parallel()
	users := radiustest.Users{"jos\u00e9": {Password: "own", Code: "1"}, "jose": {Password: "secret"}}
	handler := users.Handler()
	b := newTestBackend(t)
	b.startServer(radiustest.Options{Handler: func(r *radiustest.Request) []radiustest.Answer {
		if r.Username() == "jos\u00e9" && len(r.State()) > 0 && r.Password() != "1" {
			return []radiustest.Answer{r.Challenge([]byte("again"), "That was wrong. Code?")}
		}
		if r.Username() == "jos\u00e9" && string(r.State()) == "again" {
			return []radiustest.Answer{r.Accept()}
		}
		return handler(r)
	}})
	b.configure(map[string]any{"lockout_threshold": 3})
	for name := range users {
		b.ok(logical.UpdateOperation, "users/"+name, nil)
	}
	own := func(codes ...string) { // another user's own login, with wrong codes before the right one
		step := b.ok(logical.UpdateOperation, "login/jos\u00e9", map[string]any{"password": "own"})
		for _, code := range codes {
			step = b.ok(logical.UpdateOperation, "login/jos\u00e9", answering(step.Data["challenge_id"], code))
		}
		require.NotNil(t, step.Auth)
	}
	require.True(t, b.guess("jose"))
	own("0", "1")
	require.True(t, b.guess("jose"))
	require.False(t, b.guess("jose"))
	b.ok(logical.UpdateOperation, "unlock/jose", nil)

	own("0", "0", "1")
	require.True(t, b.guess("jose"), "what is of one user only is given back")
	require.True(t, b.guess("jose"))
	b.loginOK("jose", "secret")
	require.True(t, b.guess("jose"))
	require.True(t, b.guess("jose"))
	own("1")
	require.True(t, b.guess("jose"))
	require.False(t, b.guess("jose"))
}

func TestLockoutDoesNotEndTokens(t *testing.T) {
	t.Parallel()
	for about, config := range map[string]map[string]any{
		"local":                   {"extauth": "local", "renewal": "reauthenticate", "password_hash_cost": 1},
		"local, rechecked":        {"extauth": "local", "renewal": "recheck", "password_hash_cost": 1},
		"a server":                {"renewal": "reauthenticate"},
		"a server, not asked":     {"renewal": "recheck"},
		"a source, in any letter": {"renewal": "reauthenticate"},
	} {
		t.Run(about, func(t *testing.T) {
			t.Parallel()
			b := newConfiguredBackend(t, config)
			b.ok(logical.UpdateOperation, "config", map[string]any{"lockout_threshold": 2})
			user := map[string]any{"policies": "dev", "password": "alice-password"}
			if strings.HasPrefix(about, "a source") {
				b.source("radius", map[string]any{"name": "own", "host": b.server.Host(), "port": b.server.Port(), "secret": testSecret})
				user["extauth"] = "own"
			}
			b.ok(logical.UpdateOperation, "users/alice", user)
			auth := b.loginOK("alice", "alice-password")
			for range 2 {
				b.refused(logical.UpdateOperation, "login/alice", map[string]any{"password": "wrong"})
			}
			require.Equal(t, login.DeniedText, b.refused(logical.UpdateOperation, "login/alice", map[string]any{"password": "alice-password"}))
			b.renewOK(auth)
			require.Equal(t, []string{"alice"}, b.ok(logical.ListOperation, "unlock", nil).Data["keys"])
			b.ok(logical.UpdateOperation, "unlock/\u00c1LICE", nil)
			require.Empty(t, b.ok(logical.ListOperation, "unlock", nil).Data["keys"])
			b.loginOK("alice", "alice-password")
		})
	}
}
