package radclient

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/stretchr/testify/require"
)

func TestSecretIsNeverPrinted(t *testing.T) {
	t.Parallel()
	secret := NewSecret("testing123")
	config := Config{Servers: []Server{{Host: "radius.example.com", Secret: secret}}}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+" "+verb+"\n", secret, config)
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("slog", "secret", secret, "config", config)
	logger := hclog.New(&hclog.LoggerOptions{Output: &out, JSONFormat: false})
	logger.Info("hclog", "secret", secret, "config", config)
	hclog.New(&hclog.LoggerOptions{Output: &out, JSONFormat: true}).Info("hclog JSON", "secret", secret, "config", fmt.Sprint(config))
	require.NoError(t, json.NewEncoder(&out).Encode(secret))

	require.NotContains(t, out.String(), "testing123")
	require.NotContains(t, out.String(), fmt.Sprintf("%x", "testing123"))
	require.Contains(t, out.String(), redacted)
}
