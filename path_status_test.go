package radiusauth

import (
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/radiustest"
)

func TestStatusTellsWhatWasSeenOfTheServer(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	data := b.ok(logical.ReadOperation, "status", nil).Data
	require.Equal(t, map[string]any{"version": Version(), "servers": []any{}, "sources": map[string]any{}}, data)

	b.startServer(radiustest.Options{Handler: func(r *radiustest.Request) []radiustest.Answer {
		return []radiustest.Answer{r.Accept().WithProxyState(), r.Accept()}
	}})
	b.configure(nil)
	b.loginOK("bob", "p")
	servers := b.ok(logical.ReadOperation, "status", nil).Data["servers"].([]any)
	require.Len(t, servers, 1)
	server := servers[0].(map[string]any)
	require.Equal(t, b.server.Host(), server["host"])
	require.Equal(t, b.server.Port(), server["port"])
	require.EqualValues(t, 1, server["accepted"])
	require.EqualValues(t, 1, server["sent"])
	require.Equal(t, map[string]any{"unsolicited_proxy_state": 1}, server["dropped"])
	require.NotEmpty(t, server["last_answer"])

	require.EqualValues(t, 0, server["in_flight"])
}
