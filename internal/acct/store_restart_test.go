package acct

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func testCloseNAS(t *testing.T, store Store) {
	other := func(p *Packet) { p.NASAddress = netip.MustParseAddr("2001:db8::5") }
	record(
		t, store,
		packet(Start, "before", 0),
		packet(InterimUpdate, "before", 60, counters(60, 1, 2)),
		packet(Start, "at", 100),
		packet(Start, "after", 101),
		packet(Stop, "closed", 50, counters(10, 0, 0)),
		packet(Start, "other", 0, other),
		packet(Start, "mapped", 0, func(p *Packet) { p.NASAddress = netip.AddrFrom16(testNAS.As16()) }),
	)
	untouched := []Record{get(t, store, "after"), get(t, store, "closed"), get(t, store, "other")}
	before := get(t, store, "before")

	on := restart(100, func(p *Packet) { p.NASAddress = netip.AddrFrom16(testNAS.As16()) })
	require.NoError(t, store.CloseNAS(t.Context(), on))
	before.StopTime = TimeOf(at(100))
	before.SessionTime, before.TerminateCause = whole(100), "NAS-Reboot"
	require.Equal(t, before, get(t, store, "before"))
	require.Equal(t, TimeOf(at(100)), get(t, store, "at").StopTime)
	require.Equal(t, untouched, []Record{get(t, store, "after"), get(t, store, "closed"), get(t, store, "other")})

	require.NoError(t, store.CloseNAS(t.Context(), on))
	require.NoError(t, store.CloseNAS(t.Context(), restart(100, func(p *Packet) {
		p.NASAddress, p.TerminateCause = netip.MustParseAddr("2001:db8::5%eth0"), "Admin-Reboot\x00"
	})))
	require.Equal(t, "Admin-Reboot\uFFFD", get(t, store, "other").TerminateCause)
	yes := true
	require.Equal(t, []string{"after"}, ids(t, store, Filter{IsOpen: &yes}, Page{}))
}

func testCloseLargeNAS(t *testing.T, store Store) {
	const sessions = batch + 1
	var group sync.WaitGroup
	for sender := range 8 {
		group.Go(func() {
			for i := sender; i < sessions; i += 8 {
				if _, err := store.Record(t.Context(), packet(Start, fmt.Sprint(i), i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	require.NoError(t, store.CloseNAS(t.Context(), restart(sessions)))
	require.Empty(t, ids(t, store, Filter{IsOpen: new(true)}, Page{}))
	settle(t, store)
	require.Empty(t, ids(t, store, Filter{IsOpen: new(true)}, Page{}))
}

func testStopAfterClose(t *testing.T, store Store) {
	record(t, store, packet(Start, "1", 0))
	require.NoError(t, store.CloseNAS(t.Context(), restart(100)))
	record(t, store, packet(Stop, "1", 90, counters(90, 5, 6), func(p *Packet) { p.TerminateCause = "User-Request" }))
	r := get(t, store, "1")
	require.Equal(t, TimeOf(at(90)), r.StopTime)
	require.Equal(t, "User-Request", r.TerminateCause)
	require.Equal(t, whole(5), r.InputOctets)
}
