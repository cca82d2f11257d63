package radiusauth

import (
	"encoding/binary"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2868"

	"vault-plugin-auth-radius/internal/login"
	"vault-plugin-auth-radius/internal/radiustest"
)

func text(kind radius.Type, value string) radiustest.Attribute {
	return radiustest.Attribute{Type: kind, Value: []byte(value)}
}

func integer(kind radius.Type, value uint32) radiustest.Attribute {
	return radiustest.Attribute{Type: kind, Value: binary.BigEndian.AppendUint32(nil, value)}
}

func filterID(value string) radiustest.Attribute { return text(rfc2865.FilterID_Type, value) }

func class(value string) radiustest.Attribute { return text(rfc2865.Class_Type, value) }

// accepting is a mount whose server accepts everybody, with the attributes.
func accepting(t *testing.T, config map[string]any, attributes ...radiustest.Attribute) *testBackend {
	t.Helper()
	b := newTestBackend(t)
	b.startServer(radiustest.Options{})
	b.answers(attributes...)
	b.configure(config)
	return b
}

// answers has the server accept everybody, with the attributes.
func (b *testBackend) answers(attributes ...radiustest.Attribute) {
	b.server.SetHandler(func(r *radiustest.Request) []radiustest.Answer {
		return []radiustest.Answer{r.Accept(attributes...)}
	})
}

// denied logs somebody in whom the profiles must refuse.
func (b *testBackend) denied(username string) {
	b.t.Helper()
	require.Equal(b.t, "access denied by the authentication server",
		b.refused(logical.UpdateOperation, "login/"+username, map[string]any{"password": username + "-password"}), "as for every refusal")
}

func checks(items ...any) map[string]any { return map[string]any{"check_attribute": items} }

func replies(items ...any) map[string]any { return map[string]any{"reply_attribute": items} }

func TestEveryProfileThatMatchesAddsItsPolicies(t *testing.T) {
	t.Parallel()
	b := accepting(t, map[string]any{"token_policies": "base", "metadata_attributes": "Reply-Message"}, filterID("admins"), filterID("staff"))
	with := func(policies string, check any, reply any) map[string]any {
		return map[string]any{"policies": policies, "check_attribute": []any{check}, "reply_attribute": []any{reply}}
	}
	b.profile("staff", with("staff,dev", item("reply:Filter-Id", "==", "staff"), item("Reply-Message", "+=", "from staff")))
	b.profile("guests", with("guest", item("reply:Filter-Id", "==", "guests"), item("Reply-Message", "+=", "from guests")))
	b.profile("off", map[string]any{"policies": "off", "enabled": false, "reply_attribute": []any{item("Reply-Message", "+=", "from off")}})
	b.profile("admins", with("admin", item("reply:Filter-Id", "==", "admins"), item("Reply-Message", "+=", "from admins")))
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"policies": "own", "profiles": "admins,off,guests,staff"})

	auth := b.loginOK("bob", "p")
	require.Equal(t, []string{"base", "own", "admin", "dev", "staff"}, auth.Policies)
	require.Equal(t, map[string]string{
		"username": "bob", "policies": "own,admin,dev,staff", "profiles": "admins,staff", "Reply-Message": "from admins,from staff",
	}, auth.Metadata, "in the order of the user's profiles")

	b.ok(logical.PatchOperation, "users/bob", map[string]any{"profiles": "staff,admins"})
	require.Equal(t, "from staff,from admins", b.loginOK("bob", "p").Metadata["Reply-Message"])
	require.Equal(t, "staff,admins", b.loginOK("bob", "p").Metadata["profiles"])
}

