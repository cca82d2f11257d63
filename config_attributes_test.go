package radiusauth

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
	"layeh.com/radius/rfc2865"

	"vault-plugin-auth-radius/internal/radiustest"
)

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
