package e2e

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"
)

var loggedRequestID = regexp.MustCompile(`request_id=([0-9a-f-]{36})`)

// The log and the audit log meet by the request: each decision is one line, with an id of its own.
func TestDecisionsHaveTheRequestIDsOfTheAuditLog(t *testing.T) {
	t.Parallel()
	v := startPlugin(t)
	audit := filepath.Join(t.TempDir(), "audit.log")
	require.NoError(t, v.Client.Sys().EnableAuditWithOptions("file", &api.EnableAuditOptions{
		Type: "file", Options: map[string]string{"file_path": audit},
	}))
	v.write("auth/radius/config", map[string]any{"extauth": "local", "password_hash_cost": 1, "renewal": "recheck"})
	v.write("auth/radius/users/alice", map[string]any{"password": "alice-password"})
	token := v.login("auth/radius", "alice", "alice-password")
	v.refused("auth/radius/login/alice", map[string]any{"password": "wrong"})
	v.refused("auth/radius/login", map[string]any{"username": " alice", "password": "wrong"})
	v.write("auth/radius/explain", map[string]any{"username": "alice"}) // no decision
	v.write("auth/radius/explain", map[string]any{"username": "alice", "password": "wrong", "ask": true})
	v.request("POST", "auth/radius/freeradius/authorize", "application/json", `{"username": "alice", "password": "alice-password"}`)
	v.request("POST", "auth/radius/freeradius/authorize", "application/json", `{"username": "alice"}`)
	_, err := v.as(token.ClientToken).Auth().Token().RenewSelf(0)
	require.NoError(t, err)
	v.write("auth/radius/config", map[string]any{"token_policies": "another"})
	_, err = v.as(token.ClientToken).Auth().Token().RenewSelf(0)
	require.ErrorContains(t, err, "policies have changed")

	file, err := os.Open(audit)
	require.NoError(t, err)
	defer file.Close()
	audited := map[string]bool{}
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var entry struct{ Request struct{ ID string } }
		require.NoError(t, json.Unmarshal(lines.Bytes(), &entry))
		audited[entry.Request.ID] = true
	}
	require.NoError(t, lines.Err())

	logged := map[string]bool{}
	for _, match := range loggedRequestID.FindAllStringSubmatch(v.log.String(), -1) {
		require.True(t, audited[match[1]], match[1])
		require.False(t, logged[match[1]], "one line for each request")
		logged[match[1]] = true
	}
	require.Len(t, logged, 6)
	kept := v.read("auth/radius/attempts")["attempts"].([]any)
	require.Len(t, kept, 8)
	for _, each := range kept {
		attempt := each.(map[string]any)
		require.Equal(t, attempt["use"] != "renewal", logged[attempt["request_id"].(string)], "Vault tells none of a renewal")
		require.Equal(t, attempt["use"] != "trial", attempt["client_address"] != "", attempt)
	}
}