func TestSomebodyWithProfilesOfWhichNoneMatchesIsRefused(t *testing.T) {
	t.Parallel()
	b := accepting(t, map[string]any{"unregistered_user_policies": "guest"}, filterID("staff"))
	b.profile("admins", checks(item("reply:Filter-Id", "==", "admins")))
	b.profile("nobody", checks(item("reply:Class", "=*", "ANY")))
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"policies": "own", "profiles": "admins,nobody"})
	b.denied("bob")
	require.Contains(t, b.log.String(), "username=bob")
	require.Contains(t, b.log.String(), "none of the profiles matches: admins, nobody")

	b.answers(filterID("admins"))
	require.Equal(t, []string{"own"}, b.loginOK("bob", "p").Policies)
	require.Equal(t, []string{"guest"}, b.loginOK("eve", "p").Policies, "has no profiles, and there are no default ones")
}

func TestDisabledProfileMatchesNobody(t *testing.T) {
	t.Parallel()
	b := accepting(t, nil)
	b.profile("all", map[string]any{"policies": "all"})
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"profiles": "all"})
	require.Equal(t, []string{"all"}, b.loginOK("bob", "p").Policies)
	b.ok(logical.PatchOperation, "profiles/all", map[string]any{"enabled": false})
	b.denied("bob")
	b.ok(logical.PatchOperation, "profiles/all", map[string]any{"enabled": true})
	b.loginOK("bob", "p")
}

func TestDefaultProfilesDecideAboutThoseWithoutTheirOwn(t *testing.T) {
	t.Parallel()
	b := accepting(t, map[string]any{"unregistered_user_policies": "guest"}, filterID("staff"))
	b.profile("staff", map[string]any{"policies": "staff", "check_attribute": []any{item("reply:Filter-Id", "==", "staff")}})
	b.profile("own", map[string]any{"policies": "own"})
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"policies": "dev"})
	b.ok(logical.UpdateOperation, "users/alice", map[string]any{"profiles": "own"})
	b.ok(logical.UpdateOperation, "config", map[string]any{"default_profiles": "staff"})
	require.Equal(t, []string{"staff"}, b.ok(logical.ReadOperation, "config", nil).Data["default_profiles"])

	require.Equal(t, []string{"dev", "staff"}, b.loginOK("bob", "p").Policies)
	require.Equal(t, []string{"guest", "staff"}, b.loginOK("eve", "p").Policies, "not registered")
	require.Equal(t, []string{"own"}, b.loginOK("alice", "p").Policies)
	b.answers()
	b.denied("bob")
	b.denied("eve")
	b.loginOK("alice", "p")
}

func TestProfileThatIsGoneLetsNobodyIn(t *testing.T) {
	t.Parallel()
	b := accepting(t, nil)
	b.store("user/bob", `{"Policies":["dev"],"profiles":[77]}`) // by a snapshot that was restored in parts
	b.denied("bob")
	require.Equal(t, []string{}, b.ok(logical.ReadOperation, "users/bob", nil).Data["profiles"])
}

func TestClientAttributesAreForChecksOfTheClientList(t *testing.T) {
	t.Parallel()
	b := accepting(t, nil)
	b.profile("laptops", checks(item("client:device", "==", "laptop")))
	b.profile("trusting", checks(item("Called-Station-Id", "==", "office")))
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"profiles": "laptops"})
	b.ok(logical.UpdateOperation, "users/eve", map[string]any{"profiles": "trusting"})
	login := func(name string, attributes any) map[string]any {
		return map[string]any{"username": name, "password": "p", "attributes": attributes}
	}
	b.ok(logical.UpdateOperation, "login", login("bob", map[string]any{"device": "laptop", "os": "linux"}))
	b.ok(logical.UpdateOperation, "login", login("bob", []any{"device=laptop"}))
	b.denied("bob")
	require.Equal(t, "access denied by the authentication server", b.refused(logical.UpdateOperation, "login", login("bob", map[string]any{"device": "phone"})))
	require.Equal(t, "access denied by the authentication server",
		b.refused(logical.UpdateOperation, "login", login("eve", map[string]any{"Called-Station-Id": "office"})), "never taken for the request's")

	sent := len(b.server.Requests())
	many := map[string]any{}
	for i := range 65 {
		many[fmt.Sprintf("a%d", i)] = "x"
	}
	for want, attributes := range map[string]any{
		"at most 64":                   many,
		"at most 253":                  map[string]any{"device": strings.Repeat("x", 254)},
		"letters, digits, - and _":     map[string]any{"de vice": "x"},
		"client attribute \"reply:F\"": map[string]any{"reply:F": "x"},
		"attributes":                   map[string]any{"device": map[string]any{"a": "b"}},
	} {
		require.Contains(t, b.refused(logical.UpdateOperation, "login", login("bob", attributes)), want)
	}
	require.Len(t, b.server.Requests(), sent, "the server is not asked")
}

