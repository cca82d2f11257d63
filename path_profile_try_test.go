package radiusauth

import (
	"net/http"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

func TestTrialSaysItemByItemWhatAProfileDecides(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.profile("vpn", map[string]any{
		"enabled": false,
		"check_attribute": []any{
			item("reply:Filter-Id", "==", "%{User-Name}"), item("client:device", "=~", "^lap"), item("Tunnel-Type:2", "==", "VLAN"),
		},
		"reply_attribute": []any{item("Session-Timeout", ":=", "3600"), item("Reply-Message", "=", "hi"), item("Tunnel-Password:1", ":=", "battery-staple")},
	})
	b.storage.writes.Store(0)
	data := b.ok(logical.UpdateOperation, "profiles/vpn/test", map[string]any{
		"request": map[string]any{"user-name": "alice", "Tunnel-Type:2": []any{"VLAN"}},
		"reply":   map[string]any{"Filter-Id": []any{"bob", "alice"}, "Session-Timeout": float64(60), "Reply-Message": "welcome"},
		"client":  map[string]any{"device": "laptop"},
	}).Data
	require.Zero(t, b.storage.writes.Load())
	require.Equal(t, true, data["matched"], "though it is not enabled")
	require.Equal(t, false, data["enabled"])
	check := data["check_attribute"].([]any)
	require.Len(t, check, 3)
	require.Equal(t, map[string]any{
		"attribute": "reply:Filter-Id", "op": "==", "value": "%{User-Name}", "found": []string{"bob", "alice"},
		"compared_with": "alice", "held": true, "reason": check[0].(map[string]any)["reason"],
	}, check[0])
	require.NotEmpty(t, check[0].(map[string]any)["reason"])
	reply := data["reply_attribute"].([]any)
	require.Equal(t, []any{true, false, true}, []any{
		reply[0].(map[string]any)["applied"], reply[1].(map[string]any)["applied"], reply[2].(map[string]any)["applied"],
	})
	require.ElementsMatch(t, []any{
		map[string]any{"attribute": "Filter-Id", "value": "bob"},
		map[string]any{"attribute": "Filter-Id", "value": "alice"},
		map[string]any{"attribute": "Reply-Message", "value": "welcome"},
		map[string]any{"attribute": "Session-Timeout", "value": "3600"},
		map[string]any{"attribute": "Tunnel-Password:1", "value": "[redacted]"},
	}, data["reply"])

	data = b.ok(logical.UpdateOperation, "profiles/1/test", nil).Data
	require.Equal(t, false, data["matched"])
	require.Equal(t, false, data["check_attribute"].([]any)[0].(map[string]any)["held"])
	require.Equal(t, []string{}, data["check_attribute"].([]any)[0].(map[string]any)["found"])
	require.Empty(t, data["reply_attribute"])
}

func TestTrialRefusesBadInput(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.profile("all", nil)
	tenThousand := make([]any, 10_000)
	for i := range tenThousand {
		tenThousand[i] = "1"
	}
	for want, data := range map[string]map[string]any{
		"request.Sesion-Timeout is no attribute of the dictionary: did you mean Session-Timeout": {"request": map[string]any{"Sesion-Timeout": "1"}},
		"reply.Session-Timeout":                 {"reply": map[string]any{"Session-Timeout": "soon"}},
		"request.NAS-Port: is neither":          {"request": map[string]any{"NAS-Port": map[string]any{}}},
		"request.User-Name: is neither":         {"request": map[string]any{"User-Name": []any{true}}},
		"reply has more than 1000 values":       {"reply": map[string]any{"NAS-Port": tenThousand}},
		"Tunnel-Type:32: a tag is a number":     {"request": map[string]any{"Tunnel-Type:32": "VLAN"}},
		"Tunnel-Type:1x: a tag is a number":     {"request": map[string]any{"Tunnel-Type:1x": "VLAN"}},
		"NAS-Port:1: NAS-Port has no tags":      {"request": map[string]any{"NAS-Port:1": "1"}},
		"client.device: give one text":          {"client": map[string]any{"device": []any{"a", "b"}}},
		"client attribute \"de vice\"":          {"client": map[string]any{"de vice": "a"}},
		"Field validation failed: error conver": {"request": "User-Name = bob"},
	} {
		require.Contains(t, b.refused(logical.UpdateOperation, "profiles/all/test", data), want)
	}
	require.Contains(t, b.coded(http.StatusNotFound, logical.UpdateOperation, "profiles/nobody/test", nil), `profile "nobody" does not exist`)
}
