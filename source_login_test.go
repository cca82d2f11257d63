package radiusauth

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
	"layeh.com/radius/rfc2865"

	"vault-plugin-auth-radius/internal/login"
	"vault-plugin-auth-radius/internal/radiustest"
)

// newSourcesBackend returns a configured mount with a second RADIUS server, as a
// source with the realm guest, which knows alice by another password, and carol.
func newSourcesBackend(t *testing.T, config, fields map[string]any) (*testBackend, *radiustest.Server) {
	t.Helper()
	b := newConfiguredBackend(t, config)
	second, err := radiustest.Start(radiustest.Options{Secret: testSecret, Handler: radiustest.Users{
		"alice": {Password: "guest-password"}, "alice@guest": {Password: "guest-password"},
		"carol@guest": {Password: "carol-password", Code: "123456"}, "carol": {Password: "carol-password", Code: "123456"},
	}.Handler()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, second.Close()) })
	data := map[string]any{"name": "guests", "host": second.Host(), "port": second.Port(), "realms": "guest,visitors"}
	maps.Copy(data, fields)
	b.source("radius", data)
	return b, second
}

func TestNameDecidesWhichSourceIsAsked(t *testing.T) {
	t.Parallel()
	b, second := newSourcesBackend(t, map[string]any{"unregistered_user_policies": "stranger"}, nil)
	auth := b.loginOK("alice", "alice-password")
	require.Equal(t, "alice", auth.Alias.Name)
	require.NotContains(t, auth.Metadata, "extauth")

	for _, typed := range []string{"alice@guest", "alice@GUEST", `GUEST\alice`, "alice@visitors", `visitors\alice`} {
		auth = b.ok(logical.UpdateOperation, "login", map[string]any{"username": typed, "password": "guest-password"}).Auth
		require.Equal(t, "alice@guest", auth.Alias.Name, "%s: all spellings of a realm are one", typed)
		require.Equal(t, "guests", auth.Metadata["extauth"])
		ahead := b.ok(logical.AliasLookaheadOperation, "login/"+typed, nil)
		require.Equal(t, "alice@guest", ahead.Auth.Alias.Name)
	}
	b.source("radius", map[string]any{"name": "plain", "host": second.Host(), "port": second.Port()})
	b.ok(logical.UpdateOperation, "users/alice", map[string]any{"extauth": "plain", "policies": "dev"})
	auth = b.loginOK("alice", "guest-password")
	require.Equal(t, []string{"dev"}, auth.Policies)
	require.Equal(t, "alice", auth.Alias.Name)
	require.Equal(t, login.DeniedText, b.refused(logical.UpdateOperation, "login/alice", map[string]any{"password": "alice-password"}))
	require.Equal(t, []string{"stranger"}, b.loginOK("alice@guest", "guest-password").Policies, "somebody else")

	b.ok(logical.DeleteOperation, "users/alice", nil)
	b.ok(logical.UpdateOperation, "config", map[string]any{"extauth": "plain"})
	require.Equal(t, "plain", b.loginOK("alice", "guest-password").Metadata["extauth"])
	b.ok(logical.UpdateOperation, "users/alice@guest", map[string]any{"policies": "both"})
	require.Equal(t, []string{"both"}, b.loginOK(`VISITORS\alice`, "guest-password").Policies)
	require.Contains(t, b.ok(logical.ReadOperation, `users/GUEST\alice`, nil).Data["policies"], "both")
}

func TestMountNeedsNoServersOfItsOwn(t *testing.T) {
	t.Parallel()
	b, second := newSourcesBackend(t, nil, map[string]any{"realms": ""})
	b.ok(logical.DeleteOperation, "config", nil)
	require.Contains(t, b.refused(logical.UpdateOperation, "config", map[string]any{"token_ttl": "5m"}), "`host` cannot be empty")
	b.ok(logical.UpdateOperation, "config", map[string]any{"extauth": "guests", "token_ttl": "5m"})
	require.Equal(t, 300, int(b.loginOK("alice", "guest-password").TTL.Seconds()))
	require.NotEmpty(t, second.Requests())
	b.ok(logical.UpdateOperation, "config", map[string]any{"extauth": "local"})
	require.Equal(t, login.DeniedText, b.refused(logical.UpdateOperation, "login/nobody", map[string]any{"password": "x"}))
}