func TestProfilesDecideAtTheEndOfAChallenge(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.startServer(radiustest.Options{Handler: radiustest.Users{
		"carol": {Password: "carol-password", Code: "123456", Attributes: []radiustest.Attribute{filterID("staff")}},
	}.Handler()})
	b.configure(nil)
	b.profile("staff", map[string]any{"policies": "staff", "check_attribute": []any{
		item("reply:Filter-Id", "==", "staff"), item("client:device", "==", "laptop"), item("User-Password", "==", "123456"),
	}})
	b.ok(logical.UpdateOperation, "users/carol", map[string]any{"profiles": "staff"})

	data := answering(b.challenge()["challenge_id"], "123456")
	data["attributes"] = map[string]any{"device": "laptop"}
	auth := b.ok(logical.UpdateOperation, "login/carol", data).Auth
	require.Equal(t, []string{"staff"}, auth.Policies)
	b.renewOK(stored(t, auth))

	b.ok(logical.PatchOperation, "profiles/staff", checks(item("reply:Filter-Id", "==", "others")))
	id := b.challenge()["challenge_id"]
	require.Equal(t, "access denied by the authentication server", b.refused(logical.UpdateOperation, "login/carol", answering(id, "123456")))
}

func TestReplyThatCannotBeMadeIsLeftOutAndLogged(t *testing.T) {
	t.Parallel()
	b := accepting(t, map[string]any{"metadata_attributes": "Reply-Message"})
	b.profile("hello", replies(item("Reply-Message", ":=", "%{reply:Class}")))
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"profiles": "hello"})
	require.NotContains(t, b.loginOK("bob", "p").Metadata, "Reply-Message")
	require.Contains(t, b.log.String(), "a reply attribute was left out")
	require.Contains(t, b.log.String(), "reply_attribute[0].value")
}

func TestPasswordsOfProfilesAppearNowhere(t *testing.T) {
	t.Parallel()
	b := accepting(t, nil, text(rfc2868.TunnelPassword_Type, "\x00\x80\x01garbage"))
	b.profile("vpn", map[string]any{
		"check_attribute": []any{item("User-Password", "==", "correct-horse")},
		"reply_attribute": []any{item("Tunnel-Password:1", ":=", "battery-staple")},
	})
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"profiles": "vpn"})
	for _, field := range []string{"group_attributes", "metadata_attributes"} {
		for _, secret := range []string{"Tunnel-Password", "user-password", "MS-MPPE-Send-Key"} {
			require.Contains(t, b.refused(logical.UpdateOperation, "config", map[string]any{field: secret}), "secret")
		}
	}
	require.Contains(t, b.refused(logical.UpdateOperation, "config", map[string]any{
		"request_attributes": []any{map[string]any{"attribute": "Tunnel-Password:1", "value": "battery-staple"}},
	}), "request_attributes[0].attribute", "it would be sent in the clear")
	auth, err := b.login("bob", "correct-horse")
	require.NoError(t, err)
	require.NoError(t, auth.Error())
	b.denied("bob")
	tried := b.ok(logical.UpdateOperation, "profiles/vpn/test", map[string]any{"request": map[string]any{"User-Password": "correct-horse"}})
	require.Equal(t, true, tried.Data["matched"])
	said := fmt.Sprint(auth.Auth.Metadata, auth.Auth.GroupAliases, tried.Data) + b.log.String()
	require.NotContains(t, said, "correct-horse")
	require.NotContains(t, said, "battery-staple")
}

