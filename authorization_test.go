package radiusauth

import (
	"encoding/binary"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2868"

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

func groupNames(auth *logical.Auth) []string {
	var names []string
	for _, alias := range auth.GroupAliases {
		names = append(names, alias.Name)
	}
	return names
}

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

func TestGroupAttributesBecomeGroupAliases(t *testing.T) {
	t.Parallel()
	b := accepting(t, map[string]any{"group_attributes": "class,Filter-Id"},
		class("vpn users"), filterID("Staff"), class("vpn users"), class("\x00\x01"), class("größe"), text(rfc2865.ReplyMessage_Type, "hello"))
	b.profile("more", replies(item("Filter-Id", "+=", "from-profile"), item("Framed-Pool", "+=", "pool")))
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"profiles": "more"})
	require.Equal(t, []string{"vpn users", "Staff", "0x0001", "größe"}, groupNames(b.loginOK("eve", "p")), "each once, Class as text if it is")
	require.Equal(t, []string{"vpn users", "Staff", "0x0001", "größe", "from-profile"}, groupNames(b.loginOK("bob", "p")))
	require.Equal(t, []string{"class", "Filter-Id"}, b.ok(logical.ReadOperation, "config", nil).Data["group_attributes"])

	b.ok(logical.UpdateOperation, "config", map[string]any{"group_attributes": ""})
	require.Empty(t, b.loginOK("bob", "p").GroupAliases)
}

func TestMetadataAttributesBecomeMetadata(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 250)
	b := accepting(t, map[string]any{"metadata_attributes": "filter-id,Session-Timeout,Reply-Message,Service-Type"},
		filterID("a"), filterID("b"), integer(rfc2865.SessionTimeout_Type, 60), integer(rfc2865.IdleTimeout_Type, 5), class("c"),
		integer(rfc2865.ServiceType_Type, uint32(rfc2865.ServiceType_Value_LoginUser)),
		text(rfc2865.ReplyMessage_Type, long), text(rfc2865.ReplyMessage_Type, long+"é"), text(rfc2865.ReplyMessage_Type, "no room at all"))
	require.Equal(t, map[string]string{
		"username": "eve", "policies": "", "Filter-Id": "a,b", "Session-Timeout": "60", "Service-Type": "Login-User",
		"Reply-Message": (long + "," + long + "é,no room at all")[:512],
	}, b.loginOK("eve", "p").Metadata, "the server's Idle-Timeout was not asked for")

	b.profile("idle", replies(item("Idle-Timeout", ":=", "900")))
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"profiles": "idle"})
	require.Equal(t, "900", b.loginOK("bob", "p").Metadata["Idle-Timeout"], "that of a profile always is")
}

func TestMetadataIsCutBetweenCharacters(t *testing.T) {
	t.Parallel()
	b := accepting(t, map[string]any{"metadata_attributes": "Reply-Message"},
		text(rfc2865.ReplyMessage_Type, strings.Repeat("é", 126)), text(rfc2865.ReplyMessage_Type, strings.Repeat("é", 126)), text(rfc2865.ReplyMessage_Type, "é"), text(rfc2865.ReplyMessage_Type, "éé"))
	got := b.loginOK("eve", "p").Metadata["Reply-Message"]
	require.Len(t, got, 252+1+252+1+2+1+2, "not half of the last one, which ends after the 513th octet")
	require.True(t, strings.HasSuffix(got, "é,é,é"), got)
}

// A custom dictionary may call an attribute as the method calls its own metadata,
// or give a second name to one.
func TestNamesOfACustomDictionaryCannotMislead(t *testing.T) {
	t.Parallel()
	b := accepting(t, map[string]any{"group_attributes": "Filter-Id", "metadata_attributes": "Filter-Id"}, filterID("staff"), text(105, "root"))
	b.ok(logical.UpdateOperation, "dictionary/custom/odd", map[string]any{"text": "ATTRIBUTE profiles 105 string\nATTRIBUTE Acme-Role 11 string\n"})
	for _, name := range []string{"profiles", "Profiles"} {
		require.Contains(t, b.refused(logical.UpdateOperation, "config", map[string]any{"metadata_attributes": name}), "every token has")
	}
	auth := b.loginOK("eve", "p")
	require.Equal(t, map[string]string{"username": "eve", "policies": "", "Filter-Id": "staff"}, auth.Metadata)
	require.Equal(t, []string{"staff"}, groupNames(auth), "the same attribute, whatever it is called")
}