func TestChallengeIsAnsweredAtTheSourceThatAsked(t *testing.T) {
	t.Parallel()
	b, second := newSourcesBackend(t, nil, nil)
	resp := b.ok(logical.UpdateOperation, "login", map[string]any{"username": "carol@guest", "password": "carol-password"})
	id := resp.Data["challenge_id"]
	require.Equal(t, "challenge_id is not valid for this login: log in again",
		b.refused(logical.UpdateOperation, "login/carol", map[string]any{"challenge_id": id, "password": "123456"}))
	b.ok(logical.UpdateOperation, "users/carol@guest", map[string]any{"extauth": b.source("radius", map[string]any{"host": second.Host(), "port": second.Port()})})
	require.Equal(t, "challenge_id is not valid for this login: log in again",
		b.refused(logical.UpdateOperation, "login/carol@guest", map[string]any{"challenge_id": id, "password": "123456"}), "another source now")
	b.ok(logical.DeleteOperation, "users/carol@guest", nil)
	require.NotNil(t, b.ok(logical.UpdateOperation, "login/carol@guest", map[string]any{"challenge_id": id, "password": "123456"}).Auth)
}

func TestVerifyTriesALoginAndSaysWhatCameOfIt(t *testing.T) {
	t.Parallel()
	b, second := newSourcesBackend(t, map[string]any{"lockout_threshold": 1}, nil)
	verify := func(username, password string) map[string]any {
		return b.ok(logical.UpdateOperation, "extauth/guests/verify", map[string]any{"username": username, "password": password}).Data
	}
	tried := verify("alice", "guest-password")
	require.Equal(t, "accept", tried["outcome"])
	require.Equal(t, fmt.Sprintf("%s:%d", second.Host(), second.Port()), tried["server"])
	require.Equal(t, "reject", verify("alice", "wrong")["outcome"])
	tried = verify(`GUEST\carol`, "carol-password")
	require.Equal(t, []any{"challenge", "Enter your one-time code", "carol@guest"}, []any{tried["outcome"], tried["reason"], tried["username"]})
	b.loginOK("alice@guest", "guest-password") // not locked out by verify

	require.Contains(t, b.refused(logical.UpdateOperation, "extauth/guests/verify", map[string]any{"username": "alice"}), "password")
	b.coded(http.StatusNotFound, logical.UpdateOperation, "extauth/nobody/verify", map[string]any{"username": "a", "password": "b"})
	b.source("ldap", nil)
	tried = b.ok(logical.UpdateOperation, "extauth/ldap-2/verify", map[string]any{"username": "alice", "password": "x"}).Data
	require.Equal(t, "misconfigured", tried["outcome"])
	require.Contains(t, tried["reason"], "clear text")
	b.source("ldap", map[string]any{"host": "127.0.0.1", "port": 1, "allow_cleartext": true})
	tried = b.ok(logical.UpdateOperation, "extauth/ldap-3/verify", map[string]any{"username": "alice", "password": "x"}).Data
	require.Equal(t, "unavailable", tried["outcome"])
	require.Contains(t, tried["reason"], "nothing listens")
}

func TestAttributesOfASourceGetTheNamesThatProfilesKnow(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.startServer(radiustest.Options{Handler: func(r *radiustest.Request) []radiustest.Answer {
		return []radiustest.Answer{r.Accept(radiustest.Attribute{Type: rfc2865.FilterID_Type, Value: []byte("staff")})}
	}})
	b.configure(nil)
	b.source("radius", map[string]any{"host": b.server.Host(), "port": b.server.Port(), "realms": "corp", "reply_attributes": map[string]any{"Filter-Id": "Group"}})
	b.profile("staff", map[string]any{"check_attribute": []any{item("reply:Group", "==", "staff")}, "policies": "dev"})
	b.ok(logical.UpdateOperation, "config", map[string]any{"default_profiles": "staff"})
	require.Equal(t, []string{"dev"}, b.loginOK("alice@corp", "x").Policies)
	require.Equal(t, login.DeniedText, b.refused(logical.UpdateOperation, "login/alice", map[string]any{"password": "x"}), "the config's servers have no such names")
}

