package radiusauth

import (
	"testing"

	"github.com/hashicorp/vault/sdk/helper/cidrutil"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

// loginFrom logs alice in from an address; a nil connection says of none.
func (b *testBackend) loginFrom(connection *logical.Connection, data map[string]any) (*logical.Response, error) {
	b.t.Helper()
	return b.HandleRequest(b.t.Context(), &logical.Request{
		Operation: logical.UpdateOperation, Path: "login", Data: data, Storage: b.storage, Connection: connection,
	})
}

var aliceLogin = map[string]any{"username": "alice", "password": "alice-password"}

func TestStrictTokenIsBoundToTheAddressOfItsLogin(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, map[string]any{"token_strictly_bind_ip": true})
	require.Equal(t, true, b.ok(logical.ReadOperation, "config", nil).Data["token_strictly_bind_ip"])
	for remote, want := range map[string]struct{ bound, other string }{
		"192.0.2.7":          {"192.0.2.7", "192.0.2.8"},
		"2001:db8::7":        {"2001:db8::7", "2001:db8::8"},
		"2001:DB8:0:0::7":    {"2001:db8::7", "2001:db8:0:1::7"},
		"::ffff:192.0.2.7":   {"192.0.2.7", "192.0.2.6"}, // as a listener for both families has it
		"fe80::1%eth0":       {"fe80::1", "fe80::2"},
		"192.0.2.7:4711":     {"192.0.2.7", "192.0.2.8"}, // as Vault has it of a proxy that forwards ports
		"[2001:db8::7]:4711": {"2001:db8::7", "2001:db8::8"},
	} {
		resp, err := b.loginFrom(&logical.Connection{RemoteAddr: remote}, aliceLogin)
		require.NoError(t, err, remote)
		require.NoError(t, resp.Error(), remote)
		require.Len(t, resp.Auth.BoundCIDRs, 1, remote)
		require.Equal(t, want.bound, resp.Auth.BoundCIDRs[0].String(), remote)
		require.True(t, cidrutil.RemoteAddrIsOk(want.bound, resp.Auth.BoundCIDRs), "%s: as Vault compares", remote)
		require.False(t, cidrutil.RemoteAddrIsOk(want.other, resp.Auth.BoundCIDRs), remote)
	}
}

func TestStrictLoginThatDoesNotSayWhereItComesFromIsRefusedUnasked(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, map[string]any{"token_strictly_bind_ip": true})
	connections := map[string]*logical.Connection{"no connection": nil}
	for _, remote := range []string{
		"", "@", "/run/vault.sock", "radius.example.com", "192.0.2", "999.0.2.7", "192.0.2.0/24",
		"0.0.0.0/0", "::/0", "192.0.2.7, 192.0.2.8", "[", "[]", "%eth0",
	} {
		connections[remote] = &logical.Connection{RemoteAddr: remote}
	}
	for name, connection := range connections {
		resp, err := b.loginFrom(connection, aliceLogin)
		require.ErrorIs(t, err, logical.ErrPermissionDenied, name)
		require.Nil(t, resp, name)
	}
	require.Empty(t, b.server.Requests(), "the password goes nowhere")
	require.Contains(t, b.log.String(), "token_strictly_bind_ip is set and the request does not say where it comes from")
	require.NotContains(t, b.log.String(), "panic")

	b.ok(logical.UpdateOperation, "config", map[string]any{"token_strictly_bind_ip": false})
	resp, err := b.loginFrom(nil, aliceLogin)
	require.NoError(t, err)
	require.Empty(t, resp.Auth.BoundCIDRs, "not strict: as before")
}

func TestStrictTokenIsBoundToWhereTheChallengeWasAnswered(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, map[string]any{"token_strictly_bind_ip": true})
	resp, err := b.loginFrom(&logical.Connection{RemoteAddr: "192.0.2.7"}, map[string]any{"username": "carol", "password": "carol-password"})
	require.NoError(t, err)
	answer := map[string]any{"username": "carol", "password": "123456", "challenge_id": resp.Data["challenge_id"]}
	_, err = b.loginFrom(nil, answer)
	require.ErrorIs(t, err, logical.ErrPermissionDenied)
	resp, err = b.loginFrom(&logical.Connection{RemoteAddr: "192.0.2.8"}, answer)
	require.NoError(t, err)
	require.NoError(t, resp.Error(), "the refused answer has not used the challenge up")
	require.Equal(t, "192.0.2.8", resp.Auth.BoundCIDRs[0].String())
}

