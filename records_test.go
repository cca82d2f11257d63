package radiusauth

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/daemontest"
)

// kept reads a page of records, as FreeRADIUS's backend gives it.
func (b *testBackend) kept(path string, query map[string]any) []map[string]any {
	b.t.Helper()
	resp := b.ok(logical.ReadOperation, "freeradius/"+path, query)
	require.Equal(b.t, http.StatusOK, resp.Data[logical.HTTPStatusCode])
	var found []map[string]any
	require.NoError(b.t, json.Unmarshal([]byte(resp.Data[logical.HTTPRawBody].(string)), &found))
	return found
}

// accountingPacket is one of the session "1", as rlm_rest sends it.
func accountingPacket(status string, more map[string]any) map[string]any {
	packet := map[string]any{"status_type": status, "session_id": "1", "unique_id": "u1", "username": "alice", "nas_ip_address": "192.0.2.9", "framed_ip_address": ""}
	for field, value := range more {
		packet[field] = value
	}
	return packet
}

func TestSessionsAreKeptAndFound(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	account := func(status string, more map[string]any) int {
		code, body := b.asFreeRADIUS("accounting", accountingPacket(status, more))
		require.Empty(t, body, "never null")
		return code
	}
	require.Equal(t, http.StatusCreated, account("Start", nil))
	require.Equal(t, http.StatusOK, account("Start", nil), "a copy")
	require.Equal(t, http.StatusOK, account("Interim-Update", map[string]any{"session_time": "60", "input_octets": "7", "input_gigawords": "1"}))
	require.Equal(t, http.StatusCreated, account("Start", map[string]any{"session_id": "2", "unique_id": "u2", "username": "bob", "calling_station_id": "66-77", "called_station_id": "office", "nas_ip_address": "192.0.2.10"}))
	require.Len(t, b.kept("accounting", nil), 2)
	for field, value := range map[string]string{
		"username": "bob", "calling_station_id": "66-77", "called_station_id": "office", "unique_id": "u2", "nas_ip_address": "192.0.2.10",
	} {
		found := b.kept("accounting", map[string]any{field: value})
		require.Len(t, found, 1, field)
		require.Equal(t, "bob", found[0]["username"], field)
	}
	require.EqualValues(t, int64(1<<32+7), b.kept("accounting", map[string]any{"username": "alice"})[0]["input_octets"])
	require.Equal(t, http.StatusOK, account("Stop", map[string]any{"session_time": "90", "terminate_cause": "User-Request"}))
	require.Equal(t, "alice", b.kept("accounting", map[string]any{"is_open": "false"})[0]["username"])
	require.Equal(t, "bob", b.kept("accounting", map[string]any{"is_open": "true"})[0]["username"])
	require.Empty(t, b.kept("accounting", map[string]any{"start_time": "2100-01-01"}))
	require.Empty(t, b.kept("accounting", map[string]any{"stop_time": "2000-01-01T00:00:00Z"}))
	require.Len(t, b.kept("accounting", map[string]any{"page": 2, "page_size": 1}), 1)
	require.Empty(t, b.kept("accounting", map[string]any{"page": 3, "page_size": 1}))

	require.Equal(t, http.StatusOK, account("Accounting-On", map[string]any{"nas_ip_address": "192.0.2.9"}))
	require.Len(t, b.kept("accounting", map[string]any{"is_open": "true"}), 1, "another NAS's session goes on")
	require.Equal(t, http.StatusOK, account("Accounting-Off", map[string]any{"nas_ip_address": "192.0.2.10"}))
	require.Empty(t, b.kept("accounting", map[string]any{"is_open": "true"}))
}

func TestWrongPacketsAndQueriesAreToldByField(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	before := b.everything()
	for path, tests := range map[string]map[string]map[string]any{
		"accounting": {
			"status_type":    accountingPacket("", nil),
			"nas_ip_address": accountingPacket("Start", map[string]any{"nas_ip_address": "here"}),
			"session_id":     accountingPacket("Start", map[string]any{"session_id": "", "unique_id": ""}),
		},
		"postauth": {"username": {"reply": "Access-Accept"}, "reply": {"username": "alice", "password": "hush"}},
	} {
		for field, data := range tests {
			code, body := b.asFreeRADIUS(path, data)
			require.Equal(t, http.StatusBadRequest, code, body)
			require.Contains(t, body, `"`+field+`":`)
			require.NotContains(t, body, "hush")
		}
	}
	for field, path := range map[string]string{
		"is_open": "accounting", "start_time": "accounting", "stop_time": "accounting", "nas_ip_address": "accounting", "from": "postauth", "to": "postauth",
	} {
		resp := b.ok(logical.ReadOperation, "freeradius/"+path, map[string]any{field: "sometimes"})
		require.Equal(t, http.StatusBadRequest, resp.Data[logical.HTTPStatusCode])
		require.Contains(t, resp.Data[logical.HTTPRawBody], `"`+field+`":`)
	}
	require.Equal(t, before, b.everything())
}

