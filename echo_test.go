package radiusauth

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

// wrongTypes are values that no text, number, list or map of texts can be made of, or
// that are none of a number, a duration or a bool.
var wrongTypes = []any{
	"hunter2",
	[]any{"hunter2"},
	map[string]any{"hunter2": "hunter2"},
	[]any{map[string]any{"hunter2": []any{"hunter2"}}},
	map[string]any{"hunter2": map[string]any{"a": "hunter2"}},
	-12345.25,
}

func TestValueOfAWrongTypeIsNeverRepeated(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	for _, path := range b.Paths {
		for field, schema := range path.Fields {
			require.NotEmpty(t, typeNames[schema.Type], "%s: type %s has no name", field, schema.Type)
			for _, value := range wrongTypes {
				resp := validateFields(path, &logical.Request{Data: map[string]any{field: value}})
				if resp == nil {
					continue
				}
				text := resp.Error().Error()
				require.NotContains(t, text, "hunter2", "%s %s", path.Pattern, field)
				require.NotContains(t, text, "12345", "%s %s", path.Pattern, field)
				require.Contains(t, text, fmt.Sprintf("field %q: it is not %s", field, typeNames[schema.Type]))
			}
		}
	}
}

func TestLoginFieldsOfAWrongTypeAreRefused(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	for field, accepts := range map[string]string{
		"username": "a text", "password": "a text", "challenge_id": "a text", "urlusername": "a text", "attributes": "a map of texts",
	} {
		for _, value := range []any{[]any{"hunter2"}, map[string]any{"a": map[string]any{"b": "hunter2"}}} {
			data := map[string]any{"username": "alice", "password": "alice-password"}
			data[field] = value
			want := fmt.Sprintf("Field validation failed: error converting input for field %q: it is not %s", field, accepts)
			require.Equal(t, want, b.refused(logical.UpdateOperation, "login", data))
			// Vault looks into the Auth of this operation's response without checking.
			resp, err := b.do(logical.AliasLookaheadOperation, "login", data)
			require.EqualError(t, err, want)
			require.Nil(t, resp)
		}
	}
	require.Equal(t, `Field validation failed: error converting input for field "attributes": it is not a map of texts`,
		b.refused(logical.UpdateOperation, "login/alice", map[string]any{"password": "alice-password", "attributes": "hunter2"}))
	require.Empty(t, b.server.Requests())
	require.NotContains(t, b.log.String(), "hunter2")
}

// A secret may be typed into any field.
func TestTokenFieldsAreRefusedWithoutTheirValue(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.ok(logical.UpdateOperation, "config", minimalConfig())
	for field, want := range map[string]string{
		"token_type":        "config parameter `token_type` must be default, service or batch",
		"token_bound_cidrs": "config parameter `token_bound_cidrs` must be IP addresses or CIDR blocks",
		"auth_protocol":     "config parameter `auth_protocol` is not one of pap, chap, mschapv2",
		"nas_ip_address":    "config parameter `nas_ip_address` is not an IP address",
	} {
		require.Equal(t, want, b.refused(logical.UpdateOperation, "config", map[string]any{field: "300.hunter2/8"}))
	}
	require.Contains(t, b.refused(logical.UpdateOperation, "config", map[string]any{"token_ttl": "2h", "token_max_ttl": "1h"}), "'token_ttl' cannot be greater")
}

// Names are repeated in what is said of them, but no more of a value than a name has.
func TestRefusalsRepeatLittleOfAValue(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.ok(logical.UpdateOperation, "config", minimalConfig())
	b.profile("office", nil)
	long := "x" + strings.Repeat("?", 4000)
	bases := map[string]map[string]any{
		"config": {}, "users/alice": {}, "profiles/office": {"name": "office"}, "profiles/office/test": {}, "freeradius/config": {},
		"dictionary/custom/acme": {"text": "VENDOR Acme 4999"}, "freeradius/batch": {"name": "b", "strategy": "prefix", "prefix": "b-", "number_of_users": 1},
		"freeradius/accounting": {}, "freeradius/postauth": {}, "login/alice": {"password": "p"}, "unlock/alice": {},
	}
	for kind := range sourceExamples {
		bases["extauth "+kind] = with(kind, nil)
	}
	check := func(operation logical.Operation, path string, data map[string]any) {
		t.Helper()
		resp, err := b.do(operation, path, data)
		text := ""
		switch {
		case err != nil:
			text = err.Error()
		case resp.IsError():
			text = resp.Error().Error()
		}
		require.NotContains(t, text, strings.Repeat("?", 81), path)
	}
	for name, base := range bases {
		path, _, _ := strings.Cut(name, " ")
		for field, schema := range b.Route(path).Fields {
			values := []any{long, []any{long}, []any{long, long}}
			switch schema.Type {
			case framework.TypeKVPairs, framework.TypeMap:
				values = []any{map[string]any{long: "1"}, map[string]any{"Class": long}, map[string]any{"Class": []any{long}}}
			case framework.TypeSlice:
				values = append(values, []any{map[string]any{long: long}}, []any{map[string]any{"host": long}, map[string]any{"host": long}})
				for _, part := range []string{"attribute", "op", "value"} {
					values = append(values, []any{map[string]any{"attribute": "NAS-Port", "op": "==", "value": "1", part: long}})
				}
				values = append(values, []any{item("reply:"+long, "==", "1")}, []any{item(long+":Class", "==", "1")}, []any{item("client:"+long, "==", "1")},
					[]any{item("Class:"+long, "==", "1")}, []any{item("Tunnel-Type:"+long, "==", "1")}, []any{item("Class", "=~", "("+long)}, []any{item("Class", "==", "%{"+long)})
			}
			for _, value := range values {
				data := maps.Clone(base)
				data[field] = value
				check(logical.UpdateOperation, path, data)
			}
		}
	}
	b.ok(logical.UpdateOperation, "config", map[string]any{"default_profiles": ""})
	for _, path := range []string{"users/", "profiles/", "extauth/", "dictionary/custom/", "dictionary/attributes/", "freeradius/batch/", "unlock/", "login/"} {
		for _, operation := range []logical.Operation{logical.ReadOperation, logical.UpdateOperation, logical.PatchOperation, logical.DeleteOperation} {
			for _, length := range []int{200, 400} {
				named := path + "x" + strings.Repeat("?", length)
				route := b.Route(named)
				if route == nil {
					continue
				}
				if _, supported := route.Operations[operation]; supported {
					check(operation, named, map[string]any{"password": "p", "text": "VENDOR Acme 4999"})
				}
			}
		}
	}
}
