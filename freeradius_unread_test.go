package radiusauth

import (
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

func TestRequestOfFreeRADIUSThatCannotBeReadIsADecision(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	for _, password := range []string{"4g-password", "hunter2"} {
		b.refused(logical.UpdateOperation, "freeradius/authorize", map[string]any{"username": "alice", "password_hex": password})
	}
	kept, _ := b.attemptsFor(nil)
	require.Len(t, kept, 1, "two that are the same")
	require.Equal(t, []any{"invalid", "input", 2}, []any{kept[0]["outcome"], kept[0]["class"], kept[0]["count"]})
	require.Equal(t, 2, strings.Count(b.log.String(), "login refused: the request is not valid"))
	require.NotContains(t, b.log.String(), "hunter2")
}
