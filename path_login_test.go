package radiusauth

import (
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/radiustest"
)

func TestLoginGivesTheUsersPolicies(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, map[string]any{
		"token_policies": "base", "token_ttl": "1h", "token_max_ttl": "2h", "unregistered_user_policies": "guest",
	})
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"policies": "dev,ops"})

	byPath := b.ok(logical.UpdateOperation, "login/bob", map[string]any{"password": "bob-password"})
	byBody := b.ok(logical.UpdateOperation, "login", map[string]any{"username": "bob", "password": "bob-password"})
	for _, auth := range []*logical.Auth{byPath.Auth, byBody.Auth} {
		require.Equal(t, []string{"base", "dev", "ops"}, auth.Policies)
		require.Equal(t, map[string]string{"username": "bob", "policies": "dev,ops"}, auth.Metadata)
		require.Equal(t, "bob", auth.DisplayName)
		require.Equal(t, "bob", auth.Alias.Name)
		require.Equal(t, time.Hour, auth.TTL)
		require.Equal(t, 2*time.Hour, auth.MaxTTL)
		require.True(t, auth.Renewable)
	}

	unregistered := b.loginOK("alice", "alice-password")
	require.Equal(t, []string{"base", "guest"}, unregistered.Policies)
	require.Equal(t, "guest", unregistered.Metadata["policies"])
}

func TestUnregisteredUserWithoutPoliciesStillLogsIn(t *testing.T) {
	t.Parallel()
	auth := newConfiguredBackend(t, nil).loginOK("alice", "alice-password")
	require.Empty(t, auth.Policies)
	require.Equal(t, "", auth.Metadata["policies"])
}

func TestNameInTheBodyGoesBeforeTheOneInThePath(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	auth := b.ok(logical.UpdateOperation, "login/bob", map[string]any{"username": "alice", "password": "alice-password"}).Auth
	require.Equal(t, "alice", auth.Alias.Name)
}

func TestPathUnderWhichVaultMakesNoLeaseIsRefusedUnasked(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.startServer(radiustest.Options{Handler: func(r *radiustest.Request) []radiustest.Answer {
		if r.State() == nil {
			return []radiustest.Answer{r.Challenge([]byte("s"), "Code?")}
		}
		return []radiustest.Answer{r.Accept()}
	}})
	b.configure(nil)
	id := b.ok(logical.UpdateOperation, "login", map[string]any{"username": "al..ice", "password": "p"}).Data[fieldChallengeID]
	before := len(b.server.Requests())
	for _, path := range []string{"login/al..ice", "login/..", "login/../alice", "login/alice..", "login/...", "login/a/..b"} {
		for _, data := range []map[string]any{
			{"password": "p"},
			{"password": "p", "username": "alice"},
			{"password": "p", "challenge_id": id},
		} {
			require.Equal(t, errNoLease.Error(), b.refused(logical.UpdateOperation, path, data), path)
		}
	}
	require.Len(t, b.server.Requests(), before, "nobody was asked")
	auth := b.ok(logical.UpdateOperation, "login", map[string]any{"username": "al..ice", "password": "123456", "challenge_id": id}).Auth
	require.Equal(t, "al..ice", auth.Alias.Name, "in the body it does no harm, and the challenge was not used up")
	require.NotNil(t, b.ok(logical.UpdateOperation, "login/al.ice", map[string]any{"password": "p"}).Data[fieldChallengeID])
}

func TestRefusedLoginsAllReadTheSame(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"policies": "dev"})
	for name, password := range map[string]string{"bob": "wrong", "nobody": "x", "carol": "wrong"} {
		require.Equal(t, "access denied by the authentication server",
			b.refused(logical.UpdateOperation, "login/"+name, map[string]any{"password": password}), name)
		require.Contains(t, b.log.String(), "username="+name, "the log says who")
	}
}

func TestLoginRefusesBadInputBeforeTheServerIsAsked(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	tests := map[string]struct {
		username, password string
		want               string
	}{
		"no username":            {"", "p", "username cannot be empty"},
		"username of 254 octets": {strings.Repeat("u", 254), "p", "username is longer than 253 octets"},
		"username with NUL":      {"bob\x00", "p", "username contains a control character"},
		"no password":            {"bob", "", "password cannot be empty"},
		"password of 129 octets": {"bob", strings.Repeat("p", 129), "password is longer than 128 octets"},
		"password with NUL":      {"bob", "p\x00p", "password contains a NUL"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			text := b.refused(logical.UpdateOperation, "login", map[string]any{"username": test.username, "password": test.password})
			require.Contains(t, text, test.want)
			if len(test.password) > 1 {
				require.NotContains(t, text, test.password)
			}
			require.Empty(t, b.server.Requests())
		})
	}
}

func TestLoginWithoutConfigSaysSo(t *testing.T) {
	t.Parallel()
	require.Equal(t, "radius backend not configured",
		newTestBackend(t).refused(logical.UpdateOperation, "login/bob", map[string]any{"password": "p"}))
}

func TestNonASCIIPasswordGoesThroughByteForByte(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.startServer(radiustest.Options{Handler: func(r *radiustest.Request) []radiustest.Answer {
		return []radiustest.Answer{r.Accept()}
	}})
	b.configure(nil)
	b.loginOK("bob", "pässwörd€ 密码")
	require.Equal(t, "pässwörd€ 密码", b.server.Requests()[0].Password())
}

