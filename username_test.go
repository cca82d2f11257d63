package radiusauth

import (
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
	"layeh.com/radius/rfc2865"

	"vault-plugin-auth-radius/internal/login"
	"vault-plugin-auth-radius/internal/source"
)

func TestRealmChangesWhatTheServerSees(t *testing.T) {
	t.Parallel()
	const realm = "example.com"
	tests := map[string]struct {
		config login.Config
		want   map[string]string // typed -> sent
	}{
		"neither": {login.Config{}, map[string]string{"alice": "alice", "alice@guest": "alice@guest", `CORP\alice`: `CORP\alice`}},
		"realm": {login.Config{Realm: realm}, map[string]string{
			"alice": "alice@example.com", "alice@guest": "alice@guest", `CORP\alice`: `CORP\alice`, `a/b\c`: `a/b\c@example.com`, "@": "@@example.com", `\`: `\@example.com`,
		}},
		"strip_realm": {login.Config{RADIUSSettings: source.RADIUSSettings{StripRealm: true}}, map[string]string{
			"alice": "alice", "alice@guest": "alice", `CORP\alice`: "alice", "a@b@c": "a", `A\b@c`: "b", "@guest": "@guest", `CORP\`: `CORP\`,
		}},
		"both": {login.Config{Realm: realm, RADIUSSettings: source.RADIUSSettings{StripRealm: true}}, map[string]string{
			"alice": "alice@example.com", "alice@guest": "alice@example.com", `CORP\alice`: "alice@example.com",
		}},
	}
	for name, test := range tests {
		for typed, want := range test.want {
			require.Equal(t, want, test.config.WireName(typed), "%s: %s", name, typed)
		}
	}
}

// Who the server is asked about is who it is: else one account would be any number of
// users, as which its owner likes.
func TestStrippedRealmIsNoPartOfTheIdentity(t *testing.T) {
	t.Parallel()
	b := accepting(t, map[string]any{"strip_realm": true})
	b.ok(logical.UpdateOperation, "users/alice", map[string]any{"policies": "staff"})
	for _, typed := range []string{"alice", "alice@guest", `CORP\alice`, "alice@a@b", `A\alice@b`} {
		auth := b.ok(logical.UpdateOperation, "login", map[string]any{"username": typed, "password": "p"}).Auth
		require.Equal(t, []string{"staff"}, auth.Policies, typed)
		require.Equal(t, []string{"alice", "alice"}, []string{auth.Alias.Name, auth.Metadata["username"]}, typed)
		require.Equal(t, "alice", b.ok(logical.AliasLookaheadOperation, "login", map[string]any{"username": typed}).Auth.Alias.Name, typed)
	}
	for _, request := range b.server.Requests() {
		require.Equal(t, "alice", request.Username())
	}
	b.ok(logical.UpdateOperation, "users/alice@guest", map[string]any{"policies": "guest"})
	require.Equal(t, []string{"guest"}, b.ok(logical.ReadOperation, "users/alice", nil).Data["policies"], "one user, however the name is given")
}

func TestRealmThatMakesTheNameTooLongIsRefused(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, map[string]any{"realm": "example.com"})
	text := b.refused(logical.UpdateOperation, "login", map[string]any{"username": strings.Repeat("u", 250), "password": "p"})
	require.Contains(t, text, "username is longer than 253 octets")
	require.Empty(t, b.server.Requests())
}

func TestNamesInAnyCaseAreOnePersonIfSoConfigured(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, map[string]any{"case_insensitive_usernames": true, "renewal": "recheck"})
	b.ok(logical.UpdateOperation, "users/ALICE", map[string]any{"policies": "dev"})
	require.NotEmpty(t, b.stored("user/alice"))
	require.Empty(t, b.stored("user/ALICE"))
	require.Equal(t, []string{"dev"}, b.ok(logical.ReadOperation, "users/Alice", nil).Data["policies"])

	auth := b.loginOK("aLiCe", "alice-password")
	require.Equal(t, "alice", auth.Alias.Name)
	require.Equal(t, []string{"dev"}, auth.Policies)
	require.Equal(t, "alice", b.ok(logical.AliasLookaheadOperation, "login/ALICE", nil).Auth.Alias.Name)
	b.renewOK(auth)

	b.ok(logical.DeleteOperation, "users/ALICE", nil)
	require.Empty(t, b.stored("user/alice"))
	require.Equal(t, "user is no longer registered, not renewing", b.renewRefused(auth))
}

func TestClientAddressIsSentUnlessSwitchedOff(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	b.loginOK("bob", "bob-password")
	b.ok(logical.UpdateOperation, "config", map[string]any{"send_client_address": false, "nas_ip_address": "192.0.2.1", "nas_port_type": "Ethernet"})
	b.loginOK("bob", "bob-password")
	requests := b.server.Requests()
	require.Equal(t, "192.0.2.7", string(requests[0].Packet.Get(rfc2865.CallingStationID_Type)))
	require.Nil(t, requests[1].Packet.Get(rfc2865.CallingStationID_Type))
	require.Equal(t, "\xc0\x00\x02\x01", string(requests[1].Packet.Get(rfc2865.NASIPAddress_Type)))
	require.Equal(t, "\x00\x00\x00\x0f", string(requests[1].Packet.Get(rfc2865.NASPortType_Type)))
}

func TestRequestsComeFromTheConfiguredAddress(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, map[string]any{"bind_address": "127.0.0.9"})
	b.loginOK("bob", "bob-password")
	require.Equal(t, "127.0.0.9", b.server.Requests()[0].From.Addr().String())
}
