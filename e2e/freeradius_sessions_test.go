package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// sessions reads a page of sessions as JSON.
func (v *vaultServer) sessions(query string) []map[string]any {
	v.t.Helper()
	status, answer := v.request(http.MethodGet, "auth/radius/freeradius/accounting?"+query, "", "")
	require.Equal(v.t, http.StatusOK, status, answer)
	var found []map[string]any
	require.NoError(v.t, json.Unmarshal([]byte(answer), &found), answer)
	return found
}

// requireAccounted sends an Accounting-Request of a station that only the calling test uses.
func (f *frontend) requireAccounted(station, status, session string, more ...string) {
	f.t.Helper()
	attributes := append([]string{"Called-Station-Id = " + quoted(station)}, more...)
	require.Contains(f.t, f.account(status, session, attributes...), "Accounting-Response")
}

func testCountersOfSession(t *testing.T, v *vaultServer, f *frontend) {
	const station = "counted"
	f.requireAccounted(station, "Start", "s1")
	f.requireAccounted(station, "Interim-Update", "s1", "Acct-Session-Time = 60", "Acct-Input-Octets = 1000", "Acct-Input-Gigawords = 1")
	open := v.sessions("is_open=true&username=bob&called_station_id=" + station)
	require.Len(t, open, 1)
	require.EqualValues(t, 4294968296, open[0]["input_octets"])
	require.Equal(t, "192.0.2.9", open[0]["nas_ip_address"])
	stop := []string{
		"Acct-Session-Time = 90", "Acct-Terminate-Cause = User-Request", "Acct-Input-Octets = 2000", "Acct-Input-Gigawords = 1",
	}
	f.requireAccounted(station, "Stop", "s1", stop...)
	f.requireAccounted(station, "Stop", "s1", stop...) // a copy
	closed := v.sessions("is_open=false&called_station_id=" + station)
	require.Len(t, closed, 1)
	require.Equal(t, "User-Request", closed[0]["terminate_cause"])
	require.EqualValues(t, 90, closed[0]["session_time"])
	require.Len(t, v.sessions("called_station_id="+station), 1)
}

func testDelayedSession(t *testing.T, v *vaultServer, f *frontend) {
	const station = "slow"
	f.requireAccounted(station, "Start", "delayed", "Acct-Delay-Time = 3600")
	f.requireAccounted(station, "Stop", "delayed", "Acct-Delay-Time = 60")
	delayed := v.sessions("called_station_id=" + station)
	require.Len(t, delayed, 1)
	require.InDelta(t, 3600, time.Since(parsedTime(t, delayed[0]["start_time"])).Seconds(), 60, "it has no Event-Timestamp")
	require.InDelta(t, 60, time.Since(parsedTime(t, delayed[0]["stop_time"])).Seconds(), 55)
}

func testCopiedStart(t *testing.T, v *vaultServer, f *frontend) {
	const station = "repeating"
	f.requireAccounted(station, "Start", "copied", "Acct-Delay-Time = 40")
	f.requireAccounted(station, "Stop", "copied", "Acct-Delay-Time = 10")
	f.requireAccounted(station, "Start", "copied") // a copy, of which nothing tells when it was made
	require.Len(t, v.sessions("is_open=false&called_station_id="+station), 1)
	require.Empty(t, v.sessions("is_open=true&called_station_id="+station), "it begins no session")
}

func testPagesOfSessions(t *testing.T, v *vaultServer, f *frontend) {
	f.requireAccounted("paged", "Start", "oldest", "Acct-Delay-Time = 7200")
	f.requireAccounted("paged", "Stop", "oldest")
	f.requireAccounted("paged", "Start", "newest")
	f.requireAccounted("paged", "Stop", "newest")
	for page, session := range map[string]string{"page=1": "newest", "page=2": "oldest"} {
		found := v.sessions("called_station_id=paged&page_size=1&" + page)
		require.Len(t, found, 1)
		require.Equal(t, session, found[0]["session_id"])
	}
	require.Len(t, v.sessions("calling_station_id=66-77&page_size=1&page=2"), 1)
	all := v.sessions("page_size=100")
	last := v.sessions(fmt.Sprintf("page_size=1&page=%d", len(all)))
	require.Len(t, last, 1)
	require.Equal(t, "oldest", last[0]["session_id"], "it began before all others")
}

func testAccountingOn(t *testing.T, v *vaultServer, f *frontend) {
	const station = "restarted"
	f.requireAccounted(station, "Start", "s2")
	require.Len(t, v.sessions("is_open=true&called_station_id="+station), 1)
	on := f.ask("acct", "Acct-Status-Type = Accounting-On", "NAS-IP-Address = 192.0.2.9", `Acct-Session-Id = "0"`)
	require.Contains(t, on, "Accounting-Response")
	require.Empty(t, v.sessions("is_open=true&nas_ip_address=192.0.2.9"))
}

func testOctetsOfStation(t *testing.T, v *vaultServer, f *frontend) {
	require.Contains(t, f.account("Start", "s5", `Called-Station-Id = "00-11:\316\322\265\304\033"`), "Accounting-Response")
	require.Len(t, v.sessions("called_station_id="+url.QueryEscape("00-11:\\316\u04b5\\304\\033")), 1)
}

// parsedTime returns a time of a session.
func parsedTime(t *testing.T, text any) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, fmt.Sprint(text))
	require.NoError(t, err)
	return at
}
