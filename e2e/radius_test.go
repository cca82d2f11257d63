package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/radiustest"
)

const radiusSecret = "testing-secret-of-25-octs"

const carolsCode = "123456"

// people are the users whom every FreeRADIUS of these tests knows.
func people() map[string]string {
	return map[string]string{
		"alice": "alice-password",
		"bob":   "bob-password",
		"carol": "carol-password", // and a one-time code
		"zoë":   `p"a\ss %{User-Name} wörd€`,
	}
}

// startFreeRADIUS runs a real FreeRADIUS of the test's own.
func startFreeRADIUS(t testing.TB) *radiustest.FreeRADIUS {
	t.Helper()
	return startFreeRADIUSWith(t, radiustest.FreeRADIUSOptions{})
}

// startFreeRADIUSWith is startFreeRADIUS with more options.
func startFreeRADIUSWith(t testing.TB, options radiustest.FreeRADIUSOptions) *radiustest.FreeRADIUS {
	t.Helper()
	options.Secret, options.Users = radiusSecret, people()
	options.Codes = map[string]string{"carol": carolsCode}
	server, err := radiustest.StartFreeRADIUS(t.Context(), t.TempDir(), options)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, server.Stop())
		if t.Failed() {
			t.Logf("FreeRADIUS's log:\n%s", server.Log())
		}
	})
	return server
}

// configFor points a mount at a server.
func configFor(host string, port int, more map[string]any) map[string]any {
	config := map[string]any{"host": host, "port": port, "secret": radiusSecret}
	for field, value := range more {
		config[field] = value
	}
	return config
}

// startRADIUS runs a scripted RADIUS server of the test's own.
func startRADIUS(t testing.TB, options radiustest.Options) *radiustest.Server {
	t.Helper()
	options.Secret = radiusSecret
	server, err := radiustest.Start(options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	return server
}
