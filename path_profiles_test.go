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
)

func TestProfileIsCreatedWithAnIDAndReadBack(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	check := []any{item("reply:Filter-Id", "==", "admins"), item("NAS-Port-Type", "=", "Virtual")}
	reply := []any{item("Session-Timeout", ":=", "3600")}
	data := map[string]any{
		"name": "VPN administrators", "short_name": "vpn-admins", "description": "From 9 to 5",
		"check_attribute": check, "reply_attribute": reply, "policies": "admin,dev", "enabled": false,
		"id": 99, "organization_id": "of somebody else",
	}
	resp, err := b.HandleRequest(t.Context(), &logical.Request{
		Operation: logical.UpdateOperation, Path: "profiles", Data: data, Storage: b.storage, MountAccessor: "auth_radius_1",
	})
	require.NoError(t, err)
	status, body := rawBody(t, resp)
	require.Equal(t, http.StatusCreated, status)
	require.EqualValues(t, "1", body["id"], "that of the request is ignored")
	require.Equal(t, "auth_radius_1", body["organization_id"])

	for _, reference := range []string{"1", "vpn-admins"} {
		resp, err := b.HandleRequest(t.Context(), &logical.Request{
			Operation: logical.ReadOperation, Path: "profiles/" + reference, Storage: b.storage, MountAccessor: "auth_radius_1",
		})
		require.NoError(t, err)
		require.Equal(t, map[string]any{
			"id": int64(1), "name": "VPN administrators", "short_name": "vpn-admins", "description": "From 9 to 5",
			"organization_id": "auth_radius_1", "check_attribute": check, "reply_attribute": reply,
			"policies": []string{"admin", "dev"}, "enabled": false,
		}, resp.Data)
	}
	require.JSONEq(t, `{"id":1}`, b.stored("profile-name/vpn-admins"))
	require.JSONEq(t, `{"last":1}`, b.stored("sequence/profile"))
}

func TestProfileHasDefaults(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.created(logical.UpdateOperation, "profiles", map[string]any{"name": "Guests", "short_name": "guests", "enabled": nil, "policies": nil, "check_attribute": nil})
	require.Equal(t, map[string]any{
		"id": int64(1), "name": "Guests", "short_name": "guests", "description": "", "organization_id": "",
		"check_attribute": []any{}, "reply_attribute": []any{}, "policies": []string{}, "enabled": true,
	}, b.ok(logical.ReadOperation, "profiles/guests", nil).Data)
}

func TestNumbersMayBeValues(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.profile("numbers", map[string]any{"reply_attribute": []any{
		map[string]any{"attribute": "Session-Timeout", "op": ":=", "value": float64(3600)},
		map[string]any{"attribute": "Idle-Timeout", "op": ":=", "value": float64(4294967295)},
	}})
	require.Equal(t, []any{item("Session-Timeout", ":=", "3600"), item("Idle-Timeout", ":=", "4294967295")},
		b.ok(logical.ReadOperation, "profiles/numbers", nil).Data["reply_attribute"])
}