func TestSessionsGetTheGroupOfTheUsersFirstProfileIfWanted(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	b.profile("office", nil)
	b.profile("guest", nil)
	b.ok(logical.UpdateOperation, "users/alice", map[string]any{"profiles": "guest,office"})
	b.asFreeRADIUS("accounting", accountingPacket("Start", nil))
	b.ok(logical.UpdateOperation, "freeradius/config", map[string]any{"accounting_auto_group": true})
	for id, user := range map[string]string{"u2": "alice", "u3": "nobody"} {
		b.asFreeRADIUS("accounting", accountingPacket("Start", map[string]any{"unique_id": id, "username": user}))
	}
	b.asFreeRADIUS("accounting", accountingPacket("Start", map[string]any{"unique_id": "u4", "groupname": "given"}))
	for id, want := range map[string]any{"u1": "", "u2": "guest", "u3": "", "u4": "given"} {
		require.Equal(t, want, b.kept("accounting", map[string]any{"unique_id": id})[0]["groupname"], id)
	}
}

func TestAttemptsAreKeptWithoutTheirPasswords(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	for _, data := range []map[string]any{
		{"username": "alice", "password": "hush", "reply": "Access-Accept", "called_station_id": "office"},
		{"User-Name": attribute("string", "bob"), "User-Password": attribute("string", "hush"), "reply": "Access-Reject", "calling_station_id": "66-77"},
	} {
		code, body := b.asFreeRADIUS("postauth", data)
		require.Equal(t, http.StatusCreated, code)
		require.Empty(t, body)
	}
	for field, value := range map[string]string{"username": "bob", "reply": "Access-Reject", "calling_station_id": "66-77"} {
		found := b.kept("postauth", map[string]any{field: value})
		require.Len(t, found, 1, field)
		require.Equal(t, "bob", found[0]["username"])
	}
	require.Len(t, b.kept("postauth", map[string]any{"called_station_id": "office"}), 1)
	require.Empty(t, b.kept("postauth", map[string]any{"from": "2100-01-01"}))
	require.Empty(t, b.kept("postauth", map[string]any{"to": "2000-01-01"}))
	require.Len(t, b.kept("postauth", map[string]any{"page": 2, "page_size": 1}), 1)
	require.NotContains(t, b.log.String(), "hush")
	for _, stored := range b.everything() {
		require.NotContains(t, stored, "hush")
	}
}

// storeInPostgres has a config whose PostgreSQL was there when it was written.
func (b *testBackend) storeInPostgres(address string) {
	b.store(freeradiusConfigKey, `{"store": "postgres", "connection_url": "postgres://radius:s3cret@`+address+`/radius"}`)
	b.invalidate(b.t.Context(), freeradiusConfigKey)
}

func TestStoreThatIsAwayLosesNoPacketAndRefusesNobody(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	port, err := daemontest.FreePort(t.Context())
	require.NoError(t, err)
	gone := fmt.Sprintf("127.0.0.1:%d", port)
	b.storeInPostgres(gone)
	code, body := b.asFreeRADIUS("accounting", accountingPacket("Start", nil))
	require.Equal(t, http.StatusServiceUnavailable, code, "the NAS sends it again")
	require.Empty(t, body)
	code, _ = b.asFreeRADIUS("accounting", accountingPacket("Accounting-On", nil))
	require.Equal(t, http.StatusServiceUnavailable, code)
	code, _ = b.asFreeRADIUS("postauth", map[string]any{"username": "alice", "reply": "Access-Accept"})
	require.Equal(t, http.StatusNoContent, code, "or FreeRADIUS would refuse who was accepted")
	b.authorized(map[string]any{"username": "alice", "password": "alice-password"})
	for _, path := range []string{"accounting", "postauth"} {
		resp := b.ok(logical.ReadOperation, "freeradius/"+path, nil)
		require.Equal(t, http.StatusServiceUnavailable, resp.Data[logical.HTTPStatusCode])
	}
	require.Contains(t, b.log.String(), gone+"/radius is not available")
	require.NotContains(t, b.log.String(), "s3cret")
}