func TestLoginFromOutsideTheBoundCIDRsIsForbidden(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, map[string]any{"token_bound_cidrs": "198.51.100.0/24"})
	_, err := b.login("bob", "bob-password")
	require.ErrorIs(t, err, logical.ErrPermissionDenied)
	require.Empty(t, b.server.Requests(), "the server is not asked")

	b.ok(logical.UpdateOperation, "config", map[string]any{"token_bound_cidrs": "192.0.2.0/24"})
	require.Len(t, b.loginOK("bob", "bob-password").BoundCIDRs, 1)

	_, err = b.HandleRequest(t.Context(), &logical.Request{
		Operation: logical.UpdateOperation, Path: "login/bob", Storage: b.storage, Data: map[string]any{"password": "bob-password"},
	})
	require.ErrorIs(t, err, logical.ErrPermissionDenied, "no address to check")
}

func TestSilentServerIsA400AndTheLogSaysWhatToCheck(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, b *testBackend) {
		b.startServer(radiustest.Options{})
		b.configure(map[string]any{"read_timeout": 1})
		begin := time.Now()
		require.Equal(t, "the authentication server did not answer in time",
			b.refused(logical.UpdateOperation, "login/bob", map[string]any{"password": "bob-password"}))
		require.Equal(t, time.Second, time.Since(begin))
		for _, want := range []string{"RADIUS server " + b.server.Host(), "port ", "after 3 sends", "check that the server runs"} {
			require.Contains(t, b.log.String(), want)
		}
	})
}

func TestForgedAnswerIsLogged(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, b *testBackend) {
		b.startServer(radiustest.Options{Handler: func(r *radiustest.Request) []radiustest.Answer {
			return []radiustest.Answer{r.Accept().WithProxyState(), r.Reject("no").After(20 * time.Millisecond)}
		}})
		b.configure(nil)
		b.refused(logical.UpdateOperation, "login/bob", map[string]any{"password": "bob-password"})
		require.Contains(t, b.log.String(), "Blast-RADIUS")
	})
}

func TestAliasIsKnownForBothSpellingsOfTheUsername(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	byPath := b.ok(logical.AliasLookaheadOperation, "login/bob", nil)
	byBody := b.ok(logical.AliasLookaheadOperation, "login", map[string]any{"username": "bob"})
	require.Equal(t, "bob", byPath.Auth.Alias.Name)
	require.Equal(t, "bob", byBody.Auth.Alias.Name)

	_, err := b.do(logical.AliasLookaheadOperation, "login", nil)
	require.EqualError(t, err, "missing username")
}

func TestOnlyLoginNeedsNoToken(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"login", "login/*"}, newTestBackend(t).SpecialPaths().Unauthenticated)
}

func TestProtocolErrorEndsTheLoginAtOnce(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.startServer(radiustest.Options{Handler: func(r *radiustest.Request) []radiustest.Answer {
		return []radiustest.Answer{r.Reject("").WithCode(52)}
	}})
	b.configure(nil)
	require.Equal(t, "the authentication server did not answer in time",
		b.refused(logical.UpdateOperation, "login/bob", map[string]any{"password": "bob-password"}))
	require.Contains(t, b.log.String(), "answered Protocol-Error (Error-Cause 0)")
}

func TestSecretAndPasswordsAppearNowhere(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, b *testBackend) {
		const password = "correct-horse-battery-staple"
		b.startServer(radiustest.Options{Handler: radiustest.Users{"bob": {Password: password}}.Handler()})
		b.configure(map[string]any{"read_timeout": 1})
		var said []string
		say := func(resp *logical.Response, err error) {
			if err != nil {
				said = append(said, err.Error())
			}
			if resp != nil && resp.IsError() {
				said = append(said, resp.Error().Error())
			}
		}

		auth := b.loginOK("bob", password)
		say(b.login("nobody", password))
		say(b.login("bob", password+"\x00"))
		say(b.login("bob", strings.Repeat(password, 5)))
		say(b.do(logical.UpdateOperation, "login/bob", map[string]any{"password": []any{password}}))
		say(b.do(logical.UpdateOperation, "login/bob", map[string]any{"password": map[string]any{password: password}}))
		say(b.do(logical.UpdateOperation, "config", map[string]any{"secret": []any{testSecret}}))
		say(b.do(logical.PatchOperation, "config", map[string]any{"secret": map[string]any{"a": testSecret}}))
		say(b.do(logical.UpdateOperation, "config", map[string]any{"secret": testSecret, "port": "x"}))
		say(b.do(logical.UpdateOperation, "config", map[string]any{"secret": testSecret, "host": "a b"}))
		b.server.SetHandler(func(r *radiustest.Request) []radiustest.Answer {
			return []radiustest.Answer{r.Accept().WrongAuthenticator()}
		})
		say(b.login("bob", password))
		require.NoError(t, b.server.Close())
		say(b.login("bob", password))
		say(b.HandleRequest(t.Context(), &logical.Request{
			Operation: logical.RenewOperation, Storage: b.storage, Auth: auth,
		}))
		say(b.do(logical.ReadOperation, "config", nil))
		require.GreaterOrEqual(t, len(said), 12)

		for _, text := range append(said, b.log.String()) {
			require.NotContains(t, text, password)
			require.NotContains(t, text, testSecret)
		}
	})
}