// requests that are all wrong for one reason, which the answer names.
func badProfiles() map[string]struct {
	change map[string]any
	want   []string
} {
	check := func(items ...any) map[string]any { return map[string]any{"check_attribute": items} }
	reply := func(items ...any) map[string]any { return map[string]any{"reply_attribute": items} }
	tenThousand := make([]any, 10_000)
	for i := range tenThousand {
		tenThousand[i] = item("NAS-Port", "==", fmt.Sprint(i))
	}
	tests := map[string]struct {
		change map[string]any
		want   []string
	}{
		"no name":               {map[string]any{"name": " \t"}, []string{"name cannot be empty"}},
		"long name":             {map[string]any{"name": strings.Repeat("ä", 129)}, []string{"name is longer than 128 characters"}},
		"name null":             {map[string]any{"name": nil}, []string{"name cannot be empty"}},
		"no short name":         {map[string]any{"short_name": ""}, []string{"short_name"}},
		"short name with case":  {map[string]any{"short_name": "Vpn"}, []string{`short_name "Vpn"`}},
		"short name of digits":  {map[string]any{"short_name": "42"}, []string{`short_name "42"`, "not a number"}},
		"short name, slash":     {map[string]any{"short_name": "a/b"}, []string{`short_name "a/b"`}},
		"short name of 64":      {map[string]any{"short_name": strings.Repeat("a", 64)}, []string{"short_name", "63"}},
		"long description":      {map[string]any{"description": strings.Repeat("d", 1025)}, []string{"description is longer than 1024"}},
		"root policy":           {map[string]any{"policies": "dev,Root"}, []string{"root policy cannot be granted"}},
		"enabled, no boolean":   {map[string]any{"enabled": "perhaps"}, []string{"enabled"}},
		"unknown attribute":     {check(item("Sesion-Timeout", "==", "1")), []string{"check_attribute[0].attribute", "did you mean", "Session-Timeout"}},
		"wrong type":            {reply(item("Session-Timeout", ":=", "soon")), []string{"reply_attribute[0].value", "soon"}},
		"unknown operator":      {check(item("NAS-Port", "~~", "1")), []string{"check_attribute[0].op", "~~"}},
		"no operator":           {check(map[string]any{"attribute": "NAS-Port", "value": "1"}), []string{"check_attribute[0].op", "missing"}},
		"reply that compares":   {reply(item("Session-Timeout", "==", "1")), []string{"reply_attribute[0].op", "compares"}},
		"reply that clamps":     {reply(item("Session-Timeout", "<=", "50")), []string{"reply_attribute[0].op"}},
		"invalid pattern":       {check(item("User-Name", "=~", "(")), []string{"check_attribute[0].value"}},
		"lookahead":             {check(item("User-Name", "=~", "^(?!a)")), []string{"check_attribute[0].value"}},
		"oversized value":       {reply(item("Reply-Message", ":=", strings.Repeat("x", 254))), []string{"reply_attribute[0].value", "254 octets"}},
		"list of a reply":       {reply(item("reply:Session-Timeout", ":=", "1")), []string{"reply_attribute[0].attribute"}},
		"Message-Authenticator": {reply(item("Message-Authenticator", ":=", "0x00")), []string{"reply_attribute[0].attribute", "cannot be set"}},
		"State":                 {reply(item("State", "+=", "0x00")), []string{"reply_attribute[0].attribute", "cannot be set"}},
		"Proxy-State":           {reply(item("proxy-state", "+=", "0x00")), []string{"reply_attribute[0].attribute", "cannot be set"}},
		"User-Password":         {reply(item("User-Password", ":=", "hunter22")), []string{"reply_attribute[0].attribute", "password"}},
		"Auth-Type":             {reply(item("Auth-Type", ":=", "Accept")), []string{"reply_attribute[0].attribute"}},
		"unknown expansion":     {reply(item("Reply-Message", ":=", "%{No-Such-Thing}")), []string{"reply_attribute[0].value", "No-Such-Thing"}},
		"not a list":            {map[string]any{"check_attribute": "NAS-Port == 1"}, []string{"field \"check_attribute\": it is not a list"}},
		"item not an object":    {check(item("NAS-Port", "==", "1"), "NAS-Port == 1"), []string{"check_attribute[1] is not an object"}},
		"item null":             {check(nil), []string{"check_attribute[0] is not an object"}},
		"unknown key":           {check(map[string]any{"attribute": "NAS-Port", "op": "==", "value": "1", "operator": "=="}), []string{"check_attribute[0].operator is not known"}},
		"attribute a number":    {check(map[string]any{"attribute": 5.0, "op": "==", "value": "1"}), []string{"check_attribute[0].attribute is not a text"}},
		"op a list":             {check(map[string]any{"attribute": "NAS-Port", "op": []any{"=="}, "value": "1"}), []string{"check_attribute[0].op is not a text"}},
		"value a boolean":       {check(map[string]any{"attribute": "NAS-Port", "op": "==", "value": true}), []string{"check_attribute[0].value is neither"}},
		"value a fraction":      {check(map[string]any{"attribute": "NAS-Port", "op": "==", "value": 1.5}), []string{"check_attribute[0].value is neither"}},
		"value that JSON cuts":  {check(map[string]any{"attribute": "NAS-Port", "op": "==", "value": 9007199254740994.0}), []string{"check_attribute[0].value is neither"}},
		"10,000 items":          {map[string]any{"check_attribute": tenThousand}, []string{"check_attribute has 10000 items", "1000"}},
		"10,000 wrong items":    {map[string]any{"reply_attribute": make([]any, 10_000)}, []string{"reply_attribute has 10000 items"}},
		"several fields": {
			map[string]any{"name": "", "short_name": "!", "check_attribute": []any{7, item("Nope", "==", "1")}, "reply_attribute": []any{false}},
			[]string{"name cannot", "short_name", "check_attribute[0] is not", "reply_attribute[0] is not"},
		},
		"several items": {
			map[string]any{"name": "", "check_attribute": []any{item("Nope", "==", "1"), item("NAS-Port", "==", "x")}, "reply_attribute": []any{item("State", "+=", "1")}},
			[]string{"name cannot", "check_attribute[0].attribute", "check_attribute[1].value", "reply_attribute[0].attribute"},
		},
	}
	return tests
}

