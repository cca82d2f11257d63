package radiusauth

import (
	"fmt"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2868"

	"vault-plugin-auth-radius/internal/radiustest"
)

func TestVerifyCountsSpellingsOfARegisteredNameAsLoginsDo(t *testing.T) {
	t.Parallel()
	b, _ := newDirectoryBackend(t, inDirectory, nil)
	b.ok(logical.UpdateOperation, "config", map[string]any{"lockout_threshold": 3})
	b.ok(logical.UpdateOperation, "users/alice", map[string]any{"policies": "dev"})
	for range 2 {
		_, _ = b.login("alice", "wrong")
	}
	verify := func() any {
		return b.ok(logical.UpdateOperation, "extauth/people/verify", map[string]any{"username": "ALICE", "password": "wrong"}).Data["outcome"]
	}
	require.Equal(t, []any{"reject", "locked"}, []any{verify(), verify()})
}

func TestVerifyShowsNoHiddenAttribute(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.startServer(radiustest.Options{Handler: func(r *radiustest.Request) []radiustest.Answer {
		return []radiustest.Answer{r.Accept(
			radiustest.Attribute{Type: rfc2868.TunnelPassword_Type, Value: []byte("\x00\x80\x01battery-staple")},
			radiustest.Attribute{Type: rfc2865.Class_Type, Value: []byte("x")},
		)}
	}})
	b.ok(logical.UpdateOperation, "config", map[string]any{"extauth": b.source("radius", map[string]any{
		"name": "upstream", "host": b.server.Host(), "port": b.server.Port(), "secret": testSecret,
	})})
	data := b.ok(logical.UpdateOperation, "extauth/upstream/verify", map[string]any{"username": "alice", "password": "p"}).Data
	require.Equal(t, "accept", data["outcome"])
	reply := fmt.Sprint(data["reply"])
	require.Contains(t, reply, "Tunnel-Password")
	require.NotContains(t, reply, "battery-staple")
	explained := b.ok(logical.UpdateOperation, "explain", map[string]any{"username": "alice", "password": "p", "ask": true}).Data
	require.NotContains(t, fmt.Sprint(explained), "battery-staple")
}

// An item of a profile is not shown by its name; the reply that it makes is not either.
func TestReplyThatIsSecretByItsNameIsNotShown(t *testing.T) {
	t.Parallel()
	const secret = "battery-staple"
	b := newConfiguredBackend(t, nil)
	b.ok(logical.UpdateOperation, "freeradius/config", map[string]any{"use_radius_sources": true})
	b.profile("canopy", map[string]any{"reply_attribute": []any{item("Motorola-Canopy-Shared-Secret", ":=", secret)}})
	b.ok(logical.UpdateOperation, "users/alice", map[string]any{"profiles": "canopy"})
	tried := b.ok(logical.UpdateOperation, "profiles/canopy/test", nil).Data
	explained := b.explained(map[string]any{"username": "alice", "password": "alice-password", "for": "freeradius", "ask": true})
	require.Equal(t, "accepted", explained["verdict"])
	for _, data := range []map[string]any{tried, explained} {
		require.Equal(t, []any{map[string]any{"attribute": "Motorola-Canopy-Shared-Secret", "value": "[redacted]"}}, data["reply"])
		require.NotContains(t, fmt.Sprint(data), secret)
	}
}