func TestLoginReadsNoStorageWithSources(t *testing.T) {
	t.Parallel()
	b, _ := newSourcesBackend(t, nil, nil)
	b.loginOK("alice@guest", "guest-password")
	b.storage.reads.Store(0)
	b.loginOK("alice@guest", "guest-password")
	require.Zero(t, b.storage.reads.Load())
}

func TestRenewalAsksTheSourceAgain(t *testing.T) {
	t.Parallel()
	b, second := newSourcesBackend(t, map[string]any{"lockout_threshold": 1}, nil)
	auth := b.loginOK("alice@guest", "guest-password")
	before := len(second.Requests())
	resp, err := b.renew(auth)
	require.NoError(t, err)
	require.NoError(t, resp.Error())
	require.Len(t, second.Requests(), before+1)
	auth.InternalData["password"] = "changed"
	resp, err = b.renew(auth)
	require.NoError(t, err)
	require.True(t, resp.IsError())
	b.loginOK("alice@guest", "guest-password") // a renewal locks nobody out
}

func TestChangeByAnotherNodeIsNoticed(t *testing.T) {
	t.Parallel()
	b, second := newSourcesBackend(t, nil, nil)
	b.loginOK("alice@guest", "guest-password")
	kept, err := b.sources.Get(t.Context(), vaultStorage{b.storage})
	require.NoError(t, err)
	b.InvalidateKey(t.Context(), "extauth/1")
	same, err := b.sources.Get(t.Context(), vaultStorage{b.storage})
	require.NoError(t, err)
	require.Same(t, kept.ByID[1], same.ByID[1], "as it has not changed, its connections stay")
	b.store("extauth/1", strings.NewReplacer(`"revision":1`, `"revision":2`, "guest", "visit").Replace(b.stored("extauth/1")))
	require.Equal(t, login.DeniedText, b.refused(logical.UpdateOperation, "login/alice@guest", map[string]any{"password": "guest-password"}))
	second.SetHandler(radiustest.Users{"alice@visit": {Password: "guest-password"}}.Handler())
	b.loginOK("alice@visit", "guest-password")
}

func TestSourceWithRealmsChecksTheirUsersOnly(t *testing.T) {
	t.Parallel()
	b, second := newSourcesBackend(t, nil, nil)
	b.source("radius", map[string]any{"name": "plain", "host": second.Host(), "port": second.Port()})
	require.Contains(t, b.refused(logical.UpdateOperation, "users/alice", map[string]any{"extauth": "guests"}), "register alice@guest")
	b.ok(logical.UpdateOperation, "users/alice@guest", map[string]any{"extauth": "guests"})
	require.Contains(t, b.refused(logical.UpdateOperation, "config", map[string]any{"extauth": "guests"}), "has realms")
	b.ok(logical.UpdateOperation, "config", map[string]any{"extauth": "plain"})
	require.Contains(t, b.coded(http.StatusConflict, logical.UpdateOperation, "extauth/plain", map[string]any{"realms": "new"}), "config's extauth")
	b.ok(logical.UpdateOperation, "config", map[string]any{"extauth": ""})

	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"extauth": "plain"})
	b.ok(logical.UpdateOperation, `users/CORP\bob`, map[string]any{"enabled": false})
	require.Contains(t, b.coded(http.StatusConflict, logical.UpdateOperation, "extauth/plain", map[string]any{"realms": "new"}), `"bob" has this source and none of the realms`)
	for _, realms := range []string{"corp", "new,corp"} {
		require.Contains(t, b.coded(http.StatusConflict, logical.UpdateOperation, "extauth", with("ad", map[string]any{"realms": realms})), `would be "bob@`)
	}
	require.Contains(t, b.coded(http.StatusConflict, logical.UpdateOperation, "extauth/guests", map[string]any{"realms": "visitors,guest"}), `would be "alice@visitors"`)
	b.ok(logical.DeleteOperation, `users/CORP\bob`, nil)
	b.source("ad", map[string]any{"realms": "new,corp"})
	for _, realm := range []string{"gueſt", "İx", "a b", "x@y", "-a"} {
		require.Contains(t, b.refused(logical.UpdateOperation, "extauth", with("ad", map[string]any{"realms": realm})), "`realms`")
	}
}