func TestBadProfileIsRefusedAndNothingChanges(t *testing.T) {
	t.Parallel()
	for name, test := range badProfiles() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newTestBackend(t)
			b.profile("first", map[string]any{"policies": "dev"})
			before := b.everything()
			b.storage.writes.Store(0)

			data := map[string]any{"name": "Second", "short_name": "second"}
			maps.Copy(data, test.change)
			texts := []string{
				b.refused(logical.UpdateOperation, "profiles", data),
				b.refused(logical.UpdateOperation, "profiles/1", data),
				b.refused(logical.PatchOperation, "profiles/first", test.change),
			}
			for _, text := range texts {
				for _, want := range test.want {
					require.Contains(t, text, want)
				}
				require.Less(t, len(text), 10_000)
			}
			require.Zero(t, b.storage.writes.Load())
			require.Equal(t, before, b.everything())

			require.EqualValues(t, 2, b.profile("second", nil), "no id was used up")
		})
	}
}

func TestItemsOfAListThatIsTooLongAreNotLookedAt(t *testing.T) {
	t.Parallel()
	text := newTestBackend(t).refused(logical.UpdateOperation, "profiles", map[string]any{
		"name": "Many", "short_name": "many", "reply_attribute": make([]any, 10_000),
	})
	require.Contains(t, text, "reply_attribute has 10000 items")
	require.NotContains(t, text, "reply_attribute[", "or it would take long")
}

func TestManyUnreadableItemsAreNotAllTold(t *testing.T) {
	t.Parallel()
	text := newTestBackend(t).refused(logical.UpdateOperation, "profiles", map[string]any{
		"name": "Many", "short_name": "many", "check_attribute": make([]any, 1000),
	})
	require.Contains(t, text, "check_attribute[99]")
	require.NotContains(t, text, "check_attribute[200]")
}

func TestSecretValuesAreNotRepeated(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	text := b.refused(logical.UpdateOperation, "profiles", map[string]any{
		"name": "Secret", "short_name": "secret",
		"check_attribute": []any{item("User-Password", "=~", "correct-horse(")},
		"reply_attribute": []any{item("Tunnel-Password", ":=", "correct-horse%{")},
	})
	require.NotContains(t, text+b.log.String(), "correct-horse")
}

func TestShortNameIsOneProfiles(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.profile("guests", nil)
	b.profile("staff", nil)
	before := b.everything()
	b.storage.writes.Store(0)

	taken := `short_name "guests" is taken by profile 1`
	data := map[string]any{"name": "Again", "short_name": "guests"}
	require.Equal(t, taken, b.coded(http.StatusConflict, logical.UpdateOperation, "profiles", data))
	require.Equal(t, taken, b.coded(http.StatusConflict, logical.UpdateOperation, "profiles/staff", data))
	require.Equal(t, taken, b.coded(http.StatusConflict, logical.PatchOperation, "profiles/2", map[string]any{"short_name": "guests"}))
	require.Zero(t, b.storage.writes.Load())
	require.Equal(t, before, b.everything())

	b.ok(logical.UpdateOperation, "profiles/1", data) // its own
	require.EqualValues(t, 3, b.profile("third", nil), "no id was used up")
}