// A PostgreSQL that takes connections and says nothing is tried out, while a user
// logs in. No virtual time passes meanwhile: one goroutine waits for a real socket.
func TestConfigThatIsTriedOutHoldsUpNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newLocalBackend(t, nil)
		silent, err := net.Listen("tcp4", "127.0.0.1:0")
		require.NoError(t, err)
		refused := make(chan string, 1)
		var group sync.WaitGroup
		group.Go(func() {
			resp, err := b.do(logical.UpdateOperation, "freeradius/config", map[string]any{"store": "postgres", "connection_url": "postgres://radius:s3cret@" + silent.Addr().String() + "/radius"})
			refused <- errors.Join(err, resp.Error()).Error()
		})
		conn, err := silent.Accept()
		require.NoError(t, err)
		b.authorized(map[string]any{"username": "alice", "password": "alice-password"})
		code, _ := b.asFreeRADIUS("accounting", accountingPacket("Start", nil))
		require.Equal(t, http.StatusCreated, code)
		require.Empty(t, refused, "it is still being tried out")
		require.NoError(t, silent.Close())
		require.NoError(t, conn.Close())
		group.Wait()
		text := <-refused
		require.Contains(t, text, "`connection_url`")
		require.NotContains(t, text, "s3cret")
		require.Len(t, b.kept("accounting", nil), 1, "the config is what it was")
	})
}

// Two stores on one storage would not wait for each other's changes of a session.
func TestVaultsStorageHasOneStoreWhateverTheConfigWas(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	before, err := b.records.get(t.Context(), vaultStorage{b.storage})
	require.NoError(t, err)
	b.ok(logical.UpdateOperation, "freeradius/config", map[string]any{"retention": "24h"})
	b.storeInPostgres("127.0.0.1:1")
	away, err := b.records.get(t.Context(), vaultStorage{b.storage})
	require.NoError(t, err)
	require.NotEqual(t, before.store, away.store)
	b.ok(logical.UpdateOperation, "freeradius/config", map[string]any{"store": "vault"})
	after, err := b.records.get(t.Context(), vaultStorage{b.storage})
	require.NoError(t, err)
	require.Same(t, before.store, after.store)
}

func TestConfigOfTheFreeRADIUSBackendIsCheckedAndNeverShowsTheURL(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	want := map[string]any{"authorize_reject": false, "use_radius_sources": false, "store": "vault", "retention": 30 * 24 * 3600, "stale_session_after": 0, "accounting_auto_group": false, "tls_ca_cert": "", "tls_client_cert": ""}
	require.Equal(t, want, b.ok(logical.ReadOperation, "freeradius/config", nil).Data)
	for text, data := range map[string]map[string]any{
		"`store`":               {"store": "files"},
		"`connection_url`":      {"store": "postgres"},
		"cannot be read":        {"store": "postgres", "connection_url": "mysql://radius:s3cret@db/radius"},
		"retention":             {"retention": -1},
		"`stale_session_after`": {"stale_session_after": 59},
	} {
		refusal := b.refused(logical.UpdateOperation, "freeradius/config", data)
		require.Contains(t, refusal, text)
		require.NotContains(t, refusal, "s3cret")
	}
	require.Equal(t, want, b.ok(logical.ReadOperation, "freeradius/config", nil).Data)
	b.ok(logical.UpdateOperation, "freeradius/config", map[string]any{"retention": 0, "stale_session_after": "10m"})
	want["retention"], want["stale_session_after"] = 0, 600
	require.Equal(t, want, b.ok(logical.ReadOperation, "freeradius/config", nil).Data)
	b.ok(logical.PatchOperation, "freeradius/config", map[string]any{"retention": nil})
	want["retention"] = 30 * 24 * 3600
	require.Equal(t, want, b.ok(logical.ReadOperation, "freeradius/config", nil).Data)
	b.storeInPostgres("127.0.0.1:1")
	require.Equal(t, 0, b.ok(logical.ReadOperation, "freeradius/config", nil).Data["retention"], "others may need what is in there")
}

// Virtual time passes. More sessions are closed and deleted than one step does.
func TestSessionsAreClosedAndDeletedInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newTestBackend(t)
		b.ok(logical.UpdateOperation, "config", map[string]any{"extauth": "local"})
		b.ok(logical.UpdateOperation, "freeradius/config", map[string]any{"stale_session_after": "10m"})
		for i := range 1001 {
			b.asFreeRADIUS("accounting", accountingPacket("Start", map[string]any{"unique_id": strconv.Itoa(i)}))
		}
		b.asFreeRADIUS("postauth", map[string]any{"username": "alice", "reply": "Access-Accept"})
		open := map[string]any{"is_open": "true"}
		minute := func() { require.NoError(t, b.PeriodicFunc(t.Context(), &logical.Request{Storage: b.storage})) }
		minute()
		require.NotEmpty(t, b.kept("accounting", open))
		time.Sleep(11 * time.Minute)
		minute()
		require.Empty(t, b.kept("accounting", open))
		require.Equal(t, "Lost-Carrier", b.kept("accounting", nil)[0]["terminate_cause"])
		time.Sleep(29 * 24 * time.Hour)
		minute()
		require.NotEmpty(t, b.kept("accounting", nil))
		time.Sleep(25 * time.Hour)
		minute()
		require.Empty(t, b.kept("accounting", nil))
		require.Empty(t, b.kept("postauth", nil))
	})
}
