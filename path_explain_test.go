package radiusauth

import (
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

func (b *testBackend) explained(data map[string]any) map[string]any {
	b.t.Helper()
	return b.ok(logical.UpdateOperation, "explain", data).Data
}

func TestExplanationWithoutAskingAsksNothing(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, map[string]any{"token_policies": "all", "token_ttl": "1h"})
	b.ok(logical.UpdateOperation, "users/alice", map[string]any{"policies": "dev"})
	data := b.explained(map[string]any{"username": "alice"})
	require.Equal(t, []any{"not_asked", "", "none"}, []any{data["verdict"], data["reason"], data["class"]})
	require.Equal(t, []string{"all", "default", "dev"}, data["policies"])
	require.Equal(t, "alice", data["alias"])
	require.Equal(t, map[string]any{"ttl": int64(3600), "max_ttl": int64(0), "explicit_max_ttl": int64(0), "period": int64(0)}, data["lifetime"])
	require.Equal(t, map[string]any{
		"name": "(config)", "type": "radius", "route": "the config's host", "wire_name": "alice", "fault": "",
	}, data["source"])
	require.Empty(t, b.server.Requests())
}

func TestExplanationHasTheWordsOfTheLog(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, map[string]any{"lockout_threshold": 2})
	b.ok(logical.UpdateOperation, "users/alice", map[string]any{"enabled": false})
	data := b.explained(map[string]any{"username": "alice"})
	require.Equal(t, []any{"refused", "the user is disabled", "disabled"}, []any{data["verdict"], data["reason"], data["class"]})

	accepted := b.explained(map[string]any{"username": "bob", "password": "bob-password", "ask": true})
	require.Equal(t, "accepted", accepted["verdict"])
	require.Contains(t, b.log.String(), "trial accepted: username=bob")
	for range 2 {
		refused := b.explained(map[string]any{"username": "bob", "password": "wrong", "ask": true})
		require.Equal(t, []any{"refused", "rejected"}, []any{refused["verdict"], refused["class"]})
		b.explained(map[string]any{"username": "bob", "password": "bob-password", "ask": true}) // forgets nothing
	}
	locked := b.explained(map[string]any{"username": "bob"})
	require.Equal(t, []any{"refused", "locked"}, []any{locked["verdict"], locked["class"]})
	require.Equal(t, true, locked["lockout"].(map[string]any)["locked"])
	_, err := b.login("bob", "bob-password")
	require.NoError(t, err)
	require.Contains(t, b.log.String(), "the name is locked out after failed logins")
}

func TestExplainedChallengeCannotBeAnswered(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	data := b.explained(map[string]any{"username": "carol", "password": "carol-password", "ask": true})
	require.Equal(t, "challenged", data["verdict"])
	require.NotContains(t, data, fieldChallengeID)
}

func TestExplainRefusesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	for field, data := range map[string]map[string]any{
		"username":            {},
		"client_address":      {"username": "alice", "client_address": "somewhere"},
		"for":                 {"username": "alice", "for": "radius"},
		"attributes.device":   {"username": "alice", "attributes": map[string]any{"device": []any{"a", "b"}}},
		"attributes.password": {"username": "alice", "for": "freeradius", "attributes": map[string]any{"password": "x"}},
		"ask":                 {"username": "alice", "ask": "maybe"},
	} {
		require.Contains(t, b.refused(logical.UpdateOperation, "explain", data), field)
	}
}