func TestProfilesAreReadInPages(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	read := func(query map[string]any) map[string]any { return b.ok(logical.ReadOperation, "profiles", query).Data }
	require.Equal(t, map[string]any{"count": 0, "next": nil, "previous": nil, "results": []any{}}, read(nil))
	require.Equal(t, map[string]any{"count": 0, "next": nil, "previous": nil, "results": []any{}}, read(map[string]any{"offset": "5"}))
	for i := 1; i <= 105; i++ {
		b.profile(fmt.Sprintf("profile-%d", i), nil)
	}
	link := func(limit, offset int) any { return fmt.Sprintf("profiles?limit=%d&offset=%d", limit, offset) }
	tests := map[string]struct {
		query          map[string]any
		first, last    int64 // ids; 0: none
		next, previous any
	}{
		"no query":           {nil, 1, 20, link(20, 20), nil},
		"of ten, 9 to 10":    {map[string]any{"limit": "2", "offset": "8"}, 9, 10, link(2, 10), link(2, 6)},
		"limit above":        {map[string]any{"limit": "101"}, 1, 100, link(100, 100), nil},
		"limit zero":         {map[string]any{"limit": "0"}, 1, 20, link(20, 20), nil},
		"limit negative":     {map[string]any{"limit": "-3", "offset": "-3"}, 1, 20, link(20, 20), nil},
		"second, overlaps":   {map[string]any{"limit": 20, "offset": 5}, 6, 25, link(20, 25), link(20, 0)},
		"last":               {map[string]any{"limit": "100", "offset": "100"}, 101, 105, nil, link(100, 0)},
		"last, exactly":      {map[string]any{"limit": "5", "offset": "100"}, 101, 105, nil, link(5, 95)},
		"past the end":       {map[string]any{"offset": "105"}, 0, 0, nil, link(20, 85)},
		"far past the end":   {map[string]any{"offset": fmt.Sprint(math.MaxInt)}, 0, 0, nil, link(20, 85)},
		"limit far too much": {map[string]any{"limit": fmt.Sprint(math.MaxInt), "offset": "1"}, 2, 101, link(100, 101), link(100, 0)},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			page := read(test.query)
			require.Equal(t, 105, page["count"])
			require.Equal(t, test.next, page["next"])
			require.Equal(t, test.previous, page["previous"])
			var want, ids []int64
			for id := test.first; id > 0 && id <= test.last; id++ {
				want = append(want, id)
			}
			for _, result := range page["results"].([]any) {
				ids = append(ids, idOf(t, result.(map[string]any)))
			}
			require.Equal(t, want, ids, "in the order of numbers, not of texts")
		})
	}
	require.Contains(t, b.refused(logical.ReadOperation, "profiles", map[string]any{"limit": "x"}), "limit")
	require.Equal(t, b.ok(logical.ReadOperation, "profiles/7", nil).Data, read(map[string]any{"limit": "1", "offset": "6"})["results"].([]any)[0], "results are whole profiles")
}

func TestProfilesAreListedByShortName(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	require.Empty(t, b.ok(logical.ListOperation, "profiles", nil).Data["keys"])
	b.profile("zebra", map[string]any{"description": "striped"})
	b.profile("ape", map[string]any{"enabled": false})
	data := b.ok(logical.ListOperation, "profiles/", nil).Data
	require.Equal(t, []string{"ape", "zebra"}, data["keys"])
	require.Equal(t, map[string]any{
		"ape":   map[string]any{"id": int64(2), "name": "Profile ape", "description": "", "enabled": false},
		"zebra": map[string]any{"id": int64(1), "name": "Profile zebra", "description": "striped", "enabled": true},
	}, data["key_info"])
}

func TestPageOfProfilesCostsOneListingAndItsEntries(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	storeProfiles(t, b.storage.Storage, 2_000)
	for _, query := range []struct{ limit, offset, reads int }{{20, 0, 20}, {100, 1_950, 50}, {100, 20_000, 0}, {1000, 500, 100}} {
		b.storage.reads.Store(0)
		data := b.ok(logical.ReadOperation, "profiles", map[string]any{"limit": query.limit, "offset": query.offset}).Data
		require.Equal(t, 2_000, data["count"])
		require.Len(t, data["results"], query.reads)
		require.EqualValues(t, 1+query.reads, b.storage.reads.Load())
	}
}
