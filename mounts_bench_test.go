package radiusauth

import (
	"runtime"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/radiustest"
)

// BenchmarkGoroutinesOfAMount reports how many goroutines a mount has through which one user has just logged in: its
// socket, which is closed after a minute without use, is read by one of them.
func BenchmarkGoroutinesOfAMount(b *testing.B) {
	server, err := radiustest.Start(radiustest.Options{Secret: testSecret, Keep: 1, Handler: func(r *radiustest.Request) []radiustest.Answer {
		return []radiustest.Answer{r.Accept()}
	}})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, server.Close()) })
	var mounts []logical.Backend
	before := runtime.NumGoroutine()
	for b.Loop() {
		storage := &logical.InmemStorage{}
		mount, err := Factory(b.Context(), &logical.BackendConfig{
			StorageView: storage, System: logical.TestSystemView(), Logger: hclog.NewNullLogger(),
		})
		require.NoError(b, err)
		mounts = append(mounts, mount)
		require.NoError(b, mount.Initialize(b.Context(), &logical.InitializationRequest{Storage: storage}))
		for _, request := range []struct {
			path string
			data map[string]any
		}{
			{"config", map[string]any{"host": server.Host(), "port": server.Port(), "secret": testSecret}},
			{"login/bob", map[string]any{"password": "p"}},
		} {
			_, err := mount.HandleRequest(b.Context(), &logical.Request{
				Operation: logical.UpdateOperation, Path: request.path, Data: request.data, Storage: storage,
			})
			require.NoError(b, err)
		}
	}
	b.ReportMetric(float64(runtime.NumGoroutine()-before)/float64(len(mounts)), "goroutines/mount")
	for _, mount := range mounts {
		mount.Cleanup(b.Context())
	}
}