func TestNamesAreCanonicalBeforeThereIsAConfig(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.source("ad", map[string]any{"realms": "corp.example.com,CORP"})
	b.ok(logical.UpdateOperation, `users/CORP\bob`, map[string]any{"policies": "dev"})
	require.NotEmpty(t, b.stored("user/bob@corp.example.com"))
}

// A user that is disabled, or locked out, is so under every name that stands for the same user at
// the source.
func TestRealmThatIsStrippedIsNoWayRoundADisabledUser(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]map[string]any{"strip": {"strip_realm": true}, "append": {"realm": "corp"}, "both": {"strip_realm": true, "realm": "corp"}} {
		b := newTestBackend(t)
		b.startServer(radiustest.Options{Handler: func(r *radiustest.Request) []radiustest.Answer { return []radiustest.Answer{r.Accept()} }})
		b.configure(config)
		b.ok(logical.UpdateOperation, "users/carl", map[string]any{"enabled": false})
		b.ok(logical.UpdateOperation, "users/dora@corp", map[string]any{"enabled": false})
		for _, typed := range []string{"carl", "carl@corp", "carl@1", `z\carl`, `carl@`, "dora", "dora@corp"} {
			before := len(b.server.Requests())
			resp, err := b.do(logical.UpdateOperation, "login", map[string]any{"username": typed, "password": "x"})
			require.NoError(t, err)
			for _, request := range b.server.Requests()[before:] {
				require.NotContains(t, []string{"carl", "carl@corp", "dora@corp"}, request.Username(), "%s: %s", name, typed)
			}
			if len(b.server.Requests()) == before {
				require.True(t, resp.IsError())
			}
		}
	}
	b, second := newSourcesBackend(t, map[string]any{"lockout_threshold": 2}, map[string]any{"strip_realm": true})
	second.SetHandler(radiustest.Users{"carl": {Password: "carl-password"}}.Handler())
	require.NotNil(t, b.ok(logical.UpdateOperation, "login", map[string]any{"username": "carl@guest", "password": "carl-password"}).Auth)
	b.source("radius", map[string]any{"name": "plain", "host": second.Host(), "port": second.Port(), "strip_realm": true})
	b.ok(logical.UpdateOperation, "config", map[string]any{"extauth": "plain"})
	require.NotNil(t, b.loginOK("carl", "carl-password"))
	for _, typed := range []string{"carl@1", "carl@2"} {
		require.Equal(t, login.DeniedText, b.refused(logical.UpdateOperation, "login", map[string]any{"username": typed, "password": "carl-password"}), "a source strips its own realms")
	}
}

func TestTokenIsRenewedByTheSourceThatMadeItOnly(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"reauthenticate", "recheck"} {
		b, second := newSourcesBackend(t, map[string]any{"renewal": mode}, map[string]any{"realms": ""})
		b.ok(logical.UpdateOperation, "users/alice", map[string]any{"extauth": "guests"})
		auth := b.loginOK("alice", "guest-password")
		b.renewOK(auth)
		b.ok(logical.UpdateOperation, "extauth/guests", map[string]any{"name": "visitors"})
		b.renewOK(auth)
		b.ok(logical.UpdateOperation, "users/alice", map[string]any{"extauth": ""})
		requests := len(b.server.Requests()) + len(second.Requests())
		require.Contains(t, b.renewRefused(auth), "another source")
		require.Equal(t, requests, len(b.server.Requests())+len(second.Requests()), "the password goes nowhere else")
	}
}

func TestSourceSaysItselfWhetherItIsToldTheClientsAddress(t *testing.T) {
	t.Parallel()
	for _, sends := range []bool{true, false} {
		b, second := newSourcesBackend(t, map[string]any{"send_client_address": !sends}, map[string]any{"send_client_address": sends})
		b.loginOK("alice@guest", "guest-password")
		_, found := second.Requests()[0].Packet.Lookup(rfc2865.CallingStationID_Type)
		require.Equal(t, sends, found)
	}
}
