package radiusauth

import (
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/challenge"
	"vault-plugin-auth-radius/internal/radiustest"
)

// challengeKey is where the key for challenges is stored.
const challengeKey = challenge.StorageKey

// stores returns a request in whose place an earlier version has stored something.
func stores(key, value string) func(*testBackend) {
	return func(b *testBackend) { b.store(key, value) }
}

// fails has each read of storage fail from then on.
func fails(b *testBackend) {
	b.InvalidateKey(b.t.Context(), "user/alice")
	b.storage.failGets.Store(true)
}

// configReasons are those of what is stored.
func configReasons() []reasonCase {
	const refused, failed = "login refused", "login failed"
	noConnection := func(t *testing.T, b *testBackend) {
		_, err := b.HandleRequest(t.Context(), &logical.Request{
			Operation: logical.UpdateOperation, Path: "login/alice", Storage: b.storage, Data: map[string]any{"password": "x"},
		})
		require.ErrorIs(t, err, logical.ErrPermissionDenied)
	}
	return []reasonCase{
		{
			reasons: []string{"radius backend not configured"}, message: refused, mount: newTestBackend, unasked: true,
		},
		{
			reasons: []string{"the stored config is not valid"}, message: refused, unasked: true,
			mount: reasonMount(nil, stores("config", `{"host":"radius.example.com","port":99999,"secret":"s"}`)),
		},
		{
			reasons: []string{"the request does not say where it comes from"}, message: refused, decide: noConnection,
			mount:  reasonMount(map[string]any{"token_bound_cidrs": "192.0.2.0/24"}),
			untold: "without an address it looks at none",
		},
		{
			reasons: []string{"storage cannot be read"}, message: failed,
			mount:  reasonMount(nil, reasonWrite("users/alice", nil), fails),
			untold: "it fails itself",
		},
		{
			reasons: []string{"reading the names of users"}, message: failed, unasked: true,
			mount:  reasonMount(nil, reasonWrite("users/alice", nil), func(b *testBackend) { b.storage.failLists.Store(true) }),
			before: func(_ *testing.T, b *testBackend) { b.logins.Names.Drop() },
		},
		{
			reasons: []string{"no source checks this name"}, message: refused, unasked: true,
			mount: reasonMount(nil, stores("config", `{"host":"","port":1812,"secret":"s"}`)),
		},
		{
			reasons: []string{"the user's source is gone"}, message: refused, unasked: true,
			mount: reasonMount(nil, otherSource, reasonWrite("users/alice", map[string]any{"extauth": "other"}), deletesBehind("extauth/1")),
		},
		{
			reasons: []string{"the config's .* is gone"}, message: refused, unasked: true,
			mount: reasonMount(nil, otherSource, reasonWrite("config", map[string]any{"extauth": "other"}), deletesBehind("extauth/1")),
		},
		{
			reasons: []string{"the config's time_zone is not known on this server"},
			message: "login refused by the profiles", unasked: true,
			mount: reasonMount(nil, func(b *testBackend) { b.profile("all", nil) },
				reasonWrite("config", map[string]any{"default_profiles": "all"}), func(b *testBackend) {
					b.store("config", strings.Replace(b.stored("config"), `"time_zone":"UTC"`, `"time_zone":"Europe/Atlantis"`, 1))
				}),
		},
	}
}

// renewalReasons are those of renewals, which explain does not explain.
func renewalReasons() []reasonCase {
	const untold, refused = "it explains no renewals", "renewal refused"
	// renewing has alice's token renewed after a change.
	renewing := func(change ...func(*testBackend)) func(*testing.T, *testBackend) {
		return func(t *testing.T, b *testBackend) {
			auth := b.loginOK("alice", "alice-password")
			for _, do := range change {
				do(b)
			}
			resp, err := b.renew(auth)
			require.NoError(t, err)
			require.True(t, resp.IsError())
		}
	}
	registered := reasonWrite("users/alice", map[string]any{"policies": "dev"})
	recheck := map[string]any{"renewal": "recheck"}
	challenges := func(b *testBackend) {
		b.server.SetHandler(func(r *radiustest.Request) []radiustest.Answer {
			return []radiustest.Answer{r.Challenge([]byte("s"), "Code?")}
		})
	}
	office := func(b *testBackend) {
		b.profile("office", map[string]any{"check_attribute": []any{item("Login-Time", ":=", "Mo0800-1800")}})
		b.ok(logical.UpdateOperation, "config", map[string]any{"default_profiles": "office"})
		b.logins.Clock = func() time.Time { return time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC) }
	}
	evening := func(b *testBackend) {
		b.logins.Clock = func() time.Time { return time.Date(2026, 3, 2, 20, 0, 0, 0, time.UTC) }
	}
	nameless := func(t *testing.T, b *testBackend) {
		auth := b.loginOK("alice", "alice-password")
		auth.Metadata["username"] = ""
		_, err := b.renew(auth)
		require.NoError(t, err)
	}
	return []reasonCase{
		{
			reasons: []string{"profile .*: "}, message: "renewal refused by the profiles", mount: reasonMount(recheck, office),
			decide: renewing(evening), untold: untold,
		},
		{
			reasons: []string{"the RADIUS server asks for another step, and nobody is there to take it"}, message: refused,
			mount: reasonMount(nil), decide: renewing(challenges), untold: untold,
		},
		{
			reasons: []string{"no answer from RADIUS server .* after .* sends"}, message: "renewal failed",
			virtual: func(_ *testing.T, b *testBackend) { b.configureUsers(nil) },
			decide: renewing(func(b *testBackend) {
				b.server.SetHandler(func(*radiustest.Request) []radiustest.Answer { return nil })
			}), untold: untold,
		},
		{
			reasons: []string{"the server has rejected it"}, message: "renewal refused by its source", mount: reasonMount(nil),
			decide: renewing(func(b *testBackend) { b.server.SetHandler(radiustest.Users{}.Handler()) }), untold: untold,
		},
		{
			reasons: []string{"policies have changed, not renewing"}, message: refused, mount: reasonMount(recheck, registered),
			decide: renewing(reasonWrite("users/alice", map[string]any{"policies": "ops"})), untold: untold,
		},
		{
			reasons: []string{"profiles have changed, not renewing"}, message: refused, mount: reasonMount(recheck),
			untold: untold,
			decide: renewing(func(b *testBackend) { b.profile("new", nil) }, reasonWrite("config", map[string]any{"default_profiles": "new"})),
		},
		{
			reasons: []string{"another source checks the user now, not renewing"}, message: refused,
			mount:  reasonMount(recheck, otherSource),
			decide: renewing(reasonWrite("config", map[string]any{"extauth": "other"})), untold: untold,
		},
		{
			reasons: []string{"user is no longer registered, not renewing"}, message: refused,
			mount:  reasonMount(recheck, registered),
			decide: renewing(func(b *testBackend) { b.ok(logical.DeleteOperation, "users/alice", nil) }), untold: untold,
		},
		{
			reasons: []string{"username .*"}, message: "renewal refused: the name is not valid", mount: reasonMount(nil),
			decide: nameless, untold: untold,
		},
	}
}
