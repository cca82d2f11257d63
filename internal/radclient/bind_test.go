package radclient

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/radiustest"
)

func TestRequestsComeFromTheBindAddress(t *testing.T) {
	t.Parallel()
	server := start(t, radiustest.Options{Handler: accept})
	for bind, want := range map[string]string{"127.0.0.3": "127.0.0.3", loopback(t): "127.0.0.1"} {
		_, err := newClient(t, server, func(c *Config) { c.BindAddress = bind }).Authenticate(t.Context(), bob)
		require.NoError(t, err)
		requests := server.Requests()
		require.Equal(t, want, requests[len(requests)-1].From.Addr().String())
	}
}

func TestBindAddressThatCannotReachTheServerIsNamed(t *testing.T) {
	t.Parallel()
	server := start(t, radiustest.Options{Handler: accept})
	for _, bind := range []string{"::1", "192.0.2.1", "nosuch0"} {
		client := newClient(t, server, func(c *Config) {
			c.BindAddress = bind
			c.ReadTimeout = time.Second
		})
		_, err := client.Authenticate(t.Context(), bob)
		var unreachable *UnreachableError
		require.ErrorAs(t, err, &unreachable)
		require.ErrorContains(t, err, bind)
	}
	require.Empty(t, server.Requests())
}

// loopback is the name of the loopback interface.
func loopback(t *testing.T) string {
	t.Helper()
	interfaces, err := net.Interfaces()
	require.NoError(t, err)
	for _, device := range interfaces {
		if device.Flags&net.FlagLoopback != 0 {
			return device.Name
		}
	}
	t.Fatal("there is no loopback interface")
	return ""
}
