package radiusauth

import (
	"fmt"
	"maps"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
	"layeh.com/radius/rfc2865"

	"vault-plugin-auth-radius/internal/login"
	"vault-plugin-auth-radius/internal/radiustest"
	"vault-plugin-auth-radius/internal/source"
	"vault-plugin-auth-radius/internal/tlstest"
)

// sourceExamples has the least that each type of source needs.
var sourceExamples = map[string]map[string]any{
	"radius": {"type": "radius", "host": "192.0.2.1", "nasid": "vault", "secret": testSecret},
	"cerb":   {"type": "cerb", "host": "192.0.2.1", "nasid": "service", "secret": testSecret},
	"ldap":   {"type": "ldap", "host": "192.0.2.1", "ldap_binddn": "ou=people,dc=example,dc=org"},
	"ad":     {"type": "ad", "host": "192.0.2.1", "ad_domain": "corp.example.org"},
}

// with is a copy of an example with further fields; nil takes one away.
func with(kind string, fields map[string]any) map[string]any {
	data := maps.Clone(sourceExamples[kind])
	for field, value := range fields {
		if data[field] = value; value == nil {
			delete(data, field)
		}
	}
	return data
}

// source creates a source and gives its name.
func (b *testBackend) source(kind string, fields map[string]any) string {
	b.t.Helper()
	return b.created(logical.UpdateOperation, "extauth", with(kind, fields))["name"].(string)
}

func TestSourcesAreCreatedReadChangedAndDeleted(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	for i, kind := range source.Types {
		made := b.created(logical.UpdateOperation, "extauth", with(string(kind), nil))
		require.Equal(t, fmt.Sprintf("%s-%d", kind, i+1), made["name"])
		require.EqualValues(t, fmt.Sprint(i+1), made["id"])
		require.NotContains(t, fmt.Sprint(made), testSecret)
		require.NotContains(t, made, "secret")
	}
	grouped := b.ok(logical.ReadOperation, "extauth", nil).Data
	for i, kind := range source.Types {
		list := grouped[string(kind)].([]any)
		require.Len(t, list, 1)
		for _, reference := range []string{fmt.Sprint(i + 1), fmt.Sprintf("%s-%d", kind, i+1)} {
			require.Equal(t, list[0], b.ok(logical.ReadOperation, "extauth/"+reference, nil).Data)
		}
	}
	require.Equal(t, []string{"ad-4", "cerb-2", "ldap-3", "radius-1"}, b.ok(logical.ListOperation, "extauth", nil).Data["keys"])

	changed := b.ok(logical.UpdateOperation, "extauth/4", map[string]any{"port": 388, "ad_domain": "default", "name": "corp"}).Data
	require.Equal(t, []any{388, "default", "192.0.2.1", "corp"}, []any{changed["port"], changed["ad_domain"], changed["host"], changed["name"]})
	require.Equal(t, 389, b.ok(logical.PatchOperation, "extauth/corp", map[string]any{"port": nil}).Data["port"])
	require.Nil(t, b.ok(logical.ReadOperation, "extauth/ad-4", nil), "the old name is free")
	b.ok(logical.UpdateOperation, "extauth/1", map[string]any{"secret": "another-secret-16"})
	require.Contains(t, b.stored("extauth/1"), "another-secret-16")
	b.ok(logical.UpdateOperation, "extauth/1", map[string]any{"port": 1645})
	require.Contains(t, b.stored("extauth/1"), "another-secret-16", "kept, as nobody can read it to write it back")

	b.ok(logical.DeleteOperation, "extauth/corp", nil)
	for _, operation := range []logical.Operation{logical.UpdateOperation, logical.PatchOperation, logical.DeleteOperation} {
		for _, reference := range []string{"corp", "4", "007", "99999999999999999999", "..", "local"} {
			b.coded(http.StatusNotFound, operation, "extauth/"+reference, nil)
		}
	}
	require.Equal(t, "ad-5", b.source("ad", nil), "an id is never given again")
}