func TestSessionTimeoutLimitsTheTokensLife(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour // the mount's default
	tests := map[string]struct {
		config        map[string]any
		server        uint32
		profile       []any
		ttl, explicit time.Duration
	}{
		"the server's, not wanted":     {nil, 3600, nil, 0, 0},
		"the server's, below default":  {map[string]any{"session_timeout_as_ttl": true}, 3600, nil, time.Hour, time.Hour},
		"the server's, above default":  {map[string]any{"session_timeout_as_ttl": true}, 172_800, nil, day, 2 * day},
		"the server's, above ttl":      {map[string]any{"session_timeout_as_ttl": true, "token_ttl": "30m"}, 3600, nil, 30 * time.Minute, time.Hour},
		"the server's, below ttl":      {map[string]any{"session_timeout_as_ttl": true, "token_ttl": "30m"}, 60, nil, time.Minute, time.Minute},
		"above the explicit max":       {map[string]any{"session_timeout_as_ttl": true, "token_explicit_max_ttl": "10m"}, 3600, nil, time.Hour, 10 * time.Minute},
		"the server's zero":            {map[string]any{"session_timeout_as_ttl": true}, 0, nil, 0, 0},
		"a profile's, always":          {nil, 0, []any{item("Session-Timeout", ":=", "600")}, 10 * time.Minute, 10 * time.Minute},
		"a profile's overwrites":       {map[string]any{"session_timeout_as_ttl": true}, 60, []any{item("Session-Timeout", ":=", "600")}, 10 * time.Minute, 10 * time.Minute},
		"the smaller of two":           {map[string]any{"session_timeout_as_ttl": true}, 60, []any{item("Session-Timeout", "+=", "600")}, time.Minute, time.Minute},
		"the smaller of two, later":    {map[string]any{"session_timeout_as_ttl": true}, 60, []any{item("Session-Timeout", "+=", "30")}, 30 * time.Second, 30 * time.Second},
		"a profile's, beside unwanted": {nil, 60, []any{item("Session-Timeout", "+=", "600")}, 10 * time.Minute, 10 * time.Minute},
		"a periodic token":             {map[string]any{"token_period": "1h"}, 0, []any{item("Session-Timeout", ":=", "600")}, 10 * time.Minute, 10 * time.Minute},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := accepting(t, test.config, integer(rfc2865.SessionTimeout_Type, test.server))
			if test.profile != nil {
				b.profile("limit", replies(test.profile...))
				b.ok(logical.UpdateOperation, "users/bob", map[string]any{"profiles": "limit"})
			}
			auth := b.loginOK("bob", "p")
			require.Equal(t, test.ttl, auth.TTL)
			require.Equal(t, test.explicit, auth.ExplicitMaxTTL)
		})
	}
}

func TestMountWithAShorterDefaultLeaseKeepsIt(t *testing.T) {
	t.Parallel()
	b := accepting(t, map[string]any{"session_timeout_as_ttl": true}, integer(rfc2865.SessionTimeout_Type, 3600))
	b.System().(*logical.StaticSystemView).DefaultLeaseTTLVal = 5 * time.Minute
	auth := b.loginOK("bob", "p")
	require.Equal(t, 5*time.Minute, auth.TTL)
	require.Equal(t, time.Hour, auth.ExplicitMaxTTL)
}

// vendorSpecific reads the text of a vendor's attribute in a request.
func vendorSpecific(r *radiustest.Request, vendor uint32, kind byte) string {
	value := r.Packet.Get(rfc2865.VendorSpecific_Type)
	if len(value) < 6 || binary.BigEndian.Uint32(value) != vendor || value[4] != kind {
		return ""
	}
	return string(value[6:])
}

func TestRequestAttributesReachTheServerAndTheChecks(t *testing.T) {
	t.Parallel()
	given := []any{
		map[string]any{"attribute": "Called-Station-Id", "value": "vault:%{User-Name}@%{Calling-Station-Id}"},
		map[string]any{"attribute": "Cisco-AVPair", "value": "shell:priv-lvl=15"},
		map[string]any{"attribute": "Framed-MTU", "value": 1400.0},
		map[string]any{"attribute": "Login-LAT-Node", "value": "%{Login-LAT-Group}"},
	}
	b := accepting(t, map[string]any{"request_attributes": given, "realm": "example.org"})
	b.profile("here", checks(
		item("Called-Station-Id", "==", "vault:bob@example.org@192.0.2.7"), item("Cisco-AVPair", "=~", "priv-lvl=15$"),
		item("Framed-MTU", "==", "1400"), item("Login-LAT-Node", "!*", "ANY"),
		item("User-Name", "==", "bob@example.org"), item("User-Password", "==", "bob-password"), item("NAS-Identifier", "==", "vault"),
	))
	b.ok(logical.UpdateOperation, "users/bob", map[string]any{"profiles": "here"})
	b.loginOK("bob", "bob-password")

	request := b.server.Requests()[0]
	require.Equal(t, "vault:bob@example.org@192.0.2.7", string(request.Packet.Get(rfc2865.CalledStationID_Type)))
	require.Equal(t, "shell:priv-lvl=15", vendorSpecific(&request, 9, 1))
	require.Equal(t, []byte{0, 0, 5, 120}, []byte(request.Packet.Get(rfc2865.FramedMTU_Type)))
	require.Nil(t, request.Packet.Get(rfc2865.LoginLATNode_Type), "its expansion has no value")
	require.Contains(t, b.log.String(), "request_attributes: not all could be sent")
	require.Equal(t, "bob@example.org", request.Username())

	given[2] = map[string]any{"attribute": "Framed-MTU", "value": "1400"}
	require.Equal(t, given, b.ok(logical.ReadOperation, "config", nil).Data["request_attributes"])
	b.ok(logical.UpdateOperation, "config", map[string]any{"request_attributes": []any{}})
	b.denied("bob")
	require.Nil(t, b.server.Requests()[1].Packet.Get(rfc2865.CalledStationID_Type))
}

