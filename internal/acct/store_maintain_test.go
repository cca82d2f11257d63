package acct

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func maintain(t *testing.T, store Store, now time.Time, keep Retention) Report {
	t.Helper()
	report, err := store.Maintain(t.Context(), now, keep)
	require.NoError(t, err)
	return report
}

func testStale(t *testing.T, store Store) {
	record(
		t, store,
		packet(Start, "silent", 0),
		packet(InterimUpdate, "silent", 60, counters(61, 1, 2)),
		packet(Start, "heard", 0),
		packet(InterimUpdate, "heard", 3600),
		packet(Start, "never heard again", 10),
	)
	heard := get(t, store, "heard")
	require.Equal(t, Report{}, maintain(t, store, at(100_000), Retention{}), "nothing is stale unless it is said")
	require.Equal(t, Report{}, maintain(t, store, at(3610), Retention{Stale: time.Hour}), "after, not at that time")
	require.Equal(t, Report{Closed: 2}, maintain(t, store, at(3661), Retention{Stale: time.Hour}))

	r := get(t, store, "silent")
	require.Equal(t, TimeOf(at(60)), r.StopTime)
	require.Equal(t, TimeOf(at(60)), r.UpdateTime)
	require.Equal(t, whole(61), r.SessionTime, "counters never fall")
	require.Equal(t, "Lost-Carrier", r.TerminateCause)
	require.Equal(t, TimeOf(at(10)), get(t, store, "never heard again").StopTime)
	require.Equal(t, heard, get(t, store, "heard"))
}

func testRetention(t *testing.T, store Store) {
	var packets []Packet
	for i := range 5 {
		packets = append(packets, packet(Stop, fmt.Sprint(i), i*1000, counters(500, 0, 0)))
	}
	packets = append(packets, packet(Start, "open", 1), packet(Stop, "long", 4000, counters(4000, 0, 0)))
	record(t, store, packets...)

	require.Equal(t, Report{}, maintain(t, store, at(1_000_000), Retention{}), "everything is kept unless it is said")
	require.Equal(t, Report{DeletedSessions: 2}, maintain(t, store, at(5600), Retention{Sessions: time.Hour}))
	require.Equal(t, []string{"4", "3", "2", "open", "long"}, ids(t, store, Filter{Username: "bob"}, Page{}))
	require.Equal(t, Report{DeletedSessions: 4}, maintain(t, store, at(10_000), Retention{Sessions: time.Hour}))
	require.Equal(t, []string{"open"}, ids(t, store, Filter{}, Page{}))
	created, err := store.Record(t.Context(), packets[0])
	require.NoError(t, err)
	require.True(t, created, "nothing is left of a deleted session")
}

func testPostAuths(t *testing.T, store Store) {
	attempts := []PostAuth{
		{Username: "bob", Reply: "Access-Accept", CalledStationID: "point 1", CallingStationID: "station 1", Class: "0x61"},
		{Username: "bob", Reply: "Access-Reject"},
		{Username: "", Reply: "Access-Reject", CallingStationID: "station 1"},
		{Username: hostile[0], Reply: "Access-Accept"},
		{Username: "NUL\x00", Reply: "Access-Accept"},
	}
	for i := range attempts {
		attempts[i].Time = TimeOf(at(i * 50_000))
		require.NoError(t, store.LogPostAuth(t.Context(), attempts[i]))
	}
	attempts[4].Username = "NUL\uFFFD"
	tests := map[string]struct {
		filter PostAuthFilter
		want   []int
	}{
		"none":               {PostAuthFilter{}, []int{4, 3, 2, 1, 0}},
		"username":           {PostAuthFilter{Username: "bob"}, []int{1, 0}},
		"hostile username":   {PostAuthFilter{Username: hostile[0]}, []int{3}},
		"broken username":    {PostAuthFilter{Username: "NUL\x00"}, []int{4}},
		"username of none":   {PostAuthFilter{Username: "Bob"}, nil},
		"reply":              {PostAuthFilter{Reply: "Access-Reject"}, []int{2, 1}},
		"called_station_id":  {PostAuthFilter{CalledStationID: "point 1"}, []int{0}},
		"calling_station_id": {PostAuthFilter{CallingStationID: "station 1"}, []int{2, 0}},
		"from":               {PostAuthFilter{From: at(150_000)}, []int{4, 3}},
		"to":                 {PostAuthFilter{To: at(50_000)}, []int{1, 0}},
		"from and to, user":  {PostAuthFilter{Username: "bob", From: at(1), To: at(50_000)}, []int{1}},
	}
	for name, test := range tests {
		found, more, err := store.PostAuths(t.Context(), test.filter, Page{})
		require.NoError(t, err)
		require.False(t, more)
		var want []PostAuth
		for _, i := range test.want {
			want = append(want, attempts[i])
		}
		for i := range found {
			found[i].ID = 0
		}
		require.Equal(t, want, found, name)
	}
	require.ErrorAs(t, store.LogPostAuth(t.Context(), PostAuth{Username: "bob"}), new(Problems))
	found, more, err := store.PostAuths(t.Context(), PostAuthFilter{}, Page{Number: 2, Size: 2})
	require.NoError(t, err)
	require.True(t, more)
	require.Equal(t, TimeOf(at(100_000)), found[0].Time)
	require.Equal(t, TimeOf(at(50_000)), found[1].Time)
}

func testPostAuthRetention(t *testing.T, store Store) {
	for i := range 4 {
		require.NoError(t, store.LogPostAuth(t.Context(), PostAuth{Username: "bob", Reply: "Access-Accept", Time: TimeOf(at(i * 1000))}))
	}
	require.Equal(t, Report{}, maintain(t, store, at(1_000_000), Retention{Sessions: 1, Stale: 1}))
	require.Equal(t, Report{DeletedPostAuths: 2}, maintain(t, store, at(5600), Retention{PostAuths: time.Hour}))
	for _, f := range []PostAuthFilter{{}, {Username: "bob"}} {
		found, _, err := store.PostAuths(t.Context(), f, Page{})
		require.NoError(t, err)
		require.Len(t, found, 2)
	}
}