func TestStrictAndBoundCIDRsExcludeEachOther(t *testing.T) {
	t.Parallel()
	strict, cidrs := map[string]any{"token_strictly_bind_ip": true}, map[string]any{"token_bound_cidrs": "192.0.2.0/24"}
	both := map[string]any{"token_strictly_bind_ip": true, "token_bound_cidrs": "192.0.2.0/24"}
	for name, fields := range map[string]struct{ before, then, instead map[string]any }{
		"strict first": {strict, cidrs, map[string]any{"token_bound_cidrs": "192.0.2.0/24", "token_strictly_bind_ip": false}},
		"CIDRs first":  {cidrs, strict, map[string]any{"token_bound_cidrs": nil, "token_strictly_bind_ip": true}},
		"at once":      {nil, both, strict},
	} {
		b := newConfiguredBackend(t, fields.before)
		before := b.everything()
		for _, operation := range []logical.Operation{logical.UpdateOperation, logical.PatchOperation} {
			text := b.refused(operation, "config", fields.then)
			require.Contains(t, text, "`token_strictly_bind_ip` and `token_bound_cidrs`", name)
		}
		require.Equal(t, before, b.everything(), "%s: nothing has changed", name)
		b.ok(logical.PatchOperation, "config", fields.instead)
		require.Len(t, b.loginOK("alice", "alice-password").BoundCIDRs, 1, name)
	}
	b := newTestBackend(t)
	require.Contains(t, b.refused(logical.UpdateOperation, "config", with("radius", both)), "exclude each other")
	require.Empty(t, b.stored("config"))
}

func TestNullTurnsStrictOff(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	require.Equal(t, false, b.ok(logical.ReadOperation, "config", nil).Data["token_strictly_bind_ip"])
	b.ok(logical.PatchOperation, "config", map[string]any{"token_strictly_bind_ip": nil})
	b.ok(logical.UpdateOperation, "config", map[string]any{"token_strictly_bind_ip": false})
	require.NotContains(t, b.stored("config"), "token_strictly_bind_ip", "as it never was anything else")

	b.ok(logical.PatchOperation, "config", map[string]any{"token_strictly_bind_ip": true})
	require.Contains(t, b.stored("config"), `"token_strictly_bind_ip":true`)
	require.Len(t, b.loginOK("alice", "alice-password").BoundCIDRs, 1)
	b.ok(logical.PatchOperation, "config", map[string]any{"token_ttl": "1h"})
	require.Len(t, b.loginOK("alice", "alice-password").BoundCIDRs, 1, "a write that does not give it keeps it")

	b.ok(logical.PatchOperation, "config", map[string]any{"token_strictly_bind_ip": nil})
	require.Equal(t, false, b.ok(logical.ReadOperation, "config", nil).Data["token_strictly_bind_ip"])
	require.Empty(t, b.loginOK("alice", "alice-password").BoundCIDRs)
	require.Equal(t, false, b.ok(logical.ReadOperation, "config", nil).Data["case_insensitive_usernames"], "the config is ours, not OpenBao's")
	text := b.refused(logical.UpdateOperation, "config", map[string]any{"token_strictly_bind_ip": "perhaps"})
	require.Contains(t, text, "token_strictly_bind_ip")
}

// Whatever the config says by now, a token stays bound: Vault keeps what a renewal
// leaves as it is.
func TestRenewalsKeepWhatATokenIsBoundTo(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"reauthenticate", "recheck"} {
		b := newConfiguredBackend(t, map[string]any{"renewal": mode, "token_strictly_bind_ip": true})
		auth := b.loginOK("alice", "alice-password")
		require.Equal(t, "192.0.2.7", b.renewOK(auth).BoundCIDRs[0].String(), mode)
		b.ok(logical.UpdateOperation, "config", map[string]any{"token_strictly_bind_ip": false})
		require.Equal(t, "192.0.2.7", b.renewOK(auth).BoundCIDRs[0].String(), mode)
		unbound := b.loginOK("alice", "alice-password")
		b.ok(logical.UpdateOperation, "config", map[string]any{"token_strictly_bind_ip": true})
		require.Empty(t, b.renewOK(unbound).BoundCIDRs, mode)
	}
}

// FreeRADIUS gets no token.
func TestStrictIsAboutTokensOnly(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, map[string]any{"token_strictly_bind_ip": true})
	resp, err := b.HandleRequest(t.Context(), &logical.Request{
		Operation: logical.UpdateOperation, Path: "freeradius/authorize", Storage: b.storage, Data: aliceLogin,
	})
	require.NoError(t, err)
	require.Equal(t, 200, resp.Data[logical.HTTPStatusCode])
}
