package radiusauth

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/acct"
)

// account sends an accounting packet of a session as FreeRADIUS does.
func (b *testBackend) account(status string, fields map[string]any) {
	b.t.Helper()
	data := map[string]any{"status_type": status, "session_id": "s1", "username": "bob", "nas_ip_address": "192.0.2.9"}
	maps.Copy(data, fields)
	code, body := b.asFreeRADIUS("accounting", data)
	require.Contains(b.t, []int{http.StatusOK, http.StatusCreated}, code, body)
}

// sessions are what a query of sessions returns.
func (b *testBackend) sessions(query map[string]any) (found []acct.Record) {
	b.t.Helper()
	resp := b.ok(logical.ReadOperation, "freeradius/accounting", query)
	require.NoError(b.t, json.Unmarshal([]byte(resp.Data[logical.HTTPRawBody].(string)), &found))
	return found
}

func TestDelayOfAPacketIsTakenFromItsTime(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	b.account("Start", map[string]any{"acct_delay_time": "3600"})
	require.WithinDuration(t, time.Now().Add(-time.Hour), b.sessions(nil)[0].StartTime.Time, time.Minute)
	code, body := b.asFreeRADIUS("accounting", map[string]any{"status_type": "Start", "session_id": "s2", "nas_ip_address": "192.0.2.9", "acct_delay_time": "soon"})
	require.Equal(t, http.StatusBadRequest, code)
	require.Contains(t, body, `"acct_delay_time"`)
}

func TestSessionsOfANASWithAWrongClockAreKept(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	b.account("Start", map[string]any{"event_timestamp": "Jan  1 2008 00:00:42 UTC"})
	b.account("Stop", map[string]any{"event_timestamp": "Jan  1 2008 00:10:42 UTC", "session_time": "600"})
	b.maintains()
	found := b.sessions(nil)
	require.Len(t, found, 1)
	require.Equal(t, "2008-01-01T00:00:42Z", found[0].StartTime.Format(time.RFC3339))
	require.Equal(t, "2008-01-01T00:10:42Z", found[0].StopTime.Format(time.RFC3339))
}

// maintains has the mount do what it does every minute.
func (b *testBackend) maintains() {
	b.t.Helper()
	require.NoError(b.t, b.periodic(b.t.Context(), &logical.Request{Storage: b.storage}))
}

func TestAccountingOnClosesWhatItsNASHadOpen(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	for i, name := range []string{"ap-1", "ap-1", "ap-2"} {
		b.account("Start", map[string]any{"session_id": fmt.Sprint(i), "nas_identifier": name})
	}
	b.account("Accounting-On", map[string]any{"nas_identifier": "ap-1", "event_timestamp": "Jan  1 2024 00:00:00 UTC"})
	for range 2 {
		open := b.sessions(map[string]any{"is_open": "true"})
		require.Len(t, open, 1)
		require.Equal(t, "ap-2", open[0].NASIdentifier)
		b.maintains()
	}
	b.account("Interim-Update", map[string]any{"session_id": "0", "nas_identifier": "ap-1", "session_time": "60"})
	require.Len(t, b.sessions(map[string]any{"is_open": "true"}), 2, "it goes on")
	b.account("Stop", map[string]any{"session_id": "0", "nas_identifier": "ap-1", "session_time": "61", "terminate_cause": "NAS-Reboot"})
	b.account("Interim-Update", map[string]any{"session_id": "0", "nas_identifier": "ap-1", "session_time": "62"})
	require.Len(t, b.sessions(map[string]any{"is_open": "true"}), 1)
}

func TestClientEndsASessionWithAnyStatus(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	for _, status := range []string{"Start", "Interim-Update"} {
		b.account("Start", map[string]any{"session_id": status, "start_time": "2026-01-01T10:00:00Z"})
		b.account(status, map[string]any{"session_id": status, "stop_time": "2026-01-01T11:00:00Z", "terminate_cause": "Admin-Reset"})
	}
	found := b.sessions(map[string]any{"is_open": "false"})
	require.Len(t, found, 2)
	for _, r := range found {
		require.Equal(t, "2026-01-01T11:00:00Z", r.StopTime.Format(time.RFC3339))
		require.Equal(t, "Admin-Reset", r.TerminateCause)
	}
}
