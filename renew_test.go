package radiusauth

import (
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/radiustest"
)

// renew renews a token as Vault does: it keeps the token's policies apart.
func (b *testBackend) renew(auth *logical.Auth) (*logical.Response, error) {
	b.t.Helper()
	auth.TokenPolicies = append([]string{"default"}, auth.Policies...)
	return b.HandleRequest(b.t.Context(), &logical.Request{
		Operation: logical.RenewOperation, Path: "login/x", Storage: b.storage, Auth: auth,
	})
}

func (b *testBackend) renewOK(auth *logical.Auth) *logical.Auth {
	b.t.Helper()
	resp, err := b.renew(auth)
	require.NoError(b.t, err)
	require.NoError(b.t, resp.Error())
	return resp.Auth
}

func (b *testBackend) renewRefused(auth *logical.Auth) string {
	b.t.Helper()
	resp, err := b.renew(auth)
	require.NoError(b.t, err, "an error, not an error response, becomes a 500, and Vault's clients try again")
	require.True(b.t, resp.IsError())
	return resp.Error().Error()
}

func TestReauthenticateSendsThePasswordAgain(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, map[string]any{"token_ttl": "1h"})
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"policies": "dev"})
	auth := b.loginOK("bob", "bob-password")
	require.Equal(t, "bob-password", auth.InternalData["password"])

	b.ok(logical.UpdateOperation, "config", map[string]any{"token_ttl": "30m", "token_max_ttl": "4h", "token_period": "10m"})
	renewed := b.renewOK(auth)
	require.Equal(t, 30*time.Minute, renewed.TTL)
	require.Equal(t, 4*time.Hour, renewed.MaxTTL)
	require.Equal(t, 10*time.Minute, renewed.Period)
	require.Equal(t, 2, b.server.Distinct(), "one login, one renewal")

	b.server.SetHandler(radiustest.Users{"bob": {Password: "new-password"}}.Handler())
	require.Equal(t, "access denied by the authentication server", b.renewRefused(auth))
}

func TestRecheckKeepsNoPasswordAndAsksNoServer(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, map[string]any{"renewal": "recheck"})
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"policies": "dev"})
	auth := b.loginOK("bob", "bob-password")
	require.Equal(t, "", auth.InternalData["password"], "there must be one: without it the built-in panics")

	b.renewOK(auth)
	require.Equal(t, 1, b.server.Distinct(), "the login")
}

func TestRenewalIsRefusedWhenPoliciesHaveChanged(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"reauthenticate", "recheck"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			b := newConfiguredBackend(t, map[string]any{"renewal": mode, "token_policies": "base", "unregistered_user_policies": "guest"})
			b.ok(logical.UpdateOperation, "users/bob", map[string]any{"policies": "dev"})
			registered := b.loginOK("bob", "bob-password")
			unregistered := b.loginOK("alice", "alice-password")
			b.renewOK(registered)
			b.renewOK(unregistered)

			b.ok(logical.UpdateOperation, "users/bob", map[string]any{"policies": "dev,ops"})
			require.Equal(t, "policies have changed, not renewing", b.renewRefused(registered))
			b.ok(logical.UpdateOperation, "users/bob", map[string]any{"policies": "dev"})
			b.renewOK(registered)

			b.ok(logical.UpdateOperation, "config", map[string]any{"unregistered_user_policies": "visitor"})
			require.Equal(t, "policies have changed, not renewing", b.renewRefused(unregistered))
			b.renewOK(registered)

			b.ok(logical.UpdateOperation, "config", map[string]any{"token_policies": "other"})
			require.Equal(t, "policies have changed, not renewing", b.renewRefused(registered))
		})
	}
}

func TestRecheckRefusesAUserWhoIsNoLongerRegistered(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, map[string]any{"renewal": "recheck", "unregistered_user_policies": "dev"})
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"policies": "dev"})
	auth := b.loginOK("bob", "bob-password")
	b.ok(logical.DeleteOperation, "users/bob", nil)
	require.Equal(t, "user is no longer registered, not renewing", b.renewRefused(auth), "though the policies are the same")
}

func TestRenewalModeMayChangeDuringATokensLife(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	withPassword := b.loginOK("bob", "bob-password")
	b.ok(logical.UpdateOperation, "config", map[string]any{"renewal": "recheck"})
	without := b.loginOK("bob", "bob-password")
	sent := b.server.Distinct()

	b.renewOK(withPassword)
	require.Equal(t, sent, b.server.Distinct(), "the config now says recheck")
	b.ok(logical.UpdateOperation, "config", map[string]any{"renewal": "reauthenticate"})
	b.renewOK(without)
	require.Equal(t, sent, b.server.Distinct(), "no password was kept")
	b.renewOK(withPassword)
	require.Equal(t, sent+1, b.server.Distinct())
}

func TestTokenOfTheBuiltInIsRenewed(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"reauthenticate", "recheck"} {
		b := newConfiguredBackend(t, map[string]any{"renewal": mode})
		b.ok(logical.UpdateOperation, "users/bob", map[string]any{"policies": "dev"})
		auth := &logical.Auth{
			Policies:     []string{"dev"},
			Metadata:     map[string]string{"username": "bob", "policies": "dev"},
			InternalData: map[string]any{"password": "bob-password"},
		}
		b.renewOK(auth)
	}
}

func TestRenewalOfAnOddTokenIsRefusedWithoutPanic(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	for name, auth := range map[string]*logical.Auth{
		"no internal data":      {Metadata: map[string]string{"username": "bob"}, Policies: []string{"dev"}},
		"password not a string": {Metadata: map[string]string{"username": "bob"}, Policies: []string{"dev"}, InternalData: map[string]any{"password": 7}},
		"no metadata":           {Policies: []string{"dev"}, InternalData: map[string]any{"password": "p"}},
	} {
		require.NotEmpty(t, b.renewRefused(auth), name)
	}
}

func TestStoredPasswordThatRADIUSCannotCarryIsSaidSo(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	auth := b.loginOK("bob", "bob-password")
	auth.InternalData["password"] = strings.Repeat("p", 129) // the built-in keeps such
	require.Contains(t, b.renewRefused(auth), "password is longer than 128 octets")
}

func TestBrokenStorageFailsTheRenewalBeforeTheServerIsAsked(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	auth := b.loginOK("bob", "bob-password")
	sent := b.server.Distinct()
	b.InvalidateKey(t.Context(), "user/bob")
	b.storage.failGets.Store(true)
	_, err := b.renew(auth)
	require.ErrorIs(t, err, errStorage)
	require.Equal(t, sent, b.server.Distinct())
}

func TestRenewalWithoutConfigSaysSo(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	auth := b.loginOK("bob", "bob-password")
	b.ok(logical.DeleteOperation, "config", nil)
	require.Equal(t, "radius backend not configured", b.renewRefused(auth))
}
