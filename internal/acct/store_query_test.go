package acct

import (
	"fmt"
	"math"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func testFilters(t *testing.T, store Store) {
	other := netip.MustParseAddr("2001:db8::5")
	record(
		t, store,
		packet(Start, "a", 100, func(p *Packet) { p.CallingStationID, p.CalledStationID = "station 1", "point 1" }),
		packet(Stop, "b", 300, counters(100, 0, 0), func(p *Packet) { // since 200
			p.CallingStationID, p.CalledStationID = "station 2", "point 1"
		}),
		packet(Start, "c", 300, func(p *Packet) { p.Username, p.NASAddress, p.CallingStationID = "BOB", other, "station 1" }),
		packet(Stop, "d", 500, counters(100, 0, 0), func(p *Packet) { p.Username, p.CalledStationID = "eve", "point 2" }), // since 400
	)
	yes, no := true, false
	tests := map[string]struct {
		filter Filter
		want   []string
	}{
		"none":                      {Filter{}, []string{"d", "c", "b", "a"}},
		"unique_id":                 {Filter{UniqueID: "c"}, []string{"c"}},
		"unique_id of none":         {Filter{UniqueID: "C"}, []string{}},
		"unique_id of another user": {Filter{UniqueID: "c", Username: "bob"}, []string{}},
		"username":                  {Filter{Username: "bob"}, []string{"b", "a"}},
		"username of none":          {Filter{Username: "bo"}, []string{}},
		"calling_station_id":        {Filter{CallingStationID: "station 1"}, []string{"c", "a"}},
		"called_station_id":         {Filter{CalledStationID: "point 1"}, []string{"b", "a"}},
		"nas_ip_address":            {Filter{NASAddress: testNAS}, []string{"d", "b", "a"}},
		"IPv6 NAS":                  {Filter{NASAddress: other}, []string{"c"}},
		"mapped IPv4 NAS":           {Filter{NASAddress: netip.AddrFrom16(testNAS.As16())}, []string{"d", "b", "a"}},
		"open":                      {Filter{IsOpen: &yes}, []string{"c", "a"}},
		"open, of a NAS":            {Filter{IsOpen: &yes, NASAddress: testNAS}, []string{"a"}},
		"closed":                    {Filter{IsOpen: &no}, []string{"d", "b"}},
		"start_time, exactly":       {Filter{StartTime: at(300)}, []string{"d", "c"}},
		"start_time, a bit later":   {Filter{StartTime: at(300).Add(time.Microsecond)}, []string{"d"}},
		"stop_time, exactly":        {Filter{StopTime: at(300)}, []string{"b"}},
		"stop_time, a bit earlier":  {Filter{StopTime: at(300).Add(-time.Microsecond)}, []string{}},
		"from and to":               {Filter{StartTime: at(200), StopTime: at(1000)}, []string{"d", "b"}},
		"in another zone":           {Filter{StartTime: at(300).In(time.FixedZone("", 3600))}, []string{"d", "c"}},
		"user and station":          {Filter{Username: "bob", CallingStationID: "station 2"}, []string{"b"}},
		"all of them": {Filter{
			UniqueID: "b", Username: "bob", CalledStationID: "point 1", CallingStationID: "station 2",
			NASAddress: testNAS, StartTime: at(200), StopTime: at(300), IsOpen: &no,
		}, []string{"b"}},
	}
	for name, test := range tests {
		require.Equal(t, test.want, ids(t, store, test.filter, Page{}), name)
	}
}

func testPages(t *testing.T, store Store) {
	var newestFirst []string
	for i := range 112 {
		session := fmt.Sprintf("%03d", i)
		record(t, store, packet(Start, session, i*40000))
		newestFirst = append([]string{session}, newestFirst...)
	}
	tests := map[string]struct {
		page Page
		want []string
		more bool
	}{
		"default":           {Page{}, newestFirst[:10], true},
		"second":            {Page{Number: 2}, newestFirst[10:20], true},
		"most":              {Page{Number: 1, Size: 101}, newestFirst[:100], true},
		"last, not full":    {Page{Number: 2, Size: 100}, newestFirst[100:], false},
		"last, full":        {Page{Number: 4, Size: 28}, newestFirst[84:], false},
		"after the last":    {Page{Number: 3, Size: 100}, nil, false},
		"no such number":    {Page{Number: math.MaxInt, Size: 100}, nil, false},
		"no page before it": {Page{Number: -1, Size: -1}, newestFirst[:10], true},
	}
	for name, test := range tests {
		for _, f := range []Filter{{}, {Username: "bob"}, {StartTime: epoch}} {
			found, more, err := store.Sessions(t.Context(), f, test.page)
			require.NoError(t, err)
			var ids []string
			for _, r := range found {
				ids = append(ids, r.UniqueID)
			}
			require.Equal(t, test.want, ids, name)
			require.Equal(t, test.more, more, name)
		}
	}
}