func TestSourcesArePaged(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	for range 5 {
		b.source("ad", nil)
	}
	names := func(data map[string]any) (names []any) {
		for _, one := range b.ok(logical.ReadOperation, "extauth", data).Data["ad"].([]any) {
			names = append(names, one.(map[string]any)["name"])
		}
		return names
	}
	require.Len(t, names(nil), 5)
	require.Equal(t, []any{"ad-3", "ad-4"}, names(map[string]any{"page": 2, "page_size": 2}))
	require.Equal(t, []any{"ad-5"}, names(map[string]any{"page": "3", "page_size": "2"}))
	require.Empty(t, names(map[string]any{"page": 4, "page_size": 2}))
	require.Empty(t, names(map[string]any{"page": math.MaxInt32, "page_size": 100}))
	for _, wrong := range []map[string]any{{"page": -1}, {"page": 1, "page_size": 0}} {
		require.Contains(t, b.refused(logical.ReadOperation, "extauth", wrong), "`page`")
	}
}

func TestWrongSourcesAreRefusedAndNothingChanges(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.source("ad", map[string]any{"realms": "corp,sales"})
	b.source("ldap", map[string]any{"name": "people"})
	before := b.everything()
	wrong := map[string]map[string]any{
		"`type` is missing":    {"host": "192.0.2.1"},
		"`type` is not one of": {"type": "kerberos"},
		"`host` is missing":    with("radius", map[string]any{"host": nil}),
		"`host`: \"ldap://":    with("ldap", map[string]any{"host": "ldap://192.0.2.1"}),
		"is there twice":       with("ldap", map[string]any{"host": "a,a"}),
		"`nasid` is missing":   with("cerb", map[string]any{"nasid": nil}),
		"`secret` is missing":  with("radius", map[string]any{"secret": nil}),
		"`ldap_binddn` is":     with("ldap", map[string]any{"ldap_binddn": nil}),
		"`ldap_binddn`:":       with("ldap", map[string]any{"ldap_binddn": "people"}),
		"`ad_domain` is":       with("ad", map[string]any{"ad_domain": nil}),
		"`ad_domain`:":         with("ad", map[string]any{"ad_domain": "a b"}),
		"`ssl_cert` is":        with("ad", map[string]any{"ssl": true}),
		"`ssl_cert` has":       with("ad", map[string]any{"starttls": true, "ssl_cert": "no PEM"}),
		"exclude":              with("ad", map[string]any{"starttls": true, "ssl": true}),
		"`port` is 65536":      with("ad", map[string]any{"port": 65536}),
		"`port` is 0":          with("ad", map[string]any{"port": 0}),
		"`bindto`":             with("ad", map[string]any{"bindto": "192.0.2.300"}),
		"RADIUS_BIND_NOWHERE":  with("ad", map[string]any{"bindto": "fudo:label:nowhere"}),
		"`name`":               with("ad", map[string]any{"name": "local"}),
		"`realms`: \"Corp\"":   with("radius", map[string]any{"realms": "Corp"}),
		"`realms`: \"a@b\"":    with("radius", map[string]any{"realms": "a@b"}),
		"`reply_attributes`":   with("ldap", map[string]any{"reply_attributes": map[string]any{"mail": "Not-In-Any-Dictionary"}}),
		"`nasid` means":        with("ldap", map[string]any{"nasid": "vault"}),
		"`ldap_binddn` means":  with("ad", map[string]any{"ldap_binddn": "dc=x"}),
		"`ad_domain` means":    with("radius", map[string]any{"ad_domain": "x"}),
		"`transport`":          with("radius", map[string]any{"transport": "smoke"}),
		"`read_timeout`":       with("ldap", map[string]any{"read_timeout": 0}),
		"user_search_filter":   with("ldap", map[string]any{"ldap_binddn": nil, "user_search_base": "dc=x", "user_search_filter": "(uid=x)"}),
	}
	for want, data := range wrong {
		resp, err := b.do(logical.UpdateOperation, "extauth", data)
		require.NoError(t, err)
		require.ErrorContains(t, resp.Error(), want, want)
	}
	require.Contains(t, b.coded(http.StatusConflict, logical.UpdateOperation, "extauth", with("ad", map[string]any{"name": "people"})), "taken by source 2")
	b.coded(http.StatusConflict, logical.UpdateOperation, "extauth/1", map[string]any{"name": "people"})
	require.Contains(t, b.refused(logical.UpdateOperation, "extauth/1", map[string]any{"type": "ldap"}), "never changes")
	require.Contains(t, b.refused(logical.UpdateOperation, "extauth/people", map[string]any{"realms": "SALES"}), "`realms`")
	require.Contains(t, b.refused(logical.PatchOperation, "extauth/1", map[string]any{"host": nil}), "`host` is missing")
	require.Equal(t, before, b.everything())
	b.ok(logical.UpdateOperation, "extauth/1", map[string]any{"type": "ad", "realms": "corp"})
}