// Values that are fine one by one may be too long together.
func TestRequestAttributesThatDoNotFitAreNotSent(t *testing.T) {
	t.Parallel()
	b := accepting(t, nil)
	b.ok(logical.UpdateOperation, "dictionary/custom/tlv", map[string]any{
		"text": "ATTRIBUTE Acme-Group 105 tlv\nATTRIBUTE Acme-One 105.1 string\nATTRIBUTE Acme-Two 105.2 string\n",
	})
	b.ok(logical.UpdateOperation, "config", map[string]any{"request_attributes": []any{
		map[string]any{"attribute": "Acme-One", "value": strings.Repeat("1", 200)},
		map[string]any{"attribute": "Acme-Two", "value": strings.Repeat("2", 200)},
	}})
	b.loginOK("bob", "p")
	require.Nil(t, b.server.Requests()[0].Packet.Get(105))
	require.Contains(t, b.log.String(), "request_attributes: not all could be sent")
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

	data := answer(b.challenge()["challenge_id"], "123456")
	data["attributes"] = map[string]any{"device": "laptop"}
	auth := b.ok(logical.UpdateOperation, "login/carol", data).Auth
	require.Equal(t, []string{"staff"}, auth.Policies)
	b.renewOK(stored(t, auth))

	b.ok(logical.PatchOperation, "profiles/staff", checks(item("reply:Filter-Id", "==", "others")))
	id := b.challenge()["challenge_id"]
	require.Equal(t, "access denied by the authentication server", b.refused(logical.UpdateOperation, "login/carol", answer(id, "123456")))
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

func TestConfigRefusesBadAttributesAndStaysAsItWas(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.ok(logical.UpdateOperation, "config", minimalConfig())
	before := b.stored("config")
	seventeen := strings.Split(strings.Repeat("Class,", 17), ",")[:17]
	request := func(attribute, value string) []any {
		return []any{map[string]any{"attribute": "Framed-MTU", "value": "1"}, map[string]any{"attribute": attribute, "value": value}}
	}
	tests := map[string]struct {
		field string
		value any
		want  string
	}{
		"unknown profile":           {"default_profiles", "nobody", `no profile with short_name "nobody"`},
		"unknown group attribute":   {"group_attributes", "Clas", "did you mean Class"},
		"unknown metadata":          {"metadata_attributes", "No-Such-Thing-At-All", "no attribute of the dictionary"},
		"too much metadata":         {"metadata_attributes", seventeen, "17 attributes; give 16 at most"},
		"reserved metadata":         {"metadata_attributes", "username", "username"},
		"unknown request attribute": {"request_attributes", request("Framed-MUT", "1"), "request_attributes[1].attribute"},
		"wrong request value":       {"request_attributes", request("Framed-MTU", "much"), "request_attributes[1].value"},
		"reserved request":          {"request_attributes", request("Message-Authenticator", "1"), "request_attributes[1].attribute"},
		"password":                  {"request_attributes", request("CHAP-Password", "1"), "request_attributes[1].attribute"},
		"secret expansion":          {"request_attributes", request("Reply-Message", "%{User-Password}"), "request_attributes[1].value"},
		"with an operator":          {"request_attributes", []any{item("Framed-MTU", ":=", "1")}, "request_attributes[0].op"},
		"not an object":             {"request_attributes", []any{"Framed-MTU=1"}, "request_attributes[0] is not an object"},
		"too many":                  {"request_attributes", make([]any, 1001), "request_attributes has 1001 items"},
	}
	for name, test := range tests {
		text := b.refused(logical.UpdateOperation, "config", map[string]any{test.field: test.value, "port": 0})
		require.Contains(t, text, test.want, name)
		require.Contains(t, text, "`port` is 0", "%s: everything that is wrong is said", name)
		require.NotContains(t, text, "reply_attribute", name)
		require.Equal(t, before, b.stored("config"), name)
	}
	b.ok(logical.UpdateOperation, "config", map[string]any{"metadata_attributes": seventeen[:16]})
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
	require.ErrorIs(t, err, errStorage)
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
	loaded, err := b.profiles.get(t.Context(), b.storage, []int64{1, 2, 3})
	require.NoError(t, err)
	for _, one := range loaded { // with room for what others append
		one.entry.Policies = append(make([]string, 0, 16), one.entry.Policies...)
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
			got := fmt.Sprint(auth.Policies, groupNames(auth), auth.Metadata["Class"], auth.Metadata["profiles"])
			want := fmt.Sprint([]string{"dev", "all", name + "-1", name + "-2"}, []string{name, "of-" + name}, name, "all,own-"+name)
			if got != want {
				t.Errorf("%s has %s, not %s", name, got, want)
			}
			for j := range auth.Policies { // as Vault might
				auth.Policies[j] = "changed"
			}
			auth.Metadata["Class"], auth.GroupAliases[0].Name = "changed", "changed"
		})
	}
	logins.Wait()
}
