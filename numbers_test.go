package radiusauth

import (
	"encoding/json"
	"math"
	"strconv"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
	"layeh.com/radius/rfc2865"
)

// asJSON returns data as it comes to a plugin: numbers are floating point.
func asJSON(t *testing.T, data map[string]any) map[string]any {
	t.Helper()
	text, err := json.Marshal(data)
	require.NoError(t, err)
	var decoded map[string]any
	require.NoError(t, json.Unmarshal(text, &decoded))
	return decoded
}

// An integer of RADIUS has 32 bits without a sign, on systems too whose int has a sign.
func TestLargestIntegerOfRADIUSIsSentOnEverySystem(t *testing.T) {
	t.Parallel()
	for _, given := range []any{uint32(math.MaxUint32), "4294967295"} {
		b := newConfiguredBackend(t, asJSON(t, map[string]any{"nas_port": given}))
		require.EqualValues(t, uint32(math.MaxUint32), b.ok(logical.ReadOperation, "config", nil).Data["nas_port"])
		b.loginOK("alice", "alice-password")
		require.EqualValues(t, uint32(math.MaxUint32), rfc2865.NASPort_Get(b.server.Requests()[0].Packet))
		require.Contains(t, b.stored("config"), `"nas_port":4294967295`)
	}
}

// A number that is too large for a system is refused there: what is left of one would be another.
func TestNumbersAreRefusedRatherThanCutOff(t *testing.T) {
	t.Parallel()
	b := newConfiguredBackend(t, nil)
	before := b.stored("config")
	const wrapsToFive = int64(1<<32 + 5)
	for field, values := range map[string][]any{
		"nas_port":          {wrapsToFive, strconv.Itoa(5) + "e9", int64(1) << 54},
		"port":              {wrapsToFive, int64(1<<32 + 1812)},
		"read_timeout":      {wrapsToFive, "4294967301s", "71582789m"},
		"lockout_threshold": {wrapsToFive},
		"response_window":   {wrapsToFive, "4294967301s"},
	} {
		for _, value := range values {
			text := b.refused(logical.UpdateOperation, "config", asJSON(t, map[string]any{field: value}))
			require.Contains(t, text, field, "%v", value)
			require.Equal(t, before, b.stored("config"))
		}
	}
	if strconv.IntSize == 32 { // where the SDK keeps durations in 32 bits
		text := b.refused(logical.UpdateOperation, "config", map[string]any{"token_ttl": "4294967301s"})
		require.Contains(t, text, "token_ttl")
	}
}