func TestWarmLoginWithProfilesTouchesNoStorage(t *testing.T) {
	t.Parallel()
	b := accepting(t, map[string]any{
		"group_attributes": "Class", "metadata_attributes": "Class", "session_timeout_as_ttl": true,
		"request_attributes": []any{map[string]any{"attribute": "Called-Station-Id", "value": "%{User-Name}"}},
	}, class("staff"))
	b.profile("staff", checks(item("reply:Class", "==", "staff")))
	b.profile("all", nil)
	b.ok(logical.UpdateOperation, "config", map[string]any{"default_profiles": "all"})
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"profiles": "staff,all"})
	b.storage.writes.Store(0)
	auth := stored(t, b.loginOK("bob", "p"))
	b.loginOK("eve", "p")
	require.Zero(t, b.storage.writes.Load(), "a cold login only reads")

	b.storage.reads.Store(0)
	for range 3 {
		b.loginOK("bob", "p")
		b.loginOK("eve", "p")
		b.renewOK(auth)
	}
	require.Zero(t, b.storage.reads.Load())
	require.Zero(t, b.storage.writes.Load())
}

func TestBrokenStorageFailsALoginWithProfilesBeforeTheServerIsAsked(t *testing.T) {
	t.Parallel()
	b := accepting(t, nil)
	b.profile("all", nil)
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"profiles": "all"})
	auth := stored(t, b.loginOK("bob", "p"))
	sent := len(b.server.Requests())
	b.InvalidateKey(t.Context(), "profile/1")
	b.storage.failGets.Store(true)
	_, err := b.login("bob", "p")
	require.ErrorIs(t, err, login.ErrReadFault)
	_, err = b.renew(auth)
	require.ErrorIs(t, err, errStorage)
	require.Len(t, b.server.Requests(), sent)
}

// What is cached is shared: nothing of one login may reach another.
func TestParallelLoginsWithProfilesShareNothing(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.startServer(radiustest.Options{Handler: func(r *radiustest.Request) []radiustest.Answer {
		return []radiustest.Answer{r.Accept(class(r.Username()))}
	}})
	b.configure(map[string]any{"group_attributes": "Class,Filter-Id", "metadata_attributes": "Class,Filter-Id"})
	b.profile("all", map[string]any{"policies": "all", "reply_attribute": []any{item("Filter-Id", "+=", "of-%{User-Name}")}})
	for _, name := range []string{"alice", "bob"} {
		b.profile("own-"+name, map[string]any{"policies": name + "-1," + name + "-2", "check_attribute": []any{item("User-Name", "=~", "^"+name+"$")}})
	}
	for _, name := range []string{"alice", "bob"} {
		b.ok(logical.UpdateOperation, "users/"+name, map[string]any{"policies": "dev", "profiles": "all,own-alice,own-bob"})
	}
	loaded, err := b.profiles.Get(t.Context(), vaultStorage{b.storage}, []int64{1, 2, 3})
	require.NoError(t, err)
	for _, compiled := range loaded { // with room for what others append
		compiled.Entry.Policies = append(make([]string, 0, 16), compiled.Entry.Policies...)
	}

	var logins sync.WaitGroup
	for i := range 40 {
		name := []string{"alice", "bob"}[i%2]
		logins.Go(func() {
			resp, err := b.send(logical.UpdateOperation, "login/"+name, map[string]any{"password": "p"})
			if err != nil || resp.IsError() {
				t.Errorf("%s: %v, %v", name, resp, err)
				return
			}
			auth := resp.Auth
			granted := fmt.Sprint(auth.Policies, groupNames(auth), auth.Metadata["Class"], auth.Metadata["profiles"])
			want := fmt.Sprint([]string{"dev", "all", name + "-1", name + "-2"}, []string{name, "of-" + name}, name, "all,own-"+name)
			if granted != want {
				t.Errorf("%s has %s, not %s", name, granted, want)
			}
			for j := range auth.Policies { // as Vault might
				auth.Policies[j] = "changed"
			}
			auth.Metadata["Class"], auth.GroupAliases[0].Name = "changed", "changed"
		})
	}
	logins.Wait()
}
