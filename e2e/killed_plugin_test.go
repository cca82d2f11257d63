package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

// record sends an accounting packet until it is acknowledged, as a NAS does.
func (v *vaultServer) record(ctx context.Context, body string) error {
	for ctx.Err() == nil {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, v.Client.Address()+"/v1/auth/radius/freeradius/accounting", strings.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("X-Vault-Token", rootToken)
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		text, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		switch {
		case err != nil:
			return err
		case resp.StatusCode < 300:
			return nil
		case resp.StatusCode < 500:
			return fmt.Errorf("%d: %s", resp.StatusCode, text)
		}
	}
	return ctx.Err()
}

// TestKilledPluginLosesNoSession kills the plugin's process four times while sessions
// are recorded. Vault starts it anew.
func TestKilledPluginLosesNoSession(t *testing.T) {
	t.Parallel()
	for _, store := range []string{"vault", "postgres"} {
		t.Run(store, func(t *testing.T) {
			t.Parallel()
			v := startPlugin(t)
			config := map[string]any{"store": store}
			if store == "postgres" {
				config["connection_url"] = startPostgres(t).URL("postgres")
			}
			v.write("auth/radius/freeradius/config", config)
			const senders, each, kills = 4, 60, 4
			var acknowledged, killed atomic.Int32
			kill := func() error {
				for _, id := range v.pluginProcesses() {
					process, err := os.FindProcess(id)
					if err != nil {
						return err
					}
					if err := process.Kill(); err != nil {
						return err
					}
				}
				killed.Add(1)
				return nil
			}
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			group, ctx := errgroup.WithContext(ctx)
			for sender := range senders {
				group.Go(func() error {
					for i := range each {
						id := sender*each + i
						for _, status := range []string{"Start", "Interim-Update", "Stop"}[:1+id%3] {
							body := fmt.Sprintf(`{"status_type": %q, "session_id": "%d", "unique_id": "%d", "username": "bob", "nas_ip_address": "192.0.2.9", "session_time": "%d", "input_octets": "%d"}`,
								status, id, id, 10*(id%3), 1000*id)
							if err := v.record(ctx, body); err != nil {
								return err
							}
							if acknowledged.Add(1)%(senders*each*2/(kills+1)) == 0 && killed.Load() < kills {
								if err := kill(); err != nil {
									return err
								}
							}
						}
					}
					return nil
				})
			}
			require.NoError(t, group.Wait())
			require.EqualValues(t, kills, killed.Load())
			for id := range senders * each {
				found := v.sessions(fmt.Sprintf("unique_id=%d", id))
				require.Len(t, found, 1, id)
				require.EqualValues(t, 10*(id%3), found[0]["session_time"], id)
				require.EqualValues(t, 1000*id, found[0]["input_octets"], id)
				require.Equal(t, id%3 == 2, found[0]["stop_time"] != nil, id)
			}
		})
	}
}