func TestSourceWithoutProtectionWarns(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	warned := func(data map[string]any) bool {
		resp := b.ok(logical.UpdateOperation, "extauth/ldap-1", data)
		return strings.Contains(strings.Join(resp.Warnings, ""), "clear text")
	}
	b.source("ldap", nil)
	require.True(t, warned(map[string]any{"port": 390}))
	require.False(t, warned(map[string]any{"allow_cleartext": true}))
	authority, err := tlstest.NewAuthority("Test CA")
	require.NoError(t, err)
	require.False(t, warned(map[string]any{"allow_cleartext": false, "ssl": true, "ssl_cert": string(authority.PEM()), "port": nil}))
	require.Equal(t, 636, b.ok(logical.ReadOperation, "extauth/1", nil).Data["port"])
}

func TestSourceInUseIsNotDeletedNorLost(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	b.source("ad", map[string]any{"name": "corp"})
	b.ok(logical.UpdateOperation, "users/alice", map[string]any{"extauth": "corp"})
	require.Equal(t, `source "corp" is in use by 1 user (alice)`, b.coded(http.StatusConflict, logical.DeleteOperation, "extauth/corp", nil))
	b.ok(logical.UpdateOperation, "extauth/corp", map[string]any{"name": "domain"})
	require.Equal(t, "domain", b.ok(logical.ReadOperation, "users/alice", nil).Data["extauth"], "users follow a new name")
	b.ok(logical.UpdateOperation, "config", map[string]any{"extauth": "domain"})
	b.ok(logical.PatchOperation, "users/alice", map[string]any{"extauth": nil})
	require.Contains(t, b.coded(http.StatusConflict, logical.DeleteOperation, "extauth/domain", nil), "config's extauth")
	b.coded(http.StatusConflict, logical.UpdateOperation, "extauth/domain", map[string]any{"name": "other"})
	b.ok(logical.UpdateOperation, "config", map[string]any{"extauth": ""})
	b.ok(logical.DeleteOperation, "extauth/domain", nil)
	require.Contains(t, b.refused(logical.UpdateOperation, "users/alice", map[string]any{"extauth": "domain"}), "extauth: there is no source")
	require.Contains(t, b.refused(logical.UpdateOperation, "config", map[string]any{"extauth": "domain"}), "`extauth`")
}

// newSourcesBackend is a configured mount with a second RADIUS server, as a
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
	got := verify("alice", "guest-password")
	require.Equal(t, "accept", got["outcome"])
	require.Equal(t, fmt.Sprintf("%s:%d", second.Host(), second.Port()), got["server"])
	require.Equal(t, "reject", verify("alice", "wrong")["outcome"])
	got = verify(`GUEST\carol`, "carol-password")
	require.Equal(t, []any{"challenge", "Enter your one-time code", "carol@guest"}, []any{got["outcome"], got["reason"], got["username"]})
	b.loginOK("alice@guest", "guest-password") // not locked out by verify

	require.Contains(t, b.refused(logical.UpdateOperation, "extauth/guests/verify", map[string]any{"username": "alice"}), "password")
	b.coded(http.StatusNotFound, logical.UpdateOperation, "extauth/nobody/verify", map[string]any{"username": "a", "password": "b"})
	b.source("ldap", nil)
	got = b.ok(logical.UpdateOperation, "extauth/ldap-2/verify", map[string]any{"username": "alice", "password": "x"}).Data
	require.Equal(t, "misconfigured", got["outcome"])
	require.Contains(t, got["reason"], "clear text")
	b.source("ldap", map[string]any{"host": "127.0.0.1", "port": 1, "allow_cleartext": true})
	got = b.ok(logical.UpdateOperation, "extauth/ldap-3/verify", map[string]any{"username": "alice", "password": "x"}).Data
	require.Equal(t, "unavailable", got["outcome"])
	require.Contains(t, got["reason"], "nothing listens")
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

func TestSourceWithRealmsChecksTheirPeopleOnly(t *testing.T) {
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

// Whoever is disabled, or locked out, is so under every name for which the same
// person is asked about.
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
		asked := len(b.server.Requests()) + len(second.Requests())
		require.Contains(t, b.renewRefused(auth), "another source")
		require.Equal(t, asked, len(b.server.Requests())+len(second.Requests()), "the password goes nowhere else")
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
